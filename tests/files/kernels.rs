//! Kernels and sandboxes that lack a system call: the fallback does the same, and where there is none nothing is done.

use std::path::PathBuf;
use std::process::Command;

use evenkeel_tests::{Finished, Scratch, find_bin, installed, is_root};
use nix::errno::Errno;
use nix::libc;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

use crate::area::{differences, finish, look_at_all, mode, old_file, scratch};

/// As in `safefs`: the number is the same on every architecture but alpha.
const FCHMODAT2: i64 = 452;
const FIX: &str = "evenkeel-permissions fix --match *.hash --mode 4644";
const GIVE: &str =
    "evenkeel-permissions fix --match *.hash --mode 4644 --owner 65533 --adopt-from 0";
const DELETE: &str = "evenkeel-cleanup apply --match *.hash --older-than 1d --age-by mtime";
const TRUNCATE: &str =
    "evenkeel-cleanup apply --match *.hash --larger-than 8KiB --action truncate --keep-tail 4KiB";

/// A root with one file to work on, owned by root.
fn root_with_file() -> (Scratch, PathBuf, PathBuf) {
    let scratch = scratch();
    let lines = (0..20_000).map(|number| format!("line {number}\n")).collect::<Vec<_>>().concat();
    let file = scratch.file("root/a.hash", &lines, 0o600);
    crate::area::set_mode(&scratch.join("root"), 0o755);
    old_file(&file);
    let root = scratch.join("root");
    (scratch, root, file)
}

/// The program and its rule, for a root.
fn command(words: &str, root: &std::path::Path) -> Command {
    let mut words = words.split_whitespace();
    let mut command = Command::new(find_bin(words.next().expect("a program")));
    command.arg(words.next().expect("a command")).arg(root).args(words);
    command
}

/// Runs a command for which the kernel answers `errno` to a system call.
fn without(call: i64, errno: Errno, command: &mut Command) -> Finished {
    let arch = TargetArch::try_from(std::env::consts::ARCH).expect("an architecture it knows");
    let errno = SeccompAction::Errno((errno as i32).unsigned_abs());
    let rules = [(call, Vec::new())].into_iter().collect();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, errno, arch);
    let filter = BpfProgram::try_from(filter.expect("one rule is in order")).expect("it is short");
    std::thread::scope(|scope| {
        // The filter is the thread's own, and what it starts inherits it.
        let filtered = scope.spawn(|| {
            seccompiler::apply_filter(&filter).expect("the kernel takes filters");
            finish(command)
        });
        filtered.join().expect("the program ends")
    })
}

#[test]
fn a_mode_is_set_by_way_of_proc_where_fchmodat2_is_missing_or_forbidden() {
    if !is_root() {
        return;
    }
    for rule in [FIX, GIVE] {
        for errno in [Errno::ENOSYS, Errno::EPERM] {
            let (_scratch, root, file) = root_with_file();
            let fixed = without(FCHMODAT2, errno, &mut command(rule, &root));
            assert_eq!((fixed.code, mode(&file)), (Some(0), 0o4644), "{errno}: {fixed:?}");
        }
    }
}

#[test]
fn without_fchmodat2_and_proc_no_path_is_used_and_nothing_changes() {
    if !is_root() || !installed("unshare") {
        return;
    }
    let (_scratch, root, file) = root_with_file();
    let mut covered = Command::new("unshare");
    let script = "mount -t tmpfs none /proc && exec \"$0\" \"$@\"";
    covered.args(["--mount", "--propagation", "private", "sh", "-c", script]);
    let fix = command(FIX, &root);
    covered.arg(fix.get_program()).args(fix.get_args());
    let fixed = without(FCHMODAT2, Errno::ENOSYS, &mut covered);
    assert_eq!((fixed.code, mode(&file)), (Some(1), 0o600), "{fixed:?}");
    assert!(fixed.stderr.contains("`/proc` is not the process filesystem"), "{fixed:?}");
    // With the call itself `/proc` is not needed.
    let fixed = finish(&mut covered);
    assert_eq!((fixed.code, mode(&file)), (Some(0), 0o4644), "{fixed:?}");
}

#[test]
fn below_the_floor_everything_is_refused_with_the_reason_before_anything_is_touched() {
    for (call, errno, words) in [
        (libc::SYS_openat2, Errno::ENOSYS, "Linux 5.8 or later is needed"),
        (libc::SYS_openat2, Errno::EPERM, "a sandbox forbids the system call openat2"),
        (libc::SYS_statx, Errno::ENOSYS, "Linux 5.8 or later is needed"),
    ] {
        let (_scratch, root, _) = root_with_file();
        let before = look_at_all(&root);
        for rule in [FIX, DELETE, TRUNCATE] {
            let refused = without(call, errno, &mut command(rule, &root));
            assert_eq!(refused.code, Some(3), "{errno}: {refused:?}");
            assert!(refused.stderr.contains(words), "{errno}: {refused:?}");
            assert_eq!(differences(&before, &look_at_all(&root)), 0, "{errno}: {refused:?}");
        }
        let made = root.join("made");
        let mut create = command("evenkeel-permissions fix --create", &made);
        let refused = without(call, errno, &mut create);
        assert_eq!((refused.code, made.exists()), (Some(3), false), "{errno}: {refused:?}");
    }
}

/// Linux before 5.8 has statx, which says which of the fields that were asked for it knows: all but the mount here.
#[test]
fn a_kernel_that_cannot_tell_mounts_apart_is_refused() {
    if !installed("strace") {
        return;
    }
    let (_scratch, root, _) = root_with_file();
    let before = look_at_all(&root);
    for rule in [FIX, DELETE, TRUNCATE] {
        let command = command(rule, &root);
        let mut traced = Command::new("strace");
        // The first word of what statx writes is the mask, least byte first: BASIC_STATS and BTIME, without MNT_ID.
        traced.args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "inject=statx:poke_exit=@arg5=ff0f0000",
        ]);
        let refused = finish(traced.arg(command.get_program()).args(command.get_args()));
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(refused.stderr.contains("Linux 5.8 or later is needed"), "{refused:?}");
        assert_eq!(differences(&before, &look_at_all(&root)), 0, "{refused:?}");
    }
}

/// As on network filesystems and in overlays, which cannot promise that a move replaces nothing.
#[test]
fn what_is_due_goes_also_where_a_move_cannot_promise_to_replace_nothing() {
    for errno in [Errno::ENOSYS, Errno::EINVAL] {
        let (scratch, root, file) = root_with_file();
        let young = scratch.file("root/b.hash", "young", 0o600);
        let before = look_at_all(&young);
        let deleted = without(libc::SYS_renameat2, errno, &mut command(DELETE, &root));
        assert_eq!((deleted.code, file.exists()), (Some(0), false), "{errno}: {deleted:?}");
        assert_eq!(differences(&before, &look_at_all(&young)), 0, "{errno}: {deleted:?}");
        let left = std::fs::read_dir(&root).expect("it is there").count();
        assert_eq!(left, 1, "nothing is left behind: {deleted:?}");
    }
}

#[test]
fn a_tail_is_kept_also_where_the_filesystem_can_neither_collapse_nor_punch() {
    for errno in [Errno::EOPNOTSUPP, Errno::ENOSYS] {
        let (_scratch, root, file) = root_with_file();
        let cut = without(libc::SYS_fallocate, errno, &mut command(TRUNCATE, &root));
        assert_eq!(cut.code, Some(0), "{errno}: {cut:?}");
        assert!(cut.stdout.contains("rewritten"), "what was done is said: {cut:?}");
        let kept = std::fs::read_to_string(&file).expect("it is text");
        assert!(kept.starts_with("line ") && kept.ends_with("line 19999\n"), "{kept}");
        assert!((3500..=4096).contains(&kept.len()), "{}", kept.len());
    }
}
