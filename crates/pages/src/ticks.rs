//! Where the lines of a chart stand: at round values and round times.

use std::ops::Range;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// Lines across a chart, about.
const LINES: f64 = 4.0;
/// Times below a chart, at most.
const TIMES: i64 = 7;

/// Round values from at or below `low` to at or above `high`, evenly apart; two at least.
pub(crate) fn value_ticks((low, high): (f64, f64)) -> Vec<f64> {
    // What is larger is no figure of a host, and would not fit into the arithmetic.
    let limit = |value: f64| value.clamp(-1e18, 1e18);
    let (low, high) = (limit(low), limit(high));
    let (low, high) = if high > low { (low, high) } else { (low, low + 1.0) };
    let raw = (high - low) / LINES;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= raw)
        .unwrap_or(10.0 * power);
    let first = (low / step).floor();
    let last = (high / step).ceil();
    let mut ticks = Vec::new();
    let mut at = first;
    // Bounded: the step was chosen for a handful of lines.
    while at <= last && ticks.len() < 12 {
        ticks.push(at * step);
        at += 1.0;
    }
    if ticks.len() < 2 {
        ticks = vec![low, high];
    }
    ticks
}

/// Round times within `span` in this zone, with the format that tells them apart.
pub(crate) fn time_ticks(
    span: &Range<Timestamp>,
    zone: &TimeZone,
) -> Vec<(Timestamp, &'static str)> {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 3_600;
    const DAY: i64 = 86_400;
    const STEPS: [i64; 17] = [
        1,
        5,
        15,
        30,
        MINUTE,
        5 * MINUTE,
        10 * MINUTE,
        15 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        4 * HOUR,
        12 * HOUR,
        DAY,
        2 * DAY,
        7 * DAY,
        60 * DAY,
    ];
    let whole = span.end.duration_since(span.start).as_secs().max(1);
    let step = STEPS.into_iter().find(|step| whole / step <= TIMES).unwrap_or(365 * DAY);
    let format = match step {
        ..MINUTE => "%H:%M:%S",
        MINUTE..DAY => "%H:%M",
        _ => "%m-%d",
    };
    // Steps are counted from a local midnight, so that they are round where the reader lives.
    let midnight = span.start.to_zoned_datetime(zone.clone()).start_of_day();
    let Ok(midnight) = midnight else { return Vec::new() };
    let days = i32::try_from(step / DAY).unwrap_or(0);
    let mut at = midnight.clone();
    if days == 0 {
        let passed = span.start.duration_since(midnight.timestamp()).as_secs() / step * step;
        let Ok(near) = midnight.checked_add(SignedDuration::from_secs(passed)) else {
            return Vec::new();
        };
        at = near;
    }
    let mut ticks = Vec::new();
    while at.timestamp() <= span.end && ticks.len() <= 12 {
        if at.timestamp() >= span.start {
            ticks.push((at.timestamp(), format));
        }
        let next = if days > 0 {
            // By the calendar: a day of 23 hours is a day.
            at.checked_add(days.days())
        } else {
            at.checked_add(SignedDuration::from_secs(step))
        };
        match next {
            Ok(next) => at = next,
            Err(_) => break,
        }
    }
    ticks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_stand_at_round_figures_and_hold_the_range() {
        assert_eq!(value_ticks((0.0, 300e6)), [0.0, 100e6, 200e6, 300e6]);
        assert_eq!(value_ticks((0.0, 7.2)), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(value_ticks((0.0, 0.0)).len(), 5);
    }

    #[test]
    fn times_stand_at_local_hours_and_days() {
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        let from: Timestamp = "2026-11-24T12:34:00Z".parse().expect("a time");
        let day = time_ticks(&(from..from + 24.hours()), &zone);
        assert_eq!(day.len(), 6);
        assert!(day.iter().all(|(at, format)| {
            *format == "%H:%M" && at.to_zoned_datetime(zone.clone()).hour() % 4 == 0
        }));
        let month = time_ticks(&(from..from + (30 * 24).hours()), &zone);
        assert!(
            month.iter().all(|(at, _)| at.to_zoned_datetime(zone.clone()).hour() == 0),
            "{month:?}"
        );
    }

    proptest! {
        #[test]
        fn ticks_are_few_and_hold_every_range(low in -1e12f64..1e12, width in 0.0f64..1e12) {
            let ticks = value_ticks((low, low + width));
            prop_assert!((2..=12).contains(&ticks.len()));
            prop_assert!(ticks[0] <= low && ticks[ticks.len() - 1] >= low + width);
        }

        #[test]
        fn times_are_few_and_within(from in 0i64..2_000_000_000, seconds in 1i64..40_000_000) {
            let at = |second| Timestamp::from_second(second).expect("a time");
            let span = at(from)..at(from + seconds);
            let ticks = time_ticks(&span, &TimeZone::UTC);
            prop_assert!(ticks.len() <= 13);
            prop_assert!(ticks.iter().all(|(at, _)| *at >= span.start && *at <= span.end));
        }
    }
}
