//! `increase()` and `rate()`: what a counter grew by in a range, of which only some samples are known.

use std::time::Duration;

use super::Sample;

/// By how much a counter grew in the `range` that ends at `until_ms`, or how much for each second of it. `None` with fewer than
/// two samples in it.
///
/// A value below the one before means that the counter began again at zero. The samples seldom lie at the very ends of the
/// range: where the first and the last are within 1.1 of their average distance from an end, growth is assumed to go on at the
/// same pace up to that end, else for half of that distance; and never to before the moment at which the counter was zero.
pub(super) fn increase(
    samples: &mut dyn Iterator<Item = Sample>,
    until_ms: i64,
    range: Duration,
    each_second: bool,
) -> Option<f64> {
    let first = samples.next()?;
    let (mut last, mut more, mut reset) = (first, 0_u32, 0.0);
    for sample in samples {
        if sample.value < last.value {
            reset += last.value;
        }
        last = sample;
        more += 1;
    }
    if more == 0 {
        return None;
    }
    let growth = last.value - first.value + reset;

    let from_ms = until_ms.saturating_sub_unsigned(millis(range));
    let mut to_start = seconds(first.at_ms - from_ms);
    let to_end = seconds(until_ms - last.at_ms);
    let covered = seconds(last.at_ms - first.at_ms);
    let step = covered / f64::from(more);
    if growth > 0.0 && first.value >= 0.0 {
        to_start = to_start.min(covered * (first.value / growth));
    }
    let reach = |distance: f64| if distance < step * 1.1 { distance } else { step / 2.0 };
    // Divided before it is multiplied with, so that not even the last digit differs from Prometheus.
    let factor = (covered + reach(to_start) + reach(to_end)) / covered;
    Some(growth * if each_second { factor / range.as_secs_f64() } else { factor })
}

pub(super) fn millis(range: Duration) -> u64 {
    u64::try_from(range.as_millis()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 milliseconds are more than any history; Prometheus does the same"
)]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[track_caller]
    fn check(samples: &[(i64, f64)], until_ms: i64, expected: Option<f64>) {
        let mut samples = samples.iter().map(|&(at_ms, value)| Sample { at_ms, value });
        assert_eq!(increase(&mut samples, until_ms, MINUTE, false), expected);
    }

    #[test]
    fn growth_goes_on_to_the_ends_of_the_range_only_where_samples_are_near() {
        check(&[(0, 10.0), (30_000, 20.0), (60_000, 30.0)], 60_000, Some(20.0));
        // 15 s are missing at the end, which is less than 1.1 of the distance of 15 s.
        check(&[(15_000, 20.0), (30_000, 20.0), (45_000, 26.0)], 60_000, Some(12.0));
        // The first comes 40 s after the start: half of 10 s are added there, and 10 s at the end.
        check(&[(40_000, 20.0), (50_000, 22.0)], 60_000, Some(5.0));
        // It was zero at the first sample: it did not grow before.
        check(&[(10_000, 0.0), (30_000, 3.0), (50_000, 4.0)], 50_000, Some(4.0));
    }

    #[test]
    fn a_counter_that_begins_again_has_grown_by_what_it_had() {
        check(&[(0, 5.0), (30_000, 2.0), (60_000, 3.0)], 60_000, Some(3.0));
    }

    #[test]
    fn one_sample_says_nothing_about_growth() {
        check(&[], 0, None);
        check(&[(0, 1.0)], 0, None);
    }

    proptest! {
        #[test]
        fn growth_is_never_less_than_what_was_seen(
            steps in prop::collection::vec(0..50_u32, 2..20),
            offset in 0..15_000_i64,
        ) {
            let mut value = 0;
            let samples: Vec<Sample> = (0..).zip(&steps).map(|(index, step)| {
                value += step;
                Sample { at_ms: offset + index * 15_000, value: value.into() }
            }).collect();
            let until_ms = samples.last().unwrap().at_ms;
            let range = Duration::from_mins(30);
            let seen = samples.last().unwrap().value - samples[0].value;
            let grown = increase(&mut samples.iter().copied(), until_ms, range, false).unwrap();
            prop_assert!(grown >= seen, "{grown} < {seen}");
        }
    }
}
