//! What the agent does with a history that it cannot trust, and how it takes up its work again.

use std::fs;
use std::path::PathBuf;

use evenkeel_tests::{Agent, LONG, Scratch, evenkeel, until};
use nix::sys::signal::Signal;

/// Where `SQLite` keeps the number of the schema, in the file's header.
const USER_VERSION: std::ops::Range<usize> = 60..64;

fn settings(scratch: &Scratch) -> String {
    let path = scratch.join("shared");
    format!(
        "[permissions.shared]\npath = \"{}\"\nfiles = [{{ match = \"*.hash\", mode = \"0644\" }}]\n",
        path.display()
    )
}

/// The database in the state directory of an agent that has run and ended.
fn database(scratch: &Scratch) -> PathBuf {
    let mut agent = Agent::start(scratch, &settings(scratch));
    until("the agent keeps its rule", LONG, || scratch.mode("shared/a.hash") == 0o644);
    agent.daemon.signal(Signal::SIGTERM);
    agent.daemon.wait(LONG);
    let entries = fs::read_dir(scratch.join("state")).unwrap();
    let is_database =
        |path: &PathBuf| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3"));
    entries.flatten().map(|entry| entry.path()).find(is_database).expect("there is a database")
}

/// An agent on a history that it cannot use only observes, says why, and keeps the old file aside.
fn only_observes(scratch: &Scratch, database: &PathBuf, spoiled: &[u8]) {
    scratch.chmod("shared/a.hash", 0o600);
    let agent = Agent::start(scratch, &settings(scratch));
    let status = agent.status();
    assert_eq!(status["mode"], "observe", "{status}");
    let reason = status["mode_reason"].as_str().unwrap_or_default();
    assert!(reason.contains("journal"), "it says why: {status}");
    until("it observes", LONG, || {
        agent.metrics().sum("file_permission_errors", &[]).is_some_and(|errors| errors >= 1.0)
    });
    assert_eq!(scratch.mode("shared/a.hash"), 0o600, "it writes nothing");
    assert_eq!(agent.metrics().sum("evenkeel_agent_observe_only", &[]), Some(1.0));
    let kept = fs::read_dir(scratch.join("state")).unwrap().flatten().map(|entry| entry.path());
    let kept: Vec<_> = kept
        .filter(|path| path != database && fs::read(path).is_ok_and(|bytes| bytes == spoiled))
        .collect();
    assert_eq!(kept.len(), 1, "the old file is kept aside");
}

#[test]
fn a_torn_journal_makes_the_agent_observe_only() {
    let scratch = Scratch::new();
    scratch.file("shared/a.hash", "x", 0o600);
    let database = database(&scratch);
    let mut bytes = fs::read(&database).unwrap();
    // A power cut in the middle of a page, and garbage where the header was.
    bytes.truncate(bytes.len() / 2 + 17);
    bytes[..512].fill(0xA5);
    fs::write(&database, &bytes).unwrap();
    only_observes(&scratch, &database, &bytes);
}

#[test]
fn a_journal_of_a_newer_version_makes_the_agent_observe_only() {
    let scratch = Scratch::new();
    scratch.file("shared/a.hash", "x", 0o600);
    let database = database(&scratch);
    let mut bytes = fs::read(&database).unwrap();
    bytes[USER_VERSION].copy_from_slice(&9999_u32.to_be_bytes());
    fs::write(&database, &bytes).unwrap();
    only_observes(&scratch, &database, &bytes);
}

#[test]
fn history_outlives_the_agent() {
    let scratch = Scratch::new();
    scratch.file("shared/a.hash", "x", 0o600);
    database(&scratch);
    let agent = Agent::start(&scratch, &settings(&scratch));
    let repaired = agent.events().into_iter().filter(|event| event["kind"] == "repaired").count();
    assert_eq!(repaired, 1, "the repair of the first agent is still known");
    assert_eq!(agent.status()["mode"], "enforce");
}

#[test]
fn passes_one_after_the_other_are_no_crash_loop() {
    let scratch = Scratch::new();
    let state = scratch.join("state");
    let text = format!("[agent]\nstate_dir = \"{}\"\n", state.display()) + &settings(&scratch);
    let path = scratch.file("settings.toml", &text, 0o644);
    for pass in 0..8 {
        scratch.file("shared/a.hash", "x", 0o600);
        let finished = evenkeel(["apply".as_ref(), "--config".as_ref(), path.as_os_str()]);
        assert_eq!(finished.code, Some(0), "pass {pass}: {finished:?}");
        assert_eq!(scratch.mode("shared/a.hash"), 0o644, "pass {pass} repairs");
    }
}
