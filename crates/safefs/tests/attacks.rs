//! Another process exchanges names while files are changed and deleted: only what was looked at is ever touched.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use evenkeel_safefs::{Access, ActError, Refusal, Root, Terms, Trust};
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
