//! A run that is killed at any moment loses nothing: what it held is back after the next one.
#![allow(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use evenkeel_cleanup::{Action, AgeBy, Draft, Policy, Rule, apply, scan};
use evenkeel_safefs::PRIVATE_NAME;

const DAY: Duration = Duration::from_hours(24);
const ROOT: &str = "EVENKEEL_TEST_KILLED_ROOT";
const FILES: usize = 1_000;

fn policy(root: &Path, days: u32) -> Policy {
    let rule = Rule::OlderThan { age: days * DAY, by: AgeBy::Mtime };
    let matches = vec!["*".to_owned()];
    let draft = Draft::new(root, rule, Action::Delete);
    Policy::try_new(Draft { matches, recursive: true, ..draft }).unwrap()
}

fn run(root: &Path, days: u32) -> usize {
    let (policy, now) = (policy(root, days), SystemTime::now());
    apply(&policy, scan(&policy, now).unwrap(), now).taken.len()
}

/// Not a test of its own: the process that the other one kills.
#[test]
#[ignore = "the process that is killed"]
fn cleans_until_it_is_killed() {
    let root = std::env::var_os(ROOT).expect("it is started by the test below");
    run(Path::new(&root), 7);
}

fn aged(path: PathBuf, age: Duration) {
    let file = File::create(path).unwrap();
    file.set_times(FileTimes::new().set_modified(SystemTime::now() - age)).unwrap();
}

fn files(root: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(root).unwrap().map(Result::unwrap) {
        if entry.file_name() == PRIVATE_NAME {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.insert(entry.path());
        }
    }
    found
}

/// What the killed run has in its hands.
fn held(root: &Path) -> usize {
    let Ok(runs) = fs::read_dir(root.join(PRIVATE_NAME)) else { return 0 };
    runs.flat_map(|run| fs::read_dir(run.unwrap().path()).unwrap())
        .filter(|entry| entry.as_ref().unwrap().file_name() != "manifest")
        .count()
}

#[test]
fn a_kill_at_any_moment_loses_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let mut interrupted = 0;
    for round in 0..40 {
        let root = scratch.path().join(round.to_string());
        fs::create_dir_all(root.join("sub")).unwrap();
        for number in 0..FILES {
            let parent = if number % 2 == 0 { root.clone() } else { root.join("sub") };
            let age = if number % 10 == 0 { DAY } else { 8 * DAY };
            aged(parent.join(number.to_string()), age);
        }
        let before = files(&root);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cleans_until_it_is_killed", "--ignored"])
            .env(ROOT, &root)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Once it has begun, after another share of its work in each round.
        let deadline = Instant::now() + Duration::from_secs(30);
        let share = before.len() - round * FILES / 54;
        while fs::read_dir(&root).unwrap().count() + fs::read_dir(root.join("sub")).unwrap().count()
            > share
        {
            assert!(Instant::now() < deadline, "it does not begin");
            if child.try_wait().unwrap().is_some() {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (after, in_hand) = (files(&root), held(&root));
        interrupted += usize::from(root.join(PRIVATE_NAME).exists());
        assert!(in_hand <= 1, "more than one file at a time is away from its place");
        // A run that finds nothing due puts back what was held, and leaves no trace of the other.
        assert_eq!(run(&root, 365), 0);
        let back = files(&root);
        assert_eq!(back.len(), after.len() + in_hand);
        assert!(back.is_subset(&before) && after.is_subset(&back));
        assert!(!root.join(PRIVATE_NAME).exists());
        let young = |path: &&PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.parse::<usize>().unwrap() % 10 == 0
        };
        assert_eq!(back.iter().filter(young).count(), FILES / 10, "a young file is gone");
        run(&root, 7);
        assert_eq!(files(&root).len(), FILES / 10);
        fs::remove_dir_all(&root).unwrap();
    }
    assert!(interrupted > 0, "no run was interrupted: the test shows nothing");
}
