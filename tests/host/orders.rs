//! Orders of an operator: obeyed by the running agent alone, from those who may, written before they are answered.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use evenkeel_tests::{Agent, LONG, Scratch, ask, evenkeel, find_bin, is_root, run, until};
use nix::sys::signal::Signal;
use serde_json::Value;

/// A marker that must be there, and a script that puts it there and notes each of its runs.
fn settings(scratch: &Scratch) -> String {
    let place = scratch.path().display();
    let script =
        scratch.script("act.sh", &format!("echo x >> '{place}/runs'\necho x > '{place}/marker'"));
    scratch.file("marker", "x", 0o644);
    format!(
        r#"
[check.marker]
file = {{ path = "{place}/marker" }}
timeout = "1s"
retries = 0
interval = "1s"

[recovery.web]
when = ["marker"]
steps = [{{ action = "exec", command = ["{script}"], timeout = "5s" }}]
max_retries = 5
backoff = {{ initial = "100ms", multiplier = 1, max = "100ms", jitter = 0.0 }}
budget = {{ per_target = "20/1h", per_host = "99/1h" }}
verify_timeout = "2s"
stable_for = "1s"
"#,
        script = script.display()
    )
}

/// An agent whose marker is there.
fn healthy(scratch: &Scratch) -> Agent {
    let agent = Agent::start(scratch, &settings(scratch));
    agent.await_check("marker", "up", LONG);
    agent
}

fn hold(agent: &Agent, target: &str) -> Value {
    let words = ["hold", target, "--for", "1h", "--reason", "migration of the database", "--json"];
    let held = ask(&words, agent.config());
    assert_eq!(held.code, Some(0), "{held:?}");
    held.json()
}

#[test]
fn what_is_held_is_left_alone_also_by_the_next_agent_until_it_is_released() {
    let scratch = Scratch::new();
    let mut agent = healthy(&scratch);
    let held = hold(&agent, "web");
    assert_eq!((held["order"].as_str(), held["target"].as_str()), (Some("hold"), Some("web")));
    assert!(held["until"].is_string(), "{held}");

    // An order that was answered is on disk: no grace, no farewell.
    agent.daemon.signal(Signal::SIGKILL);
    agent.daemon.wait(LONG);
    let agent = Agent::start(&scratch, &settings_without_marker(&scratch));
    agent.await_check("marker", "down", LONG);
    let first = agent.attempts("marker");
    until("the check has run three times more", LONG, || agent.attempts("marker") >= first + 3);
    assert_eq!(scratch.lines("runs"), 0, "what is held is left alone");

    let why = ask(&["why", "web"], agent.config());
    for text in ["`web` is held by ", "(pid ", ": migration of the database"] {
        assert!(why.stdout.contains(text), "`{text}` is not in\n{}", why.stdout);
    }
    let released = ask(&["release", "web"], agent.config());
    assert_eq!((released.code, released.stdout.as_str()), (Some(0), "`web` is released\n"));
    agent.await_check("marker", "up", LONG);
    until("it was done", LONG, || scratch.lines("runs") == 1);
    let kinds = ask(&["events", "--json"], agent.config()).json();
    let kinds: Vec<_> = kinds["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    let place = |kind| kinds.iter().position(|known| *known == kind);
    assert!(
        place("held") < place("released") && place("released") < place("intended"),
        "{kinds:?}"
    );
}

/// The settings again, with the marker as it is.
fn settings_without_marker(scratch: &Scratch) -> String {
    let settings = settings(scratch);
    fs::remove_file(scratch.join("marker")).unwrap();
    settings
}

#[test]
fn who_spoils_the_settings_is_not_locked_out_of_the_agent_that_runs() {
    let scratch = Scratch::new();
    let agent = healthy(&scratch);
    let well = fs::read_to_string(agent.config()).expect("its settings");
    fs::write(agent.config(), well + "\n[check.web]\nintervall = \"5s\"\n").expect("a file");
    let status = ask(&["status"], agent.config());
    assert!(matches!(status.code, Some(0 | 1)), "{status:?}");
    assert!(status.stderr.contains("the settings are refused"), "{status:?}");
    hold(&agent, "marker");
}

#[test]
fn an_order_that_makes_no_sense_is_refused_in_words() {
    let scratch = Scratch::new();
    let agent = healthy(&scratch);
    for (words, code, text) in [
        (
            vec!["hold", "wbe", "--for", "1h", "--reason", "x"],
            2,
            "there is no target `wbe`; did you mean `web`?",
        ),
        (vec!["hold", "web", "--for", "1h"], 2, "--reason <TEXT>"),
        (
            vec!["hold", "web", "--for", "31d", "--reason", "x"],
            2,
            "accepted is a time above 0 and up to 30d",
        ),
        (vec!["hold", "web", "--for", "1h", "--reason", "  "], 2, "a reason is needed"),
        (vec!["release", "web"], 2, "`web` is not held; nothing is"),
        (vec!["release", "wbe"], 2, "there is no target `wbe`"),
        (vec!["reset", "wbe"], 2, "there is no target `wbe`"),
    ] {
        let finished = ask(&words, agent.config());
        assert_eq!(finished.code, Some(code), "{words:?}: {finished:?}");
        assert!(finished.stderr.contains(text), "{words:?}: {finished:?}");
    }
    hold(&agent, "*");
    let other = ask(&["release", "web"], agent.config());
    assert!(other.stderr.contains("held is: `*`"), "{other:?}");
}

#[test]
fn without_an_agent_nothing_is_ordered_and_nothing_written() {
    let scratch = Scratch::new();
    let mut agent = healthy(&scratch);
    agent.daemon.signal(Signal::SIGTERM);
    agent.daemon.wait(LONG);
    let before = scratch.snapshot("state");
    for words in [
        &["hold", "web", "--for", "1h", "--reason", "x"][..],
        &["release", "web"],
        &["reset", "web"],
    ] {
        let finished = ask(words, agent.config());
        assert_eq!(finished.code, Some(3), "{finished:?}");
        let socket = scratch.join("evenkeel.sock");
        for text in [&*socket.to_string_lossy(), "only a running agent takes orders"] {
            assert!(finished.stderr.contains(text), "{finished:?}");
        }
    }
    assert_eq!(scratch.snapshot("state"), before);
}

#[test]
fn strangers_may_look_at_an_open_socket_and_order_nothing() {
    if !is_root() {
        return;
    }
    let scratch = Scratch::new();
    let agent = healthy(&scratch);
    // Whoever opens the socket to all gives away the looking, not the orders.
    fs::set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(scratch.join("evenkeel.sock"), Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(agent.config(), Permissions::from_mode(0o644)).unwrap();
    // The build's directory need not be open to all.
    let program = scratch.join("evenkeel");
    fs::copy(find_bin("evenkeel"), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let as_nobody = |words: &[&str]| {
        let user = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"].map(OsStr::new);
        let config = ["--config".as_ref(), agent.config().as_os_str()];
        let words = words.iter().map(OsStr::new).chain(config);
        run("setpriv", user.into_iter().chain([program.as_os_str()]).chain(words), None)
    };
    let looked = as_nobody(&["status"]);
    assert_eq!(looked.code, Some(0), "{looked:?}");
    for words in [
        &["hold", "*", "--for", "1h", "--reason", "mischief"][..],
        &["release", "web"],
        &["reset", "web"],
    ] {
        let refused = as_nobody(words);
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(
            refused
                .stderr
                .contains("nobody may not give orders; root may, and the agent's own user"),
            "{refused:?}"
        );
    }
    let events = ask(&["events", "--kind", "held", "--json"], agent.config()).json();
    assert_eq!(events["events"].as_array().map(Vec::len), Some(0));
}

#[test]
fn orders_are_not_taken_over_an_address() {
    let scratch = Scratch::new();
    let agent = healthy(&scratch);
    for path in ["/api/hold", "/api/release", "/api/reset"] {
        let answer = evenkeel_tests::post(
            agent.address(),
            path,
            r#"{"target":"*","for_ms":1000,"reason":"x"}"#,
        );
        assert_eq!(answer.expect("it answers").status, 404, "{path}");
    }
    assert_eq!(agent.status()["mode"], "enforce");
}

#[test]
fn each_command_shows_examples_and_exit_codes() {
    for words in ["hold", "release", "reset", "why", "events"] {
        let help = evenkeel([words, "--help"]);
        assert_eq!(help.code, Some(0), "{help:?}");
        for text in ["Examples:\n  evenkeel ", "Exit: 0 "] {
            assert!(help.stdout.contains(text), "{words}: {}", help.stdout);
        }
    }
}
