//! Expressions beside a model that looks at every sample, and what only staleness shows. `tests/host/promql.rs` has the
//! comparison with a real Prometheus.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const MINUTE_MS: i64 = 60_000;

fn series(name: &str, labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Series {
    Series {
        labels: Labels::of_metric(name, labels.iter().copied()),
        samples: samples.iter().map(|&(at_ms, value)| Sample { at_ms, value }).collect(),
    }
}

#[track_caller]
fn gives(expr: &Expr, samples: &Vec<Series>, at_ms: i64, expected: &[(&[(&str, &str)], f64)]) {
    let mut found: Vec<(Labels, String)> = expr
        .eval(samples, at_ms)
        .unwrap()
        .into_iter()
        .map(|element| (element.labels, element.value.to_string()))
        .collect();
    found.sort();
    let expected: Vec<(Labels, String)> = expected
        .iter()
        .map(|(labels, value)| (labels.iter().copied().collect(), value.to_string()))
        .collect();
    assert_eq!(found, expected, "{expr} at {at_ms}");
}

#[test]
fn a_series_is_there_for_five_minutes_after_its_last_sample() {
    let up = Selector::new("up");
    let samples = vec![series("up", &[("instance", "a")], &[(0, 1.0)])];
    let there: &[(&[(&str, &str)], f64)] = &[(&[("__name__", "up"), ("instance", "a")], 1.0)];
    gives(&up.clone().instant(), &samples, -1, &[]);
    gives(&up.clone().instant(), &samples, 5 * MINUTE_MS, there);
    gives(&up.clone().instant(), &samples, 5 * MINUTE_MS + 1, &[]);
    gives(&up.absent(), &samples, 5 * MINUTE_MS + 1, &[(&[], 1.0)]);
}

#[test]
fn a_stale_series_is_gone_at_once_and_its_marker_is_no_sample() {
    let up = || Selector::new("up").with("instance", "a");
    let samples = vec![series("up", &[("instance", "a")], &[(0, 1.0), (MINUTE_MS, STALE)])];
    gives(&up().instant(), &samples, MINUTE_MS, &[]);
    gives(&up().absent(), &samples, MINUTE_MS, &[(&[("instance", "a")], 1.0)]);
    let range = Duration::from_mins(2);
    let one: &[(&[(&str, &str)], f64)] = &[(&[("instance", "a")], 1.0)];
    gives(&up().count_over_time(range), &samples, MINUTE_MS, one);
    gives(&up().increase(range), &samples, MINUTE_MS, &[]);
    gives(&up().absent_over_time(range), &samples, MINUTE_MS, &[]);
    // Another value that is not a number is a sample.
    let samples = vec![series("up", &[("instance", "a")], &[(0, f64::NAN)])];
    gives(&up().count_over_time(range), &samples, 0, one);
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    let samples = vec![
        series("a", &[("x", "1")], &[(0, 1.0)]),
        series("a", &[("x", "2")], &[(0, 2.0)]),
        series("b", &[], &[(0, 3.0)]),
    ];
    let metric = |name| Selector::new(name).instant();
    let on_none = || Matching::on(&[]);
    let left = metric("a").calculate(Arithmetic::Add, on_none().to(metric("b")));
    assert!(matches!(left.eval(&samples, 0), Err(EvalError::ManyToOne { .. })));
    let right = metric("b").calculate(Arithmetic::Add, on_none().to(metric("a")));
    assert!(matches!(right.eval(&samples, 0), Err(EvalError::ManyToMany { .. })));
    let renamed = vec![series("a", &[], &[(0, 1.0)]), series("b", &[("y", "1")], &[(0, 3.0)])];
    let same = metric("a")
        .or(metric("b"))
        .compare(Comparison::AtLeast, 0_u64)
        .calculate(Arithmetic::Multiply, 2_u64);
    assert_eq!(same.eval(&renamed, 0).unwrap().len(), 2);
    let twins = vec![series("a", &[], &[(0, 1.0)]), series("b", &[], &[(0, 3.0)])];
    let both = metric("a").combine(SetOperator::Or, Matching::on(&["__name__"]), metric("b"));
    let doubled = both.calculate(Arithmetic::Multiply, 2_u64);
    assert!(matches!(doubled.eval(&twins, 0), Err(EvalError::SameLabels { .. })));
}

proptest! {
    #[test]
    fn last_and_counted_samples_are_those_of_whoever_looks_at_each(
        steps in prop::collection::vec((1..200_000_i64, prop::option::weighted(0.9, 0..9_u32)), 0..40),
        at_ms in 0..4_000_000_i64,
        range in 1..2_000_u64,
    ) {
        let mut now = 0;
        let samples: Vec<(i64, f64)> = steps.iter().map(|(step, value)| {
            now += step;
            (now, value.map_or(STALE, f64::from))
        }).collect();
        let recorded = vec![series("m", &[("x", "1")], &samples)];
        let metric = Selector::new("m");

        let last = samples.iter().rfind(|(at, _)| *at <= at_ms);
        let last = last.filter(|(at, value)| at_ms - at <= 300_000 && !is_stale(*value));
        let found = metric.clone().instant().eval(&recorded, at_ms).unwrap();
        prop_assert_eq!(found.first().map(|found| found.value), last.map(|(_, value)| *value));

        let from_ms = at_ms - i64::try_from(range).unwrap() * 1000;
        let counted = samples.iter().filter(|(at, value)| {
            (from_ms..=at_ms).contains(at) && !is_stale(*value)
        }).count();
        let found = metric.count_over_time(Duration::from_secs(range)).eval(&recorded, at_ms).unwrap();
        let found = found.first().map_or("0".to_owned(), |found| found.value.to_string());
        prop_assert_eq!(found, counted.to_string());
    }
}
