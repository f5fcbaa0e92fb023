use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evenkeel_permissions::{
    Draft, Fight, FileRule, Keeper, Kept, News, Policy, Repair, Swept, Task,
};
use evenkeel_safefs::events::{Backend, Preference, Source};

/// Longer than anything takes: a wait that runs into it has found a defect.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// A keeper and what it told.
pub(crate) struct Keeping {
    pub(crate) keeper: Keeper,
    /// While it is locked the keeper can tell nothing, and waits.
    pub(crate) gate: Arc<Mutex<()>>,
    news: Receiver<News>,
    pub(crate) repaired: Vec<Repair>,
    pub(crate) fights: Vec<Fight>,
    pub(crate) watched: String,
    pub(crate) kept: Vec<Kept>,
}

pub(crate) fn draft(path: &Path) -> Draft {
    Draft {
        path: path.to_owned(),
        directory_mode: Some(0o755),
        files: vec![FileRule { glob: "*.hash".to_owned(), mode: 0o644 }],
        recursive: true,
        ..Draft::default()
    }
}

/// A directory as [`draft`] wants it.
pub(crate) fn scratch() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    set_mode(scratch.path(), 0o755);
    scratch
}

/// The interfaces that this process may use: fanotify is root's.
pub(crate) fn interfaces() -> Vec<Preference> {
    let best = Source::open(Preference::Best).unwrap().backend();
    let fanotify = (best == Backend::Fanotify).then_some(Preference::Best);
    fanotify.into_iter().chain([Preference::Inotify]).collect()
}

impl Keeping {
    /// Starts a keeper and waits for its first sweep.
    pub(crate) fn start(draft: Draft, watch: Preference) -> (Self, Swept) {
        let mut kept = Self::unswept(draft, watch, true);
        kept.keeper.sweep();
        let swept = kept.swept().unwrap();
        (kept, swept)
    }

    pub(crate) fn unswept(draft: Draft, watch: Preference, write: bool) -> Self {
        let policy = Policy::try_new(draft).unwrap();
        let task = Task { name: "test".to_owned(), policy, write, watch: Some(watch) };
        let (tell, news) = mpsc::channel();
        let gate = Arc::new(Mutex::new(()));
        let theirs = Arc::clone(&gate);
        let keeper = Keeper::start(task, move |news| {
            drop(theirs.lock());
            // The test may have ended.
            drop(tell.send(news));
        });
        let keeper = keeper.unwrap();
        let (repaired, fights, kept) = (Vec::new(), Vec::new(), Vec::new());
        Self { keeper, gate, news, repaired, fights, watched: String::new(), kept }
    }

    /// Takes in one piece of news; `Some`: a sweep ended.
    pub(crate) fn hear(&mut self) -> Option<Result<Swept, String>> {
        match self.news.recv_timeout(DEADLINE).expect("news before the deadline") {
            News::Swept(Ok(swept)) => {
                self.repaired.extend(swept.repaired.clone());
                self.fights.extend(swept.fights.clone());
                Some(Ok(swept))
            }
            News::Swept(Err(error)) => Some(Err(error.to_string())),
            News::Kept(kept) => {
                self.repaired.extend(kept.repaired.clone());
                self.fights.extend(kept.fights.clone());
                self.kept.push(kept);
                None
            }
            News::Watched(how) => {
                self.watched = how.to_string();
                None
            }
            News::Ended => panic!("the keeper ended"),
        }
    }

    pub(crate) fn swept(&mut self) -> Result<Swept, String> {
        loop {
            if let Some(swept) = self.hear() {
                return swept;
            }
        }
    }

    /// Waits until so many repairs have been told.
    pub(crate) fn until_repaired(&mut self, count: usize) {
        while self.repaired.len() < count {
            self.hear();
        }
    }

    /// Stops the keeper and returns all that it still told.
    pub(crate) fn end(self) -> Vec<News> {
        self.keeper.stop();
        let mut all = Vec::new();
        loop {
            match self.news.recv_timeout(DEADLINE).expect("the end before the deadline") {
                News::Ended => return all,
                news => all.push(news),
            }
        }
    }
}

/// Waits until `path` has this mode.
#[track_caller]
pub(crate) fn until_mode(path: &Path, mode: u32) {
    until(|| fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o7777 == mode));
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Changes a mode from this process: only inotify takes notice.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

#[track_caller]
pub(crate) fn until(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "waited in vain");
        std::thread::yield_now();
    }
}

/// Changes modes from another process: what this one does itself the keeper takes for its own.
pub(crate) fn chmod(mode: u32, paths: &[&Path]) {
    for paths in paths.chunks(1000) {
        let status = Command::new("chmod").arg(format!("{mode:o}")).args(paths).status();
        assert!(status.unwrap().success());
    }
}

/// Makes a file that has its mode from the beginning, as far as the mask of the process lets it.
pub(crate) fn file(path: &Path, mode: u32) {
    fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).unwrap();
}

pub(crate) fn folder(path: &Path) {
    fs::create_dir(path).unwrap();
    set_mode(path, 0o755);
}
