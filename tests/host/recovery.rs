//! Budgets and intents: what must hold whatever happens to the agent.

use std::fs;
use std::path::Path;

use evenkeel_tests::{Agent, LONG, Scratch, until};
use nix::sys::signal::Signal;

/// A check that a file is there, and a recovery that runs a script which notes each of its runs.
fn settings(scratch: &Scratch, script: &Path, budget: &str) -> String {
    format!(
        r#"
[check.marker]
file = {{ path = "{marker}" }}
timeout = "1s"
retries = 0
interval = "1s"

[recovery.marker]
when = ["marker"]
steps = [{{ action = "exec", command = ["{script}"], timeout = "50s" }}]
max_retries = 5
backoff = {{ initial = "100ms", multiplier = 1, max = "100ms", jitter = 0.0 }}
budget = {{ per_target = "{budget}", per_host = "100/1h" }}
verify_timeout = "2s"
stable_for = "1s"
"#,
        marker = scratch.join("marker").display(),
        script = script.display()
    )
}

#[test]
fn a_recovery_that_does_not_help_stops_when_its_budget_is_used_up() {
    let scratch = Scratch::new();
    let script =
        scratch.script("act.sh", &format!("echo x >> '{}'", scratch.join("runs").display()));
    let settings = settings(&scratch, &script, "2/1h");
    let mut agent = Agent::start(&scratch, &settings);
    until("the budget refuses", LONG, || agent.actions("marker", "refused") >= 1);
    assert_eq!(scratch.lines("runs"), 2);
    assert_eq!(agent.recovery("marker")["budget_remaining"], 0);
    assert!(
        agent.recovery("marker")["reason"].to_string().contains("budget"),
        "{}",
        agent.recovery("marker")
    );

    // A new agent has no fresh budget.
    agent.daemon.signal(Signal::SIGTERM);
    agent.daemon.wait(LONG);
    let agent = Agent::start(&scratch, &settings);
    agent.await_check("marker", "down", LONG);
    let first = agent.attempts("marker");
    until("the check has run five times more", LONG, || agent.attempts("marker") >= first + 5);
    assert_eq!(scratch.lines("runs"), 2, "nothing was done beyond the budget");
}

#[test]
fn an_action_that_was_cut_off_by_a_kill_is_verified_and_not_repeated() {
    let scratch = Scratch::new();
    let end = scratch.join("end");
    // Runs until the test says so, and for at most a minute.
    let lines = format!(
        "echo x >> '{}'\nfor i in $(seq 600); do [ -e '{}' ] && exit 0; sleep 0.1; done",
        scratch.join("runs").display(),
        end.display()
    );
    let script = scratch.script("act.sh", &lines);
    let settings = settings(&scratch, &script, "20/1h");
    let mut agent = Agent::start(&scratch, &settings);
    until("the action runs", LONG, || scratch.lines("runs") == 1);
    agent.daemon.signal(Signal::SIGKILL);
    agent.daemon.wait(LONG);
    // The action had helped before its agent could see it.
    scratch.file("marker", "x", 0o644);
    fs::write(&end, "").unwrap();

    let agent = Agent::start(&scratch, &settings);
    agent.await_check("marker", "up", LONG);
    until("the target is healthy", LONG, || agent.recovery("marker")["phase"] == "healthy");
    assert_eq!(scratch.lines("runs"), 1, "the action ran once");
    assert_eq!(agent.status()["mode"], "enforce");
}
