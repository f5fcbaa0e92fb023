//! Control groups, so that a contender is measured with all that it ever starts, also what has ended meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_tests::{Memory, is_root};

/// A control group (version 2) of its own. It is removed when everything in it has ended.
#[derive(Debug)]
pub(crate) struct Group {
    folder: PathBuf,
}

/// Why nothing can be measured here, if it cannot.
pub(crate) fn obstacle() -> Option<String> {
    if !is_root() {
        return Some("this is not root, who may make control groups".to_owned());
    }
    hierarchy().is_none().then(|| "there is no control group file system of version 2".to_owned())
}

impl Group {
    pub(crate) fn new(name: &str) -> Self {
        let hierarchy = hierarchy().expect("it was looked for");
        let folder = hierarchy.join(format!("ek-bench-{}-{name}", std::process::id()));
        fs::create_dir(&folder).expect("root may make a control group");
        Self { folder }
    }

    /// Does something such that every process that is started belongs to this group. Threads of this program are in it for as long,
    /// so nobody may be measured meanwhile.
    pub(crate) fn with<T>(&self, start: impl FnOnce() -> T) -> T {
        let own = own_group();
        enter(&self.folder);
        let started = start();
        enter(&own);
        started
    }

    /// Processor time of all that was ever in it.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(self.folder.join("cpu.stat")).unwrap_or_default();
        let micros = stat.lines().find_map(|line| line.strip_prefix("usage_usec ")?.parse().ok());
        Duration::from_micros(micros.unwrap_or_default())
    }

    /// Memory of the processes that are in it.
    pub(crate) fn memory(&self) -> Memory {
        self.processes().into_iter().filter_map(Memory::of).sum()
    }

    /// The processes that are in it, but for those that are only there to be watched.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let text = fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
        let is_watched = |pid: &u32| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            name.trim() == "sleep"
        };
        text.lines().filter_map(|line| line.parse().ok()).filter(|pid| !is_watched(pid)).collect()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Where control groups of version 2 are.
fn hierarchy() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (place, kind) = (words.next()?, words.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(place))
    })
}

fn own_group() -> PathBuf {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    hierarchy().unwrap_or_default().join(path)
}

fn enter(group: &Path) {
    fs::write(group.join("cgroup.procs"), std::process::id().to_string())
        .expect("root may move its own processes");
}
