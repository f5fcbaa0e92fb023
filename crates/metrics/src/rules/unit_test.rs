//! Unit tests of the rules, in the form of `promtool test rules`.

use std::fmt::Write as _;
use std::time::Duration;

use super::alert::Alert;
use super::expr::Element;
use super::scrape::AGENT_JOB;
use super::yaml::{duration, quoted, scalar};
use crate::names;

/// The agent in the tests.
pub(super) const INSTANCE: &str = "host.example:9720";
/// How long an agent may be away.
pub(super) const AGENT_GONE_FOR: Duration = Duration::from_mins(2);

const MINUTE: Duration = Duration::from_mins(1);

/// One recorded input and what must be said about it when.
#[derive(Debug, Clone)]
pub(super) struct Case {
    what: &'static str,
    step: Duration,
    series: Vec<(String, String)>,
    expected: Vec<(Duration, Option<Firing>)>,
}

/// An alert that must fire at some moment.
#[derive(Debug, Clone)]
struct Firing {
    labels: Vec<(String, String)>,
    value: f64,
}

/// Laws of a rule `name > limit` that must hold for some time.
pub(super) fn threshold(
    name: &str,
    labels: &[(&str, &str)],
    limit: u64,
    sustained_for: Duration,
) -> Vec<Case> {
    // Prometheus judges at whole steps: a time between two of them is over at the later one.
    let seconds = sustained_for.as_millis().div_ceil(1000).try_into().unwrap_or(u32::MAX);
    let step = gcd(seconds, 12);
    let steps = seconds / step;
    let step = Duration::from_secs(step.into());
    let over = limit.saturating_add(2);
    #[expect(
        clippy::cast_precision_loss,
        reason = "Prometheus reads the same number from the digits"
    )]
    let firing = Some(Firing { labels: owned(labels), value: over as f64 });
    let case = |what, values: String, expected: Vec<(u32, &Option<Firing>)>| Case {
        what,
        step,
        series: vec![(selector(name, labels), values)],
        expected: expected.into_iter().map(|(at, firing)| (step * at, firing.clone())).collect(),
    };
    let mut cases = vec![
        case(
            "exactly the limit is good",
            format!("{limit}x{}", 3 * steps + 1),
            vec![(3 * steps, &None)],
        ),
        case(
            "over the limit for the whole time fires, and resolves below it",
            format!("{over}x{steps} {limit}x{steps}"),
            vec![(steps, &firing), (steps + 1, &None)],
        ),
    ];
    if steps > 1 {
        cases.push(case(
            "a dip to the limit starts the time again",
            format!("{over}x{} {limit} {over}x{steps}", steps - 2),
            vec![(steps - 1, &None), (2 * steps - 1, &None), (2 * steps, &firing)],
        ));
    }
    cases
}

pub(super) fn agent_gone() -> Vec<Case> {
    let labels = [("job", AGENT_JOB), ("instance", INSTANCE)];
    let other = [("job", AGENT_JOB), ("instance", "other.example:9720")];
    let up = |labels: &[(&str, &str)], values: &str| (selector("up", labels), values.to_owned());
    let gone = |labels: &[(&str, &str)]| Some(Firing { labels: owned(labels), value: 1.0 });
    let case = |what, series, expected: Vec<(u32, Option<Firing>)>| Case {
        what,
        step: MINUTE,
        series,
        expected: expected.into_iter().map(|(minute, firing)| (MINUTE * minute, firing)).collect(),
    };
    vec![
        case(
            "an agent that answers is there",
            vec![up(&labels, "1x90")],
            vec![(10, None), (90, None)],
        ),
        case(
            "an agent that does not answer is gone",
            vec![up(&labels, "1x4 0x9 1x9")],
            vec![(6, None), (7, gone(&labels)), (15, None)],
        ),
        case(
            "one of two that is no longer a target is gone",
            vec![up(&labels, "1x4 stale"), up(&other, "1x30")],
            vec![(6, None), (7, gone(&labels)), (30, gone(&labels))],
        ),
        case(
            "the only one that is no longer a target is gone, also after the hour",
            vec![up(&labels, "1x4 stale")],
            vec![(7, gone(&labels)), (90, gone(&[("job", AGENT_JOB)]))],
        ),
        case(
            "a job without any target is gone",
            vec![],
            vec![(1, None), (2, gone(&[("job", AGENT_JOB)]))],
        ),
    ]
}

pub(super) fn recovery_exhausted() -> Vec<Case> {
    let labels = [("target", "worker"), ("job", AGENT_JOB), ("instance", INSTANCE)];
    let firing = Firing { labels: owned(&labels), value: 1.0 };
    vec![Case {
        what: "a recovery that gives up fires at once, and resolves when it is reset",
        step: MINUTE,
        series: vec![(selector(names::RECOVERY_EXHAUSTED, &labels), "0 0 1 1 0".to_owned())],
        expected: vec![(MINUTE, None), (2 * MINUTE, Some(firing)), (4 * MINUTE, None)],
    }]
}

pub(super) fn render(alerts: &[Alert], rules_file: &str) -> String {
    let steps = alerts.iter().flat_map(|alert| &alert.cases).map(|case| case.step.as_secs());
    let every = Duration::from_secs(steps.reduce(gcd).unwrap_or(60));
    let mut out = format!(
        "rule_files:\n  - {}\nevaluation_interval: {}\ntests:\n",
        quoted(rules_file),
        duration(every)
    );
    for alert in alerts {
        for case in &alert.cases {
            render_case(&mut out, alert, case);
        }
    }
    out
}

fn render_case(out: &mut String, alert: &Alert, case: &Case) {
    let _ = writeln!(out, "  - name: {}", scalar(&format!("{}, {}", alert.name, case.what)));
    let _ = writeln!(out, "    interval: {}", duration(case.step));
    if !case.series.is_empty() {
        out.push_str("    input_series:\n");
    }
    for (series, values) in &case.series {
        let _ =
            writeln!(out, "      - series: {}\n        values: {}", scalar(series), quoted(values));
    }
    out.push_str("    alert_rule_test:\n");
    for (at, firing) in &case.expected {
        let _ = writeln!(
            out,
            "      - eval_time: {}\n        alertname: {}",
            duration(*at),
            scalar(&alert.name)
        );
        let Some(firing) = firing else {
            out.push_str("        exp_alerts: []\n");
            continue;
        };
        out.push_str("        exp_alerts:\n          - exp_labels:\n");
        let element = Element {
            labels: firing
                .labels
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
            value: firing.value,
        };
        let sent = alert.firing(&element);
        for (name, value) in sent.labels.iter().filter(|(name, _)| *name != "alertname") {
            let _ = writeln!(out, "              {name}: {}", scalar(value));
        }
        out.push_str("            exp_annotations:\n");
        for (name, text) in sent.annotations {
            let _ = writeln!(out, "              {name}: {}", scalar(&text));
        }
    }
}

/// The greatest common divisor, by Euclid.
fn gcd<T: Copy + Default + PartialEq + std::ops::Rem<Output = T>>(left: T, right: T) -> T {
    if right == T::default() { left } else { gcd(right, left % right) }
}

fn owned(labels: &[(&str, &str)]) -> Vec<(String, String)> {
    labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn selector(name: &str, labels: &[(&str, &str)]) -> String {
    let labels: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    format!("{name}{{{}}}", labels.join(","))
}
