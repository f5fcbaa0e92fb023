//! Whether the counters say what the history has, over days of a simulated host: both are made of the same records, each by code of
//! its own.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use evenkeel_config::{Settings, load_text};
use evenkeel_engine::{Effect, Record};
use evenkeel_journal::{Filter, Reader, Stamp};
use evenkeel_metrics::exposition::{Line, parse_line};
use evenkeel_moment::Moment;
use evenkeel_simulator::{Event, Faults, Observer, Scenario, View, What, run};
use jiff::Timestamp;

use super::Publisher;
use crate::history::{Batch, History, Scope};

const SETTINGS: &str = r#"
[check.web]
http = { url = "http://127.0.0.1:8001/" }
interval = "30s"
breaker = {}
[check.workers]
supervisor = { url = "unix:///run/supervisor.sock", programs = ["*"] }
interval = "30s"
[recovery.web]
when = ["web"]
budget = { per_target = "2/1d" }
steps = [{ action = "exec", command = ["mend"] }]
[recovery.workers]
when = ["workers"]
steps = [{ action = "supervisor.restart-program" }]
[permissions.state]
path = "/srv/state"
files = [{ match = "*", mode = "0600" }]
[cleanup.logs]
path = "/srv/logs"
match = ["*.log"]
older_than = "7d"
action = "trash"
"#;

/// A counter with its labels in the order of their names, and what it counted.
type Counted = BTreeMap<(&'static str, Vec<(String, String)>), u64>;

/// An agent's way with what its engine says: to the metrics and to the history.
struct Told {
    publisher: Publisher,
    history: History,
}

impl Observer for Told {
    fn saw(&mut self, now: Moment, wall: Timestamp, event: &Event<'_>, _: &View<'_>) {
        match event {
            Event::Effect(Effect::Record(record)) => {
                self.publisher.record(record);
                let now = Stamp { boot_id: "one".to_owned(), boottime: now, wall };
                let records: Vec<Record> = vec![(**record).clone()];
                self.history.write(Batch { records, ..Batch::at(now) });
            }
            Event::Effect(Effect::Count(count)) => self.publisher.count(count),
            _ => {}
        }
    }
}

fn settings() -> Settings {
    load_text("agree.toml", SETTINGS).expect("valid settings")
}

/// All that goes wrong now and then, but for what takes lines from the history that were counted.
fn faults(settings: &Settings) -> Faults {
    let mut faults = Faults::usual(settings);
    faults
        .faults
        .retain(|_, fault| !matches!(fault.what, What::AgentCrash(_) | What::JournalFull(_)));
    faults
}

fn counters(page: &str) -> Counted {
    let mut counted = Counted::new();
    for line in page.lines() {
        let Ok(Line::Sample(sample)) = parse_line(line) else { continue };
        let Some(name) = NAMES.into_iter().find(|name| *name == sample.name) else { continue };
        let labels = sample.labels.into_iter().map(|(name, value)| (name.to_owned(), value));
        let mut labels: Vec<_> = labels.collect();
        labels.sort();
        if sample.value > 0.0 {
            counted.insert((name, labels), super::labels::whole(sample.value));
        }
    }
    counted
}

const REPAIRS: &str = "evenkeel_permission_repairs_total";
const FIGHTS: &str = "evenkeel_permission_fights_total";
const ENTRIES: &str = "evenkeel_cleanup_files_total";
const BYTES: &str = "evenkeel_cleanup_bytes_total";
const ACTIONS: &str = "evenkeel_recovery_actions_total";
const NAMES: [&str; 5] = [REPAIRS, FIGHTS, ENTRIES, BYTES, ACTIONS];

/// The same figures from the lines of the history.
fn recounted(reader: &Reader) -> Counted {
    let mut counted = Counted::new();
    let mut add = |name: &'static str, labels: &[(&str, &str)], more: u64| {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut labels: Vec<_> = labels.collect();
        labels.sort();
        *counted.entry((name, labels)).or_default() += more;
    };
    for event in reader.events(&Filter::default()).expect("a history") {
        let text = |key: &str| event.data[key].as_str().unwrap_or_default();
        let number = |key: &str| event.data[key].as_u64();
        match event.kind.as_str() {
            "repaired" => {
                let labels = [("rule", text("rule")), ("kind", text("what"))];
                add(REPAIRS, &labels, number("entries").unwrap_or(1));
            }
            "fought" => {
                add(FIGHTS, &[("rule", text("rule"))], number("entries").unwrap_or(1));
            }
            "cleaned" | "purged" => {
                let action = if event.kind == "purged" { "purge" } else { text("action") };
                let labels = [("rule", text("rule")), ("action", action)];
                add(ENTRIES, &labels, number("entries").expect("a number"));
                add(BYTES, &labels, number("bytes").expect("a number"));
            }
            "refused" | "judged" => {
                let outcome = if event.kind == "refused" { "refused" } else { text("outcome") };
                let labels = ["target", "action", "cause"].map(|key| (key, text(key)));
                add(ACTIONS, &[&labels[..], &[("outcome", outcome)]].concat(), 1);
            }
            _ => {}
        }
    }
    counted
}

#[test]
fn the_counters_say_what_the_history_has() {
    let settings = settings();
    let mut seen = Counted::new();
    for seed in 1..=4 {
        let state = tempfile::tempdir().expect("a scratch directory");
        let mut publisher = Publisher::new(SystemTime::UNIX_EPOCH);
        publisher.add(&settings);
        let began: Timestamp = "2026-03-01T00:00:00Z".parse().expect("a time");
        let now = Stamp { boot_id: "one".to_owned(), boottime: Moment::ORIGIN, wall: began };
        let scope = Scope { lasting: false, only: None };
        let metrics = std::sync::Arc::clone(&publisher.metrics);
        let (history, _) =
            History::open(state.path(), &now, scope, Duration::ZERO, metrics).expect("a history");
        let mut told = Told { publisher, history };
        let faults = faults(&settings);
        let lasts = Duration::from_hours(24 * 15);
        let scenario = Scenario { settings: settings.clone(), faults, lasts, seed, began };
        run(&scenario, &mut [&mut told]);
        told.history.close();
        let recounted = recounted(&Reader::open(state.path()).expect("a history"));
        assert_eq!(counters(&told.publisher.metrics.encode_text()), recounted, "seed {seed}");
        seen.extend(recounted);
    }
    let has = |name: &str, value: &str| {
        let has = |(counter, labels): &(&str, Vec<(String, String)>)| {
            *counter == name && labels.iter().any(|(_, of)| of == value)
        };
        assert!(seen.keys().any(has), "{name} of {value}: {seen:?}");
    };
    for outcome in ["recovered", "failed", "refused"] {
        has(ACTIONS, outcome);
    }
    has(ACTIONS, "workers/program-1");
    has(REPAIRS, "state");
    has(FIGHTS, "state");
    has(ENTRIES, "trash");
}
