//! Exit codes and documents of the built program.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

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
    let (code, output) = run("apply", scratch.path(), OLD);
    assert_eq!((code, output.stderr.len()), (Some(0), 0), "the report says it all");
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
        &["--match", "*", "--older-than", "reboot"],
        &["--match", "*", "--older-than", "boot", "--action", "truncate"],
        &["--match", "*", "--older-than", "7d", "--larger-than", "1MB"],
        &["--match", "*", "--older-than", "7d", "--action", "truncate"],
        &["--match", "*", "--larger-than", "1MB", "--keep-tail", "1kB"],
        &["--match", "a/b", "--older-than", "7d"],
        &["--match", "*", "--max-count", "5", "--action", "truncate"],
        &["--match", "*", "--max-count", "5", "--trash-ttl", "1d"],
        &["--match", "*", "--max-count", "5", "--keep-newest", "6"],
        &["--match", "*", "--max-count", "5", "--age-by", "dtime"],
        &["--match", "*", "--max-count", "5", "--max-ratio", "2"],
        &["--match", "*", "--max-count", "5", "--run-as", "no-such-user"],
        &["--match", "*", "--watermark", "high=80%,low=90%"],
        &["--match", "*", "--watermark", "high=99%,low=98%", "--action", "trash"],
        &["--match", "*.gz", "--older-than", "7d", "--action", "compress"],
    ];
    for flags in wrong {
        let (code, output) = run("plan", scratch.path(), flags);
        assert_eq!(code, Some(2), "{flags:?}");
        assert!(!output.stderr.is_empty());
    }
    assert_eq!(run("plan", Path::new("/var/log"), OLD).0, Some(2));
}

/// When this host booted, as the kernel reckons it: to the second.
fn boot() -> SystemTime {
    let text = fs::read_to_string("/proc/stat").unwrap();
    let seconds = text.lines().find_map(|line| line.strip_prefix("btime ")).unwrap();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.parse().unwrap())
}

#[test]
fn what_is_from_before_the_boot_goes_and_the_rest_stays() {
    let scratch = tempfile::tempdir().unwrap();
    let around = Duration::from_secs(5);
    for (name, mtime) in [("old.lock", boot() - around), ("new.lock", boot() + around)] {
        let file = File::create(scratch.path().join(name)).unwrap();
        file.set_times(FileTimes::new().set_modified(mtime)).unwrap();
    }
    // Both were made by this test, and so in this boot.
    let by_all = ["--match", "*.lock", "--older-than", "boot"];
    let (code, output) = run("plan", scratch.path(), &[&by_all[..], &["--json"]].concat());
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code, &document[0]["kept"]["young"]), (Some(0), &2.into()), "{document}");
    let flags = [&by_all[..], &["--age-by", "mtime"]].concat();
    let told = String::from_utf8(run("plan", scratch.path(), &flags).1.stdout).unwrap();
    assert!(told.contains("older_than = boot: it is from 5s before, by mtime"), "{told}");
    assert_eq!(run("apply", scratch.path(), &flags).0, Some(0));
    assert!(!scratch.path().join("old.lock").exists() && scratch.path().join("new.lock").exists());
}

#[test]
fn a_refusal_speaks_of_flags() {
    let scratch = scratch();
    let flags = ["--match", "*", "--watermark", "high=99%,low=98%", "--action", "trash"];
    let (_, output) = run("plan", scratch.path(), &flags);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("`--action` = `trash`") && told.contains("`--max-total`"), "{told}");
}

#[test]
fn a_plan_says_what_each_limit_comes_to_and_an_apply_does_the_same() {
    let scratch = scratch();
    let limit =
        ["--match", "*.hash", "--max-count", "2", "--age-by", "mtime", "--max-ratio", "50%"];
    let (code, output) = run("plan", scratch.path(), &limit);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("max_count = 2: there are 3; it is 8days"), "{told}");
    assert!(told.contains("3 entries match, 2 after that, limit 2"), "{told}");
    assert!(told.contains("1 of 3 that match, max_ratio = 50%"), "{told}");
    let (_, output) = run("plan", scratch.path(), &[&limit[..], &["--json"]].concat());
    let planned: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&planned[0]["level"]["after"], &planned[0]["matching"]), (&2.into(), &3.into()));
    let (code, output) = run("apply", scratch.path(), &[&limit[..], &["--json"]].concat());
    let applied: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(code, Some(0));
    let paths = |steps: &serde_json::Value| -> Vec<String> {
        steps.as_array().unwrap().iter().map(|step| step["path"].to_string()).collect()
    };
    assert_eq!(paths(&planned[0]["steps"]), paths(&applied[0]["taken"]));
    let told = String::from_utf8(run("plan", scratch.path(), &limit).1.stdout).unwrap();
    assert!(told.contains("2 entries match, within the 2") && told.contains("0 of 3"), "{told}");
}

#[test]
fn a_limit_that_cannot_be_met_is_1() {
    let scratch = scratch();
    let limit = ["--match", "*.log", "--max-total", "4kB", "--keep-newest", "1"];
    for command in ["plan", "apply"] {
        let (code, output) = run(command, scratch.path(), &limit);
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("nothing more may be taken"), "{told}");
    }
    assert!(scratch.path().join("a.log").exists());
}
