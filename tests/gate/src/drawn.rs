//! Pages: of metrics, for people, and what rules make of the former.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use evenkeel_metrics::exposition::{Line, parse_line};
use evenkeel_metrics::rules::expr::{Labels, Sample, Series};
use evenkeel_metrics::rules::{RuleInputs, alerts};
use evenkeel_metrics::{CheckState, Metrics};
use evenkeel_pages::{CheckRow, Frame, Lang, Overview, Stretch, Theme, Verdict, View, overview};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::counted_by_callgrind;

/// Series that a check has. Sizes are told in series, so that what one costs can be compared where a check gets more of them.
pub(crate) const A_CHECK: u32 = 36;
const SAMPLES: i64 = 60;
const STEP_MS: i64 = 30_000;

fn metrics(series: u32) -> Metrics {
    let metrics = Metrics::new("0", SystemTime::UNIX_EPOCH);
    for check in 0..series / A_CHECK {
        let name = format!("check-{check:04}");
        metrics.add_check(&name);
        metrics.set_check(&name, CheckState::Up, Some(true));
        metrics.observe_attempt(&name, Duration::from_millis(3), None, None);
    }
    metrics
}

/// A page of which everything is written for the first time.
pub(crate) fn exposition(series: u32) {
    let metrics = metrics(series);
    let page = counted_by_callgrind(|| metrics.encode_text());
    let found = page.lines().filter(|line| line.contains("{check=")).count();
    assert_eq!(found, series as usize, "series, with {A_CHECK} a check");
}

/// The same page once more, as for each scrape but the first.
pub(crate) fn exposition_again(series: u32) {
    let metrics = metrics(series);
    let first = metrics.encode_openmetrics();
    let again = counted_by_callgrind(|| metrics.encode_openmetrics());
    assert_eq!(first.len(), again.len());
}

/// All rules that there are, over what half an hour of scrapes leaves.
pub(crate) fn rules(series: u32) {
    let page = metrics(series).encode_text();
    let lines = page.lines().filter_map(|line| match parse_line(line) {
        Ok(Line::Sample(sample)) => Some(sample),
        _ => None,
    });
    let series: Vec<_> = lines
        .map(|line| {
            let labels = line.labels.iter().map(|(name, value)| (*name, value.as_str()));
            let sample = |step| Sample { at_ms: step * STEP_MS, value: line.value };
            Series {
                labels: Labels::of_metric(line.name, labels),
                samples: (0..SAMPLES).map(sample).collect(),
            }
        })
        .collect();
    let rules = alerts(&RuleInputs::plan());
    counted_by_callgrind(|| {
        for rule in &rules {
            let found = rule.expr.eval(black_box(&series), SAMPLES * STEP_MS);
            black_box(found.expect("nothing has to be chosen"));
        }
    });
}

/// The first page, with a day of history for each check.
pub(crate) fn page(checks: u32) {
    let now: Timestamp = "2026-11-25T12:00:00Z".parse().expect("a time");
    let span = now - 24.hours()..now;
    let stretches = |check: u32| {
        let ill = span.start + i64::from(check % 20).hours();
        let well = ill + 5.minutes();
        vec![
            Stretch { from: span.start, until: ill, verdict: Verdict::Good },
            Stretch { from: ill, until: well, verdict: Verdict::Bad },
            Stretch { from: well, until: now, verdict: Verdict::Good },
        ]
    };
    let row = |check: u32| CheckRow {
        name: format!("check-{check:04}"),
        kind: "http".to_owned(),
        target: format!("http://10.0.0.1:{}/health", 1_000 + check),
        state: "up".to_owned(),
        since: Some(span.start),
        last_ms: Some(3.5),
        interval_ms: 30_000,
        stretches: Some(stretches(check)),
        ..CheckRow::default()
    };
    let data = Overview {
        frame: Frame {
            host: "host".to_owned(),
            version: "0".to_owned(),
            observes: None,
            observes_code: None,
            started_at: span.start,
            address: "/".to_owned(),
        },
        healthy: true,
        storm: None,
        storm_refusal: serde_json::Value::Null,
        checks: (0..checks).map(row).collect(),
        span: span.clone(),
        recoveries: Vec::new(),
        rules: Vec::new(),
        slos: Vec::new(),
        holds: Vec::new(),
        alerts: Vec::new(),
        incidents: Vec::new(),
        drifts: Vec::new(),
        cleanups: Vec::new(),
        events: Vec::new(),
    };
    let view = View { lang: Lang::En, theme: Theme::Auto, zone: TimeZone::UTC, now };
    let page = counted_by_callgrind(|| overview(&view, &data));
    assert!(page.matches("check-").count() >= checks as usize, "{} bytes", page.len());
}
