//! Programs of a supervisor one by one: their limits, when they are left alone, and hints about them.

use std::time::Duration;

use evenkeel_engine::{Input, Record, Refusal};
use evenkeel_probe::{FailureClass, Measurement, Outcome, Part};

use crate::host::{PROGRAMS, ScriptedHost, bad, fatal, good, programs};

const ENDPOINT: &str = r#"
[agent]
grace = "0s"
[check.web]
http = { url = "http://127.0.0.1:1/" }
interval = "10s"
timeout = "1s"
startup_grace = "60s"
failure_threshold = { failures = 2, within = 2 }
success_threshold = 1
[check.web-programs]
supervisor = { url = "unix:///run/s.sock", programs = ["web"], judge_states = false }
interval = "10s"
timeout = "1s"
[recovery.web]
when = ["web", "web-programs"]
steps = [{ action = "supervisor.restart-program", program = "web" }]
"#;

/// A look at a supervisord with one program: what it is up to, for how long.
fn program(outcome: Outcome, uptime: Option<u64>) -> Measurement {
    let facts = uptime.into_iter().map(|uptime| ("uptime_seconds", uptime)).collect();
    let part = Part { name: "web".into(), outcome, facts };
    Measurement { parts: vec![part], ..good() }
}

#[test]
fn a_program_is_not_restarted_for_its_endpoint_while_it_is_stopped_or_starts() {
    let mut host = ScriptedHost::new(ENDPOINT);
    host.seen.insert(0, good());
    host.seen.insert(1, program(Outcome::Good, Some(3600)));
    host.run_for(Duration::from_mins(2));
    let stopped = Outcome::unknown(FailureClass::Missing, "`web` is stopped, as on purpose");
    host.seen.insert(0, bad());
    host.seen.insert(1, program(stopped, None));
    host.run_for(Duration::from_mins(10));
    assert_eq!(host.acts.len(), 0, "stopped on purpose");
    let said = host.records.iter().any(|record| {
        matches!(record, Record::Refused { reason: Refusal::ProgramNotReady { program, why, .. }, .. }
            if program == "web" && why.contains("on purpose"))
    });
    assert!(said, "{:?}", host.records);
    host.seen.insert(1, program(Outcome::Good, Some(20)));
    host.run_for(Duration::from_secs(11));
    assert_eq!(host.acts.len(), 0, "it may still start");
    host.seen.insert(1, program(Outcome::Good, Some(60)));
    host.run_for(Duration::from_secs(11));
    assert_eq!(host.acts.len(), 1, "it runs for long enough, and its endpoint is still down");
}

#[test]
fn a_limit_is_for_each_program_and_restarts_only_the_one_that_passes_it() {
    let mut host = ScriptedHost::new(
        r#"
[agent]
grace = "0s"
[check.memory]
supervisor = { url = "unix:///run/s.sock", programs = ["*"], judge_states = false }
conditions = [{ field = "rss_bytes", above = "100MB", for = "20s" }]
interval = "5s"
timeout = "1s"
[recovery.memory]
when = ["memory"]
steps = [{ action = "supervisor.restart-program" }]
"#,
    );
    let part = |name: &str, rss: u64| Part {
        name: name.into(),
        outcome: Outcome::Good,
        facts: [("rss_bytes", rss), ("pid", 7)].into_iter().collect(),
    };
    let seen = |leaky| Measurement { parts: vec![part("a", 1), part("leaky", leaky)], ..good() };
    host.seen.insert(0, seen(100_000_000));
    host.run_for(Duration::from_mins(5));
    assert_eq!(host.acts.len(), 0, "exactly at the limit");
    host.seen.insert(0, seen(100_000_001));
    host.run_for(Duration::from_secs(15));
    assert_eq!(host.acts.len(), 0, "not for long enough");
    host.run_for(Duration::from_secs(15));
    assert_eq!(host.acts.len(), 1, "{:?}", host.records);
    assert_eq!(host.acts[0].target, "memory/leaky");
}

#[test]
fn a_hint_makes_a_check_look_soon_and_a_storm_of_hints_no_more_often_than_a_closer_look() {
    let mut host = ScriptedHost::new(PROGRAMS);
    host.run_for(Duration::from_secs(12));
    let before = host.probes[&0].len();
    host.feed(Input::Hinted { check: 0 });
    assert_eq!(host.probes[&0].len(), before + 1, "at once");
    for _ in 0..1000 {
        host.feed(Input::Hinted { check: 0 });
        host.run_for(Duration::from_millis(1));
    }
    // A tenth of the interval of ten seconds lies between two looks.
    assert!(host.probes[&0].len() <= before + 3, "{}", host.probes[&0].len() - before);
    host.feed(Input::Hinted { check: 99 });
}

#[test]
fn a_program_that_two_checks_tell_of_is_proved_by_both() {
    let check = |name: &str| {
        format!(
            "[check.{name}]\nsupervisor = {{ url = \"unix:///run/{name}.sock\", programs = [\"web\"] }}\ninterval = \"10s\"\n"
        )
    };
    let recovery = "[recovery.web]\nwhen = [\"one\", \"two\"]\nverify_timeout = \"5m\"\n\
        steps = [{ action = \"exec\", command = [\"restart\"] }]\n";
    let settings = format!("[agent]\ngrace = \"0s\"\n{}{}{recovery}", check("one"), check("two"));
    let mut host = ScriptedHost::new(&settings);
    for name in ["one", "two"] {
        host.sees(name, programs(&[("web", Outcome::Good)]));
    }
    host.run_for(Duration::from_mins(2));
    for name in ["one", "two"] {
        host.sees(name, programs(&[("web", fatal())]));
    }
    while host.acts.is_empty() {
        host.run_for(Duration::from_secs(1));
    }
    host.sees("one", programs(&[("web", Outcome::Good)]));
    let starts = Outcome::unknown(FailureClass::Missing, "`web` starts");
    host.sees("two", programs(&[("web", starts)]));
    host.run_for(Duration::from_mins(2));
    assert_eq!(host.messages("judged"), Vec::<String>::new(), "one of two is no proof");
    host.sees("two", programs(&[("web", Outcome::Good)]));
    host.run_for(Duration::from_mins(1));
    assert_eq!(host.messages("judged").len(), 1, "{:?}", host.kinds());
}
