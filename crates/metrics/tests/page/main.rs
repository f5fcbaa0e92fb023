//! The whole page as it is shown, and laws of every page.
//!
//! `BLESS=1 cargo test -p evenkeel-metrics` writes the expected texts anew; read the difference before it is committed.
#![expect(clippy::disallowed_methods, reason = "tests read and write their own expected texts")]

mod protobuf;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use evenkeel_metrics::exposition::{Line, lint, parse_line};
use evenkeel_metrics::rules::{
    ProcessJob, RuleInputs, alert_rules, alerts, rule_tests, scrape_config,
};
use evenkeel_metrics::{
    BreakerState, BurnWindow, CheckState, CleanupAction, Collector, FailureReason, Format,
    Incident, Metrics, NotificationOutcome, ProcessMemory, ProcessStats, RecoveryOutcome,
    ReloadRefused, RepairKind, SliceVerdict, SloFigures, names, process_page, process_page_text,
};
use proptest::prelude::*;
use proptest::sample::select;

const STATE_DIRECTORY: &str = "/tmp/tmux_supervisor_state";

fn started() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_763_999_999)
}

fn stats() -> ProcessStats {
    ProcessStats {
        resident_bytes: 12_345_678,
        virtual_bytes: 987_654_321,
        virtual_max_bytes: Some(4_000_000_000),
        threads: 5,
        cpu_seconds: 1.25,
        open_fds: Some(17),
        max_fds: Some(1024),
        start_time_seconds: 1_763_999_000.5,
    }
}

/// An agent with the settings of the plan, after something of everything has happened.
fn eventful() -> Metrics {
    let metrics = Metrics::new("0.1.0", started());
    metrics.set_observe_only(false);
    metrics.set_agent_process(&stats());
    metrics.journal_failed();
    metrics.journal_lagged(7);
    metrics.reloaded(Err(ReloadRefused));
    metrics.add_permission_rule("tmux-state");
    metrics.permissions_repaired("tmux-state", RepairKind::Mode, 1);
    metrics.set_permission_errors(STATE_DIRECTORY.as_ref(), 2);
    metrics.swept(Collector::Permissions, "tmux-state", Duration::from_micros(1500), true);
    metrics.add_cleanup_rule("stale-hashes", CleanupAction::Delete);
    metrics.cleaned("stale-hashes", CleanupAction::Delete, 3, 120);
    metrics.add_cleanup_rule("supervisor-logs", CleanupAction::Truncate);
    metrics.cleanup_refused("supervisor-logs");
    metrics.swept(Collector::Cleanup, "stale-hashes", Duration::from_millis(3), false);
    for check in ["health", "supervisor", "metrics"] {
        metrics.add_check(check);
    }
    let incident = Incident { id: 12, at: started() + Duration::from_mins(5) };
    metrics.observe_attempt("health", Duration::from_millis(12), None, None);
    let timeout = Some(FailureReason::Timeout);
    metrics.observe_attempt("health", Duration::from_secs(5), timeout, Some(incident));
    metrics.set_check("health", CheckState::Suspect, Some(true));
    metrics.set_check("supervisor", CheckState::Down, Some(false));
    metrics.check_overran("health");
    metrics.set_breaker("health", BreakerState::HalfOpen);
    metrics.recovery_decided(
        "supervisor",
        "supervisor.restart-program",
        "health",
        RecoveryOutcome::Recovered,
        Some(incident),
    );
    metrics.recovery_decided(
        "supervisor",
        "systemd.restart",
        "supervisor-memory",
        RecoveryOutcome::Refused,
        None,
    );
    metrics.set_recovery_budget("supervisor", 2);
    metrics.set_recovery_budget_limit("supervisor", 3);
    metrics.set_recovery_exhausted("supervisor", false);
    let memory = ProcessMemory {
        resident: Some(391_000_000),
        pss: Some(380_000_000),
        swap: Some(4096),
        cgroup: Some(500_000_000),
    };
    metrics.set_process_memory("supervisor-memory", memory);
    metrics.set_memory_limit("supervisor-memory", Some(300_000_000));
    metrics.set_memory_limit_eta("supervisor-memory", Some(Duration::from_mins(90)));
    metrics.swept(Collector::Process, "supervisor-memory", Duration::from_micros(80), true);
    metrics.swept(Collector::Rollup, "journal", Duration::from_millis(40), true);
    metrics.add_slo("workers", 0.999);
    metrics.slo_slices("workers", SliceVerdict::Good, 2000);
    metrics.slo_slices("workers", SliceVerdict::Bad, 1);
    metrics.set_slo("workers", slo_figures());
    metrics.set_slo_burn_rate("workers", BurnWindow::Hour, Some(0.5));
    metrics.add_alert_receiver("on-call");
    metrics.alert_notified("on-call", NotificationOutcome::Sent);
    metrics.set_alerts_firing("critical", 1);
    metrics.set_journal_bytes(Some(1_048_576));
    metrics.journal_appended(Duration::from_micros(300));
    metrics
}

fn slo_figures() -> SloFigures {
    SloFigures {
        availability: Some(0.9995),
        error_budget_remaining: Some(0.5),
        coverage: Some(0.98),
    }
}

#[track_caller]
fn is_as_expected(file: &str, shown: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/expected", file].iter().collect();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, shown).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == expected, "differs from `{}`:\n{shown}", path.display());
}

#[test]
fn the_whole_page_is_as_committed() {
    is_as_expected("page.txt", &eventful().encode_text());
    is_as_expected("page.openmetrics", &eventful().encode_openmetrics());
    is_as_expected("process.txt", &process_page_text(&stats()));
}

#[test]
fn the_rules_of_the_plan_are_as_committed() {
    let inputs = RuleInputs::plan();
    is_as_expected("../../../../docs/alerts/tmux-supervisor.rules.yml", &alert_rules(&inputs));
    is_as_expected("rules.test.yml", &rule_tests(&inputs, "rules.yml"));
    let job = ProcessJob { job: "supervisor".into(), process: "supervisor-memory".into() };
    is_as_expected("prometheus.yml", &scrape_config(&"127.0.0.1:9720".into(), &[job]));
}

#[test]
fn every_alert_has_its_heading_in_the_runbook_and_every_heading_its_alert() {
    let runbook = include_str!("../../../../docs/alerts.md");
    let headings: BTreeSet<String> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    let anchors: BTreeSet<String> = alerts(&RuleInputs::plan())
        .iter()
        .filter_map(|alert| Some(alert.runbook().strip_prefix("docs/alerts.md#")?.to_owned()))
        .collect();
    assert_eq!(headings, anchors);
}

#[test]
fn every_name_is_on_the_page_and_no_other() {
    let page = eventful().encode_text();
    let mut shown: Vec<&str> = page
        .lines()
        .filter_map(|line| match parse_line(line) {
            Ok(Line::Type(name, _)) => Some(name),
            _ => None,
        })
        .collect();
    let mut listed: Vec<_> = names::SPECS.iter().map(|spec| spec.name).collect();
    shown.sort_unstable();
    listed.sort_unstable();
    assert_eq!(shown, listed);
}

#[test]
fn the_agent_does_not_export_its_own_memory_under_the_name_of_the_rule() {
    assert!(!eventful().encode_text().contains("\nprocess_"));
}

#[test]
fn without_a_trend_there_is_no_time_to_the_limit() {
    let metrics = eventful();
    let line = "evenkeel_process_memory_limit_eta_seconds{process=\"supervisor-memory\"} 5400\n";
    assert!(metrics.encode_text().contains(line));
    metrics.set_memory_limit_eta("supervisor-memory", None);
    assert!(!metrics.encode_text().contains("limit_eta_seconds{"));
}

#[test]
fn an_unknown_check_is_neither_up_nor_down() {
    let metrics = Metrics::new("0.1.0", started());
    metrics.set_check("a", CheckState::Up, Some(true));
    assert!(metrics.encode_text().contains("evenkeel_check_up{check=\"a\"} 1\n"));
    metrics.set_check("a", CheckState::Unknown, None);
    let page = metrics.encode_text();
    assert!(!page.contains("evenkeel_check_up"));
    assert!(page.contains("evenkeel_check_state{check=\"a\",state=\"unknown\"} 1\n"));
    assert!(page.contains("evenkeel_check_state{check=\"a\",state=\"up\"} 0\n"));
}

#[test]
fn what_is_forgotten_leaves_nothing_behind() {
    let metrics = eventful();
    metrics.forget_permission_rule("tmux-state", Path::new(STATE_DIRECTORY));
    metrics.forget_cleanup_rule("stale-hashes");
    metrics.forget_cleanup_rule("supervisor-logs");
    for check in ["health", "supervisor", "metrics"] {
        metrics.forget_check(check);
    }
    metrics.forget_breaker("health");
    metrics.forget_recovery("supervisor");
    metrics.forget_check("supervisor-memory");
    metrics.forget_slo("workers");
    metrics.forget_alert_receiver("on-call");
    metrics.forget_alerts("critical");
    metrics.forget_collector(Collector::Rollup, "journal");
    metrics.set_journal_bytes(None);
    let empty = Metrics::new("0.1.0", started());
    empty.set_agent_process(&stats());
    empty.journal_failed();
    empty.journal_lagged(7);
    empty.reloaded(Err(ReloadRefused));
    empty.journal_appended(Duration::from_micros(300));
    assert_eq!(metrics.encode_text(), empty.encode_text());
}

#[test]
fn forgetting_one_check_leaves_the_others() {
    let metrics = eventful();
    metrics.forget_check("health");
    let page = metrics.encode_text();
    assert!(!page.contains("check=\"health\""));
    assert!(page.contains("evenkeel_check_up{check=\"supervisor\"} 0\n"));
    assert!(page.contains("cause=\"health\""), "decisions keep their cause");
}

#[derive(Debug, Clone)]
enum Fact {
    PermissionErrors(String, u64),
    Repaired(String, RepairKind),
    Cleaned(String, CleanupAction, u64),
    Swept(Collector, String, Duration, bool),
    Check(String, CheckState, Option<bool>),
    Attempt(String, Duration, Option<FailureReason>, Option<u64>),
    Breaker(String, BreakerState),
    Decided([String; 3], RecoveryOutcome, Option<u64>),
    Budget(String, u32),
    Memory(String, Option<u64>),
    Slices(String, SliceVerdict, u64),
    Slo(String, SloFigures, Option<f64>),
    Notified(String, NotificationOutcome),
    Firing(String, u64),
    CheckForgotten(String),
}

impl Fact {
    fn tell(&self, metrics: &Metrics) {
        match self {
            Self::PermissionErrors(path, entries) => {
                metrics.set_permission_errors(path.as_ref(), *entries);
            }
            Self::Repaired(rule, kind) => metrics.permissions_repaired(rule, *kind, 1),
            Self::Cleaned(rule, action, bytes) => metrics.cleaned(rule, *action, 1, *bytes),
            Self::Swept(collector, rule, took, success) => {
                metrics.swept(*collector, rule, *took, *success);
            }
            Self::Check(check, state, up) => metrics.set_check(check, *state, *up),
            Self::Attempt(check, took, failure, incident) => {
                let incident = incident.map(|id| Incident { id, at: started() });
                metrics.observe_attempt(check, *took, *failure, incident);
            }
            Self::Breaker(breaker, state) => metrics.set_breaker(breaker, *state),
            Self::Decided([target, action, cause], outcome, incident) => {
                let incident = incident.map(|id| Incident { id, at: started() });
                metrics.recovery_decided(target, action, cause, *outcome, incident);
            }
            Self::Budget(target, remaining) => metrics.set_recovery_budget(target, *remaining),
            Self::Memory(process, resident) => {
                let memory = ProcessMemory { resident: *resident, ..ProcessMemory::default() };
                metrics.set_process_memory(process, memory);
            }
            Self::Slices(slo, verdict, slices) => metrics.slo_slices(slo, *verdict, *slices),
            Self::Slo(slo, figures, burn) => {
                metrics.set_slo(slo, *figures);
                metrics.set_slo_burn_rate(slo, BurnWindow::Day, *burn);
            }
            Self::Notified(receiver, outcome) => metrics.alert_notified(receiver, *outcome),
            Self::Firing(severity, alerts) => metrics.set_alerts_firing(severity, *alerts),
            Self::CheckForgotten(check) => metrics.forget_check(check),
        }
    }
}

/// A fact with hostile names, of few letters so that they meet again.
fn fact() -> impl Strategy<Value = Fact> {
    const NAME: &str = "[ab]|(\\PC|[\n\r\t\"\\\\{},=#]){0,12}";
    let took = || any::<u64>().prop_map(Duration::from_nanos);
    prop_oneof![
        (NAME, any::<u64>()).prop_map(|(path, entries)| Fact::PermissionErrors(path, entries)),
        (NAME, select(RepairKind::ALL)).prop_map(|(rule, kind)| Fact::Repaired(rule, kind)),
        (NAME, select(CleanupAction::ALL), 0..u64::MAX / 100)
            .prop_map(|(rule, action, bytes)| Fact::Cleaned(rule, action, bytes)),
        (select(Collector::ALL), NAME, took(), any::<bool>()).prop_map(
            |(collector, rule, took, success)| Fact::Swept(collector, rule, took, success)
        ),
        (NAME, select(CheckState::ALL), any::<Option<bool>>())
            .prop_map(|(check, state, up)| Fact::Check(check, state, up)),
        (NAME, took(), prop::option::of(select(FailureReason::ALL)), any::<Option<u64>>())
            .prop_map(|(check, took, failure, id)| Fact::Attempt(check, took, failure, id)),
        (NAME, select(BreakerState::ALL))
            .prop_map(|(breaker, state)| Fact::Breaker(breaker, state)),
        ([NAME, NAME, NAME], select(RecoveryOutcome::ALL), any::<Option<u64>>())
            .prop_map(|(names, outcome, incident)| Fact::Decided(names, outcome, incident)),
        (NAME, any::<u32>()).prop_map(|(target, remaining)| Fact::Budget(target, remaining)),
        (NAME, any::<Option<u64>>()).prop_map(|(process, bytes)| Fact::Memory(process, bytes)),
        (NAME, select(SliceVerdict::ALL), 0..u64::MAX / 100)
            .prop_map(|(slo, verdict, slices)| Fact::Slices(slo, verdict, slices)),
        (NAME, any::<[Option<f64>; 4]>()).prop_map(
            |(slo, [availability, error_budget_remaining, coverage, burn])| {
                let figures = SloFigures { availability, error_budget_remaining, coverage };
                Fact::Slo(slo, figures, burn)
            }
        ),
        (NAME, select(NotificationOutcome::ALL))
            .prop_map(|(receiver, outcome)| Fact::Notified(receiver, outcome)),
        (NAME, any::<u64>()).prop_map(|(severity, alerts)| Fact::Firing(severity, alerts)),
        NAME.prop_map(Fact::CheckForgotten),
    ]
}

proptest! {
    #[test]
    fn whatever_is_encoded_the_linter_accepts(version in "\\PC{0,12}", facts in prop::collection::vec(fact(), 0..30)) {
        let metrics = Metrics::new(&version, started());
        for fact in facts {
            fact.tell(&metrics);
        }
        let text = metrics.encode_text();
        for page in [&text, &metrics.encode_openmetrics()] {
            prop_assert_eq!(lint(page), [], "{}", page);
        }
        protobuf::says_the_same(&metrics.encode(Format::Protobuf), &text);
    }

    #[test]
    fn a_label_is_read_back_as_it_was_written(path in "(\\PC|[\n\r\t\"\\\\{},=#]){0,20}", entries in any::<u32>()) {
        let metrics = Metrics::new("0.1.0", started());
        metrics.set_permission_errors(path.as_ref(), entries.into());
        let page = metrics.encode_text();
        let sample = page.split('\n').find_map(|line| match parse_line(line) {
            Ok(Line::Sample(sample)) if sample.name == names::FILE_PERMISSION_ERRORS => Some(sample),
            _ => None,
        });
        let sample = sample.expect("it was set");
        prop_assert_eq!(sample.labels, [("path", path)]);
        prop_assert_eq!(sample.value.to_bits(), f64::from(entries).to_bits());
    }

    #[test]
    fn the_page_of_any_process_is_accepted(resident in any::<u64>(), cpu in 0.0..1e12, open in any::<Option<u64>>(), max in any::<Option<u64>>()) {
        let stats = ProcessStats { resident_bytes: resident, cpu_seconds: cpu, open_fds: open, max_fds: max, ..stats() };
        for format in [Format::Text, Format::OpenMetrics] {
            let page = String::from_utf8(process_page(&stats, format)).expect("a text");
            prop_assert_eq!(lint(&page), []);
        }
        protobuf::says_the_same(&process_page(&stats, Format::Protobuf), &process_page_text(&stats));
    }
}
