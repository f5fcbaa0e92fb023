//! Another process exchanges names while files are changed and deleted: only what was looked at is ever touched.
#![allow(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use evenkeel_safefs::{Access, ActError, Refusal, Root, TakeError, Taker, Terms, Trust};
use rustix::fs::{CWD, RenameFlags, renameat_with};

fn open(path: &Path) -> Root {
    Root::open(path, Trust::Vouched).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Exchanges two names as fast as it can while `work` runs; returns how often.
fn exchanging<T: Send>(one: &Path, other: &Path, work: impl FnOnce() -> T + Send) -> (T, u64) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let attacker = scope.spawn(|| {
            let mut exchanges = 0;
            while !done.load(Ordering::Relaxed) {
                if renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok() {
                    exchanges += 1;
                }
            }
            exchanges
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        (result, attacker.join().unwrap())
    })
}

#[test]
fn a_link_exchanged_for_a_file_never_lends_its_target_a_mode() {
    let scratch = tempfile::tempdir().unwrap();
    let (inside, outside) = (scratch.path().join("inside"), scratch.path().join("outside"));
    fs::create_dir_all(&inside).unwrap();
    fs::write(&outside, "secret").unwrap();
    set_mode(&outside, 0o600);
    let (file, link) = (inside.join("a.hash"), inside.join("link"));
    fs::write(&file, "").unwrap();
    symlink(&outside, &link).unwrap();
    let root = open(&inside);
    let terms = Terms { mnt_id: root.metadata().identity.mnt_id, owners: None };
    let (changed, exchanges) = exchanging(&file, &link, || {
        let mut changed = 0;
        for round in 0..20_000 {
            let Ok(pinned) = root.dir().pin(OsStr::new("a.hash")) else { continue };
            let access = pinned.metadata().access;
            let Ok(judged) = pinned.judge(&terms) else { continue };
            let mode = if round % 2 == 0 { 0o644 } else { 0o666 };
            changed += u32::from(judged.set_access(Access { mode, ..access }).is_ok());
        }
        changed
    });
    assert!(changed > 0 && exchanges > 0, "{changed} changes, {exchanges} exchanges");
    assert_eq!(mode(&outside), 0o600);
}

#[test]
fn a_component_exchanged_for_a_link_never_leads_outside() {
    let scratch = tempfile::tempdir().unwrap();
    let (inside, outside) = (scratch.path().join("inside"), scratch.path().join("outside"));
    fs::create_dir_all(inside.join("sub")).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::write(inside.join("sub/f"), "").unwrap();
    fs::write(outside.join("f"), "").unwrap();
    set_mode(&outside.join("f"), 0o600);
    symlink(&outside, inside.join("link")).unwrap();
    let root = open(&inside);
    let identity =
        root.dir().descend(Path::new("sub")).unwrap().look(OsStr::new("f")).unwrap().identity;
    let (reached, exchanges) = exchanging(&inside.join("sub"), &inside.join("link"), || {
        (0..20_000)
            .filter_map(|_| root.dir().descend(Path::new("sub")).ok())
            .map(|dir| assert_eq!(dir.look(OsStr::new("f")).unwrap().identity, identity))
            .count()
    });
    assert!(reached > 0 && exchanges > 0, "{reached} reached, {exchanges} exchanges");
}

#[test]
fn deleting_an_exchanged_name_never_takes_the_fresh_file() {
    let scratch = tempfile::tempdir().unwrap();
    let root = open(scratch.path());
    let (old, fresh) = (scratch.path().join("old"), scratch.path().join("fresh"));
    fs::write(&fresh, "precious").unwrap();
    let precious = fs::metadata(&fresh).unwrap().ino();
    let taker = Taker::new(&root).unwrap();
    let (deleted, exchanges) = exchanging(&old, &fresh, || {
        let mut deleted = 0;
        for _ in 0..5_000 {
            // Whichever name is free is the one whose file was taken.
            let free = if old.exists() { "fresh" } else { "old" };
            let _ =
                fs::OpenOptions::new().write(true).create_new(true).open(scratch.path().join(free));
            for name in ["old", "fresh"].map(OsStr::new) {
                let Ok(metadata) = root.dir().look(name) else { continue };
                if metadata.identity.ino != precious {
                    deleted += u32::from(
                        taker.delete(root.dir(), name, &metadata.identity, |_| true).is_ok(),
                    );
                }
            }
        }
        deleted
    });
    drop(taker);
    let survivors: Vec<_> = fs::read_dir(scratch.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.metadata().unwrap().ino() == precious)
        .collect();
    assert!(deleted > 0 && exchanges > 0, "{deleted} deleted, {exchanges} exchanges");
    assert_eq!(survivors.len(), 1, "the fresh file is gone");
    assert_eq!(fs::read(survivors[0].path()).unwrap(), b"precious");
}

#[test]
fn another_file_under_the_planned_name_stays() {
    let scratch = tempfile::tempdir().unwrap();
    let root = open(scratch.path());
    let path = scratch.path().join("f");
    fs::write(&path, "old").unwrap();
    let planned = root.dir().look(OsStr::new("f")).unwrap().identity;
    fs::write(scratch.path().join("g"), "new").unwrap();
    fs::rename(scratch.path().join("g"), &path).unwrap();
    let taker = Taker::new(&root).unwrap();
    let result = taker.delete(root.dir(), OsStr::new("f"), &planned, |_| true);
    assert!(matches!(result, Err(TakeError::Changed)));
    assert_eq!(fs::read(&path).unwrap(), b"new");
    drop(taker);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1, "the private directory is gone");
}

#[test]
fn a_locked_file_and_one_no_longer_due_stay() {
    let scratch = tempfile::tempdir().unwrap();
    let root = open(scratch.path());
    fs::write(scratch.path().join("f"), "").unwrap();
    let planned = root.dir().look(OsStr::new("f")).unwrap().identity;
    let taker = Taker::new(&root).unwrap();
    let delete = |due| taker.delete(root.dir(), OsStr::new("f"), &planned, |_| due);
    assert!(matches!(delete(false), Err(TakeError::NotDue)));
    let holder = fs::File::open(scratch.path().join("f")).unwrap();
    holder.lock().unwrap();
    assert!(matches!(delete(true), Err(TakeError::Locked)));
    drop(holder);
    assert!(delete(true).is_ok());
    assert!(matches!(delete(true), Err(TakeError::Changed)));
}

#[test]
fn two_runs_do_not_delete_in_one_root_and_what_an_interrupted_one_left_stays() {
    let scratch = tempfile::tempdir().unwrap();
    let root = open(scratch.path());
    let first = Taker::new(&root).unwrap();
    assert!(Taker::new(&root).is_err());
    drop(first);
    let private = scratch.path().join(evenkeel_safefs::PRIVATE_NAME);
    fs::create_dir(&private).unwrap();
    set_mode(&private, 0o700);
    fs::write(private.join("held"), "someone's").unwrap();
    fs::write(scratch.path().join("f"), "").unwrap();
    let planned = root.dir().look(OsStr::new("f")).unwrap().identity;
    let taker = Taker::new(&root).unwrap();
    assert!(taker.leftovers());
    taker.delete(root.dir(), OsStr::new("f"), &planned, |_| true).unwrap();
    drop(taker);
    assert_eq!(fs::read(private.join("held")).unwrap(), b"someone's");
}

#[test]
fn a_hard_link_and_everything_but_files_and_directories_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::write(at("two"), "").unwrap();
    fs::hard_link(at("two"), at("names")).unwrap();
    symlink("two", at("link")).unwrap();
    rustix::fs::mknodat(CWD, at("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let root = open(scratch.path());
    let terms = Terms { mnt_id: root.metadata().identity.mnt_id, owners: None };
    for name in ["two", "link", "fifo", "socket"] {
        let refused = root.dir().pin(OsStr::new(name)).unwrap().judge(&terms);
        assert!(matches!(refused, Err(ActError::Refused(_))), "{name}: {refused:?}");
    }
    let owners = [u32::MAX - 1];
    let foreign = Terms { owners: Some(&owners), ..terms };
    let refused = root.into_pinned().judge(&foreign);
    assert!(matches!(refused, Err(ActError::Refused(Refusal::ForeignOwner { .. }))));
}
