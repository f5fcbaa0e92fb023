//! What is neither a plain file nor a directory, and what may not be seen even for a moment.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use evenkeel_tests::{Finished, LONG, is_root, until};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::mkfifo;

use crate::area::{Ended, differences, look_at_all, mode, program, scratch, set_mode, victims};

fn fix(root: &Path, rule: &[&str]) -> Finished {
    let args = ["fix".as_ref(), root.as_os_str()].into_iter();
    program("evenkeel-permissions", args.chain(rule.iter().map(OsStr::new)))
}

fn delete_old(root: &Path) -> Finished {
    let args = ["apply".as_ref(), root.as_os_str()].into_iter();
    let rule = ["--match", "*", "--older-than", "1d", "--age-by", "mtime", "--recursive"];
    program("evenkeel-cleanup", args.chain(rule.map(OsStr::new)))
}

#[test]
fn a_fifo_is_never_opened_so_a_waiting_writer_keeps_waiting() {
    let scratch = scratch();
    let root = scratch.folder("root", 0o755);
    let fifo = root.join("a.hash");
    mkfifo(&fifo, Mode::from_bits_truncate(0o600)).expect("a FIFO can be made");
    let released = AtomicBool::new(false);
    let waiting = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            waiting.store(nix::unistd::gettid().as_raw().unsigned_abs(), Ordering::SeqCst);
            let writer = OpenOptions::new().write(true).open(&fifo);
            released.store(true, Ordering::SeqCst);
            drop(writer);
        });
        // In the kernel's own words it waits for a reader.
        until("the writer waits", LONG, || {
            let stat = fs::read_to_string(format!(
                "/proc/self/task/{}/stat",
                waiting.load(Ordering::SeqCst)
            ));
            waiting.load(Ordering::SeqCst) != 0
                && stat.is_ok_and(|stat| {
                    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
                })
                && !released.load(Ordering::SeqCst)
        });
        let fixed = fix(&root, &["--match", "*", "--mode", "0644"]);
        let deleted = delete_old(&root);
        let truncated = program(
            "evenkeel-cleanup",
            ["apply".as_ref(), root.as_os_str()].into_iter().chain(
                ["--match", "*", "--larger-than", "1B", "--action", "truncate"].map(OsStr::new),
            ),
        );
        let before = released.load(Ordering::SeqCst);
        // Both ends here: the writer is let go whatever the programs did.
        let reader = OpenOptions::new().read(true).write(true).open(&fifo);
        assert!(!before, "the writer was let go: {fixed:?} {deleted:?} {truncated:?}");
        drop(reader.expect("both ends can be opened at once"));
    });
    assert_eq!(mode(&fifo), 0o600);
}

#[test]
fn devices_sockets_links_and_foreign_names_stay_as_they_are() {
    if !is_root() {
        return;
    }
    let scratch = scratch();
    let outside = victims(&scratch);
    let root = scratch.folder("root", 0o755);
    let device = SFlag::S_IFCHR;
    mknod(&root.join("null"), device, Mode::from_bits_truncate(0o600), makedev(1, 3))
        .expect("root may");
    let block = SFlag::S_IFBLK;
    mknod(&root.join("loop"), block, Mode::from_bits_truncate(0o600), makedev(7, 99))
        .expect("root may");
    let _socket = UnixListener::bind(root.join("socket")).expect("a socket can be made");
    set_mode(&root.join("socket"), 0o600);
    mkfifo(&root.join("fifo"), Mode::from_bits_truncate(0o600)).expect("a FIFO can be made");
    symlink(outside.join("a.hash"), root.join("link")).expect("a link can be made");
    symlink(outside.join("d"), root.join("link-to-folder")).expect("a link can be made");
    symlink("link-to-itself", root.join("link-to-itself")).expect("a link can be made");
    fs::hard_link(outside.join("a.hash"), root.join("hard-link")).expect("a link can be made");
    let before = (look_at_all(&outside), look_at_all(&root));
    let rule = ["--match", "*", "--mode", "0666", "--recursive", "--adopt-from", "65533"];
    let fixed = fix(&root, &rule);
    assert_eq!(fixed.code, Some(3), "what is not made right is said: {fixed:?}");
    assert!(fixed.stdout.contains("hard-link"), "{fixed:?}");
    let given =
        fix(&root, &["--match", "*", "--mode", "0666", "--owner", "65533", "--adopt-from", "0"]);
    assert_eq!(given.code, Some(3), "{given:?}");
    chown(&root, Some(0), None).expect("root may");
    assert_eq!(differences(&before.0, &look_at_all(&outside)), 0, "{fixed:?} {given:?}");
    assert_eq!(differences(&before.1, &look_at_all(&root)), 0, "{fixed:?} {given:?}");
    let deleted = delete_old(&root);
    assert_eq!(differences(&before.0, &look_at_all(&outside)), 0, "{deleted:?}");
    let left = fs::read_dir(&root).expect("it is there").count();
    // One more name of a file is a name like others: it may go, the file outside does not.
    assert!(left >= 7, "{left} of 8 are left: {deleted:?}");
}

#[test]
fn the_high_bits_come_through_a_change_of_owner() {
    if !is_root() {
        return;
    }
    let scratch = scratch();
    let root = scratch.folder("root", 0o755);
    for wanted in ["6755", "4711", "2755", "2644", "1777", "7777", "0000"] {
        let file = scratch.file("root/a.hash", "", 0o600);
        let folder = scratch.folder("root/d", 0o700);
        for path in [&root, &folder, &file] {
            chown(path, Some(0), Some(0)).expect("root may");
        }
        let rule = ["--match", "*", "--mode", wanted, "--dir-mode", wanted];
        let owners = ["--owner", "65533", "--group", "65533", "--adopt-from", "0", "--recursive"];
        let fixed = fix(&root, &[&rule[..], &owners[..]].concat());
        assert_eq!(fixed.code, Some(0), "{wanted}: {fixed:?}");
        for path in [&root, &folder, &file] {
            let found = fs::symlink_metadata(path).expect("it is there");
            let mode = format!("{:04o}", found.mode() & 0o7777);
            let seen = (mode.as_str(), found.uid(), found.gid());
            assert_eq!(seen, (wanted, 65533, 65533), "{}", path.display());
        }
    }
}

const REPAIRS: u32 = 30;

/// On the way from one owner and mode to others nobody has a right that he has neither before nor after.
#[test]
fn no_moment_gives_more_than_both_ends() {
    if !is_root() {
        return;
    }
    let scratch = scratch();
    let root = scratch.folder("root", 0o755);
    let file = scratch.file("root/a.hash", "", 0o4750);
    let done = AtomicBool::new(false);
    // Root's, rwsr-x---, becomes another's, r--rw-r--: neither setuid for the heir nor any x or w for others, ever.
    let ends = [(0, 0o4750), (65533, 0o464)];
    let (repairs, looks, wrong) = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let (mut looks, mut wrong) = (0_u64, Vec::new());
            while !done.load(Ordering::Relaxed) {
                let Ok(found) = fs::symlink_metadata(&file) else { continue };
                let seen = (found.uid(), found.mode() & 0o7777);
                looks += 1;
                let between = ends[0].1 & ends[1].1;
                if !ends.contains(&seen) && seen.1 & !between & 0o7777 != 0 {
                    wrong.push(format!("{} {:04o}", seen.0, seen.1));
                }
            }
            (looks, wrong)
        });
        let ended = Ended(&done);
        let mut repairs = 0;
        for _ in 0..REPAIRS {
            let rule = ["--match", "*", "--mode", "0464", "--owner", "65533", "--adopt-from", "0"];
            let fixed = fix(&root, &rule);
            repairs += u32::from(fixed.code == Some(0));
            // Back by the same order, so that this test itself shows nothing in between.
            set_mode(&file, 0o440);
            chown(&file, Some(0), None).expect("root may");
            set_mode(&file, 0o4750);
        }
        drop(ended);
        let (looks, wrong) = watcher.join().expect("it only looks");
        (repairs, looks, wrong)
    });
    assert!(repairs == REPAIRS && looks > 1000, "{repairs} repairs, {looks} looks");
    assert!(
        wrong.is_empty(),
        "{} of {looks} looks saw more, such as {:?}",
        wrong.len(),
        wrong.first()
    );
}
