use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use evenkeel_journal::Reader;
use evenkeel_metrics::availability::{Account, Decimal, Promise, Verdict};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::explain::ExplainError;
use crate::objectives::slice;

/// Days that are named as the worst.
const WORST: usize = 3;

/// How a check or an objective was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubjectReport {
    /// The check, or `slo:NAME`.
    pub name: String,
    /// Slices that were good.
    pub good: u64,
    /// That were bad.
    pub bad: u64,
    /// Of which nothing is known.
    pub unknown: u64,
    /// That were declared.
    pub maintenance: u64,
    /// The length of a slice, in seconds.
    pub slice_seconds: f64,
    /// The share of good ones among those that count; absent: none counts. What is unknown is left out.
    pub availability: Option<f64>,
    /// The share of the time, without what was declared, of which is known how it was.
    pub coverage: Option<f64>,
    /// The days with the longest bad time, worst first.
    pub worst_days: Vec<Day>,
}

/// How a day was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Day {
    /// The day, such as `2026-11-25`.
    pub day: String,
    /// How long it was bad, in milliseconds.
    pub bad_ms: i64,
}

/// How the slices of a check are counted, of which nothing was promised.
pub(super) fn of_check(interval: Duration, span: Range<Timestamp>) -> Promise {
    Promise {
        objective: Decimal::ONE,
        window: Duration::try_from(span.end.duration_since(span.start)).unwrap_or_default(),
        slice: interval,
        exclude_unknown_up_to: Decimal::ONE,
        min_bad: 1,
    }
}

/// How a subject was in the time of `span`.
pub(super) fn subject(
    reader: &Reader,
    name: &str,
    span: &Range<Timestamp>,
    promise: &Promise,
    zone: &TimeZone,
) -> Result<SubjectReport, ExplainError> {
    let window = Duration::try_from(span.end.duration_since(span.start)).unwrap_or_default();
    let promise = Promise { window, exclude_unknown_up_to: Decimal::ONE, ..promise.clone() };
    let settles = promise.settles_within();
    let slice_seconds = promise.slice.as_secs_f64();
    let mut account = Account::new(promise);
    let mut days = BTreeMap::new();
    for chunk in chunks(span) {
        for stretch in reader.stretches(name, chunk.start, chunk.end)? {
            let slice = slice(&stretch);
            account.add(slice);
            if slice.verdict == Verdict::Bad {
                let (from, until) = (slice.from.max(chunk.start), slice.until.min(chunk.end));
                bad_days(&mut days, from, until, zone);
            }
        }
    }
    let figures = account.figures(span.end, settles);
    let mut worst_days: Vec<_> =
        days.into_iter().map(|(day, bad_ms)| Day { day, bad_ms }).collect();
    worst_days.sort_by(|a, b| b.bad_ms.cmp(&a.bad_ms).then_with(|| b.day.cmp(&a.day)));
    worst_days.truncate(WORST);
    Ok(SubjectReport {
        name: name.to_owned(),
        good: figures.counts.good,
        bad: figures.counts.bad,
        unknown: figures.counts.unknown,
        maintenance: figures.counts.maintenance,
        slice_seconds,
        availability: figures.availability.map(Decimal::to_f64),
        coverage: figures.coverage.map(Decimal::to_f64),
        worst_days,
    })
}

/// The time in days: of what changed all the time there may be more than fits in memory.
fn chunks(span: &Range<Timestamp>) -> impl Iterator<Item = Range<Timestamp>> {
    let (mut from, end) = (span.start, span.end);
    std::iter::from_fn(move || {
        let until = from.checked_add(SignedDuration::from_hours(24)).unwrap_or(end).min(end);
        let chunk = (from < end).then_some(from..until);
        from = until;
        chunk
    })
}

/// Adds a bad time to the days that it lies in, by the clocks of `zone`.
fn bad_days(
    days: &mut BTreeMap<String, i64>,
    mut from: Timestamp,
    until: Timestamp,
    zone: &TimeZone,
) {
    while from < until {
        let day = zone.to_datetime(from).date();
        // A day that the clocks of the zone do not know the end of has none.
        let midnight = day.tomorrow().and_then(|next| zone.to_timestamp(next.at(0, 0, 0, 0)));
        let end = midnight.unwrap_or(until).min(until).max(from);
        let bad = end.as_millisecond() - from.as_millisecond();
        *days.entry(day.to_string()).or_default() += bad;
        if end == from {
            break;
        }
        from = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_bad_time_over_midnight_belongs_to_both_days_of_the_zone() {
        let mut days = BTreeMap::new();
        let tokyo = TimeZone::fixed(jiff::tz::offset(9));
        bad_days(&mut days, time("2026-11-24T14:50:00Z"), time("2026-11-24T15:20:00Z"), &tokyo);
        let expected = [("2026-11-24", 600_000), ("2026-11-25", 1_200_000)];
        assert_eq!(days, expected.map(|(day, bad)| (day.to_owned(), bad)).into());
    }

    #[test]
    fn chunks_cover_the_time_once() {
        let span = time("2026-11-01T12:00:00Z")..time("2026-11-04T00:00:00Z");
        let chunks: Vec<_> = chunks(&span).collect();
        assert_eq!((chunks.len(), chunks[0].start, chunks[2].end), (3, span.start, span.end));
        assert!(chunks.windows(2).all(|pair| pair[0].end == pair[1].start));
    }
}
