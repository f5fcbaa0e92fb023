//! Rules of other tools become settings that the programs accept; what they leave out is named.

use std::fs;
use std::path::{Path, PathBuf};

use evenkeel_tests::{Finished, Scratch, evenkeel, find_bin, run};

/// The lines of a file of rules that say something.
fn said(text: &str) -> usize {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}

fn rules_of_this_host() -> Vec<PathBuf> {
    let files =
        |dir: &str| fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        ["/usr/lib/tmpfiles.d", "/etc/logrotate.d"].into_iter().flat_map(files).collect();
    paths.sort();
    paths
}

#[test]
fn whatever_packages_of_this_host_brought_becomes_valid_settings() {
    let paths = rules_of_this_host();
    assert!(!paths.is_empty(), "a Debian host has rules for tmpfiles");
    for path in paths {
        if said(&fs::read_to_string(&path).unwrap()) == 0 {
            continue;
        }
        let finished = evenkeel(["config", "import", path.to_str().unwrap()]);
        let left_out = finished.stderr.lines().count();
        assert_eq!(finished.code, Some(i32::from(left_out > 0)), "{finished:?}");
        assert!(finished.stdout.contains("\n[") || left_out > 0, "{finished:?}");
        let scratch = Scratch::new();
        let settings = scratch.file("imported.toml", &finished.stdout, 0o644);
        let checked = evenkeel(["config", "check", "--config", settings.to_str().unwrap()]);
        assert!(matches!(checked.code, Some(0 | 1)), "{}: {checked:?}", path.display());
    }
}

fn imports_from_standard_input(flags: &str, script: &str) -> Finished {
    let scratch = Scratch::new();
    let script = scratch.file("script", script, 0o644);
    let program = find_bin("evenkeel");
    let line = format!("{} config import - {flags} < {}", program.display(), script.display());
    run("sh", ["-c", &line], None)
}

#[test]
fn the_plans_script_comes_in_by_standard_input() {
    let script = "STATE=/srv/state\nchmod 644 $STATE/*.hash\nrm -rf $STATE/cache\n";
    let finished = imports_from_standard_input("--from cron", script);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stdout.contains("[permissions.srv-state]"), "{finished:?}");
    assert!(finished.stderr.starts_with("-:3: left out: rm -rf "), "{finished:?}");
    let json = imports_from_standard_input("--from cron --json", script);
    assert_eq!(json.json()["left_out"][0]["line"], 3);
    assert_eq!(json.json()["format"], "cron");
}

#[test]
fn what_cannot_be_imported_is_refused_as_a_whole() {
    let scratch = Scratch::new();
    let poem = scratch.file("poem.txt", "roses are red\n", 0o644);
    let binary = scratch.path().join("binary");
    fs::write(&binary, b"d /run/a\nd /run/\xff\n").unwrap();
    for (path, words) in [
        (poem.as_path(), "--from"),
        (binary.as_path(), "line 2 is not UTF-8"),
        (Path::new("/dev/zero"), "more than 1048576 bytes"),
        (Path::new("/nowhere"), "No such file"),
    ] {
        let finished = evenkeel(["config", "import", path.to_str().unwrap()]);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains(words) && finished.stdout.is_empty(), "{finished:?}");
    }
}
