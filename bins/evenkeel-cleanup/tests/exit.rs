//! Exit codes and documents of the built program.
#![allow(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

fn run(command: &str, path: &Path, flags: &[&str]) -> (Option<i32>, Output) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_evenkeel-cleanup"));
    let output = program.arg(command).arg(path).args(flags).output().unwrap();
    (output.status.code(), output)
}

/// Two hashes of eight days, a fresh one, and a log of 1.3 MB.
fn scratch() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    for (name, days) in [("a.hash", 8), ("b.hash", 8), ("c.hash", 0)] {
        let file = File::create(scratch.path().join(name)).unwrap();
        let mtime = SystemTime::now() - Duration::from_hours(24 * days);
        file.set_times(FileTimes::new().set_modified(mtime)).unwrap();
    }
    let lines: Vec<_> = (0..100_000).map(|number| format!("line {number}\n")).collect();
    fs::write(scratch.path().join("a.log"), lines.concat()).unwrap();
    scratch
}

const OLD: &[&str] = &["--match", "*.hash", "--older-than", "7d", "--age-by", "mtime"];
const LARGE: &[&str] =
    &["--match", "*.log", "--larger-than", "1MB", "--action", "truncate", "--keep-tail", "100kB"];

#[test]
fn plan_changes_nothing_and_apply_takes_what_is_due() {
    let scratch = scratch();
    let (code, output) = run("plan", scratch.path(), &[OLD, &["--json"]].concat());
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code, document[0]["steps"].as_array().unwrap().len()), (Some(0), 2));
    assert!(scratch.path().join("a.hash").exists());
    assert_eq!(run("apply", scratch.path(), OLD).0, Some(0));
    assert!(!scratch.path().join("a.hash").exists() && scratch.path().join("c.hash").exists());
    assert_eq!(run("apply", scratch.path(), LARGE).0, Some(0));
    let log = fs::read_to_string(scratch.path().join("a.log")).unwrap();
    assert!(log.trim_start_matches('\0').len() < 110_000 && log.ends_with("line 99999\n"));
}

#[test]
fn more_than_a_cap_allows_is_refused_with_3() {
    let scratch = scratch();
    let (code, output) = run("apply", scratch.path(), &[OLD, &["--max-files", "1"]].concat());
    assert_eq!(code, Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("nothing was changed"));
    assert!(scratch.path().join("a.hash").exists() && scratch.path().join("b.hash").exists());
    assert_eq!(run("apply", &scratch.path().join("none"), OLD).0, Some(3));
}

#[test]
fn wrong_usage_is_2() {
    let scratch = scratch();
    let wrong: &[&[&str]] = &[
        &["--older-than", "7d"],
        &["--match", "*"],
        &["--match", "*", "--older-than", "7"],
        &["--match", "*", "--older-than", "7d", "--larger-than", "1MB"],
        &["--match", "*", "--older-than", "7d", "--action", "truncate"],
        &["--match", "*", "--larger-than", "1MB", "--keep-tail", "1kB"],
        &["--match", "a/b", "--older-than", "7d"],
    ];
    for flags in wrong {
        let (code, output) = run("plan", scratch.path(), flags);
        assert_eq!(code, Some(2), "{flags:?}");
        assert!(!output.stderr.is_empty());
    }
    assert_eq!(run("plan", Path::new("/var/log"), OLD).0, Some(2));
}
