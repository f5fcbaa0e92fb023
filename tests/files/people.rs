//! An ordinary user with the same programs: on his own files all works, those of others he is told about.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use evenkeel_tests::{Finished, Scratch, find_bin, is_root, run};

use crate::area::{ATTACKER, count, finish, mode, old_file, scratch};

/// Runs a program as the user, with nothing that root has.
fn as_user(name: &str, command: &str, root: &Path, rule: &str) -> Finished {
    let id = ATTACKER.to_string();
    let user = ["--reuid", &id, "--regid", &id, "--clear-groups", "--bounding-set=-all"];
    let mut all = Command::new("timeout");
    all.args(["10", "setpriv", "--inh-caps=-all", "--no-new-privs"]).args(user);
    // Where a build is may be closed to him: a copy is open to all. Made by a program, as what this process writes may be
    // open in another that is just being started, and then it cannot be run.
    let copy = root.with_file_name(name);
    let copied = run("cp", [find_bin(name).as_os_str(), copy.as_os_str()], None);
    assert_eq!(copied.code, Some(0), "{copied:?}");
    all.arg(copy).arg(command).arg(root).args(rule.split_whitespace()).arg("--json");
    finish(&mut all)
}

/// A directory with two old files of the user and one of root.
fn shared(root_mode: u32, owner: u32) -> (Scratch, PathBuf) {
    let scratch = scratch();
    let root = scratch.folder("root", root_mode);
    for (name, uid) in [("a.hash", ATTACKER), ("b.hash", ATTACKER), ("of-root.hash", 0)] {
        let file = scratch.file(&format!("root/{name}"), "old", 0o600);
        old_file(&file);
        chown(&file, Some(uid), Some(uid)).expect("root may");
    }
    chown(&root, Some(owner), Some(owner)).expect("root may");
    (scratch, root)
}

#[test]
fn an_ordinary_user_repairs_his_own_files_and_is_told_of_the_others() {
    if !is_root() {
        return;
    }
    for (root_mode, owner) in [(0o755, ATTACKER), (0o1777, 0)] {
        let (_scratch, root) = shared(root_mode, owner);
        let rule = "--match *.hash --mode 0644";
        let fixed = as_user("evenkeel-permissions", "fix", &root, rule);
        assert_eq!(fixed.code, Some(3), "{fixed:?}");
        assert_eq!(count(&fixed, "repaired"), 2, "{fixed:?}");
        assert!(fixed.stdout.contains("of-root.hash"), "{fixed:?}");
        let modes = ["a.hash", "b.hash", "of-root.hash"].map(|name| mode(&root.join(name)));
        assert_eq!(modes, [0o644, 0o644, 0o600]);
        assert_eq!(fs::symlink_metadata(&root).expect("it is there").mode() & 0o7777, root_mode);
    }
}

/// In a directory of his own he may delete anything; in one like `/tmp` only what is his.
#[test]
fn an_ordinary_user_deletes_what_the_kernel_lets_him() {
    if !is_root() {
        return;
    }
    for (root_mode, owner, left) in [(0o755, ATTACKER, 0), (0o1777, 0, 1)] {
        let (_scratch, root) = shared(root_mode, owner);
        let rule = "--match *.hash --older-than 1d --age-by mtime";
        let deleted = as_user("evenkeel-cleanup", "apply", &root, rule);
        let code = if left == 0 { Some(0) } else { Some(1) };
        assert_eq!(deleted.code, code, "{deleted:?}");
        assert_eq!(count(&deleted, "taken"), 3 - left, "{deleted:?}");
        assert_eq!(fs::read_dir(&root).expect("it is there").count(), left, "{deleted:?}");
        assert_eq!(root.join("of-root.hash").exists(), left == 1);
    }
}

#[test]
fn an_ordinary_user_cuts_his_own_log_and_no_other() {
    if !is_root() {
        return;
    }
    let (scratch, root) = shared(0o755, ATTACKER);
    for (name, uid) in [("his.log", ATTACKER), ("roots.log", 0)] {
        let file = scratch.file(&format!("root/{name}"), &"a line\n".repeat(10_000), 0o644);
        chown(file, Some(uid), Some(uid)).expect("root may");
    }
    let rule = "--match *.log --larger-than 8KiB --action truncate --keep-tail 4KiB";
    let cut = as_user("evenkeel-cleanup", "apply", &root, rule);
    assert!(matches!(cut.code, Some(1 | 3)), "{cut:?}");
    let length = |name: &str| fs::metadata(root.join(name)).expect("it is there").len();
    assert_eq!(length("roots.log"), 70_000, "{cut:?}");
    assert!(length("his.log") <= 8192, "{cut:?}");
}

/// A large tree is looked at by several threads: each of them is the user, and sees no more than he does.
#[test]
fn who_works_as_a_user_sees_nothing_that_is_closed_to_him() {
    if !is_root() {
        return;
    }
    let (scratch, root) = shared(0o755, ATTACKER);
    for folder in 0..40 {
        let path = scratch.folder(&format!("root/{folder}"), 0o755);
        for file in 0..150 {
            let file = scratch.file(&format!("root/{folder}/{file}.hash"), "", 0o600);
            chown(file, Some(ATTACKER), Some(ATTACKER)).expect("root may");
        }
        if folder % 2 == 0 {
            chown(&path, Some(ATTACKER), Some(ATTACKER)).expect("root may");
        } else {
            crate::area::set_mode(&path, 0o700);
        }
    }
    let rule = "--match *.hash --mode 0640 --run-as nobody --recursive --json";
    let args = ["fix".as_ref(), root.as_os_str()].into_iter();
    let args = args.chain(rule.split_whitespace().map(AsRef::as_ref));
    let fixed = crate::area::program("evenkeel-permissions", args);
    assert_eq!(count(&fixed, "repaired"), 20 * 150 + 2, "{:?} {}", fixed.code, fixed.stderr);
    // Twenty that are closed, and root's own file.
    let refused = fixed.json()[0]["left"]["refused"].as_array().map(Vec::len);
    assert_eq!(refused, Some(21), "{:?}", fixed.code);
    assert_eq!(mode(&root.join("1/1.hash")), 0o600);
    assert_eq!(mode(&root.join("2/1.hash")), 0o640);
}
