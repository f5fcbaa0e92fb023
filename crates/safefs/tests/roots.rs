//! Roots: what is opened, what is refused, what is made.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use evenkeel_safefs::{Fresh, Kind, OpenError, Root, Trust};

const FRESH: Fresh = Fresh { mode: 0o2750, uid: None, gid: None };

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_root_that_is_a_link_or_a_file_or_missing_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::create_dir(at("dir")).unwrap();
    symlink("dir", at("link")).unwrap();
    fs::write(at("file"), "").unwrap();
    let open = |path: &Path| Root::open(path, Trust::Owners);
    assert!(open(&at("dir")).is_ok());
    assert!(matches!(open(&at("link")), Err(OpenError::Symlink { .. })));
    assert!(matches!(open(&at("file")), Err(OpenError::NotADirectory { kind: Kind::File, .. })));
    assert!(matches!(open(&at("file/below")), Err(OpenError::NotADirectory { .. })));
    assert!(
        matches!(open(&at("none/below")), Err(OpenError::Missing { path }) if path == at("none"))
    );
    assert!(matches!(open(Path::new("relative")), Err(OpenError::NotAbsolute { .. })));
    assert!(matches!(open(&at("dir/../dir")), Err(OpenError::NotAbsolute { .. })));
}

#[test]
fn a_link_on_the_way_is_followed_only_if_root_made_it_where_only_root_writes() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::create_dir_all(at("dir/below")).unwrap();
    symlink("dir", at("link")).unwrap();
    if !is_root() {
        assert!(matches!(
            Root::open(&at("link/below"), Trust::Owners),
            Err(OpenError::Symlink { .. })
        ));
        return;
    }
    let root = Root::open(&at("link/below"), Trust::Owners).unwrap();
    assert!(root.resolved().ends_with("dir/below"));
    fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o1777)).unwrap();
    assert!(matches!(Root::open(&at("link/below"), Trust::Owners), Err(OpenError::Symlink { .. })));
}

#[test]
fn a_directory_of_another_user_is_not_a_way_to_ones_own() {
    if !is_root() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::create_dir_all(at("theirs/roots")).unwrap();
    chown(at("theirs"), Some(4242), Some(4242)).unwrap();
    assert!(Root::open(&at("theirs"), Trust::Owners).is_ok());
    let refused = Root::open(&at("theirs/roots"), Trust::Owners);
    assert!(
        matches!(refused, Err(OpenError::UnsafeOwner { uid: 0, above: 4242, .. })),
        "{refused:?}"
    );
    assert!(Root::open(&at("theirs/roots"), Trust::Vouched).is_ok());
    // Nor is anything made there that is not theirs.
    let made = Root::open_or_create(&at("theirs/new"), Trust::Owners, FRESH);
    assert!(matches!(made, Err(OpenError::UnsafeOwner { .. })));
    assert!(matches!(
        Root::open_or_create(&at("theirs/new/deep"), Trust::Owners, FRESH),
        Err(OpenError::UnsafeParent { .. })
    ));
    assert!(!at("theirs/new").exists());
    let fresh = Fresh { uid: Some(4242), gid: Some(4242), ..FRESH };
    Root::open_or_create(&at("theirs/new"), Trust::Owners, fresh).unwrap();
    assert_eq!(fs::metadata(at("theirs/new")).unwrap().uid(), 4242);
}

#[test]
fn a_missing_root_is_made_with_its_mode_and_what_is_above_it_too() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("a/b");
    let (root, made) = Root::open_or_create(&path, Trust::Owners, FRESH).unwrap();
    assert_eq!(made, [scratch.path().join("a"), path.clone()]);
    assert_eq!(root.metadata().access.mode, 0o2750);
    assert_eq!(
        fs::metadata(scratch.path().join("a")).unwrap().permissions().mode() & 0o7777,
        0o755
    );
    let (_, made) = Root::open_or_create(&path, Trust::Owners, FRESH).unwrap();
    assert!(made.is_empty());
}

#[test]
fn a_root_that_cannot_be_given_to_its_owner_is_not_left_behind() {
    if is_root() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let fresh = Fresh { uid: Some(0), ..FRESH };
    let made = Root::open_or_create(&scratch.path().join("a"), Trust::Vouched, fresh);
    assert!(matches!(made, Err(OpenError::SetUp { .. })));
    assert!(!scratch.path().join("a").exists());
}

#[test]
fn a_known_root_opens_again_while_its_path_leads_to_the_very_directory() {
    let scratch = tempfile::tempdir().unwrap();
    let (path, old) = (scratch.path().join("root"), scratch.path().join("old"));
    fs::create_dir(&path).unwrap();
    let known = Root::open(&path, Trust::Owners).unwrap().known();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o711)).unwrap();
    let again = known.open().unwrap();
    assert_eq!(again.metadata().access.mode, 0o711, "as it is now");
    assert_eq!(again.path(), path);
    fs::rename(&path, &old).unwrap();
    assert!(known.open().is_none());
    fs::create_dir(&path).unwrap();
    assert!(known.open().is_none(), "another one");
    fs::remove_dir(&path).unwrap();
    symlink(&old, &path).unwrap();
    assert!(known.open().is_none(), "a link is not followed");
    fs::remove_file(&path).unwrap();
    fs::rename(&old, &path).unwrap();
    assert!(known.open().is_some());
}

#[test]
fn a_descent_follows_no_link_at_any_step() {
    let scratch = tempfile::tempdir().unwrap();
    fs::create_dir_all(scratch.path().join("a/b/c")).unwrap();
    symlink("a", scratch.path().join("link")).unwrap();
    symlink("c", scratch.path().join("a/b/last")).unwrap();
    fs::write(scratch.path().join("a/file"), "").unwrap();
    let root = Root::open(scratch.path(), Trust::Owners).unwrap();
    let descend = |path: &str| root.dir().descend(path.as_ref()).map_err(|error| error.kind());
    let inode = |path: &str| fs::metadata(scratch.path().join(path)).unwrap().ino();
    assert_eq!(descend("a/b/c").unwrap().metadata().identity.ino, inode("a/b/c"));
    assert_eq!(descend("").unwrap().metadata().identity.ino, inode(""));
    for path in ["link", "link/b", "a/b/last", "a/file", "a/file/x"] {
        assert_eq!(descend(path).unwrap_err(), std::io::ErrorKind::NotADirectory, "{path}");
    }
    assert_eq!(descend("a/none/x").unwrap_err(), std::io::ErrorKind::NotFound);
    assert_eq!(descend("a/../a").unwrap_err(), std::io::ErrorKind::InvalidFilename);
}
