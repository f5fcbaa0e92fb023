//! Which numbers of a result become points of curves.

use std::time::Duration;

use evenkeel_probe::{Facts, FailureClass, Measurement, Outcome, Part};

use crate::host::{ScriptedHost, bad, good};

const SETTINGS: &str = r#"
[agent]
grace = "0s"
[check.web]
http = { url = "http://127.0.0.1:1/" }
conditions = [{ field = "processing_ms", above = 400 }, { field = "status", equals = 200 }]
interval = "10s"
timeout = "1s"
[check.memory]
process = { supervisor_daemon = true }
conditions = [{ field = "rss_bytes", above = "300MB", for = "5m" }]
interval = "10s"
[check.supervisor]
supervisor = { url = "unix:///run/s.sock", programs = ["*"] }
interval = "10s"
"#;

/// What is sampled of `subject` after all checks were looked at.
fn sampled(host: &mut ScriptedHost, subject: &str) -> Vec<(String, f64)> {
    host.sampled.clear();
    host.run_for(Duration::from_secs(11));
    let values = host.sampled.get(subject).map(|sampled| sampled.values.clone());
    let pairs = values.into_iter().flatten().map(|(field, value)| (field.into_owned(), value));
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}

fn numbers(facts: &[(&str, u32)]) -> Facts {
    facts.iter().copied().collect()
}

fn named(pairs: &[(&str, f64)]) -> Vec<(String, f64)> {
    pairs.iter().map(|(field, value)| ((*field).to_owned(), *value)).collect()
}

#[test]
fn latency_memory_and_what_a_condition_limits_are_curves_and_the_rest_is_not() {
    let mut host = ScriptedHost::new(SETTINGS);
    let facts =
        numbers(&[("latency_ms", 12), ("processing_ms", 7), ("status", 200), ("body_bytes", 9)]);
    host.sees("web", Measurement { facts, ..good() });
    assert_eq!(sampled(&mut host, "web"), named(&[("latency_ms", 12.0), ("processing_ms", 7.0)]));
    let facts = numbers(&[("rss_bytes", 1_000), ("fds", 5), ("pid", 77)]);
    host.sees("memory", Measurement { facts, ..good() });
    assert_eq!(sampled(&mut host, "memory"), named(&[("fds", 5.0), ("rss_bytes", 1_000.0)]));
}

#[test]
fn a_result_that_came_without_a_latency_took_as_long_as_it_took() {
    let mut host = ScriptedHost::new(SETTINGS);
    host.sees("web", Measurement { took: Duration::from_secs(1), ..bad() });
    assert_eq!(sampled(&mut host, "web"), named(&[("latency_ms", 1_000.0)]));
    // A process has none, however long it took to look.
    host.sees("memory", good());
    assert_eq!(sampled(&mut host, "memory"), []);
}

#[test]
fn parts_have_curves_of_their_own() {
    let mut host = ScriptedHost::new(SETTINGS);
    let facts = numbers(&[("rss_bytes", 42), ("pid", 7)]);
    let part = Part { name: "worker".into(), outcome: Outcome::Good, facts };
    host.sees("supervisor", Measurement { parts: vec![part], ..good() });
    assert_eq!(sampled(&mut host, "supervisor/worker"), named(&[("rss_bytes", 42.0)]));
}

#[test]
fn what_could_not_be_told_is_no_point_of_a_curve() {
    let mut host = ScriptedHost::new(SETTINGS);
    let outcome = Outcome::unknown(FailureClass::Timeout, "not looked at");
    host.sees("web", Measurement { outcome, facts: numbers(&[("latency_ms", 9)]), ..good() });
    assert_eq!(sampled(&mut host, "web"), []);
}
