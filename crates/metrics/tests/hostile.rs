//! Names that somebody made to break the page, and more of them than a page should show.

mod tool;

use std::time::{Duration, SystemTime};

use evenkeel_metrics::exposition::{Line, lint, parse_line};
use evenkeel_metrics::{
    CheckState, FailureReason, Incident, MOST_PART_SERIES, Metrics, ProcessMemory, RecoveryOutcome,
    RepairKind, SloFigures, names,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

/// What one label may take on the page: 200 bytes, each escaped.
const MOST_LABEL: usize = 400;

/// Every method that takes a name is given this one.
fn tell_everything(metrics: &Metrics, name: &str) {
    let incident = Some(Incident { id: u64::MAX, at: SystemTime::UNIX_EPOCH });
    metrics.add_permission_rule(name);
    metrics.permissions_repaired(name, RepairKind::Mode, 1);
    metrics.set_permission_errors(name.as_ref(), 1);
    metrics.cleanup_refused(name);
    metrics.add_check(name);
    metrics.set_check(name, CheckState::Down, Some(false));
    metrics.observe_attempt(name, Duration::MAX, Some(FailureReason::Body), incident);
    metrics.set_breaker(name, evenkeel_metrics::BreakerState::Open);
    metrics.recovery_decided(name, name, name, RecoveryOutcome::Failed, incident);
    metrics.set_recovery_budget(name, u32::MAX);
    metrics.set_recovery_budget_limit(name, 0);
    metrics.set_recovery_exhausted(name, true);
    metrics.set_process_memory(
        name,
        ProcessMemory { resident: Some(u64::MAX), ..ProcessMemory::default() },
    );
    metrics.set_memory_limit(name, Some(u64::MAX));
    metrics.set_memory_limit_eta(name, Some(Duration::MAX));
    metrics.add_slo(name, f64::NAN);
    let availability = Some(f64::NEG_INFINITY);
    metrics.set_slo(name, SloFigures { availability, ..SloFigures::default() });
    metrics.add_alert_receiver(name);
    metrics.set_alerts_firing(name, u64::MAX);
}

/// Anything at all, often made of what has a meaning to the format, now and then very long.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "(\\PC|[\u{0}-\u{1f}\u{7f}\"\\\\{},=#]){0,40}",
        1 => ("[\"\\\\\n#}é\u{2028}]{1,3}", 1..20_000_usize).prop_map(|(part, times)| part.repeat(times)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_name_breaks_a_page_or_makes_it_long(version in hostile(), name in hostile()) {
        let metrics = Metrics::new(&version, SystemTime::UNIX_EPOCH);
        let empty = metrics.encode_text().len();
        tell_everything(&metrics, &name);
        for page in [metrics.encode_text(), metrics.encode_openmetrics()] {
            prop_assert_eq!(lint(&page), []);
        }
        // Each line that the name added has it once, the decisions three times.
        let page = metrics.encode_text();
        let lines = page.lines().filter(|line| !line.starts_with('#')).count();
        prop_assert!(page.len() < empty + (lines + 2) * (MOST_LABEL + 200), "{}", page.len());
    }

    #[test]
    fn long_names_that_begin_alike_stay_apart(name in "[a-z\"é]{80,120}", ends in prop::array::uniform2("[a-z]{100,200}")) {
        prop_assume!(ends[0] != ends[1]);
        let metrics = Metrics::new("0", SystemTime::UNIX_EPOCH);
        let long = name.repeat(4);
        for end in &ends {
            metrics.set_breaker(&format!("{long}{end}"), evenkeel_metrics::BreakerState::Open);
        }
        let page = metrics.encode_text();
        prop_assert_eq!(page.matches("state=\"open\"} 1\n").count(), 2);
        metrics.forget_breaker(&format!("{long}{}", ends[0]));
        prop_assert_eq!(metrics.encode_text().matches("state=\"open\"} 1\n").count(), 1);
    }
}

#[test]
fn promtool_takes_a_page_of_many_hostile_names() {
    let mut runner = TestRunner::deterministic();
    let metrics = Metrics::new("0\"\\\n", SystemTime::UNIX_EPOCH);
    for _ in 0..200 {
        let name = hostile().new_tree(&mut runner).expect("a name").current();
        tell_everything(&metrics, &name);
    }
    tool::accepts_page(&metrics.encode_text());
}

#[test]
fn a_name_of_a_megabyte_takes_no_more_than_any_other() {
    let metrics = Metrics::new(&"v".repeat(1 << 20), SystemTime::UNIX_EPOCH);
    tell_everything(&metrics, &"\u{1b}[31m\"".repeat(1 << 18));
    let page = metrics.encode_text();
    assert!(page.len() < 64 * 1024, "{} bytes", page.len());
    tool::accepts_page(&page);
}

#[test]
fn parts_without_end_do_not_make_a_page_without_end_and_it_says_how_many_are_left_out() {
    let metrics = Metrics::new("0", SystemTime::UNIX_EPOCH);
    let more = 123;
    for part in 0..MOST_PART_SERIES + more {
        let target = format!("workers/{part}");
        metrics.recovery_decided(&target, "exec", "workers", RecoveryOutcome::Failed, None);
        metrics.set_recovery_budget(&target, 1);
    }
    let page = metrics.encode_text();
    let samples = |wanted: &str| {
        let of = |line: &&str| matches!(parse_line(line), Ok(Line::Sample(sample)) if sample.name == wanted);
        page.lines().filter(of).count()
    };
    for name in [names::RECOVERY_ACTIONS, names::RECOVERY_BUDGET_REMAINING] {
        assert_eq!(samples(name), MOST_PART_SERIES, "{name}");
        let left_out =
            format!("evenkeel_agent_series_left_out_total{{metric=\"{name}\"}} {more}\n");
        assert!(page.contains(&left_out), "{page}");
    }
    // What is there already is counted on.
    metrics.recovery_decided("workers/0", "exec", "workers", RecoveryOutcome::Failed, None);
    assert!(metrics.encode_text().contains(
        "{target=\"workers/0\",action=\"exec\",cause=\"workers\",outcome=\"failed\"} 2\n"
    ));
}
