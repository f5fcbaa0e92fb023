//! The built program keeps, brings back, compresses, and ends where it is told to.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_evenkeel-cleanup"))
}

fn run(command: &str, args: &[&str], path: &Path, flags: &[&str]) -> (Option<i32>, String) {
    let output = program().arg(command).args(args).arg(path).args(flags).output().unwrap();
    told(&output)
}

fn told(output: &Output) -> (Option<i32>, String) {
    // What is logged beside a result is not a part of it.
    let text = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
    (output.status.code(), String::from_utf8(text.clone()).unwrap())
}

fn old(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    let times = FileTimes::new().set_modified(SystemTime::now() - Duration::from_hours(200));
    File::options().append(true).open(path).unwrap().set_times(times).unwrap();
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

const TRASH: &[&str] =
    &["--match", "*.hash", "--older-than", "7d", "--age-by", "mtime", "--action", "trash"];

#[test]
fn what_went_to_the_trash_is_listed_and_comes_back_as_it_was() {
    let scratch = tempfile::tempdir().unwrap();
    for name in ["a.hash", "b.hash"] {
        old(&scratch.path().join(name), name);
    }
    let modified =
        |name: &str| fs::metadata(scratch.path().join(name)).unwrap().modified().unwrap();
    let before = modified("a.hash");
    let (code, text) = run("apply", &[], scratch.path(), &[TRASH, &["--json"]].concat());
    assert_eq!(code, Some(0), "{text}");
    let id = json(&text)[0]["run"].as_str().unwrap().to_owned();
    assert!(!scratch.path().join("a.hash").exists());

    let (code, text) = run("trash", &[], scratch.path(), &["--json"]);
    let kept = json(&text);
    assert_eq!((code, kept[0]["runs"][0]["id"].as_str()), (Some(0), Some(&*id)), "{text}");
    assert_eq!(kept[0]["runs"][0]["entries"], 2);
    assert!(kept[0]["runs"][0]["until"].is_string());

    let only = scratch.path().join("b.hash");
    let (code, text) =
        run("undo", &[&id], scratch.path(), &["--only", only.to_str().unwrap(), "--json"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(json(&text)["restored"].as_array().unwrap().len(), 1);
    assert_eq!(fs::read_to_string(only).unwrap(), "b.hash");
    assert!(!scratch.path().join("a.hash").exists());

    // What is there by now is never overwritten.
    fs::write(scratch.path().join("a.hash"), "new").unwrap();
    let (code, text) = run("undo", &[&id], scratch.path(), &[]);
    assert_eq!(code, Some(3), "{text}");
    assert_eq!(fs::read_to_string(scratch.path().join("a.hash")).unwrap(), "new");
    fs::remove_file(scratch.path().join("a.hash")).unwrap();
    let (code, text) = run("undo", &[&id], scratch.path(), &[]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(fs::read_to_string(scratch.path().join("a.hash")).unwrap(), "a.hash");
    assert_eq!(modified("a.hash"), before);
}

#[test]
fn a_run_that_is_kept_nowhere_is_3_and_says_what_is() {
    let scratch = tempfile::tempdir().unwrap();
    let (code, text) = run("undo", &["20260101T000000Z"], scratch.path(), &[]);
    assert_eq!(code, Some(3));
    assert!(text.contains("no run `20260101T000000Z` is kept; kept: none"), "{text}");
    let (code, text) = run("trash", &[], scratch.path(), &[]);
    assert_eq!((code, text.trim()), (Some(0), "nothing is kept"));
}

#[test]
fn the_root_of_a_run_is_found_by_the_rules_of_the_settings() {
    let scratch = tempfile::tempdir().unwrap();
    let (one, other) = (scratch.path().join("one"), scratch.path().join("other"));
    for root in [&one, &other] {
        fs::create_dir(root).unwrap();
    }
    old(&other.join("a.hash"), "a");
    let rule = |root: &Path| {
        let name = root.file_name().unwrap().to_str().unwrap();
        format!(
            "[cleanup.{name}]\npath = \"{}\"\nmatch = \"*.hash\"\nolder_than = \"7d\"\nage_by = \"mtime\"\naction = \"trash\"\n",
            root.display()
        )
    };
    let settings = scratch.path().join("evenkeel.toml");
    fs::write(&settings, rule(&one) + &rule(&other)).unwrap();
    let with_settings = |args: &[&str]| {
        let output = program().args(args).arg("--config").arg(&settings).output().unwrap();
        let (code, text) = told(&output);
        assert_eq!(code, Some(0), "{text}");
        text
    };
    let applied = json(&with_settings(&["apply", "--json"]));
    let id = applied[1]["run"].as_str().unwrap();
    assert!(applied[0].get("run").is_none_or(Value::is_null), "{applied}");
    with_settings(&["undo", id]);
    assert!(other.join("a.hash").exists());
}

#[test]
fn a_directory_goes_to_the_trash_and_comes_back_with_all_that_is_in_it() {
    let scratch = tempfile::tempdir().unwrap();
    for number in 1..=3 {
        fs::create_dir_all(scratch.path().join(format!("2026-0{number}/deep"))).unwrap();
        fs::write(scratch.path().join(format!("2026-0{number}/deep/file")), "content").unwrap();
    }
    let flags = [
        "--match",
        "2026-*",
        "--unit",
        "directory",
        "--max-count",
        "1",
        "--action",
        "trash",
        "--json",
    ];
    let (code, text) = run("apply", &[], scratch.path(), &flags);
    assert_eq!(code, Some(0), "{text}");
    let applied = json(&text);
    assert_eq!(applied[0]["taken"].as_array().unwrap().len(), 2);
    let id = applied[0]["run"].as_str().unwrap();
    let left = || {
        let names = fs::read_dir(scratch.path()).unwrap().flatten();
        names.filter(|entry| entry.file_name().to_string_lossy().starts_with("2026")).count()
    };
    assert_eq!(left(), 1);
    let (code, text) = run("undo", &[id], scratch.path(), &[]);
    assert_eq!((code, left()), (Some(0), 3), "{text}");
    assert_eq!(fs::read(scratch.path().join("2026-01/deep/file")).unwrap(), b"content");
}

#[test]
fn a_log_becomes_a_compressed_one_and_a_second_run_finds_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    old(&scratch.path().join("a.log"), &"line\n".repeat(10_000));
    let flags =
        ["--match", "*.log*", "--older-than", "7d", "--age-by", "mtime", "--action", "compress"];
    // A file that changed within the last tick of the filesystem's clock is left for the next run.
    let deadline = Instant::now() + Duration::from_mins(1);
    while scratch.path().join("a.log").exists() {
        assert!(Instant::now() < deadline, "it is never compressed");
        let (code, text) = run("apply", &[], scratch.path(), &flags);
        assert_eq!(code, Some(0), "{text}");
    }
    let compressed = fs::read(scratch.path().join("a.log.gz")).unwrap();
    assert!(compressed.starts_with(b"\x1f\x8b") && compressed.len() < 5_000);
    let (code, text) = run("plan", &[], scratch.path(), &flags);
    assert_eq!(code, Some(0));
    assert!(text.contains("0 of 1 entries are due"), "{text}");
}

/// So many that a run takes longer than a signal.
const FILES: usize = 20_000;

#[test]
fn a_signal_ends_a_run_after_the_entry_in_hand() {
    let scratch = tempfile::tempdir().unwrap();
    for number in 0..FILES {
        File::create(scratch.path().join(format!("{number}.tmp"))).unwrap();
    }
    let left = || {
        let names = fs::read_dir(scratch.path()).unwrap().flatten();
        names.filter(|entry| entry.file_name().to_string_lossy().ends_with(".tmp")).count()
    };
    let child = program()
        .args(["apply", "--match", "*.tmp", "--max-count", "1", "--json"])
        .arg(scratch.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while left() == FILES {
        assert!(Instant::now() < deadline, "it does not begin");
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let (code, text) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(1), "{text:.300}");
    let report = &json(&text)[0];
    let taken = report["taken"].as_array().unwrap().len();
    assert_eq!(taken + left(), FILES);
    assert_eq!(report["not_reached"], FILES - 1 - taken);
    // Nothing is half done: no private directory, nothing in anyone's hands.
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), left());
}
