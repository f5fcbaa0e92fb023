//! One pass, as cron runs it: what it does, what it leaves, and how it ends.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use evenkeel_tests::{Agent, Finished, LONG, Scratch, evenkeel};
use nix::sys::signal::Signal;

/// Two recoveries that put a file each in its place, if they are told how, and note each of their runs.
fn settings(scratch: &Scratch) -> String {
    let place = scratch.path().display();
    let one = |name: &str| {
        let lines = format!(
            "echo x >> '{place}/{name}.runs'; [ -e '{place}/broken' ] || echo x > '{place}/{name}'"
        );
        let script = scratch.script(&format!("{name}.sh"), &lines).display().to_string();
        format!(
            r#"
[check.{name}-file]
file = {{ path = "{place}/{name}" }}
timeout = "1s"
retries = 0
interval = "1s"

[recovery.{name}]
when = ["{name}-file"]
steps = [{{ action = "exec", command = ["{script}"], timeout = "5s" }}]
max_retries = 1
backoff = {{ initial = "100ms", multiplier = 1, max = "100ms", jitter = 0.0 }}
budget = {{ per_target = "9/1h", per_host = "99/1h" }}
verify_timeout = "2s"
stable_for = "1s"
"#
        )
    };
    one("web") + &one("mail")
}

fn apply(words: &[&str], config: &Path) -> Finished {
    let config = ["--config".as_ref(), config.as_os_str()];
    evenkeel([OsStr::new("apply")].into_iter().chain(words.iter().map(OsStr::new)).chain(config))
}

#[test]
fn one_pass_recovers_what_was_named_and_nothing_else() {
    let scratch = Scratch::new();
    let (config, _) = Agent::settings_with(&scratch, "", &settings(&scratch));
    let dry = apply(&["--dry-run"], &config);
    assert_eq!(
        (dry.code, scratch.lines("web.runs"), scratch.lines("mail.runs")),
        (Some(1), 0, 0),
        "{dry:?}"
    );
    assert!(!scratch.join("state").exists(), "a dry run leaves no trace");

    let done = apply(&["web"], &config);
    assert_eq!(
        (done.code, scratch.lines("web.runs"), scratch.lines("mail.runs")),
        (Some(0), 1, 0),
        "{done:?}"
    );
    let done = apply(&[], &config);
    assert_eq!(
        (done.code, scratch.lines("web.runs"), scratch.lines("mail.runs")),
        (Some(0), 1, 1),
        "{done:?}"
    );
    let done = apply(&["--json"], &config);
    assert_eq!(done.json()["healthy"], true);
}

#[test]
fn on_a_host_that_is_well_a_pass_is_exit_0() {
    let scratch = Scratch::new();
    let (config, _) = Agent::settings_with(&scratch, "", &settings(&scratch));
    for name in ["web", "mail"] {
        scratch.file(name, "x", 0o644);
    }
    // With as many good results in a row as a check asks for that says nothing of them.
    let done = apply(&[], &config);
    assert_eq!((done.code, scratch.lines("web.runs")), (Some(0), 0), "{done:?}");
}

#[test]
fn a_pass_over_what_was_named_leaves_the_incidents_of_the_rest_open() {
    let scratch = Scratch::new();
    let (config, _) = Agent::settings_with(&scratch, "", &settings(&scratch));
    scratch.file("broken", "", 0o644);
    scratch.file("mail", "x", 0o644);
    let failed = apply(&["web"], &config);
    assert_eq!((failed.code, scratch.lines("web.runs")), (Some(1), 2), "{failed:?}");
    let done = apply(&["mail"], &config);
    assert_eq!(done.code, Some(0), "{done:?}");
    let failed = apply(&["web"], &config);
    assert_eq!(
        (failed.code, scratch.lines("web.runs")),
        (Some(1), 2),
        "its attempts are used up still: {failed:?}"
    );
}

#[test]
fn what_does_not_help_is_exit_1_and_the_next_pass_grants_no_fresh_attempts() {
    let scratch = Scratch::new();
    let (config, _) = Agent::settings_with(&scratch, "", &settings(&scratch));
    scratch.file("broken", "", 0o644);
    let failed = apply(&["web"], &config);
    assert_eq!((failed.code, scratch.lines("web.runs")), (Some(1), 2), "{failed:?}");
    let failed = apply(&["web"], &config);
    assert_eq!((failed.code, scratch.lines("web.runs")), (Some(1), 2), "{failed:?}");
}

#[test]
fn an_unknown_name_is_exit_2_with_the_nearest_and_a_busy_history_exit_3() {
    let scratch = Scratch::new();
    let text = settings(&scratch);
    for name in ["web", "mail"] {
        scratch.file(name, "x", 0o644);
    }
    let agent = Agent::start(&scratch, &text);
    let unknown = apply(&["mial"], agent.config());
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(
        unknown.stderr.contains("no check, rule or recovery is named `mial`; did you mean `mail`?"),
        "{unknown:?}"
    );
    let busy = apply(&[], agent.config());
    assert_eq!(busy.code, Some(3), "{busy:?}");
    assert!(busy.stderr.contains("is in use by another agent, process "), "{busy:?}");
}

#[test]
fn a_hold_binds_a_pass_too() {
    let scratch = Scratch::new();
    let text = settings(&scratch);
    for name in ["web", "mail"] {
        scratch.file(name, "x", 0o644);
    }
    let mut agent = Agent::start(&scratch, &text);
    let order = ["hold", "web", "--for", "1h", "--reason", "migration", "--config"].map(OsStr::new);
    let held = evenkeel(order.into_iter().chain([agent.config().as_os_str()]));
    assert_eq!(held.code, Some(0), "{held:?}");
    agent.daemon.signal(Signal::SIGTERM);
    agent.daemon.wait(LONG);
    for name in ["web", "mail"] {
        fs::remove_file(scratch.join(name)).expect("it was there");
    }
    let done = apply(&[], agent.config());
    assert_eq!(
        (done.code, scratch.lines("web.runs"), scratch.lines("mail.runs")),
        (Some(1), 0, 1),
        "{done:?}"
    );
    assert!(done.stdout.contains("migration"), "it says why: {done:?}");
}
