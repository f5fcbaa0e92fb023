//! What this crate writes, judged by Prometheus's own tool.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

mod tool;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use evenkeel_metrics::rules::{
    MemoryRule, PermissionRule, ProcessJob, RuleInputs, ScrapeFile, alert_rules,
    alert_rules_document, rule_tests, scrape_config,
};
use evenkeel_metrics::{
    CheckState, FailureReason, Format, Metrics, ProcessStats, RecoveryOutcome, RepairKind,
    process_page,
};

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
    let tests = file("tests.yml", rule_tests(&RuleInputs::plan(), "rules.json"));
    if let Some(mut promtool) = promtool(&["test", "rules"]) {
        accepts(promtool.arg(tests), "");
    }
    let job = ProcessJob { job: "supervisor".into(), process: "supervisor-memory".into() };
    let path = file(
        "prometheus.json",
        serde_json::to_string(&ScrapeFile::new("127.0.0.1:9720", &[job])).unwrap(),
    );
    if let Some(mut promtool) = promtool(&["check", "config", "--syntax-only"]) {
        accepts(promtool.arg(path), "");
    }
}

#[test]
fn a_rule_that_is_wrong_fails_its_tests() {
    let Some(mut promtool) = promtool(&["test", "rules"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let rules = alert_rules(&RuleInputs::plan()).replace("> 300000000", ">= 300000000");
    fs::write(directory.path().join("rules.yml"), rules).unwrap();
    let tests = directory.path().join("tests.yml");
    fs::write(&tests, rule_tests(&RuleInputs::plan(), "rules.yml")).unwrap();
    assert!(!promtool.arg(&tests).output().unwrap().status.success());
}

#[test]
fn the_scrape_configuration_passes() {
    let Some(mut promtool) = promtool(&["check", "config", "--syntax-only"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("prometheus.yml");
    let job = |job: &str, process: &str| ProcessJob { job: job.into(), process: process.into() };
    fs::write(
        &path,
        scrape_config("127.0.0.1:9720", &[job("supervisor", "supervisor"), job("null", "a \"b\"")]),
    )
    .unwrap();
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
    accepts_page(&process_page(&ProcessStats::read(std::process::id()).unwrap(), Format::Text));
}
