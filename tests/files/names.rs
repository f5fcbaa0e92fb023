//! Names that have broken other programs: each is worked on as the bytes it is, and none reaches a terminal unescaped.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use evenkeel_tests::{Finished, Scratch};

use crate::area::{mode, old_file, program};

const NAMES: [&[u8]; 40] = [
    b"new\nline",
    b"\n",
    b"tab\there",
    b"carriage\rreturn",
    b"\x1b[2J\x1b[31mred",
    b"\x1b]0;title\x07",
    b"bell\x07",
    b"back\x08space",
    b"delete\x7f",
    b"single'quote",
    b"double\"quote",
    b"back\\slash",
    b"back\\nslash-n",
    b"-leading",
    b"-rf",
    b"--",
    b" ",
    b" spaces  around ",
    b"*",
    b"[a-z]?",
    b"{a,b}",
    b"$(reboot)",
    b"`reboot`",
    b"a;b|c&d",
    b"%n%s",
    b"~",
    b"#comment",
    "combining e\u{301}".as_bytes(),
    "composed \u{e9}".as_bytes(),
    "override \u{202e}gpj.exe".as_bytes(),
    "zero\u{200b}width".as_bytes(),
    "c1 control \u{9b}31m".as_bytes(),
    "\u{1f4a3}".as_bytes(),
    b"byte \xff",
    b"byte \xfe",
    b"text \\xff",
    b"truncated \xe2\x82",
    b"overlong \xc0\xaf",
    b"...",
    b".hidden",
];
/// Names of the programs' own.
const OWN: [&str; 2] = ["held", "evenkeel-returned-1-0"];

/// Every name of the table, and the longest one there can be.
fn names() -> Vec<Vec<u8>> {
    let long = [b'x'; 255];
    let own = OWN.iter().map(|name| name.as_bytes());
    NAMES.into_iter().chain(own).chain([long.as_slice()]).map(<[u8]>::to_vec).collect()
}

/// A directory with an old file of every name.
fn scratch() -> (Scratch, Vec<PathBuf>) {
    let scratch = Scratch::new();
    let folder = scratch.folder("root", 0o755);
    let paths: Vec<_> = names().iter().map(|name| folder.join(OsStr::from_bytes(name))).collect();
    for path in &paths {
        fs::write(path, "old").expect("a file can have this name");
        crate::area::set_mode(path, 0o600);
        old_file(path);
    }
    (scratch, paths)
}

/// What a terminal would obey, or a reader take for the end of a line.
#[track_caller]
fn assert_harmless(finished: &Finished) {
    for text in [&finished.stdout, &finished.stderr] {
        let obeyed =
            |char: char| char.is_control() && char != '\n' || "\u{202e}\u{200b}".contains(char);
        let control = text.chars().find(|char| obeyed(*char));
        assert_eq!(control, None, "{finished:?}");
    }
}

/// The paths that a list of the program's JSON names.
fn paths(finished: &Finished, key: &str) -> Vec<String> {
    let document = finished.json();
    let entries = document[0][key].as_array().expect("a list").clone();
    entries.iter().map(|entry| entry["path"].as_str().expect("a path").to_owned()).collect()
}

#[test]
fn every_name_is_repaired_and_told_apart() {
    let (scratch, files) = scratch();
    let root = scratch.join("root");
    let run = |command: &str, json: &[&str]| {
        let args = [command.as_ref(), root.as_os_str()].into_iter();
        let rule = ["--match", "*", "--mode", "0644"].map(OsStr::new);
        program("evenkeel-permissions", args.chain(rule).chain(json.iter().map(OsStr::new)))
    };
    let checked = run("check", &[]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert_harmless(&checked);
    let lines = checked.stdout.lines().count();
    assert_eq!(lines, files.len() + 1, "a line for each file, and the heading: {}", checked.stdout);
    let told = paths(&run("check", &["--json"]), "steps");
    let different: BTreeSet<_> = told.iter().collect();
    assert_eq!(different.len(), files.len(), "two names look alike: {told:#?}");
    let fixed = run("fix", &[]);
    assert_eq!(fixed.code, Some(0), "{fixed:?}");
    assert_harmless(&fixed);
    for file in &files {
        assert_eq!(mode(file), 0o644, "{}", file.display());
    }
    assert_eq!(run("check", &[]).code, Some(0));
}

#[test]
fn every_name_is_deleted_and_told_apart() {
    let (scratch, files) = scratch();
    let root = scratch.join("root");
    let run = |command: &str, json: &[&str]| {
        let args = [command.as_ref(), root.as_os_str()].into_iter();
        let rule = ["--match", "*", "--older-than", "1d", "--age-by", "mtime"].map(OsStr::new);
        program("evenkeel-cleanup", args.chain(rule).chain(json.iter().map(OsStr::new)))
    };
    let planned = run("plan", &[]);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    assert_harmless(&planned);
    let lines = planned.stdout.lines().count();
    assert_eq!(lines, files.len() + 2, "a line for each file, heading and sum: {}", planned.stdout);
    let told = paths(&run("plan", &["--json"]), "steps");
    let different: BTreeSet<_> = told.iter().collect();
    assert_eq!(different.len(), files.len(), "two names look alike: {told:#?}");
    let applied = run("apply", &[]);
    assert_eq!(applied.code, Some(0), "{applied:?}");
    assert_harmless(&applied);
    assert_eq!(fs::read_dir(&root).expect("it is there").count(), 0, "{applied:?}");
}

#[test]
fn names_taken_away_by_their_glob_are_only_those() {
    let (scratch, files) = scratch();
    let root = scratch.join("root");
    let args = ["apply".as_ref(), root.as_os_str()].into_iter();
    let rule = ["--match=-*", "--older-than=1d", "--age-by", "mtime"].map(OsStr::new);
    let applied = program("evenkeel-cleanup", args.chain(rule));
    assert_eq!(applied.code, Some(0), "{applied:?}");
    for file in &files {
        let gone = file.file_name().is_some_and(|name| name.as_bytes().starts_with(b"-"));
        assert_eq!(file.exists(), !gone, "{}", file.display());
    }
}

/// What is in two lines, or two names that print alike, could hide one file behind another.
#[test]
fn people_can_tell_names_apart_as_well_as_programs() {
    let (scratch, files) = scratch();
    let root = scratch.join("root");
    let args = ["plan".as_ref(), root.as_os_str()].into_iter();
    let rule = ["--match", "*", "--older-than", "1d", "--age-by", "mtime"].map(OsStr::new);
    let planned = program("evenkeel-cleanup", args.chain(rule));
    let lines: BTreeSet<_> = planned.stdout.lines().skip(1).collect();
    // The sum is a line too.
    assert_eq!(lines.len(), files.len() + 1, "two names look alike:\n{}", planned.stdout);
}
