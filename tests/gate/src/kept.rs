//! What is written down, and what is read at the start.

use std::fmt::Write as _;

use evenkeel_config::load_text;
use evenkeel_journal::{Durability, Entry, Journal};
use jiff::Timestamp;
use serde_json::json;

use crate::counted_by_callgrind;

/// Each line in a transaction of its own, as the agent writes what happens.
pub(crate) fn journal(lines: u32) {
    let at = |second: u32| {
        Timestamp::from_second(1_800_000_000 + i64::from(second)).expect("a time of ours")
    };
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let (mut journal, _) = Journal::open(&scratch.path().join("state"), at(0)).expect("a journal");
    journal.begin_run(at(0)).expect("a run");
    counted_by_callgrind(|| {
        for second in 1..=lines {
            let data = json!({ "from": "up", "to": "down", "reason": "status 500" });
            let (kind, target, message) = ("check_changed", "health", "up -> down: status 500");
            let entry = Entry { kind, target, incident: None, message, data };
            let written = journal
                .together(Durability::Soon, |journal| journal.append(at(second), &entry).map(drop));
            written.expect("there is room");
        }
    });
}

/// A settings file with so many checks, each with a recovery.
pub(crate) fn settings(checks: u32) {
    let mut text = String::new();
    for check in 0..checks {
        write!(
            text,
            "[check.c{check:04}]\nhttp = {{ url = \"http://127.0.0.1:{port}/health\" }}\ninterval = \"30s\"\ntimeout = \"5s\"\nretries = 2\n\
             [recovery.c{check:04}]\nwhen = [\"c{check:04}\"]\nsteps = [{{ action = \"exec\", command = [\"/bin/true\"] }}]\nmax_retries = 3\n",
            port = 1_000 + check,
        )
        .expect("a string takes everything");
    }
    let settings = counted_by_callgrind(|| load_text("gate.toml", &text).expect("settings"));
    assert_eq!(settings.checks.len(), checks as usize);
}
