//! What an expression of a rule gives here, beside what the real Prometheus makes of its text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use evenkeel_metrics::availability::Decimal;
use evenkeel_metrics::rules::expr::{
    Aggregation, Arithmetic, Comparison, Expr, Grouping, Labels, Matching, Operand, RangeFunction,
    Sample, Selector, Series, SetOperator,
};
use evenkeel_tests::{Prometheus, Scratch, installed, promtool};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

/// On a whole block of Prometheus, which makes the import quick.
const START_MS: i64 = 1_699_999_200_000;
const LONG_MS: i64 = 3_600_000;

#[test]
fn expressions_have_the_values_that_a_real_prometheus_gives_them() {
    if !installed("prometheus") || !installed("promtool") {
        return;
    }
    let config =
        ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let recorded = history().new_tree(&mut runner).expect("nothing is rejected").current();
    let scratch = Scratch::new();
    let page = scratch.file("history.txt", &openmetrics(&recorded), 0o644);
    let imported = promtool([
        "tsdb".as_ref(),
        "create-blocks-from".as_ref(),
        "openmetrics".as_ref(),
        page.as_os_str(),
        scratch.folder("prometheus", 0o755).as_os_str(),
    ]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let config = scratch.file("prometheus.yml", "global: {}\n", 0o644);
    let flags = ["--storage.tsdb.retention.time=100y"];
    let prometheus = Prometheus::start_with(&scratch, &config, &flags);

    // Past both ends, and at the very moments of samples, where ranges begin and end.
    let moments = prop_oneof![
        -400_000..LONG_MS + 400_000,
        (0..LONG_MS / 15_000).prop_map(|index| index * 15_000)
    ];
    let found = std::cell::Cell::new(0_usize);
    let compared = runner.run(&(expression(), moments), |(expr, offset_ms)| {
        let at_ms = START_MS + offset_ms;
        let here = expr.eval(&recorded, at_ms);
        let there = prometheus.query_at(&expr.to_string(), at_ms);
        match (here, there) {
            (Ok(here), Ok(there)) => {
                let here: BTreeMap<_, _> =
                    here.into_iter().map(|element| (element.labels, element.value)).collect();
                let there = elements(&there);
                found.set(found.get() + there.len());
                prop_assert!(
                    same(&here, &there),
                    "{expr}\nat {offset_ms} ms\nhere: {here:?}\nthere: {there:?}"
                );
            }
            (Err(_), Err(_)) => {}
            (here, there) => {
                prop_assert!(false, "{expr}\nat {offset_ms} ms\nhere: {here:?}\nthere: {there:?}");
            }
        }
        Ok(())
    });
    assert!(compared.is_ok(), "{}", compared.unwrap_err());
    assert!(found.get() > 500, "only {} elements were compared", found.get());
}

fn same(here: &BTreeMap<Labels, f64>, there: &BTreeMap<Labels, f64>) -> bool {
    let close = |here: f64, there: f64| {
        here.to_bits() == there.to_bits()
            || (here.is_nan() && there.is_nan())
            || (here - there).abs() <= 1e-9 * here.abs().max(there.abs()).max(1.0)
    };
    here.len() == there.len()
        && here
            .iter()
            .all(|(labels, value)| there.get(labels).is_some_and(|other| close(*value, *other)))
}

/// What the query API answers, as labels and numbers.
fn elements(result: &[serde_json::Value]) -> BTreeMap<Labels, f64> {
    let element = |element: &serde_json::Value| {
        let labels = element["metric"].as_object().expect("labels");
        let labels = labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().expect("labels are texts")))
            .collect();
        let value = element["value"][1].as_str().expect("values are texts");
        (labels, value.replace("Inf", "inf").parse().expect("a number"))
    };
    result.iter().map(element).collect()
}

/// Counters that begin again and gauges, scraped every 15 s but not quite, with gaps of all lengths.
fn history() -> impl Strategy<Value = Vec<Series>> {
    let all = ["ek_a", "ek_b"].into_iter().flat_map(|name| {
        ["", "1", "2"]
            .into_iter()
            .flat_map(move |x| ["bad", "good"].into_iter().map(move |verdict| (name, x, verdict)))
    });
    let series: Vec<_> = all
        .map(|(name, x, verdict)| {
            samples(name == "ek_a").prop_map(move |samples| Series {
                labels: Labels::of_metric(name, [("x", x), ("verdict", verdict)]),
                samples,
            })
        })
        .collect();
    series
}

fn samples(counts: bool) -> impl Strategy<Value = Vec<Sample>> {
    let step = (
        prop_oneof![8 => Just(15_000_i64), 3 => 14_000..16_000_i64, 1 => 20_000..700_000_i64],
        prop_oneof![4 => Just(0_u32), 3 => 1..4_u32, 1 => 4..1000_u32],
        prop::bool::weighted(0.03),
    );
    (0..30_000_i64, prop::collection::vec(step, 20..200)).prop_map(move |(first, steps)| {
        let (mut at_ms, mut value) = (START_MS + first / 15_000 * 15_000, 0.0);
        let mut samples = Vec::new();
        for (pause, change, again) in steps {
            if at_ms > START_MS + LONG_MS {
                break;
            }
            let change = f64::from(change);
            value = match (counts, again) {
                (_, true) => change,
                (true, false) => value + change,
                (false, false) => change / 4.0 - 0.5,
            };
            samples.push(Sample { at_ms, value });
            at_ms += pause;
        }
        samples
    })
}

fn openmetrics(series: &[Series]) -> String {
    let mut page = String::new();
    for Series { labels, samples } in series {
        let of = |name| format!("{name}=\"{}\"", labels.get(name));
        let shown: Vec<String> = ["verdict", "x"]
            .into_iter()
            .filter(|name| !labels.get(name).is_empty())
            .map(of)
            .collect();
        for Sample { at_ms, value } in samples {
            let (seconds, millis) = (at_ms / 1000, at_ms % 1000);
            let name = labels.get("__name__");
            let _ = writeln!(page, "{name}{{{}}} {value} {seconds}.{millis:03}", shown.join(","));
        }
    }
    page.push_str("# EOF\n");
    page
}

fn selector() -> impl Strategy<Value = Selector> {
    let name = prop_oneof![4 => Just("ek_a"), 4 => Just("ek_b"), 1 => Just("ek_none")];
    let label = |name: &'static str, values: &'static [&'static str]| {
        prop::option::weighted(0.5, prop::sample::select(values))
            .prop_map(move |value| value.map(|value| (name, value)))
    };
    let labels = (label("x", &["", "1", "2", "3"]), label("verdict", &["bad", "good"]));
    (name, labels).prop_map(|(name, (x, verdict))| {
        let selector = Selector::new(name);
        x.into_iter()
            .chain(verdict)
            .fold(selector, |selector, (name, value)| selector.with(name, value))
    })
}

fn leaf() -> impl Strategy<Value = Expr> {
    let range = prop::sample::select(vec![15_u64, 37, 60, 120, 300, 660, 3600])
        .prop_map(Duration::from_secs);
    let function = prop::sample::select(vec![
        RangeFunction::Increase,
        RangeFunction::Rate,
        RangeFunction::CountOverTime,
    ]);
    prop_oneof![
        4 => selector().prop_map(Expr::Instant),
        4 => (function, selector(), range.clone())
            .prop_map(|(function, selector, range)| Expr::Range { function, selector, range }),
        1 => selector().prop_map(Expr::Absent),
        1 => (selector(), range)
            .prop_map(|(selector, range)| Expr::AbsentOverTime { selector, range }),
    ]
}

fn expression() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(4, 12, 2, |inner| {
        let names = prop::sample::subsequence(vec!["x", "verdict"], 0..=2);
        let grouping = (any::<bool>(), names.clone()).prop_map(|(by, names)| {
            if by { Grouping::by(&names) } else { Grouping::without(&names) }
        });
        let matching = (0..3, names).prop_map(|(which, names)| match which {
            0 => Matching::All,
            1 => Matching::on(&names),
            _ => Matching::ignoring(&names),
        });
        let number = prop_oneof![
            (0..8_u64).prop_map(Operand::from),
            (0..3000_u32).prop_map(|number| Operand::from(Decimal::thousandths(number))),
        ];
        let operand = prop_oneof![
            number,
            (matching.clone(), inner.clone()).prop_map(|(matching, expr)| matching.to(expr))
        ];
        let aggregation =
            prop::sample::select(vec![Aggregation::Sum, Aggregation::Min, Aggregation::Max]);
        let arithmetic = prop::sample::select(vec![
            Arithmetic::Add,
            Arithmetic::Subtract,
            Arithmetic::Multiply,
            Arithmetic::Divide,
        ]);
        let comparison = prop::sample::select(vec![
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::Above,
            Comparison::AtLeast,
            Comparison::Below,
            Comparison::AtMost,
        ]);
        let set =
            prop::sample::select(vec![SetOperator::And, SetOperator::Or, SetOperator::Unless]);
        prop_oneof![
            (inner.clone(), aggregation, grouping)
                .prop_map(|(of, aggregation, grouping)| of.aggregate(aggregation, grouping)),
            (inner.clone(), arithmetic, operand.clone())
                .prop_map(|(left, operator, right)| left.calculate(operator, right)),
            (inner.clone(), comparison, operand)
                .prop_map(|(left, operator, right)| left.compare(operator, right)),
            (inner.clone(), set, matching, inner).prop_map(|(left, operator, matching, right)| {
                left.combine(operator, matching, right)
            }),
        ]
    })
}
