//! An agent that is killed in the middle of a restart, under a real supervisord: what it stopped is started, and what somebody
//! stopped on purpose is not.

use std::fs;

use evenkeel_tests::{Agent, LONG, Program, Scratch, Supervisord, installed, until};
use nix::sys::signal::Signal;

/// A program that takes its time to end, and notes each of its lives.
fn slow_to_stop(scratch: &Scratch) -> Program {
    let place = scratch.path().display();
    let script = format!(
        "echo x >> '{place}/lives'\ntrap 'while [ ! -e {place}/may-end ]; do sleep 0.05; done; exit 0' TERM\n\
         while :; do sleep 0.05; done"
    );
    Program::new("worker", &script).setting("stopsignal=TERM").setting("stopwaitsecs=600")
}

/// What is wrong is said by a file alone, so that the program runs when it is restarted.
fn settings(scratch: &Scratch, supervisord: &Supervisord) -> String {
    let (place, socket) = (scratch.path().display(), supervisord.socket().display());
    format!(
        r#"
[check.marker]
file = {{ path = "{place}/marker" }}
timeout = "1s"
retries = 0
interval = "1s"

[check.programs]
supervisor = {{ url = "unix://{socket}", programs = ["worker"], judge_states = false }}
timeout = "2s"
retries = 0
interval = "2s"

[recovery.web]
when = ["marker", "programs"]
steps = [{{ action = "supervisor.restart-program", program = "worker", timeout = "120s" }}]
max_retries = 0
verify_timeout = "120s"
stable_for = "1s"
"#
    )
}

fn lives(scratch: &Scratch) -> usize {
    fs::read_to_string(scratch.join("lives")).unwrap_or_default().lines().count()
}

/// An agent that was killed while the program that it restarts was about to end.
fn killed_in_a_restart(scratch: &Scratch) -> (Supervisord, String) {
    let supervisord = Supervisord::start(scratch, &[slow_to_stop(scratch)]);
    supervisord.await_running("worker");
    scratch.file("marker", "x", 0o644);
    let settings = settings(scratch, &supervisord);
    let mut agent = Agent::start(scratch, &settings);
    agent.await_check("marker", "up", LONG);
    agent.await_check("programs", "up", LONG);
    fs::remove_file(scratch.join("marker")).expect("it was there");
    supervisord.await_state("worker", "STOPPING");
    agent.daemon.signal(Signal::SIGKILL);
    agent.daemon.wait(LONG);
    fs::write(scratch.join("may-end"), "").expect("a file");
    supervisord.await_state("worker", "STOPPED");
    assert_eq!(lives(scratch), 1);
    (supervisord, settings)
}

#[test]
fn a_program_that_a_killed_agent_stopped_is_started_by_the_next_one_without_another_attempt() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let (supervisord, settings) = killed_in_a_restart(&scratch);
    let agent = Agent::start(&scratch, &settings);
    let started = supervisord.await_running("worker");
    assert_eq!(agent.recovery("web")["budget_remaining"], 2, "one attempt, charged once");
    until("it says so", LONG, || {
        agent.get("/api/events?kind=acted").body.contains("which a restart had stopped")
    });
    fs::write(scratch.join("marker"), "x").expect("a file");
    until("its proof is seen", LONG, || agent.actions("web", "recovered") == 1);
    assert_eq!(supervisord.await_running("worker"), started);
    let intended = agent.events().iter().filter(|event| event["kind"] == "intended").count();
    assert_eq!((lives(&scratch), intended), (2, 1));
}

#[test]
fn a_program_that_somebody_started_and_stopped_since_is_left_as_he_left_it() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let (supervisord, settings) = killed_in_a_restart(&scratch);
    supervisord.control("start", "worker");
    supervisord.stop("worker");
    let agent = Agent::start(&scratch, &settings);
    until("it says that it left it alone", LONG, || {
        agent.get("/api/events?kind=acted").body.contains("left `worker` as it is, STOPPED")
    });
    let first = agent.attempts("programs");
    until("it is looked at again", LONG, || agent.attempts("programs") >= first + 3);
    assert_eq!((supervisord.state("worker").state.as_str(), lives(&scratch)), ("STOPPED", 2));
}
