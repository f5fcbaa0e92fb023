//! The page in protobuf says what the text says, and has native histograms besides.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_metrics::exposition::{Line, parse_line};
use evenkeel_metrics::{Format, Metrics, names};
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::{
    Bucket, BucketSpan, Exemplar, Histogram, Metric, MetricFamily, MetricType,
};
use proptest::prelude::*;
use prost::Message as _;

use super::{eventful, started};

/// As the documentation has it.
const MOST_NATIVE_BUCKETS: usize = 63;

/// Name and labels of a series, bounds of buckets as the bits of their number; and the bits of its value.
type Series = BTreeMap<(String, Vec<(String, String)>), u64>;

fn read(mut page: &[u8]) -> Vec<MetricFamily> {
    let mut families = Vec::new();
    while !page.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut page).expect("a message"));
    }
    families
}

fn series_of_text(page: &str) -> Series {
    let sample = |line| match parse_line(line) {
        Ok(Line::Sample(sample)) => Some(sample),
        _ => None,
    };
    let series = page.split('\n').filter_map(sample).map(|sample| {
        let label = |(name, value): (&str, String)| match name {
            "le" => (name.to_owned(), bound(value.parse().expect("a number"))),
            _ => (name.to_owned(), value),
        };
        let labels = sample.labels.into_iter().map(label).collect();
        ((sample.name.to_owned(), labels), bits(sample.value))
    });
    series.collect()
}

/// What is 0 is not written in protobuf, and then has no sign.
fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

fn bound(number: f64) -> String {
    format!("{:x}", number.to_bits())
}

fn series_of(families: &[MetricFamily]) -> Series {
    let mut all = Series::new();
    for family in families {
        let mut put = |suffix: &str, labels: Vec<(String, String)>, value: f64| {
            let name = format!("{}{suffix}", family.name);
            let twice = all.insert((name, labels), bits(value));
            assert_eq!(twice, None, "a series twice: {}{suffix}", family.name);
        };
        for metric in &family.metric {
            let labels = labels(metric);
            match family.r#type() {
                MetricType::Counter => put("", labels, metric.counter.as_ref().unwrap().value),
                MetricType::Gauge => put("", labels, metric.gauge.as_ref().unwrap().value),
                MetricType::Histogram => {
                    let histogram = metric.histogram.as_ref().unwrap();
                    for bucket in &histogram.bucket {
                        let le = ("le".to_owned(), bound(bucket.upper_bound));
                        let labels = labels.iter().cloned().chain([le]).collect();
                        put("_bucket", labels, float(bucket.cumulative_count));
                    }
                    put("_sum", labels.clone(), histogram.sample_sum);
                    put("_count", labels, float(histogram.sample_count));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    all
}

fn labels(metric: &Metric) -> Vec<(String, String)> {
    metric.label.iter().map(|label| (label.name.clone(), label.value.clone())).collect()
}

#[expect(clippy::cast_precision_loss, reason = "as a scraper stores it")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Name, meaning and kind of each family, in their order.
fn heads(page: &str) -> Vec<(String, String, String)> {
    let (mut heads, mut help) = (Vec::new(), String::new());
    for line in page.lines() {
        match parse_line(line) {
            Ok(Line::Help(_, text)) => text.clone_into(&mut help),
            Ok(Line::Type(name, kind)) => {
                heads.push((name.to_owned(), help.clone(), kind.to_owned()));
            }
            _ => {}
        }
    }
    heads
}

fn histograms(families: &[MetricFamily]) -> impl Iterator<Item = (&str, &Metric, &Histogram)> {
    families.iter().flat_map(|family| {
        let metrics = family.metric.iter();
        metrics.filter_map(|metric| Some((&*family.name, metric, metric.histogram.as_ref()?)))
    })
}

/// How many native buckets hold something, and how much is in all of them.
fn native(histogram: &Histogram) -> (usize, u64) {
    let places: u32 = histogram.positive_span.iter().map(|span| span.length).sum();
    assert_eq!(places as usize, histogram.positive_delta.len(), "each place has its count");
    let counts: Vec<_> = histogram
        .positive_delta
        .iter()
        .scan(0, |count, delta| {
            *count += delta;
            Some(u64::try_from(*count).expect("no bucket holds less than nothing"))
        })
        .collect();
    let filled = counts.iter().filter(|count| **count > 0).count();
    (filled, counts.iter().sum::<u64>() + histogram.zero_count)
}

#[track_caller]
fn natives_hold_what_the_classic_ones_hold(families: &[MetricFamily]) {
    for (name, _, histogram) in histograms(families) {
        assert!(histogram.zero_threshold > 0.0, "{name} is not native: {histogram:?}");
        let infinite = histogram.bucket.last().map(|bucket| bucket.cumulative_count);
        let (filled, held) = native(histogram);
        assert_eq!(held, histogram.sample_count, "{name}");
        assert_eq!(infinite, Some(held), "{name}");
        assert!(filled <= MOST_NATIVE_BUCKETS, "{filled} buckets of {name}");
        assert!(histogram.negative_span.is_empty() && histogram.negative_delta.is_empty());
        assert!(histogram.start_timestamp.is_some(), "{name}");
    }
}

/// The laws of a page in protobuf, beside the text of the same facts.
#[track_caller]
pub(crate) fn says_the_same(page: &[u8], text: &str) {
    let families = read(page);
    assert_eq!(series_of(&families), series_of_text(text));
    let same: Vec<_> = families
        .iter()
        .map(|family| {
            let kind = family.r#type().as_str_name().to_lowercase();
            (family.name.clone(), family.help.clone(), kind)
        })
        .collect();
    assert_eq!(same, heads(text));
    natives_hold_what_the_classic_ones_hold(&families);
}

fn find<'a>(families: &'a [MetricFamily], name: &str) -> &'a MetricFamily {
    families.iter().find(|family| family.name == name).expect(name)
}

#[test]
fn the_page_in_protobuf_says_what_the_text_says() {
    let metrics = eventful();
    let page = metrics.encode(Format::Protobuf);
    says_the_same(&page, &metrics.encode_text());
    let families = read(&page);
    let units = families.iter().map(|family| (&*family.name, Some(&*family.unit)));
    for (name, unit) in units {
        let spec = names::SPECS.iter().find(|spec| spec.name == name).expect(name);
        assert_eq!(unit.filter(|unit| !unit.is_empty()), spec.unit(), "{name}");
    }
    let kinds = |kind| names::SPECS.iter().filter(|spec| spec.kind == kind).count();
    let natives = families.iter().filter(|family| family.r#type() == MetricType::Histogram);
    assert_eq!(natives.count(), kinds(names::Kind::Histogram));
}

/// `evenkeel why 12` can be asked, whichever format was scraped.
#[test]
fn incidents_are_exemplars_of_classic_buckets_and_of_counters() {
    let families = read(&eventful().encode(Format::Protobuf));
    let is_it = |exemplar: &Exemplar, value: f64| {
        assert_eq!(exemplar.label.len(), 1);
        assert_eq!((&*exemplar.label[0].name, &*exemplar.label[0].value), ("incident", "12"));
        assert_eq!(exemplar.value.to_bits(), value.to_bits());
        // Without a time, Prometheus takes none of a native histogram.
        let at = exemplar.timestamp.expect("a time");
        assert_eq!((at.seconds, at.nanos), (1_763_999_999 + 300, 0));
    };
    let attempts = find(&families, names::CHECK_DURATION);
    let health = attempts.metric.iter().find(|metric| metric.label[0].value == "health").unwrap();
    let with = |bucket: &&Bucket| bucket.exemplar.is_some();
    let buckets: Vec<_> = health.histogram.as_ref().unwrap().bucket.iter().filter(with).collect();
    assert_eq!(buckets.len(), 1, "{buckets:?}");
    assert_eq!(buckets[0].upper_bound.to_bits(), 10.0_f64.to_bits());
    is_it(buckets[0].exemplar.as_ref().unwrap(), 5.0);

    let decisions = find(&families, names::RECOVERY_ACTIONS);
    let exemplars: Vec<_> = decisions
        .metric
        .iter()
        .filter_map(|metric| metric.counter.as_ref()?.exemplar.as_ref())
        .collect();
    assert_eq!(exemplars.len(), 1);
    is_it(exemplars[0], 1.0);
}

#[test]
fn attempts_of_all_lengths_take_no_more_buckets_than_there_may_be() {
    let metrics = Metrics::new("0", started());
    let mut expected = 0;
    // From a nanosecond to a thousand seconds, each decade evenly; more buckets than the finest width has places for.
    for nanos in (0..12).flat_map(|decade| (10..100).map(move |step| step * 10_u64.pow(decade))) {
        let took = Duration::from_nanos(nanos / 10);
        metrics.observe_attempt("a", took, None, None);
        metrics.journal_appended(took);
        expected += 1;
    }
    let families = read(&metrics.encode(Format::Protobuf));
    natives_hold_what_the_classic_ones_hold(&families);
    let mut seen = 0;
    for (name, _, histogram) in histograms(&families) {
        assert_eq!(histogram.sample_count, expected, "{name}");
        // Twelve decades are forty doublings, and none is lost in a neighbour.
        assert!((0..=1).contains(&histogram.schema), "{name}: {}", histogram.schema);
        assert!(native(histogram).0 >= 38, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 2);
}

#[test]
fn what_is_usual_is_told_to_a_tenth() {
    let metrics = Metrics::new("0", started());
    for micros in 800..1_600 {
        metrics.observe_attempt("a", Duration::from_micros(micros), None, None);
    }
    let families = read(&metrics.encode(Format::Protobuf));
    let (_, _, histogram) = histograms(&families).next().expect("one");
    assert_eq!(histogram.schema, 3, "2^(1/8) is 1.09");
    // 0.8 ms is in the bucket that ends at 2^(-82/8) s = 0.82 ms, and 1.6 ms in that which ends at 2^(-74/8) s = 1.64 ms.
    assert_eq!(histogram.positive_span, [BucketSpan { offset: -82, length: 9 }]);
}

#[test]
fn a_page_is_of_one_moment_while_attempts_go_on() {
    let metrics = Metrics::new("0", started());
    metrics.add_check("a");
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| {
            for micros in 0..200_000_u64 {
                let took = Duration::from_micros(micros % 5_000);
                metrics.observe_attempt("a", took, None, None);
            }
        });
        while !busy.is_finished() {
            natives_hold_what_the_classic_ones_hold(&read(&metrics.encode(Format::Protobuf)));
        }
    });
}

#[test]
fn a_check_that_is_forgotten_is_forgotten_in_protobuf() {
    let metrics = Metrics::new("0", started());
    metrics.add_check("a");
    metrics.add_check("b");
    metrics.forget_check("a");
    says_the_same(&metrics.encode(Format::Protobuf), &metrics.encode_text());
    metrics.forget_check("b");
    says_the_same(&metrics.encode(Format::Protobuf), &metrics.encode_text());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn native_and_classic_buckets_hold_the_same_of_any_attempts(attempts in prop::collection::vec(any::<(u64, u8)>(), 0..400)) {
        let metrics = Metrics::new("0", started());
        for (nanos, shift) in attempts {
            metrics.observe_attempt("a", Duration::from_nanos(nanos >> (shift % 64)), None, None);
            metrics.journal_appended(Duration::from_nanos(nanos >> (shift % 64)));
        }
        says_the_same(&metrics.encode(Format::Protobuf), &metrics.encode_text());
    }
}
