//! A file that is there whole or not at all.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};

use evenkeel_safefs::write_whole;

#[test]
fn a_file_is_replaced_with_its_mode_and_nothing_is_left_beside_it() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("report.html");
    for text in ["old and longer", "new"] {
        write_whole(&path, text.as_bytes(), 0o644).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o644);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
}

#[test]
fn a_link_is_neither_followed_nor_overwritten() {
    let scratch = tempfile::tempdir().unwrap();
    let (target, link) = (scratch.path().join("target"), scratch.path().join("link"));
    fs::write(&target, "mine").unwrap();
    symlink(&target, &link).unwrap();
    let error = write_whole(&link, b"theirs", 0o644).unwrap_err();
    assert!(error.to_string().contains("a link"), "{error}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn a_directory_is_no_file() {
    let scratch = tempfile::tempdir().unwrap();
    assert!(write_whole(scratch.path(), b"x", 0o644).is_err());
    assert!(write_whole(&scratch.path().join("missing/report"), b"x", 0o644).is_err());
}
