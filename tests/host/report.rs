//! How available it was, honestly: an endpoint that fails for a known time, and an agent that is killed and started again.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_tests::{Agent, Finished, LONG, Scratch, evenkeel, free_port, until};
use nix::sys::signal::Signal;
use serde_json::Value;

const SLICE: f64 = 2.0;

fn settings(port: u16) -> String {
    format!(
        r#"
[check.web]
tcp = {{ address = "127.0.0.1:{port}" }}
timeout = "500ms"
retries = 0
interval = "2s"
failure_threshold = 2
success_threshold = 1

[slo.site]
checks = ["web"]
objective = 0.9
window = "1h"
exclude_unknown_up_to = "100%"
"#
    )
}

/// The endpoint: it takes connections for as long as it lives.
fn listen(port: u16) -> TcpListener {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut listener = None;
    until("the port is free", LONG, || {
        listener = TcpListener::bind(address).ok();
        listener.is_some()
    });
    listener.expect("it was bound")
}

fn site(agent: &Agent) -> Value {
    agent.status()["slos"][0].clone()
}

/// Counts of slices are whole numbers.
fn same_count(one: f64, other: f64) -> bool {
    (one - other).abs() < 0.5
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// Waits until so many more slices of this verdict are settled.
fn await_more(agent: &Agent, verdict: &str, more: f64) {
    let before = number(&site(agent), verdict);
    let what = format!("{more} more {verdict} slices");
    until(&what, LONG, || number(&site(agent), verdict) >= before + more);
}

fn report(config: &Path, more: &[&str]) -> Finished {
    let config = config.to_str().expect("a plain path");
    evenkeel(["report", "--since", "1h", "--config", config].iter().chain(more))
}

#[test]
fn an_outage_and_a_killed_agent_are_counted_alike_in_report_status_and_metrics() {
    let scratch = Scratch::new();
    let port = free_port();
    let endpoint = listen(port);
    let mut agent = Agent::start(&scratch, &settings(port));
    let begun = Instant::now();
    await_more(&agent, "good", 3.0);

    let failed = Instant::now();
    drop(endpoint);
    await_more(&agent, "bad", 4.0);
    let endpoint = listen(port);
    let outage = failed.elapsed().as_secs_f64();
    await_more(&agent, "good", 3.0);
    let bad = number(&site(&agent), "bad");
    // On a machine with much to do a look is late by a moment.
    assert!((bad * SLICE - outage).abs() <= SLICE + 1.0, "{bad} slices for {outage} s");

    // What is collected is written every few seconds.
    until("the history knows the outage", LONG, || {
        same_count(number(&report(agent.config(), &["--json"]).json()["slos"][0], "bad"), bad)
    });
    let killed = Instant::now();
    agent.daemon.signal(Signal::SIGKILL);
    agent.daemon.wait(LONG);
    until("some slices go by", LONG, || killed.elapsed() > Duration::from_secs(8));
    let (config, address) = (agent.config().to_owned(), agent.address());
    let mut agent = Agent::spawn(&scratch, &config, address.port(), &[]);
    agent.await_answer();
    let kept = number(&site(&agent), "bad");
    assert!(same_count(kept, bad), "the outage survives: {kept} of {bad}");
    await_more(&agent, "good", 3.0);

    let now = site(&agent);
    assert!(same_count(number(&now, "bad"), bad), "{now}");
    let known = (number(&now, "good") + bad) * SLICE;
    let gap = begun.elapsed().as_secs_f64() - known;
    let down = killed.elapsed().as_secs_f64().min(8.0);
    assert!(gap >= down - SLICE, "{gap} s are unknown of {down} s without an agent: {now}");
    assert!(same_count(number(&now, "maintenance"), 0.0), "{now}");

    // All three say the same, once nothing is on its way any more.
    until("report, status and metrics agree", LONG, || {
        let status = site(&agent);
        let metrics = agent.metrics();
        let told = report(&config, &["--json"]).json()["slos"][0].clone();
        let of = |name: &str| metrics.sum(&format!("evenkeel_{name}_ratio"), &[("slo", "site")]);
        let same = |key: &str, name: &str| {
            let (status, told) = (number(&status, key), number(&told, key));
            let metric = of(name).unwrap_or(f64::NAN);
            // One slice of the hour may be settled between two looks.
            (status - told).abs() < 0.01 && (status - metric).abs() < 0.01
        };
        same_count(number(&told, "bad"), bad)
            && same("availability", "availability")
            && same("coverage", "coverage")
            && same("budget_remaining", "error_budget_remaining")
    });
    drop(endpoint);
}

#[test]
fn a_hold_is_maintenance_and_the_page_is_a_file_of_its_own() {
    let scratch = Scratch::new();
    let port = free_port();
    let endpoint = listen(port);
    let agent = Agent::start(&scratch, &settings(port));
    await_more(&agent, "good", 2.0);
    let config = agent.config().to_str().expect("a plain path").to_owned();
    let hold = ["hold", "web", "--for", "1h", "--reason", "an upgrade", "--config", &config];
    assert_eq!(evenkeel(hold).code, Some(0));
    drop(endpoint);
    await_more(&agent, "maintenance", 3.0);
    assert!(same_count(number(&site(&agent), "bad"), 0.0), "{}", site(&agent));

    let table = report(agent.config(), &[]);
    assert_eq!(table.code, Some(0));
    for word in ["PROMISE", "site", "web", "no incident in this time"] {
        assert!(table.stdout.contains(word), "{}", table.stdout);
    }
    let page = scratch.join("report.html");
    let finished = report(agent.config(), &["--html", page.to_str().unwrap()]);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), ""), "{}", finished.stderr);
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains("<svg") && text.contains("site") && !text.contains("<script"));
    assert_eq!(fs::metadata(&page).unwrap().mode() & 0o7777, 0o644);

    let link = scratch.join("link.html");
    symlink(&page, &link).unwrap();
    let refused = report(agent.config(), &["--html", link.to_str().unwrap()]);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("such as a link"), "{}", refused.stderr);
}
