use evenkeel_metrics::rules::expr::STALE;
use proptest::prelude::*;

use super::*;

const STEP: u32 = 30_000;

fn filled(samples: &[Sample]) -> Samples {
    let mut series = Samples::default();
    for sample in samples {
        series.push(*sample, STEP);
    }
    series
}

fn bits(samples: impl IntoIterator<Item = Sample>) -> Vec<(i64, u64)> {
    samples.into_iter().map(|(at, value)| (at, value.to_bits())).collect()
}

/// Three days at 30 s.
fn three_days(value: impl Fn(i64) -> f64) -> Samples {
    let samples: Vec<_> = (0..8640).map(|tick| (tick * i64::from(STEP), value(tick))).collect();
    let series = filled(&samples);
    assert_eq!(bits(series.range(0, i64::MAX)), bits(samples.iter().copied()));
    series
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn three_days_of_a_counter_take_a_byte_a_sample_at_most() {
    let standing = three_days(|_| 17.0).bytes();
    assert!(standing < 4_000, "{standing} bytes for a counter that stands");
    let going = three_days(|tick| tick as f64).bytes();
    assert!(going < 20_000, "{going} bytes for one that goes on by one each time");
    let every_other = three_days(|tick| (tick / 2) as f64).bytes();
    assert!(every_other < 20_000, "{every_other} bytes for one that goes on every other time");
}

#[test]
fn what_is_too_old_goes() {
    let mut series = three_days(|_| 1.0);
    series.forget_before(4000 * i64::from(STEP));
    let left: Vec<_> = series.range(0, i64::MAX).collect();
    assert!(left[0].0 <= 4001 * i64::from(STEP), "nothing that is wanted went");
    assert!(left.len() < 8640 - 3000, "{}", left.len());
}

#[test]
fn a_series_that_ended_is_known_to_have() {
    let series = filled(&[(0, 1.0), (30_000, STALE)]);
    assert!(series.is_stale());
    assert!(!filled(&[(0, 1.0), (30_000, f64::NAN)]).is_stale());
    assert_eq!(series.range(0, 29_999).collect::<Vec<_>>(), [(0, 1.0)]);
}

proptest! {
    #[test]
    fn every_sample_comes_back_to_the_bit(
        pauses in prop::collection::vec(
            (
                prop_oneof![4 => Just(STEP), 1 => 1..200_000u32],
                prop_oneof![
                    3 => Just(0.0),
                    3 => (0..70u32).prop_map(f64::from),
                    1 => any::<f64>(),
                    1 => Just(STALE),
                    1 => Just(-1.0),
                ],
            ),
            1..700,
        ),
        shift in -1000i64..1000,
    ) {
        let (mut at, mut value) = (0, 0.0);
        let samples: Vec<_> = pauses
            .into_iter()
            .map(|(pause, more)| {
                at += i64::from(pause);
                value = if more.is_finite() { value + more } else { more };
                (at, value)
            })
            .collect();
        let series = filled(&samples);
        prop_assert_eq!(bits(series.range(0, i64::MAX)), bits(samples.iter().copied()));
        let middle = samples[samples.len() / 2].0;
        let expected: Vec<_> = samples.iter().copied().filter(|(at, _)| *at >= middle).collect();
        prop_assert_eq!(bits(series.range(middle, at)), bits(expected));

        let back = Samples::restore(&series.keep(), shift);
        let shifted: Vec<_> = samples.iter().map(|(at, value)| (at + shift, *value)).collect();
        prop_assert_eq!(bits(back.range(i64::MIN, i64::MAX)), bits(shifted));
    }

    #[test]
    fn what_was_kept_is_hostile(kept in prop::collection::vec(any::<Kept>(), 0..5)) {
        let series = Samples::restore(&kept, 0);
        let _ = series.range(i64::MIN, i64::MAX).count();
    }
}
