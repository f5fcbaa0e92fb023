//! Roots: what is opened, what is refused, what is made.
#![allow(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use evenkeel_safefs::{Found, Fresh, Kind, OpenError, Problem, Reach, Root, Trust, Visit, walk};

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

#[derive(Default)]
struct Seen {
    paths: Vec<PathBuf>,
    problems: Vec<String>,
}

impl Visit for Seen {
    fn wants(&mut self, _name: &OsStr, _kind: Option<Kind>) -> bool {
        true
    }
    fn enters(&mut self, _name: &OsStr) -> bool {
        true
    }
    fn found(&mut self, found: Found<'_>) {
        self.paths.push(found.parent.join(found.name));
    }
    fn problem(&mut self, path: &Path, problem: Problem) {
        self.problems.push(format!("{}: {problem}", path.components().count()));
    }
}

#[test]
fn a_walk_takes_names_as_bytes_and_follows_no_link() {
    let scratch = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("outside"), "").unwrap();
    fs::create_dir(scratch.path().join("-rf")).unwrap();
    let long = "x".repeat(255);
    let names =
        [OsString::from("a\nb"), OsString::from_vec(vec![0xff, 0xfe]), "-x".into(), long.into()];
    for name in &names {
        fs::write(scratch.path().join("-rf").join(name), "").unwrap();
    }
    symlink(outside.path(), scratch.path().join("link")).unwrap();
    let root = Root::open(scratch.path(), Trust::Owners).unwrap();
    let mut seen = Seen::default();
    walk(&root, Reach { recursive: true, max_depth: 8 }, &mut seen).unwrap();
    let mut expected: Vec<PathBuf> = names.iter().map(|name| Path::new("-rf").join(name)).collect();
    expected.extend(["-rf".into(), "link".into()]);
    expected.sort();
    seen.paths.sort();
    assert_eq!(seen.paths, expected);
    assert!(seen.problems.is_empty());
}

#[test]
fn a_tree_deeper_than_the_longest_path_is_walked_and_the_limit_of_depth_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let root = Root::open(scratch.path(), Trust::Owners).unwrap();
    let name = "d".repeat(100);
    let mut here = rustix::fs::open(scratch.path(), rustix::fs::OFlags::PATH, 0o0.into()).unwrap();
    for _ in 0..100 {
        rustix::fs::mkdirat(&here, &name, 0o700.into()).unwrap();
        here = rustix::fs::openat(&here, &name, rustix::fs::OFlags::PATH, 0o0.into()).unwrap();
    }
    let mut seen = Seen::default();
    walk(&root, Reach { recursive: true, max_depth: 100 }, &mut seen).unwrap();
    assert_eq!((seen.paths.len(), seen.problems.len()), (100, 0));
    assert!(root.dir().descend(seen.paths.last().unwrap()).is_ok());
    let mut seen = Seen::default();
    walk(&root, Reach { recursive: true, max_depth: 10 }, &mut seen).unwrap();
    assert_eq!(seen.paths.len(), 11);
    assert_eq!(seen.problems, ["11: more than 10 levels below the root"]);
}
