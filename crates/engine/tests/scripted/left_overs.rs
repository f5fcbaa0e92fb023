//! Which processes an action is told of that starts a supervisord anew: programs of that one, as they were seen last.

use evenkeel_probe::{Facts, FailureClass, Measurement, Outcome, Part};

use crate::host::{MINUTE, ScriptedHost, measurement};

const TWO: &str = r#"
[agent]
grace = "0s"
[check.supervisor]
supervisor = { url = "unix:///run/a.sock", programs = ["*"] }
interval = "10s"
[check.other]
supervisor = { url = "unix:///run/b.sock", programs = ["*"] }
interval = "10s"
[recovery.supervisor]
when = ["supervisor", "other"]
steps = [{ action = "exec", command = ["start"], end_left_overs = true, url = "unix:///run/a.sock" }]
"#;

fn listed(names: &[(&str, &str)]) -> Measurement {
    let part = |(name, incarnation): &(&str, &str)| {
        let mut facts = Facts::default();
        facts.set("incarnation", *incarnation);
        Part { name: (*name).to_owned(), outcome: Outcome::Good, facts }
    };
    measurement(Outcome::Good, names.iter().map(part).collect())
}

fn killed() -> Measurement {
    measurement(Outcome::bad(FailureClass::Refused, "nobody listens"), Vec::new())
}

fn told(host: &ScriptedHost) -> Vec<String> {
    let act = host.acts.first().expect("an action");
    act.occasion.workers.iter().map(evenkeel_recovery::actions::Identity::incarnation).collect()
}

/// Both supervisords were seen with their programs.
fn host() -> ScriptedHost {
    let mut host = ScriptedHost::new(TWO);
    host.sees("supervisor", listed(&[("one", "11@1"), ("two", "12@1")]));
    host.sees("other", listed(&[("three", "13@1")]));
    host.run_for(MINUTE);
    host
}

#[test]
fn they_are_those_of_the_supervisord_that_is_started_and_of_no_other() {
    let mut host = host();
    host.sees("supervisor", killed());
    host.run_for(5 * MINUTE);
    assert_eq!(told(&host), ["11@1", "12@1"]);
}

#[test]
fn a_reload_does_not_forget_them() {
    let mut host = host();
    host.sees("supervisor", killed());
    host.feed(evenkeel_engine::Input::Tick);
    let settings = evenkeel_config::load_text("test.toml", TWO).expect("valid settings");
    host.engine.reconfigure(host.now, 1, settings);
    host.run_for(5 * MINUTE);
    assert_eq!(told(&host), ["11@1", "12@1"]);
}

#[test]
fn of_one_that_never_answered_they_are_its_children() {
    let mut host = ScriptedHost::new(TWO);
    let mut frozen = measurement(Outcome::bad(FailureClass::Timeout, "frozen"), Vec::new());
    frozen.facts.set("daemon_children", "21@5 22@5");
    host.sees("supervisor", frozen);
    host.sees("other", listed(&[("three", "13@1")]));
    host.run_for(5 * MINUTE);
    assert_eq!(told(&host), ["21@5", "22@5"]);
}
