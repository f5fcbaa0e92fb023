//! A real supervisord under a real agent.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use evenkeel_tests::{Agent, LONG, Program, Scratch, Supervisord, installed, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Settings of a check of every program, and of its recovery.
fn settings(socket: &Path) -> String {
    format!(
        r#"
[check.workers]
supervisor = {{ url = "unix://{}", programs = ["*"] }}
timeout = "1s"
retries = 0
interval = "1s"

[recovery.workers]
when = ["workers"]
steps = [{{ action = "supervisor.restart-program" }}]
max_retries = 8
backoff = {{ initial = "500ms", multiplier = 2, max = "1s", jitter = 0.0 }}
budget = {{ per_target = "20/1h", per_host = "40/1h" }}
verify_timeout = "10s"
stable_for = "2s"
"#,
        socket.display()
    )
}

fn part(agent: &Agent, name: &str) -> serde_json::Value {
    let check = agent.check("workers");
    let parts = check["parts"].as_array().cloned().unwrap_or_default();
    parts.into_iter().find(|part| part["name"] == name).unwrap_or_default()
}

/// The kinds of the events about one target, oldest first.
fn story(agent: &Agent, target: &str) -> Vec<String> {
    let mut events = agent.events();
    events.sort_by_key(|event| event["id"].as_i64());
    let about = events.iter().filter(|event| event["target"] == target);
    about.filter_map(|event| event["kind"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_killed_program_is_restarted_verified_and_counted() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let supervisord =
        Supervisord::start(&scratch, &[Program::idle("worker"), Program::idle("other")]);
    let (killed, other) = (supervisord.await_running("worker"), supervisord.await_running("other"));
    let agent = Agent::start(&scratch, &settings(supervisord.socket()));
    agent.await_check("workers", "up", LONG);

    kill(Pid::from_raw(killed.cast_signed()), Signal::SIGKILL).unwrap();

    until("the recovery is verified and counted", LONG, || {
        agent.actions("workers/worker", "recovered") >= 1
    });
    assert_eq!(agent.actions("workers/worker", "recovered"), 1);
    assert_ne!(supervisord.await_running("worker"), killed);
    assert_eq!(supervisord.await_running("other"), other, "the other program was left alone");
    until("the incident is over", LONG, || agent.recovery("workers/worker")["phase"] == "healthy");
    assert_eq!(agent.all_actions(), 1, "one action was enough");
    agent.await_event("workers/worker", "incident_closed");
    let story = story(&agent, "workers/worker");
    let expected = ["incident_opened", "intended", "acted", "judged", "incident_closed"];
    let told: Vec<_> = story.iter().filter(|kind| expected.contains(&kind.as_str())).collect();
    assert_eq!(told, expected, "the whole story, in order: {story:?}");
}

#[test]
fn a_fatal_program_beside_running_ones_is_restarted_and_only_that_one() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let gate = scratch.join("gate");
    let starts = scratch.join("starts");
    let picky = format!(
        "echo x >> '{}'\n[ -e '{}' ] || exit 3\nexec sleep 100000",
        starts.display(),
        gate.display()
    );
    let programs = [Program::idle("first"), Program::new("picky", &picky), Program::idle("last")];
    let supervisord = Supervisord::start(&scratch, &programs);
    supervisord.await_state("picky", "FATAL");
    let before: BTreeMap<_, _> =
        ["first", "last"].map(|name| (name, supervisord.await_running(name))).into();
    let agent = Agent::start(&scratch, &settings(supervisord.socket()));

    // While it cannot start, the agent tries in vain, and says so.
    until("a restart failed", LONG, || agent.actions("workers/picky", "failed") >= 1);
    assert_eq!(agent.actions("workers/picky", "recovered"), 0);
    assert!(
        fs::read_to_string(&starts).unwrap().lines().count() >= 2,
        "the agent started it again"
    );
    fs::write(&gate, "").unwrap();

    until("the recovery is verified", LONG, || agent.actions("workers/picky", "recovered") >= 1);
    supervisord.await_running("picky");
    for (name, pid) in before {
        assert_eq!(supervisord.await_running(name), pid, "`{name}` was left alone");
        assert_eq!(agent.recovery(&format!("workers/{name}"))["phase"], "healthy");
    }
    let of_picky = agent.count("evenkeel_recovery_actions_total", &[("target", "workers/picky")]);
    assert_eq!(agent.all_actions(), of_picky, "no other target was acted on");
}

#[test]
fn a_frozen_supervisord_is_down_within_a_few_rounds_and_no_program_is_restarted() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let supervisord = Supervisord::start(&scratch, &[Program::idle("worker")]);
    let worker = supervisord.await_running("worker");
    let daemon = supervisord.daemon.pid();
    let agent = Agent::start(&scratch, &settings(supervisord.socket()));
    agent.await_check("workers", "up", LONG);

    supervisord.daemon.signal(Signal::SIGSTOP);

    let check = agent.await_check("workers", "down", LONG);
    assert!(
        check["reason"].as_str().unwrap_or_default().contains("frozen"),
        "it says why: {check}"
    );
    // It stays so for a few rounds: nothing here restarts a supervisord, and its programs are not to blame.
    let first = agent.attempts("workers");
    until("the check has run three times more", LONG, || {
        assert_eq!(agent.check("workers")["state"], "down");
        agent.attempts("workers") >= first + 3
    });
    supervisord.daemon.signal(Signal::SIGCONT);
    agent.await_check("workers", "up", LONG);
    assert_eq!((supervisord.await_running("worker"), supervisord.daemon.pid()), (worker, daemon));
}

#[test]
fn a_deleted_socket_is_diagnosed_and_healthy_programs_are_left_alone() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let supervisord = Supervisord::start(&scratch, &[Program::idle("worker")]);
    let worker = supervisord.await_running("worker");
    let agent = Agent::start(&scratch, &settings(supervisord.socket()));
    agent.await_check("workers", "up", LONG);

    fs::remove_file(supervisord.socket()).unwrap();

    let check = agent.await_check("workers", "unknown", LONG);
    let reason = check["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("deleted"), "the reason names what happened: {check}");
    let first = agent.attempts("workers");
    until("the check has run three times more", LONG, || agent.attempts("workers") >= first + 3);
    assert_eq!(agent.all_actions(), 0, "nothing was restarted");
    assert!(Path::new(&format!("/proc/{worker}")).exists(), "the program still runs");
    assert_ne!(part(&agent, "worker")["state"], "down");
}

#[test]
fn a_program_that_was_stopped_on_purpose_stays_stopped() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let supervisord =
        Supervisord::start(&scratch, &[Program::idle("worker"), Program::idle("other")]);
    supervisord.await_running("worker");
    supervisord.await_running("other");
    let agent = Agent::start(&scratch, &settings(supervisord.socket()));
    agent.await_check("workers", "up", LONG);

    supervisord.stop("worker");

    let first = agent.attempts("workers");
    until("the check has run three times more", LONG, || agent.attempts("workers") >= first + 3);
    assert_eq!(supervisord.state("worker").state, "STOPPED");
    assert_eq!(agent.all_actions(), 0, "nothing was restarted");
}
