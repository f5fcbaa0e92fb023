//! What stands in the way of the work: one bad entry is one failed step, and a foreign filesystem is not entered.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use evenkeel_tests::{Finished, LONG, Scratch, installed, is_root, run, until};

use crate::area::{Ended, count, mode, old_file, program, scratch};

pub(crate) const FIX: [&str; 5] = ["--match", "*.hash", "--mode", "0644", "--recursive"];
pub(crate) const DELETE: [&str; 7] =
    ["--match", "*.hash", "--older-than", "1d", "--age-by", "mtime", "--recursive"];

fn fix(root: &Path) -> Finished {
    let args = ["fix".as_ref(), root.as_os_str(), "--json".as_ref()].into_iter();
    program("evenkeel-permissions", args.chain(FIX.map(OsStr::new)))
}

fn delete(root: &Path) -> Finished {
    let args = ["apply".as_ref(), root.as_os_str(), "--json".as_ref()].into_iter();
    program("evenkeel-cleanup", args.chain(DELETE.map(OsStr::new)))
}

/// A hundred old files.
pub(crate) fn hundred(scratch: &Scratch) -> (PathBuf, Vec<PathBuf>) {
    let root = scratch.folder("root", 0o755);
    let files = (0..100).map(|number| {
        let file = scratch.file(&format!("root/{number:03}.hash"), "old", 0o600);
        old_file(&file);
        file
    });
    (root, files.collect())
}

/// A file attribute such as `+i`, gone at the end of the test.
struct Attribute<'a>(&'a Path, char);

impl<'a> Attribute<'a> {
    fn set(path: &'a Path, letter: char) -> Self {
        let done = run("chattr", [format!("+{letter}").as_ref(), path.as_os_str()], None);
        assert_eq!(done.code, Some(0), "{done:?}");
        Self(path, letter)
    }
}

impl Drop for Attribute<'_> {
    fn drop(&mut self) {
        run("chattr", [format!("-{}", self.1).as_ref(), self.0.as_os_str()], None);
    }
}

#[test]
fn one_unchangeable_file_among_a_hundred_is_one_that_fails() {
    if !is_root() || !installed("chattr") {
        return;
    }
    for letter in ['i', 'a'] {
        let scratch = scratch();
        let (root, files) = hundred(&scratch);
        let attribute = Attribute::set(&files[50], letter);
        let fixed = fix(&root);
        assert!(matches!(fixed.code, Some(1 | 3)), "+{letter}: {fixed:?}");
        assert!(fixed.stdout.contains("050.hash"), "+{letter}: the bad one is named: {fixed:?}");
        let right = files.iter().filter(|file| mode(file) == 0o644).count();
        assert_eq!((right, mode(&files[50])), (99, 0o600), "+{letter}: {fixed:?}");
        let deleted = delete(&root);
        assert!(matches!(deleted.code, Some(1 | 3)), "+{letter}: {deleted:?}");
        assert!(
            deleted.stdout.contains("050.hash"),
            "+{letter}: the bad one is named: {deleted:?}"
        );
        assert_eq!(count(&deleted, "taken"), 99, "+{letter}: {deleted:?}");
        let left: Vec<_> = files.iter().filter(|file| file.exists()).collect();
        assert_eq!(left, [&files[50]], "+{letter}");
        drop(attribute);
        assert_eq!(delete(&root).code, Some(0), "+{letter}: it can go now");
        assert_eq!(
            fs::read_dir(&root).expect("it is there").count(),
            0,
            "+{letter}: nothing is left behind"
        );
    }
}

#[test]
fn a_locked_file_stays_and_nobody_waits_for_it() {
    let scratch = scratch();
    let (root, files) = hundred(&scratch);
    let holder = File::open(&files[7]).expect("it can be opened");
    holder.lock().expect("it can be locked");
    let deleted = delete(&root);
    assert_eq!(count(&deleted, "taken"), 99, "{deleted:?}");
    assert!(files[7].exists(), "{deleted:?}");
    assert!(deleted.stdout.contains("lock"), "the reason is said: {deleted:?}");
    drop(holder);
    let whole = File::open(&root).expect("it can be opened");
    whole.lock().expect("it can be locked");
    let deleted = delete(&root);
    assert_eq!(
        (count(&deleted, "taken"), files[7].exists()),
        (0, true),
        "the folder is locked: {deleted:?}"
    );
    drop(whole);
    // A program that another test starts has a copy of each descriptor, and so of the lock, for a moment.
    until("the file goes", LONG, || count(&delete(&root), "taken") == 1);
}

const RUNS: u32 = 10;

/// What vanishes between the look and the act is one failed step at most; those that stay are all worked on.
#[test]
fn entries_that_come_and_go_keep_nothing_else_from_being_done() {
    let scratch = scratch();
    let root = scratch.folder("root", 0o755);
    let done = AtomicBool::new(false);
    let churned = std::thread::scope(|scope| {
        let churn = scope.spawn(|| churn(&root, &done));
        let ended = Ended(&done);
        for _ in 0..RUNS {
            let (_, files) = hundred(&scratch);
            let fixed = fix(&root);
            assert_only_churn(&fixed);
            let right = files.iter().filter(|file| mode(file) == 0o644).count();
            assert_eq!(right, 100, "{fixed:?}");
            let deleted = delete(&root);
            assert_only_churn(&deleted);
            assert_eq!(files.iter().filter(|file| file.exists()).count(), 0, "{deleted:?}");
        }
        drop(ended);
        churn.join().expect("it only writes")
    });
    assert!(churned > 100, "{churned} came and went");
    assert_eq!(fs::read_dir(&root).expect("it is there").count(), 0, "nothing is left behind");
}

/// Old files with the wrong mode come and go; returns how many went by the hand that made them.
fn churn(root: &Path, done: &AtomicBool) -> u64 {
    let paths: Vec<_> = (0..20).map(|number| root.join(format!("churn-{number}.hash"))).collect();
    let mut churned = 0;
    while !done.load(Ordering::Relaxed) {
        for path in &paths {
            let Ok(file) = File::create(path) else { continue };
            let old = std::time::SystemTime::now() - Duration::from_hours(30 * 24);
            let _ = file.set_times(fs::FileTimes::new().set_modified(old));
            let _ = file.set_permissions(fs::Permissions::from_mode(0o600));
        }
        churned += paths.iter().map(|path| u64::from(fs::remove_file(path).is_ok())).sum::<u64>();
    }
    churned
}

/// What failed is nothing but entries that came and went.
#[track_caller]
fn assert_only_churn(finished: &Finished) {
    let document = finished.json();
    let rule = &document[0];
    for list in [&rule["failed"], &rule["skipped"], &rule["unseen"], &rule["left"]["refused"]] {
        for entry in list.as_array().into_iter().flatten() {
            let path = entry["path"].as_str().unwrap_or_default();
            assert!(path.contains("/churn-"), "{entry}: {finished:?}");
        }
    }
}
