//! Exit codes and documents of the built program.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_evenkeel-permissions"))
}

fn run(command: &str, path: &Path, flags: &[&str]) -> (Option<i32>, Output) {
    let output = program().arg(command).arg(path).args(flags).output().unwrap();
    (output.status.code(), output)
}

fn scratch() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("a.hash"), "").unwrap();
    fs::set_permissions(scratch.path().join("a.hash"), PermissionsExt::from_mode(0o600)).unwrap();
    scratch
}

const HASHES: &[&str] = &["--match", "*.hash", "--mode", "0644"];

#[test]
fn check_says_drift_with_1_fix_repairs_with_0_and_then_check_says_0() {
    let scratch = scratch();
    assert_eq!(run("check", scratch.path(), HASHES).0, Some(1));
    let (code, output) = run("fix", scratch.path(), HASHES);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("0600") && text.contains("0644"), "{text}");
    assert_eq!(run("check", scratch.path(), HASHES).0, Some(0));
}

#[test]
fn json_is_one_document() {
    let scratch = scratch();
    let (_, output) = run("fix", scratch.path(), &[HASHES, &["--json"]].concat());
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document[0]["repaired"][0]["before"], "0600");
}

#[test]
fn wrong_usage_is_2_and_says_what_is_accepted() {
    let scratch = scratch();
    let wrong: &[&[&str]] = &[
        &["--mode", "0999"],
        &["--mode", "17777"],
        &["--match", "a/b", "--mode", "644"],
        &["--owner", "no-such-user"],
        &["--match", "*"],
        &[],
    ];
    for flags in wrong {
        let (code, output) = run("check", scratch.path(), flags);
        assert_eq!(code, Some(2), "{flags:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty());
    }
    assert_eq!(run("fix", Path::new("/"), HASHES).0, Some(2));
}

#[test]
fn what_cannot_be_done_is_3() {
    let scratch = scratch();
    assert_eq!(run("fix", &scratch.path().join("none"), HASHES).0, Some(3));
    symlink(scratch.path(), scratch.path().join("link")).unwrap();
    assert_eq!(run("fix", &scratch.path().join("link"), HASHES).0, Some(3));
    fs::hard_link(scratch.path().join("a.hash"), scratch.path().join("b.hash")).unwrap();
    let (code, output) = run("fix", scratch.path(), HASHES);
    assert_eq!(code, Some(3));
    assert!(String::from_utf8(output.stdout).unwrap().contains("refused"));
}

/// Starts `watch` on the files of the scratch folder, changes one, and returns the two lines that it prints.
fn watched(scratch: &Path, flags: &[&str]) -> [String; 2] {
    let mut command = program();
    command.arg("watch").arg(scratch).args(HASHES).args(flags);
    let mut watch = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    // The first look repairs what deviates; the second line can only come from an event.
    let first = lines.next().unwrap().unwrap();
    fs::set_permissions(scratch.join("a.hash"), PermissionsExt::from_mode(0o666)).unwrap();
    let second = lines.next().unwrap().unwrap();
    let pid = rustix::process::Pid::from_child(&watch);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(watch.wait().unwrap().code(), Some(0));
    [first, second]
}

#[test]
fn watch_repairs_what_changes_and_ends_on_a_signal() {
    let [first, second] = watched(scratch().path(), &[]);
    assert!(first.ends_with("mode 0600 -> 0644"), "{first}");
    assert!(second.contains("mode 0666 -> 0644"), "{second}");
}

#[test]
fn watch_tells_of_each_repair_as_a_document_on_a_line() {
    let repairs = watched(scratch().path(), &["--json"]);
    let repairs = repairs.map(|line| serde_json::from_str::<serde_json::Value>(&line).unwrap());
    assert_eq!((&repairs[0]["before"], &repairs[1]["before"]), (&"0600".into(), &"0666".into()));
    assert!(repairs.iter().all(|repair| repair["after"] == "0644"), "{repairs:?}");
}
