//! The ways in which a real supervisord and its programs fail, each told from the others by `evenkeel-probe`.

use std::path::Path;
use std::time::Duration;

use evenkeel_tests::{
    Daemon, Finished, LONG, Program, Scratch, Supervisord, find_bin, installed, is_root,
    run_within, until,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

fn probe(args: &[&str]) -> Finished {
    let program = find_bin("evenkeel-probe");
    run_within(Duration::from_mins(1), program, args.iter().chain(&["--json"]), None)
}

/// What is said of a supervisord, and with which exit code.
fn supervisor(socket: &Path, timeout: &str) -> (Value, Option<i32>) {
    let url = format!("unix://{}", socket.display());
    let finished = probe(&["supervisor", "--url", &url, "--timeout", timeout]);
    (finished.json(), finished.code)
}

fn part<'a>(document: &'a Value, name: &str) -> &'a Value {
    let parts = document["parts"].as_array().unwrap();
    parts.iter().find(|part| part["name"] == name).unwrap_or_else(|| panic!("{document}"))
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).unwrap();
}

#[test]
fn each_state_of_a_program_is_judged_by_whether_it_is_a_fault() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let supervisord = Supervisord::start(
        &scratch,
        &[
            Program::idle("good"),
            Program::idle("killed"),
            Program::idle("stopped"),
            Program::new("fatal", "exit 3"),
            Program::new("backoff", "exit 3").setting("startretries=100000"),
            Program::new("done", "sleep 2; exit 7").setting("exitcodes=0,7"),
            Program::new("failed", "sleep 2; exit 7"),
            Program::idle("manual").setting("autostart=false"),
        ],
    );
    for name in ["good", "killed", "stopped"] {
        supervisord.await_running(name);
    }
    supervisord.stop("stopped");
    let killed = supervisord.await_running("killed");
    let (before, _) = supervisor(supervisord.socket(), "20s");
    let incarnation = |document: &Value, name| part(document, name)["facts"]["incarnation"].clone();
    assert!(incarnation(&before, "killed").as_str().unwrap().starts_with(&format!("{killed}@")));
    signal(killed, Signal::SIGKILL);
    for (name, state) in [
        ("killed", "EXITED"),
        ("fatal", "FATAL"),
        ("done", "EXITED"),
        ("failed", "EXITED"),
        ("backoff", "BACKOFF"),
    ] {
        supervisord.await_state(name, state);
    }

    let (document, code) = supervisor(supervisord.socket(), "20s");
    assert_eq!((document["verdict"].as_str(), code), (Some("down"), Some(1)));
    assert_eq!(document["facts"]["daemon"], "answers");
    let said = |name: &str| {
        let outcome = &part(&document, name)["outcome"];
        let failure = &outcome["failure"];
        (outcome["result"].as_str().unwrap(), failure["detail"].as_str().unwrap_or_default())
    };
    assert_eq!(said("good").0, "good");
    assert_eq!(said("killed"), ("bad", "`killed` was ended by a signal"));
    assert_eq!(
        said("fatal"),
        ("bad", "`fatal` is FATAL: Exited too quickly (process log may have details)")
    );
    assert_eq!(said("failed"), ("bad", "`failed` exited with 7"));
    // It is started again and again, and may be on its way just now.
    let (result, detail) = said("backoff");
    assert!(
        result == "bad" && detail.contains("BACKOFF") || detail.contains("STARTING"),
        "{detail}"
    );
    assert_eq!(said("done"), ("unknown", "`done` exited with 7, as one that is done"));
    assert_eq!(said("stopped"), ("unknown", "`stopped` is stopped, as on purpose"));
    assert_eq!(
        said("manual"),
        ("unknown", "`manual` was not started yet, and nobody asked for it")
    );
    assert_eq!(incarnation(&document, "good"), incarnation(&before, "good"));
    assert_eq!(incarnation(&document, "killed"), Value::Null);
}

#[test]
fn a_frozen_supervisord_is_down_and_named_and_comes_back() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let supervisord = Supervisord::start(&scratch, &[Program::idle("worker")]);
    supervisord.await_running("worker");
    let daemon = supervisord.daemon.pid();
    signal(daemon, Signal::SIGSTOP);
    let (document, code) = supervisor(supervisord.socket(), "1s");
    assert_eq!((document["verdict"].as_str(), code), (Some("down"), Some(1)), "{document}");
    assert_eq!(document["facts"]["daemon"], "frozen");
    assert_eq!(document["facts"]["daemon_pid"], f64::from(daemon));
    assert_eq!(document["outcome"]["failure"]["class"], "timeout");
    let reason = document["reasons"][0].as_str().unwrap();
    assert!(reason.contains(&format!("process {daemon} was stopped by a signal")), "{reason}");
    assert_eq!(document["parts"].as_array().map(Vec::len), Some(0), "no program is blamed");
    signal(daemon, Signal::SIGCONT);
    until("it answers again", LONG, || supervisor(supervisord.socket(), "20s").1 == Some(0));
}

#[test]
fn a_killed_supervisord_is_down_and_refuses() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let supervisord = Supervisord::start(&scratch, &[]);
    signal(supervisord.daemon.pid(), Signal::SIGKILL);
    let mut last = Value::Null;
    until("nobody listens any more", LONG, || {
        last = supervisor(supervisord.socket(), "5s").0;
        last["facts"]["daemon"] == "killed"
    });
    assert_eq!(last["verdict"], "down");
    assert_eq!(last["outcome"]["failure"]["class"], "refused");
}

#[test]
fn a_supervisord_whose_socket_was_deleted_is_unknown_and_named() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let supervisord = Supervisord::start(&scratch, &[Program::idle("worker")]);
    supervisord.await_running("worker");
    std::fs::remove_file(supervisord.socket()).unwrap();
    let (document, code) = supervisor(supervisord.socket(), "20s");
    assert_eq!((document["verdict"].as_str(), code), (Some("unknown"), Some(3)), "{document}");
    assert_eq!(document["facts"]["daemon"], "socket-deleted");
    assert_eq!(document["facts"]["daemon_pid"], f64::from(supervisord.daemon.pid()));
    assert_eq!(document["outcome"]["failure"]["class"], "missing");
}

#[test]
fn the_process_of_a_program_and_of_its_daemon_are_looked_at() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let forks = Program::new("forks", "sleep 1000 &\nsleep 1000 &\nwait");
    let supervisord = Supervisord::start(&scratch, &[forks]);
    let pid = supervisord.await_running("forks");
    let url = format!("unix://{}", supervisord.socket().display());
    let program = |name: &str, more: &[&str]| {
        probe(&[&["process", "--program", name, "--url", &url, "--timeout", "20s"], more].concat())
    };
    until("its children", LONG, || program("forks", &[]).json()["facts"]["children"] == 2.0);
    assert_eq!(program("forks", &[]).json()["facts"]["pid"], f64::from(pid));
    assert_eq!(program("forks", &["--tree"]).json()["facts"]["processes"], 3.0);
    let mistyped = program("forsk", &[]);
    assert_eq!(mistyped.code, Some(1));
    assert!(mistyped.stdout.contains("did you mean `forks`?"), "{mistyped:?}");
    let daemon = probe(&["process", "--supervisor-socket", &url, "--timeout", "20s"]).json();
    assert_eq!(daemon["facts"]["pid"], f64::from(supervisord.daemon.pid()));
}

#[test]
fn who_listens_at_that_path_within_other_mounts_is_not_taken_for_ours() {
    if !is_root() || !installed("python3") {
        return;
    }
    let scratch = Scratch::new();
    let socket = scratch.folder("run", 0o755).join("s.sock");
    // As a container with the network of the host: its socket stands in the same list of the kernel.
    let listens = format!(
        "mount -t tmpfs none '{}' && exec python3 -c \"import socket, time; s = socket.socket(socket.AF_UNIX); \
         s.bind('{}'); s.listen(); time.sleep(1000)\"",
        scratch.join("run").display(),
        socket.display()
    );
    let args = ["--mount", "--propagation", "private", "sh", "-c", &listens];
    let _other = Daemon::start("other", "unshare", args, &scratch.join("other.log"));
    let listed = || {
        let table = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
        table.contains(&socket.display().to_string())
    };
    until("the other one listens", LONG, listed);
    let (seen, code) = supervisor(&socket, "2s");
    assert_eq!((seen["facts"]["daemon"].as_str(), code), (Some("absent"), Some(1)), "{seen}");
}
