//! What this crate writes, judged by Prometheus's own tool.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

mod tool;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use evenkeel_metrics::availability::Promise;
use evenkeel_metrics::rules::{
    MemoryRule, Objective, PermissionRule, ProcessJob, RuleInputs, ScrapeFile, ScrapeTarget,
    alert_rules, alert_rules_document, alerts, rule_tests, scrape_config,
};
use evenkeel_metrics::{
    CheckState, FailureReason, Metrics, ProcessStats, RecoveryOutcome, RepairKind,
    process_page_text,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use self::tool::{accepts, accepts_page, promtool};

#[track_caller]
fn accepts_rules(inputs: &RuleInputs) {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| -> PathBuf {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let rules = file("rules.yml", alert_rules(inputs));
    let tests = file("tests.yml", rule_tests(inputs, "rules.yml"));
    if let Some(mut promtool) = promtool(&["check", "rules", "--lint-fatal"]) {
        accepts(promtool.arg(&rules), "");
    }
    if let Some(mut promtool) = promtool(&["test", "rules"]) {
        accepts(promtool.arg(&tests), "");
    }
}

#[test]
fn the_rules_of_the_plan_pass_and_do_what_their_tests_say() {
    accepts_rules(&RuleInputs::plan());
}

#[test]
fn rules_for_hostile_names_and_odd_times_pass_too() {
    let memory = |job: &str, above_bytes, seconds| MemoryRule {
        job: job.into(),
        above_bytes,
        sustained_for: Duration::from_secs(seconds),
    };
    let permissions =
        |name: &str, path: &str| PermissionRule { name: name.into(), path: path.into() };
    accepts_rules(&RuleInputs {
        memory: vec![
            memory("yes", 1, 8),
            memory("a: \"b\" #\\", 1_000_000, 3600),
            memory("now", 0, 0),
        ],
        permissions: vec![
            permissions("null", "/srv/{{ .Labels }}/\"x\"\\n"),
            permissions("no: {}", "/tmp/a\nb\u{1b}é\u{2028}"),
            permissions("a-b", "/1"),
            permissions("a_b", "/2"),
        ],
        ..RuleInputs::default()
    });
}

#[test]
fn the_rules_and_jobs_as_json_pass_too() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| -> PathBuf {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let rules = alert_rules_document(&RuleInputs::plan());
    let path = file("rules.json", serde_json::to_string(&rules).unwrap());
    if let Some(mut promtool) = promtool(&["check", "rules", "--lint-fatal"]) {
        accepts(promtool.arg(path), "");
    }
    let tested = RuleInputs { objectives: Vec::new(), ..RuleInputs::plan() };
    let tests = file("tests.yml", rule_tests(&tested, "rules.json"));
    if let Some(mut promtool) = promtool(&["test", "rules"]) {
        accepts(promtool.arg(tests), "");
    }
    let job = ProcessJob { job: "supervisor".into(), process: "supervisor-memory".into() };
    let path = file(
        "prometheus.json",
        serde_json::to_string(&ScrapeFile::new(&secured(), &[job])).unwrap(),
    );
    if let Some(mut promtool) = promtool(&["check", "config", "--syntax-only"]) {
        accepts(promtool.arg(path), "");
    }
}

/// What a person may write, and what somebody who means harm would.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{",
            "{{",
            "}}",
            "{{ .Labels }}",
            "{{ query \"up\" }}",
            "{%",
            "\"",
            "\\",
            "\\\"",
            "'",
            "`",
            "\n",
            "\r\n",
            "\t",
            "\0",
            "\u{1b}[31m",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "#",
            " #",
            ": ",
            "- ",
            "---",
            "&a",
            "*a",
            "!!x",
            "$labels",
            "%s",
            "é",
            "😀",
            "}[5m]) or vector(1)",
        ])
        .prop_map(str::to_owned),
        "[ -~]{1,6}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

/// All in one file, as starting promtool takes longer than what it has to do.
#[test]
fn no_path_name_or_job_breaks_a_rule_or_means_anything_in_one() {
    let mut runner = TestRunner::deterministic();
    let mut text = || hostile().new_tree(&mut runner).expect("nothing is rejected").current();
    let permissions = (0..24)
        .map(|index| PermissionRule {
            name: format!("r{index}{}", text()),
            path: format!("/srv/{index}{}", text()).into(),
        })
        .collect();
    let memory = (0..12)
        .map(|index| MemoryRule {
            job: format!("j{index}{}", text()),
            above_bytes: 1000,
            sustained_for: Duration::from_mins(1),
        })
        .collect();
    accepts_rules(&RuleInputs { permissions, memory, ..RuleInputs::default() });
}

#[test]
fn what_prometheus_cannot_look_for_has_no_rule_and_does_not_break_the_others() {
    let rule = |path: &str| PermissionRule { name: "a".into(), path: path.into() };
    let inputs = RuleInputs {
        permissions: vec![rule("/srv/\u{fffd}"), rule("/srv/web")],
        ..RuleInputs::default()
    };
    let count = |inputs| alerts(inputs).len();
    assert_eq!(count(&inputs), count(&RuleInputs::default()) + 1);
    accepts_rules(&inputs);
}

/// Whether the unit tests for `inputs` pass for other rules than those; `None` without promtool.
fn passes(rules: &str, inputs: &RuleInputs) -> Option<bool> {
    let mut promtool = promtool(&["test", "rules"])?;
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rules.yml"), rules).unwrap();
    let tests = directory.path().join("tests.yml");
    fs::write(&tests, rule_tests(inputs, "rules.yml")).unwrap();
    Some(promtool.arg(&tests).output().unwrap().status.success())
}

#[track_caller]
fn notice_each(inputs: &RuleInputs, faults: &[(&str, &str)]) {
    let rules = alert_rules(inputs);
    for (right, wrong) in faults {
        let broken = rules.replacen(right, wrong, 1);
        assert_ne!(broken, rules, "no rule says `{right}`");
        assert_ne!(passes(&broken, inputs), Some(true), "`{wrong}` goes unnoticed");
    }
}

#[test]
fn a_rule_that_is_wrong_fails_its_tests() {
    let inputs = RuleInputs { objectives: Vec::new(), ..RuleInputs::plan() };
    notice_each(
        &inputs,
        &[
            ("> 300000000", ">= 300000000"),
            ("for: 5m", "for: 6m"),
            ("for: 5m", "for: 4m"),
            ("_fights_total[15m]) > 0", "_fights_total[10m]) > 0"),
            ("_fights_total[15m]) > 0", "_fights_total[15m]) > 1"),
            ("_refusals_total[2h]", "_refusals_total[3h]"),
            (" unless ignoring (state) evenkeel_check_state{state=\"held\"} == 1", ""),
            ("state=\"flapping\"} == 1", "state=\"flapping\"} == 0"),
            (
                "max without (state) (evenkeel_breaker_state{state=\"closed\"}) == 0",
                "evenkeel_breaker_state{state=\"closed\"} == 0",
            ),
            ("evenkeel_recovery_exhausted > 0", "evenkeel_recovery_exhausted > 1"),
            ("evenkeel_recovery_budget_remaining <= 1", "evenkeel_recovery_budget_remaining < 1"),
            (" and evenkeel_recovery_budget_remaining < evenkeel_recovery_budget_limit", ""),
            ("_eta_seconds < 14400", "_eta_seconds <= 14400"),
            (" or absent_over_time(up{job=\"evenkeel\"}[1h])", ""),
            (
                "count_over_time(up{job=\"evenkeel\"}[1h]) unless",
                "count_over_time(up{job=\"evenkeel\"}[1m]) unless",
            ),
            ("_journal_errors_total[15m]) > 0", "_journal_errors_total[15m]) >= 0"),
            ("_last_reload_successful == 0", "_last_reload_successful == 2"),
            ("evenkeel_collector_success == 0", "evenkeel_collector_success == 2"),
            ("evenkeel_agent_observe_only == 1", "evenkeel_agent_observe_only >= 0"),
            ("severity: critical", "severity: warning"),
            ("$value | printf", "1.0 | printf"),
        ],
    );
}

#[test]
fn a_rule_about_burn_rates_that_is_wrong_fails_its_tests() {
    let mut inputs = RuleInputs { memory: vec![], permissions: vec![], ..RuleInputs::plan() };
    // Only the rows of a page, whose tests take hours and not days of made-up time.
    inputs.objectives[0].promise.window = Duration::from_hours(6);
    assert_ne!(passes(&alert_rules(&inputs), &inputs), Some(false));
    let name = "slo:sli_error:ratio_rate";
    notice_each(
        &inputs,
        &[
            (&format!("{name}1h{{slo=\"workers\"}} > 0.0144 and "), ""),
            (&format!(" and {name}5m{{slo=\"workers\"}} > 0.0144"), ""),
            (&format!("{name}6h{{slo=\"workers\"}} > 0.006 and "), ""),
            (&format!(" and {name}30m{{slo=\"workers\"}} > 0.006"), ""),
            ("[1h]) >= 3", "[1h]) >= 2"),
            ("[6h]) >= 3", "[6h]) >= 2"),
            ("rate1h{slo=\"workers\"} > 0.0144", "rate1h{slo=\"workers\"} > 0.03"),
            ("verdict=\"good\"}[5m]", "verdict=\"unknown\"}[5m]"),
            ("for: 2m", "for: 1m"),
        ],
    );
}

#[test]
fn every_objective_has_rules_that_can_fire() {
    let objective = |name: &str, objective: &str, window| Objective {
        name: name.into(),
        promise: Promise {
            objective: objective.parse().unwrap(),
            window: Duration::from_hours(window),
            slice: Duration::from_secs(30),
            exclude_unknown_up_to: Promise::EXCLUDE_UNKNOWN_UP_TO,
            min_bad: 1,
        },
    };
    // At 50 % only a burn of 1 is less than everything; a promise over two hours has a row whose window fits into it.
    let inputs = RuleInputs {
        objectives: vec![
            objective("half", "0.5", 720),
            objective("short", "0.99999", 2),
            objective("\"{{ }}\\\n", "0.95", 6),
        ],
        ..RuleInputs::default()
    };
    let limits: Vec<String> = alerts(&inputs)
        .iter()
        .filter(|alert| alert.name.starts_with("EvenkeelErrorBudgetBurn"))
        .map(|alert| alert.expr.to_string())
        .collect();
    assert_eq!(limits.len(), 3, "{limits:?}");
    assert!(limits[0].contains("ratio_rate3d{slo=\"half\"} > 0.5 "), "{limits:?}");
    assert!(limits[1].contains("ratio_rate1h{slo=\"short\"} > 0.000144 "), "{limits:?}");
    accepts_rules(&inputs);
}

/// An agent that asks for a token and speaks TLS.
fn secured() -> ScrapeTarget {
    let token_file = Some("/etc/page token".to_owned());
    ScrapeTarget { address: "127.0.0.1:9720".to_owned(), tls: true, token_file }
}

#[test]
fn the_scrape_configuration_passes() {
    let Some(mut promtool) = promtool(&["check", "config", "--syntax-only"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("prometheus.yml");
    let job = |job: &str, process: &str| ProcessJob { job: job.into(), process: process.into() };
    let jobs = [job("supervisor", "supervisor"), job("null", "a \"b\"")];
    let written = scrape_config(&secured(), &jobs);
    assert_eq!(written.matches("scheme: https\n").count(), 3, "{written}");
    assert_eq!(written.matches("credentials_file: \"/etc/page token\"\n").count(), 3, "{written}");
    fs::write(&path, written).unwrap();
    accepts(promtool.arg(path), "");
}

#[test]
fn a_page_passes() {
    let metrics =
        Metrics::new("0.1.0", SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_001));
    metrics.add_permission_rule("tmux-state");
    metrics.permissions_repaired("tmux-state", RepairKind::Mode, 1);
    metrics.set_permission_errors("/tmp/\"a\\b\n".as_ref(), 2);
    metrics.add_check("health");
    metrics.observe_attempt("health", Duration::from_millis(12), Some(FailureReason::Status), None);
    metrics.set_check("health", CheckState::Down, Some(false));
    metrics.recovery_decided("worker", "exec", "health", RecoveryOutcome::Refused, None);
    accepts_page(&metrics.encode_text());
}

#[test]
fn the_page_of_a_process_passes() {
    accepts_page(&process_page_text(&ProcessStats::read(std::process::id()).unwrap()));
}
