//! Where a test works: an area open to everybody, and beside it what must never be touched.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use evenkeel_tests::{Finished, Scratch, find_bin};

/// The user who attacks; nothing outside the area is his.
pub(crate) const ATTACKER: u32 = 65534;

/// What of an entry a program could have touched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Look {
    mode: u32,
    uid: u32,
    gid: u32,
    mtime: (i64, i64),
    content: Vec<u8>,
    /// Access control lists, as the kernel has them.
    lists: Vec<Vec<u8>>,
}

/// Ends what goes on beside a test also if the test panics, which would else wait for that for ever.
pub(crate) struct Ended<'a>(pub(crate) &'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Everything below `folder`, and the folder itself.
///
/// Without ctime: an attacker's rename of another link to a file changes it.
pub(crate) fn look_at_all(folder: &Path) -> BTreeMap<PathBuf, Look> {
    let mut found = BTreeMap::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(path) = todo.pop() {
        let metadata = fs::symlink_metadata(&path).expect("nobody removes it");
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).expect("root can read it");
            todo.extend(entries.map(|entry| entry.expect("root can read it").path()));
        }
        let content = if metadata.is_file() {
            fs::read(&path).expect("root can read it")
        } else {
            Vec::new()
        };
        let look = Look {
            mode: metadata.mode(),
            uid: metadata.uid(),
            gid: metadata.gid(),
            mtime: (metadata.mtime(), metadata.mtime_nsec()),
            content,
            lists: ["system.posix_acl_access", "system.posix_acl_default"]
                .map(|list| attribute(&path, list))
                .to_vec(),
        };
        found.insert(path, look);
    }
    found
}

fn attribute(path: &Path, name: &str) -> Vec<u8> {
    let mut value = Vec::with_capacity(4096);
    // Most have none, and a link cannot have one.
    let _ = rustix::fs::lgetxattr(path, name, rustix::buffer::spare_capacity(&mut value));
    value
}

/// How many entries differ, appeared or are gone.
pub(crate) fn differences(
    before: &BTreeMap<PathBuf, Look>,
    after: &BTreeMap<PathBuf, Look>,
) -> usize {
    let changed = before.iter().filter(|(path, look)| after.get(*path) != Some(look)).count();
    changed + after.keys().filter(|path| !before.contains_key(*path)).count()
}

/// A folder that the attacker can pass and not write.
pub(crate) fn scratch() -> Scratch {
    let scratch = Scratch::new();
    set_mode(scratch.path(), 0o755);
    scratch
}

/// Files that each rule of these tests would act on, if it reached them.
pub(crate) fn victims(scratch: &Scratch) -> PathBuf {
    let outside = scratch.folder("outside", 0o755);
    for name in ["outside/a.hash", "outside/d/a.hash", "outside/root/a.hash"] {
        old_file(&scratch.file(name, &"precious\n".repeat(2000), 0o600));
    }
    scratch.folder("outside/empty", 0o755);
    outside
}

/// Makes a file 30 days old.
pub(crate) fn old_file(path: &Path) {
    let file = File::options().write(true).open(path).expect("a file can be opened");
    file.set_times(old()).expect("an own file can be aged");
}

/// As [`old_file`], of a directory that may be gone by now.
pub(crate) fn old_folder(path: &Path) {
    let _ = File::open(path).and_then(|folder| folder.set_times(old()));
}

fn old() -> FileTimes {
    let old = SystemTime::now() - Duration::from_hours(30 * 24);
    FileTimes::new().set_modified(old).set_accessed(old)
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .expect("the mode of an own file can be set");
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("it exists").mode() & 0o7777
}

/// Runs one of the programs; a hang ends after ten seconds and fails the test.
#[track_caller]
pub(crate) fn program<A: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = A>) -> Finished {
    finish(Command::new("timeout").arg("10").arg(find_bin(name)).args(args))
}

/// Runs a command that ends by itself.
#[track_caller]
pub(crate) fn finish(command: &mut Command) -> Finished {
    let output = command.output().expect("it can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let finished = Finished {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    };
    assert_ne!(finished.code, Some(124), "{command:?} hangs: {finished:?}");
    finished
}

/// How many entries of the list `key` a program's JSON has, over all rules.
pub(crate) fn count(finished: &Finished, key: &str) -> usize {
    let Ok(document) = serde_json::from_str::<serde_json::Value>(&finished.stdout) else {
        return 0;
    };
    let rules = document.as_array().map(Vec::as_slice).unwrap_or_default();
    rules.iter().filter_map(|rule| rule[key].as_array()).map(Vec::len).sum()
}
