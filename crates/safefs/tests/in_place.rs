//! Deletion where there is no room for a private directory.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use evenkeel_safefs::{Root, TakeError, Trust};
use rustix::fs::{CWD, RenameFlags, renameat_with};

fn scratch(mode: u32) -> (tempfile::TempDir, Root) {
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), PermissionsExt::from_mode(mode)).unwrap();
    let root = Root::open(scratch.path(), Trust::Vouched).unwrap();
    (scratch, root)
}

fn names(path: &Path) -> Vec<OsString> {
    fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn what_is_planned_and_due_goes_and_all_else_stays() {
    // Once where the caller alone can write, once where anyone can.
    for mode in [0o755, 0o777] {
        let (scratch, root) = scratch(mode);
        let at = |name: &str| scratch.path().join(name);
        for name in ["f", "locked", "exchanged"] {
            fs::write(at(name), "old").unwrap();
        }
        let look = |name: &str| root.dir().look(OsStr::new(name)).unwrap().identity;
        let delete = |name: &str, identity, due| {
            root.dir().delete_in_place(OsStr::new(name), &identity, |_| due)
        };
        assert!(matches!(delete("f", look("f"), false), Err(TakeError::NotDue)));
        let holder = fs::File::open(at("locked")).unwrap();
        holder.lock().unwrap();
        assert!(matches!(delete("locked", look("locked"), true), Err(TakeError::Locked)));
        let planned = look("exchanged");
        fs::write(at("new"), "new").unwrap();
        fs::rename(at("new"), at("exchanged")).unwrap();
        assert!(matches!(delete("exchanged", planned, true), Err(TakeError::Changed)));
        let planned = look("f");
        assert_eq!(delete("f", planned, true).unwrap().size, 3);
        assert!(matches!(delete("f", planned, true), Err(TakeError::Changed)));
        let mut left = names(scratch.path());
        left.sort();
        assert_eq!(left, ["exchanged", "locked"], "{mode:o}");
        assert_eq!(fs::read(at("exchanged")).unwrap(), b"new");
    }
}

#[test]
fn a_fresh_file_that_comes_under_the_name_is_never_taken() {
    let (scratch, root) = scratch(0o777);
    let (old, fresh) = (scratch.path().join("old"), scratch.path().join("fresh"));
    fs::write(&fresh, "precious").unwrap();
    let precious = fs::metadata(&fresh).unwrap().ino();
    let done = AtomicBool::new(false);
    let (deleted, exchanges) = std::thread::scope(|scope| {
        let attacker = scope.spawn(|| {
            let mut exchanges = 0_u64;
            while !done.load(Ordering::Relaxed) {
                let done = renameat_with(CWD, &old, CWD, &fresh, RenameFlags::EXCHANGE);
                exchanges += u64::from(done.is_ok());
            }
            exchanges
        });
        let mut deleted = 0;
        for _ in 0..5_000 {
            // The precious one may have come back under the name that says so.
            for name in names(scratch.path()) {
                let Ok(metadata) = root.dir().look(&name) else { continue };
                if metadata.identity.ino != precious {
                    let gone = root.dir().delete_in_place(&name, &metadata.identity, |_| true);
                    deleted += u32::from(gone.is_ok());
                } else if name != "old" && name != "fresh" {
                    let to = if old.exists() { &fresh } else { &old };
                    let from = scratch.path().join(name);
                    let _ = renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE);
                }
            }
            let free = if old.exists() { &fresh } else { &old };
            let _ = fs::OpenOptions::new().write(true).create_new(true).open(free);
        }
        done.store(true, Ordering::Relaxed);
        (deleted, attacker.join().unwrap())
    });
    assert!(deleted > 0 && exchanges > 0, "{deleted} deleted, {exchanges} exchanges");
    let survivors: Vec<_> = names(scratch.path())
        .into_iter()
        .map(|name| scratch.path().join(name))
        .filter(|path| fs::metadata(path).unwrap().ino() == precious)
        .collect();
    assert_eq!(survivors.len(), 1, "the fresh file is gone");
    assert_eq!(fs::read(&survivors[0]).unwrap(), b"precious");
}
