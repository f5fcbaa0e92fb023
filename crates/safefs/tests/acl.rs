//! Access control lists are set with mode and owner, and mean to the kernel what they say.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use evenkeel_safefs::{
    Access, Acl, AclKind, ActError, Judged, Lists, Root, Terms, Trust, User, Wish, as_user,
};

const NOBODY: User = User { uid: 65534, gid: 65534, groups: Vec::new() };

fn judged(path: &Path) -> Judged {
    let root = Root::open(path.parent().unwrap(), Trust::Vouched).unwrap();
    let terms = Terms { mnt_id: root.metadata().identity.mnt_id, owners: None };
    root.dir().pin(path.file_name().unwrap()).unwrap().judge(&terms).unwrap()
}

fn list(path: &Path, kind: AclKind) -> Option<Acl> {
    let root = Root::open(path.parent().unwrap(), Trust::Vouched).unwrap();
    root.dir().pin(path.file_name().unwrap()).unwrap().acl(kind).unwrap()
}

/// Nobody in particular but uid 65534 may do this.
fn nobody_may(mode: u32, rights: u8) -> Acl {
    let mut acl = Acl::from_mode(mode);
    acl.users.insert(NOBODY.uid, rights);
    acl.mask = Some(u8::try_from(mode >> 3 & 7).unwrap());
    acl
}

fn with_mode(judged: &Judged, mode: u32) -> Access {
    Access { mode, ..judged.metadata().access }
}

#[test]
fn a_list_lets_the_one_named_in_and_goes_again() {
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o711)).unwrap();
    let file = scratch.path().join("state");
    fs::write(&file, "content").unwrap();
    let acl = nobody_may(0o640, 4);
    let object = judged(&file);
    object
        .set(with_mode(&object, 0o640), Lists { access: Wish::Set(&acl), ..Lists::default() })
        .unwrap();
    assert_eq!(list(&file, AclKind::Access), Some(acl));
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
    let root = nix::unistd::geteuid().is_root();
    if root {
        assert!(as_user(&NOBODY, || fs::read(&file).is_ok()).unwrap());
    }
    // A chmod moves the mask, so that a mode alone still bounds everybody who is named.
    object.set_access(with_mode(&object, 0o600)).unwrap();
    if root {
        assert!(as_user(&NOBODY, || fs::read(&file).is_err()).unwrap());
    }
    let remove = Lists { access: Wish::Remove, ..Lists::default() };
    object.set(with_mode(&object, 0o660), remove).unwrap();
    assert_eq!(list(&file, AclKind::Access), None);
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o660);
    if root {
        assert!(as_user(&NOBODY, || fs::read(&file).is_err()).unwrap());
    }
}

#[test]
fn what_is_born_below_a_default_list_is_born_right() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("state");
    fs::create_dir(&directory).unwrap();
    let acl = Acl::from_mode(0o664);
    let object = judged(&directory);
    let lists = Lists { default: Wish::Set(&acl), ..Lists::default() };
    object.set(with_mode(&object, 0o755), lists).unwrap();
    assert_eq!(list(&directory, AclKind::Default), Some(acl));
    let born = directory.join("a.hash");
    fs::write(&born, "").unwrap();
    assert_eq!(fs::metadata(&born).unwrap().mode() & 0o7777, 0o664, "whatever the umask");
}

#[test]
fn a_list_that_does_not_agree_with_the_mode_is_not_verified() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("state");
    fs::write(&file, "").unwrap();
    let object = judged(&file);
    let acl = nobody_may(0o660, 6);
    let lists = Lists { access: Wish::Set(&acl), ..Lists::default() };
    let error = object.set(with_mode(&object, 0o640), lists).unwrap_err();
    assert!(matches!(error, ActError::AclNotVerified { .. }), "{error}");
}

#[test]
fn a_user_sets_what_is_his_and_the_process_gives_it_to_him() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let (his, roots) = (scratch.path().join("his"), scratch.path().join("roots"));
    for path in [&his, &roots] {
        fs::write(path, "").unwrap();
    }
    std::os::unix::fs::chown(&his, Some(NOBODY.uid), Some(NOBODY.gid)).unwrap();
    let wanted = Access { mode: 0o640, uid: NOBODY.uid, gid: NOBODY.gid };
    as_user(&NOBODY, || {
        judged(&his).set_access(wanted).unwrap();
        let object = judged(&roots);
        let error = object.set_access(with_mode(&object, 0o666)).unwrap_err();
        assert!(matches!(error, ActError::SetMode { .. }), "not his to change: {error}");
        object.set_access(wanted).unwrap();
    })
    .unwrap();
    for path in [&his, &roots] {
        let seen = fs::metadata(path).unwrap();
        assert_eq!((seen.mode() & 0o7777, seen.uid()), (0o640, NOBODY.uid));
    }
}
