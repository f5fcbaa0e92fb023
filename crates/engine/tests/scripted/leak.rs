//! A process that leaks: told by its trend, and restarted before its limit, if there is time in a quiet window.

use std::time::Duration;

use evenkeel_engine::Record;
use evenkeel_probe::{Facts, Measurement};
use jiff::SignedDuration;

use crate::host::{ScriptedHost, WALL, bad, good};

/// 36 MB an hour, from 200 MB on: 300 MB are reached after 10,000 s.
const LEAK: f64 = 1e4;

fn settings(quiet: &str) -> String {
    format!(
        r#"
[agent]
grace = "0s"
[check.worker]
process = {{ pidfile = "/run/worker.pid" }}
interval = "30s"
timeout = "1s"
failure_threshold = 2
success_threshold = 1
conditions = [{{ field = "rss_bytes", reaches = "300MB", within = "2h" }}]
[recovery.worker]
when = ["worker"]
steps = [{{ action = "exec", command = ["restart-worker"] }}]
{quiet}
"#
    )
}

fn worker(pid: u32, rss: f64) -> Measurement {
    let mut facts: Facts = [("rss_bytes", rss)].into_iter().collect();
    facts.set("pid", pid);
    Measurement { facts, ..good() }
}

/// Lets the worker leak for so long, or until it is restarted; says after how many seconds that was.
fn leak(host: &mut ScriptedHost, seconds: u32) -> Option<u32> {
    for second in (0..seconds).step_by(10) {
        host.seen.insert(0, worker(7, 2e8 + LEAK * f64::from(second)));
        host.run_for(Duration::from_secs(10));
        if !host.acts.is_empty() {
            return Some(second);
        }
    }
    None
}

fn reasons(host: &ScriptedHost) -> Vec<String> {
    let refused = |record: &Record| match record {
        Record::Refused { reason, .. } => Some(reason.to_string()),
        _ => None,
    };
    host.records.iter().filter_map(refused).collect()
}

#[test]
fn a_leak_is_told_and_the_process_restarted_before_the_limit() {
    let mut host = ScriptedHost::new(&settings(""));
    let restarted = leak(&mut host, 20_000).unwrap();
    // Two hours before it at the earliest, and with a trend that was seen half as long as what is left.
    assert!((2_800..4_500).contains(&restarted), "{restarted}");
    let opened = host.records.iter().find_map(|record| match record {
        Record::IncidentOpened { evidence, .. } => Some(evidence.clone()),
        _ => None,
    });
    let evidence = opened.unwrap();
    assert!(evidence.contains("rises by") && evidence.contains("at 300 MB in"), "{evidence}");
    // Another process, whose past this is not.
    host.seen.insert(0, worker(8, 2e8));
    host.run_for(Duration::from_mins(20));
    assert_eq!(host.acts.len(), 1);
    let closed = |record: &Record| matches!(record, Record::IncidentClosed { .. });
    assert!(host.records.iter().any(closed), "{:?}", host.records);
}

#[test]
fn a_restart_that_changed_nothing_is_not_proved_by_forgetting() {
    let mut host = ScriptedHost::new(&settings("verify_timeout = \"2m\"\nmax_retries = 0"));
    let restarted = leak(&mut host, 20_000).unwrap();
    for second in (restarted..restarted + 300).step_by(10) {
        host.seen.insert(0, worker(7, 2e8 + LEAK * f64::from(second)));
        host.run_for(Duration::from_secs(10));
    }
    let failed = |record: &Record| matches!(record, Record::Judged { outcome, .. } if outcome.as_str() == "failed");
    assert!(host.records.iter().any(failed), "{:?}", host.records);
}

/// A window that opens so many minutes after the scripted host began.
fn window(minutes: i64) -> String {
    let opens = WALL + SignedDuration::from_mins(minutes);
    let closes = opens + SignedDuration::from_mins(30);
    format!("quiet = [\"{}-{}\"]", opens.strftime("%H:%M"), closes.strftime("%H:%M"))
}

#[test]
fn it_waits_for_the_quiet_window_if_that_comes_before_the_limit() {
    let mut host = ScriptedHost::new(&settings(&window(120)));
    let restarted = leak(&mut host, 20_000).unwrap();
    assert!((7_150..7_400).contains(&restarted), "{restarted}");
    let told = reasons(&host);
    assert!(told[0].starts_with("waits for the quiet window"), "{told:?}");
    assert!(told[0].contains("; the limit is likely reached at"), "{told:?}");
}

#[test]
fn it_does_not_wait_for_a_window_that_comes_too_late() {
    let mut host = ScriptedHost::new(&settings(&window(240)));
    let restarted = leak(&mut host, 20_000).unwrap();
    assert!((2_800..4_500).contains(&restarted), "{restarted}");
    assert!(reasons(&host).is_empty(), "{:?}", reasons(&host));
}

#[test]
fn what_is_down_waits_for_no_window() {
    let mut host = ScriptedHost::new(&settings(&window(120)));
    host.seen.insert(0, bad());
    host.run_for(Duration::from_mins(2));
    assert!(!host.acts.is_empty() && host.refusals().is_empty(), "{:?}", host.refusals());
}

#[test]
fn a_limit_that_is_reached_waits_for_none_either() {
    let mut host = ScriptedHost::new(&settings(&window(120)));
    host.seen.insert(0, worker(7, 3e8));
    host.run_for(Duration::from_mins(2));
    assert!(!host.acts.is_empty() && host.refusals().is_empty(), "{:?}", host.refusals());
}

#[test]
fn the_status_says_how_long_it_takes_to_the_limit() {
    let mut host = ScriptedHost::new(&settings(&window(120)));
    let eta = |host: &ScriptedHost| host.engine.status(host.now, WALL).checks[0].limit_eta_seconds;
    assert_eq!(eta(&host), None);
    leak(&mut host, 5_000);
    let seconds = eta(&host).unwrap();
    assert!((4_900.0..5_100.0).contains(&seconds), "{seconds}");
    host.seen.insert(0, worker(9, 1e8));
    host.run_for(Duration::from_secs(30));
    assert_eq!(eta(&host), None);
}
