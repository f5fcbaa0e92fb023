//! The same recorded input for the rules engine of a real Prometheus (`promtool test rules`) and for this one: at every
//! evaluation the same alerts fire, with the same labels and the same texts.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::process::Command;

use evenkeel_metrics::rules::expr::{Labels as SeriesLabels, NAME_LABEL, STALE, Selector};
use evenkeel_metrics::rules::{
    MemoryRule, PermissionRule, RuleInputs, alert_rules, alerts as rules_for, recordings,
};
use serde_json::{Value, json};

use super::*;

const STEP: Duration = Duration::from_secs(30);
const EVALUATIONS: i64 = 500;

/// A series as both sides are given it: one entry for each step, `None` where a scrape was missed.
struct Series {
    labels: SeriesLabels,
    values: Vec<Option<f64>>,
}

/// Chance that is the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn inputs() -> RuleInputs {
    let memory = |job: &str, seconds| MemoryRule {
        job: job.into(),
        above_bytes: 300_000_000,
        sustained_for: Duration::from_secs(seconds),
    };
    let permission =
        |name: &str, path: &str| PermissionRule { name: name.into(), path: path.into() };
    let mut inputs = RuleInputs::plan();
    inputs.memory = vec![memory("supervisor", 300), memory("web", 0), memory("db", 90)];
    inputs.permissions = vec![
        permission("tmux-state", "/tmp/tmux_supervisor_state"),
        permission("srv", "/srv/\"quoted\""),
    ];
    inputs
}

/// Series for everything that the rules ask for, which come and go, stand and jump.
fn record(rules: &[Rule], inputs: &RuleInputs, seed: u64) -> Vec<Series> {
    let mut chance = Chance(seed);
    let recordings = recordings(inputs);
    let exprs = rules.iter().map(|rule| &rule.expr);
    let store = Store::new(exprs.chain(recordings.iter().map(|recording| &recording.expr)), STEP);
    // What is recorded is not recorded from a host.
    let recorded_names: BTreeSet<_> = recordings.iter().map(|recording| &recording.name).collect();
    let mut known = BTreeSet::new();
    let mut recorded = Vec::new();
    let selectors: Vec<_> =
        store.selectors().filter(|asked| !recorded_names.contains(&asked.name)).collect();
    for selector in &selectors {
        for part in ["a", "b"] {
            let labels = labels_for(selector, &selectors, part);
            if known.insert(labels.clone()) {
                let values = values(&selector.name, &mut chance);
                recorded.push(Series { labels, values });
            }
        }
    }
    recorded
}

fn labels_for(selector: &Selector, all: &[&Selector], part: &str) -> SeriesLabels {
    let mut labels = SeriesLabels::of_metric(&selector.name, [("job", "evenkeel")]);
    labels.set("instance", &format!("host-{part}"));
    // What one selector leaves open, another one may ask for.
    let others = all.iter().rev().copied().filter(|other| other.name == selector.name);
    for (name, value) in others.chain([selector]).flat_map(|selector| &selector.labels) {
        labels.set(name, value);
    }
    labels
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn values(name: &str, chance: &mut Chance) -> Vec<Option<f64>> {
    let counts = name.ends_with("_total");
    let (mut value, mut gone) = (0.0_f64, 0);
    let mut high = false;
    let mut values = Vec::new();
    for _ in 0..EVALUATIONS {
        if chance.below(60) == 0 {
            high = !high;
        }
        if counts {
            value += if high { chance.below(4) as f64 } else { 0.0 };
            if chance.below(200) == 0 {
                value = 0.0;
            }
        } else {
            value = match (name, high) {
                ("process_resident_memory_bytes", _) => {
                    299_999_999.0 + f64::from(u8::from(high)) * (chance.below(3) as f64)
                }
                ("up", _) => f64::from(u8::from(chance.below(20) != 0)),
                (_, true) => (chance.below(3) + 1) as f64,
                (_, false) => 0.0,
            };
        }
        if gone > 0 {
            gone -= 1;
            values.push(None);
        } else if chance.below(80) == 0 {
            // Either it ended, or scrapes are missed: the first is known at once, the second after five minutes.
            gone = chance.below(20);
            values.push(if chance.below(2) == 0 { Some(STALE) } else { None });
        } else {
            values.push(Some(value));
        }
    }
    values
}

/// What fires at each evaluation, by rule.
fn fires(
    rules: &[Rule],
    inputs: &RuleInputs,
    recorded: &[Series],
) -> Vec<BTreeMap<String, Vec<Alert>>> {
    let mut evaluator = Evaluator::default();
    evaluator.renew(rules.to_vec(), recordings(inputs), STEP, Timestamp::UNIX_EPOCH);
    (0..EVALUATIONS)
        .map(|step| {
            let at = step * 30_000;
            for series in recorded {
                let place = usize::try_from(step).expect("small");
                if let Some(value) = series.values[place] {
                    evaluator.store.push(&series.labels, at, value);
                }
            }
            let at = Timestamp::from_millisecond(at).expect("a time");
            assert_eq!(evaluator.evaluate(at).failed, []);
            let mut firing: BTreeMap<String, Vec<Alert>> = BTreeMap::new();
            for alert in evaluator.alerts().filter(|alert| alert.phase == Phase::Firing) {
                firing.entry(alert.label("alertname").to_owned()).or_default().push(alert.clone());
            }
            firing
        })
        .collect()
}

fn document(rules: &[Rule], recorded: &[Series], fires: &[BTreeMap<String, Vec<Alert>>]) -> Value {
    let series: Vec<_> = recorded
        .iter()
        .map(|series| {
            let labels: Vec<_> = series
                .labels
                .iter()
                .filter(|(name, _)| *name != NAME_LABEL)
                .map(|(name, value)| format!("{name}={}", Value::from(value)))
                .collect();
            let values: Vec<_> = series
                .values
                .iter()
                .map(|value| match value {
                    None => "_".to_owned(),
                    Some(value) if value.to_bits() == STALE.to_bits() => "stale".to_owned(),
                    Some(value) => value.to_string(),
                })
                .collect();
            let name = series.labels.get(NAME_LABEL);
            json!({ "series": format!("{name}{{{}}}", labels.join(",")), "values": values.join(" ") })
        })
        .collect();
    let names: BTreeSet<_> = rules.iter().map(|rule| rule.name.as_str()).collect();
    let mut expected = Vec::new();
    for (step, firing) in (0_u64..).zip(fires) {
        for name in &names {
            let alerts = firing.get(*name).map_or(&[][..], Vec::as_slice);
            let alerts: Vec<_> = alerts
                .iter()
                .map(|alert| {
                    let mut labels = alert.labels.clone();
                    labels.remove("alertname");
                    json!({ "exp_labels": labels, "exp_annotations": alert.annotations })
                })
                .collect();
            let eval_time = format!("{}s", step * STEP.as_secs());
            expected
                .push(json!({ "eval_time": eval_time, "alertname": name, "exp_alerts": alerts }));
        }
    }
    // JSON is YAML.
    json!({
        "rule_files": ["rules.yml"],
        "evaluation_interval": "30s",
        "tests": [{ "interval": "30s", "input_series": series, "alert_rule_test": expected }],
    })
}

/// What promtool says of it, and whether it agrees; `None` where it is not installed.
fn promtool(inputs: &RuleInputs, tests: &Value) -> Option<(bool, String)> {
    if Command::new("promtool").arg("--version").output().is_err() {
        let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!in_ci, "`promtool` is not installed: run `cargo xtask test` as root");
        #[expect(
            clippy::print_stderr,
            reason = "a test that is left out must not look like one that passed"
        )]
        {
            eprintln!("LEFT OUT: `promtool` is not installed");
        }
        return None;
    }
    let scratch = tempfile::tempdir().expect("a scratch directory");
    std::fs::write(scratch.path().join("rules.yml"), alert_rules(inputs)).expect("a file");
    let path = scratch.path().join("tests.yml");
    std::fs::write(&path, tests.to_string()).expect("a file");
    let output =
        Command::new("promtool").args(["test", "rules"]).arg(&path).output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn what_fires_when_is_what_a_real_prometheus_says_of_the_same_input() {
    let (inputs, mut counted) = (inputs(), BTreeMap::<String, usize>::new());
    let rules = rules_for(&inputs);
    for seed in [1, 2] {
        let recorded = record(&rules, &inputs, seed);
        let firing = fires(&rules, &inputs, &recorded);
        for (name, alerts) in firing.iter().flatten() {
            *counted.entry(name.clone()).or_default() += alerts.len();
        }
        let mut tests = document(&rules, &recorded, &firing);
        let Some((agrees, said)) = promtool(&inputs, &tests) else { return };
        assert!(agrees, "seed {seed}: {}", said.chars().take(4_000).collect::<String>());

        // It would notice: one alert less, at one evaluation, and it disagrees.
        let expected = tests["tests"][0]["alert_rule_test"].as_array_mut().expect("a list");
        let firing = expected.iter_mut().rfind(|entry| entry["exp_alerts"] != json!([]));
        firing.expect("something fires")["exp_alerts"] = json!([]);
        assert_eq!(promtool(&inputs, &tests).map(|(agrees, _)| agrees), Some(false));
    }
    for rule in &rules {
        assert!(
            counted.contains_key(&rule.name),
            "`{}` never fired, so nothing was compared: {counted:?}",
            rule.name
        );
    }
}

#[test]
fn a_rule_that_is_no_more_has_its_alerts_resolved_and_the_others_go_on() {
    let plan = rules_for(&RuleInputs::plan());
    let mut evaluator = Evaluator::default();
    let at = |seconds| Timestamp::from_second(seconds).expect("a time");
    evaluator.renew(plan.clone(), Vec::new(), STEP, at(0));
    let page = "file_permission_errors{path=\"/tmp/tmux_supervisor_state\"} 1\nevenkeel_recovery_exhausted{target=\"web\"} 1\n";
    let job = Job { job: "evenkeel", instance: "here" };
    for step in 0..4 {
        evaluator.scrape(at(step * 30), job, Some(page));
        evaluator.evaluate(at(step * 30));
    }
    let firing = |evaluator: &Evaluator| {
        let alerts = evaluator.alerts().filter(|alert| alert.phase == Phase::Firing);
        alerts.map(|alert| alert.label("alertname").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(firing(&evaluator), ["TmuxPermissionError", "EvenkeelRecoveryExhausted"]);
    let rest = plan.into_iter().filter(|rule| rule.name != "TmuxPermissionError").collect();
    let orphans = evaluator.renew(rest, Vec::new(), STEP, at(120));
    assert_eq!(orphans.len(), 1);
    assert_eq!(
        (orphans[0].label("alertname"), orphans[0].phase),
        ("TmuxPermissionError", Phase::Resolved)
    );
    assert_eq!(firing(&evaluator), ["EvenkeelRecoveryExhausted"]);
}
