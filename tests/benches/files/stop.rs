//! Ctrl-C leaves nothing behind.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;

static LEFT: Mutex<Left> = Mutex::new(Left { folders: Vec::new(), group: None });

/// What there is to clean up.
struct Left {
    folders: Vec<PathBuf>,
    /// Process group of the command that is being measured.
    group: Option<u32>,
}

/// Removes all scratch folders and ends the running command when this program is told to end.
///
/// Must be called before any other thread is started, so that all of them leave the signals to this one.
pub(crate) fn watch_for_signals() {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    signals.thread_block().expect("a thread may block signals");
    std::thread::spawn(move || {
        let signal = signals.wait().expect("a blocked signal can be waited for");
        eprintln!("{signal}: removing what was made");
        let left = with(|left| {
            if let Some(group) = left.group {
                let _ = killpg(Pid::from_raw(group.cast_signed()), Signal::SIGKILL);
            }
            std::mem::take(&mut left.folders)
        });
        for folder in left {
            // A tree that is just being filled gets new entries meanwhile.
            while std::fs::remove_dir_all(&folder).is_err() && folder.exists() {}
        }
        #[expect(clippy::exit, reason = "the main thread is in the middle of its work")]
        std::process::exit(130);
    });
}

/// A command that runs, for as long as this lives.
pub(crate) struct Running;

impl Running {
    pub(crate) fn new(group: u32) -> Self {
        with(|left| left.group = Some(group));
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        with(|left| left.group = None);
    }
}

/// A folder that is removed at the end, however that comes.
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    pub(crate) fn new(place: &Path) -> Self {
        let made = tempfile::Builder::new().prefix("ek-bench-").tempdir_in(place);
        let path = made.expect("a scratch folder can be made").keep();
        with(|left| left.folders.push(path.clone()));
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
        with(|left| left.folders.retain(|folder| *folder != self.path));
    }
}

fn with<T>(act: impl FnOnce(&mut Left) -> T) -> T {
    act(&mut LEFT.lock().unwrap_or_else(PoisonError::into_inner))
}
