//! What stands in the way of the work: one bad entry is one failed step, and a foreign filesystem is not entered.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use evenkeel_tests::{Finished, Scratch, find_bin, installed, is_root, run};

use crate::area::{
    count, differences, finish, look_at_all, mode, old_file, program, scratch, victims,
};

const FIX: [&str; 5] = ["--match", "*.hash", "--mode", "0644", "--recursive"];
const DELETE: [&str; 7] =
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
fn hundred(scratch: &Scratch) -> (PathBuf, Vec<PathBuf>) {
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

/// Runs both programs in a mount namespace of their own, after these commands; `$ROOT` and `$OUTSIDE` are set.
fn mounted(scratch: &Scratch, commands: &str, after: &str) -> Finished {
    let script = format!(
        "set -e\n{commands}\nset +e\n\"$FIX\" fix \"$ROOT\" {}; echo fix $?\n\"$CLEAN\" apply \"$ROOT\" {}; echo apply $?\n{after}\n",
        FIX.map(|word| format!("'{word}'")).join(" "),
        DELETE.map(|word| format!("'{word}'")).join(" "),
    );
    finish(
        Command::new("timeout")
            .args(["20", "unshare", "--mount", "--propagation", "private", "sh", "-c", &script])
            .env("ROOT", scratch.join("root"))
            .env("OUTSIDE", scratch.join("outside"))
            .env("FIX", find_bin("evenkeel-permissions"))
            .env("CLEAN", find_bin("evenkeel-cleanup")),
    )
}

#[test]
fn what_is_mounted_below_the_root_is_not_entered() {
    if !is_root() {
        return;
    }
    for (case, commands) in [
        ("bind", "mount --bind \"$OUTSIDE/d\" \"$ROOT/sub\""),
        (
            "bind, a file",
            "touch \"$ROOT/b.hash\"; mount --bind \"$OUTSIDE/a.hash\" \"$ROOT/b.hash\"",
        ),
        ("tmpfs", "mount -t tmpfs none \"$ROOT/sub\"; cp -p \"$OUTSIDE/d/a.hash\" \"$ROOT/sub\""),
        (
            "overlapping",
            "mount --rbind \"$OUTSIDE\" \"$ROOT/sub\"; mount --bind \"$OUTSIDE/root\" \"$ROOT/sub/d\"",
        ),
    ] {
        let scratch = scratch();
        let outside = victims(&scratch);
        let (root, files) = hundred(&scratch);
        scratch.folder("root/sub", 0o755);
        let before = look_at_all(&outside);
        let done = mounted(&scratch, commands, "stat -c 'mode %a' \"$ROOT\"/sub/*.hash");
        assert_eq!(differences(&before, &look_at_all(&outside)), 0, "{case}: {done:?}");
        assert!(!done.stdout.contains("mode 644"), "{case}: what is mounted was changed: {done:?}");
        if case != "bind, a file" {
            assert!(done.stdout.contains("mode 600"), "{case}: what is mounted is gone: {done:?}");
        }
        assert_eq!(
            files.iter().filter(|file| file.exists()).count(),
            0,
            "{case}: the others go: {done:?}"
        );
        drop(root);
    }
}

#[test]
fn a_root_that_is_a_mount_is_worked_on_and_one_that_is_read_only_is_refused() {
    if !is_root() {
        return;
    }
    let scratch = scratch();
    let (root, files) = hundred(&scratch);
    let over = mounted(
        &scratch,
        "mount -t tmpfs -o mode=755 none \"$ROOT\"; touch -d '9 days ago' \"$ROOT/new.hash\"; chmod 600 \"$ROOT/new.hash\"",
        "ls -A \"$ROOT\" | wc -l",
    );
    assert_eq!(over.stdout.lines().last().map(str::trim), Some("0"), "{over:?}");
    assert!(over.stdout.contains("fix 0") && over.stdout.contains("apply 0"), "{over:?}");
    let before = look_at_all(&root);
    let read_only = mounted(
        &scratch,
        "mount --bind \"$ROOT\" \"$ROOT\"; mount -o remount,bind,ro \"$ROOT\"",
        "",
    );
    assert_eq!(differences(&before, &look_at_all(&root)), 0, "{read_only:?}");
    let said = format!("{}{}", read_only.stdout, read_only.stderr);
    assert!(said.contains("fix 1") || said.contains("fix 3"), "{read_only:?}");
    assert!(said.contains("apply 1") || said.contains("apply 3"), "{read_only:?}");
    assert!(said.contains("ead-only"), "the reason is said: {read_only:?}");
    assert_eq!(files.iter().filter(|file| file.exists()).count(), 100);
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
    assert_eq!(count(&delete(&root), "taken"), 1);
}

/// What vanishes between the look and the act is one failed step at most; those that stay are all worked on.
#[test]
fn entries_that_come_and_go_keep_nothing_else_from_being_done() {
    let scratch = scratch();
    let root = scratch.folder("root", 0o755);
    let done = AtomicBool::new(false);
    let churned = std::thread::scope(|scope| {
        let churn = scope.spawn(|| churn(&root, &done));
        let started = Instant::now();
        let mut runs = 0;
        while started.elapsed() < Duration::from_millis(1500) {
            let (_, files) = hundred(&scratch);
            let fixed = fix(&root);
            assert_only_churn(&fixed);
            let right = files.iter().filter(|file| mode(file) == 0o644).count();
            assert_eq!(right, 100, "{fixed:?}");
            let deleted = delete(&root);
            assert_only_churn(&deleted);
            assert_eq!(files.iter().filter(|file| file.exists()).count(), 0, "{deleted:?}");
            runs += 1;
        }
        done.store(true, Ordering::Relaxed);
        assert!(runs > 5, "{runs} runs");
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
    for key in ["refused", "failed", "skipped"] {
        for entry in document[0][key].as_array().into_iter().flatten() {
            let path = entry["path"].as_str().unwrap_or_default();
            assert!(path.contains("/churn-"), "{key}: {entry}: {finished:?}");
        }
    }
}
