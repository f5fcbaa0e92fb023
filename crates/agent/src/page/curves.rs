//! Figures over time, from the history to the picture.

use std::ops::Range;

use evenkeel_config::{Check, Settings};
use evenkeel_engine::CheckStatus;
use evenkeel_journal::{JournalError, Reader};
use evenkeel_pages::{Curve, Lang, Limit, Point, Trend, Unit, field_title};
use evenkeel_probe::Test;
use jiff::{SignedDuration, Timestamp};

/// Curves on one page.
const MOST_CURVES: usize = 16;
/// Points of a picture: what a screen tells apart.
const POINTS: usize = 320;

/// The curves of a subject and its parts, with the limits that the settings give them.
pub(crate) fn of_subject(
    reader: &Reader,
    settings: &Settings,
    name: &str,
    span: &Range<Timestamp>,
    lang: Lang,
) -> Result<Vec<Curve>, JournalError> {
    let mut curves = Vec::new();
    for (subject, field) in reader.fields(Some(name))?.into_iter().take(MOST_CURVES) {
        let points = reader.series(&subject, &field, span.start, span.end, POINTS)?;
        if points.is_empty() {
            continue;
        }
        let points = points.into_iter().map(|point| Point {
            at: point.at,
            min: point.min,
            mean: point.mean,
            max: point.max,
        });
        let part = subject.strip_prefix(name).and_then(|rest| rest.strip_prefix('/'));
        let whole = subject.split_once('/').map_or(subject.as_str(), |(whole, _)| whole);
        let check = settings.checks.iter().find(|check| check.name == whole);
        let title = match part {
            Some(part) => format!("{part}: {}", field_title(lang, &field)),
            None => field_title(lang, &field).to_owned(),
        };
        curves.push(Curve {
            title,
            unit: Unit::of_field(&field),
            span: span.clone(),
            points: points.collect(),
            limit: check.and_then(|check| limit(check, &field, subject.contains('/'))),
            trend: None,
            source: Some((subject, field)),
        });
    }
    // What has a limit first: that is what may become a fault.
    curves.sort_by_key(|curve| curve.limit.is_none());
    Ok(curves)
}

/// The limit of a field: the first condition on it; of a latency, at last the deadline of an attempt.
fn limit(check: &Check, field: &str, of_part: bool) -> Option<Limit> {
    let (faults, flaws) = if of_part {
        (&check.part_conditions, &check.part_degraded)
    } else {
        (&check.conditions, &check.degraded)
    };
    let set = faults.iter().chain(flaws).filter(|condition| condition.field == field);
    let set = set.filter_map(|condition| match condition.test {
        Test::Above(value) | Test::AtLeast(value) => Some(Limit { value, above: true }),
        Test::Below(value) | Test::AtMost(value) => Some(Limit { value, above: false }),
        _ => None,
    });
    let deadline = (field == "latency_ms")
        .then_some(Limit { value: check.timeout.as_secs_f64() * 1e3, above: true });
    set.chain(deadline).next()
}

/// Draws where the figure with the nearest limit is heading, if the check knows when it will be there.
pub(super) fn add_trend(curves: &mut [Curve], check: &CheckStatus, now: Timestamp) {
    let Some(eta) =
        check.limit_eta_seconds.and_then(|eta| SignedDuration::try_from_secs_f64(eta).ok())
    else {
        return;
    };
    let rising = |curve: &&mut Curve| {
        curve.unit == Unit::Bytes && curve.limit.is_some_and(|limit| limit.above)
    };
    let Some(curve) = curves.iter_mut().find(rising) else { return };
    let (Some(last), Some(limit)) = (curve.points.last().copied(), curve.limit) else { return };
    let whole = curve.span.end.duration_since(curve.span.start);
    // A third more of the picture is for what is to come; the line goes as far as that shows.
    let shown = eta.min(whole / 3);
    let (Ok(until), true) = (now.checked_add(shown), eta > SignedDuration::ZERO) else { return };
    let share = shown.as_secs_f64() / eta.as_secs_f64();
    let end = last.mean + (limit.value - last.mean) * share;
    curve.trend = Some(Trend { from: (now, last.mean), until: (until, end) });
    curve.span.end = until;
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_trend_ends_at_the_limit_or_at_the_edge_of_the_picture() {
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().expect("a time");
        let point = Point { at: now, min: 100e6, mean: 100e6, max: 100e6 };
        let curve = Curve {
            title: String::new(),
            source: None,
            unit: Unit::Bytes,
            span: now - 24.hours()..now,
            points: vec![point],
            limit: Some(Limit { value: 300e6, above: true }),
            trend: None,
        };
        let check = |eta: f64| -> CheckStatus {
            serde_json::from_value(json!({
                "name": "m", "kind": "process", "target": "", "state": "up", "interval_ms": 1,
                "limit_eta_seconds": eta, "parts": [],
            }))
            .expect("a status")
        };
        let drawn = |eta: f64| {
            let mut curves = [curve.clone()];
            add_trend(&mut curves, &check(eta), now);
            curves[0]
                .trend
                .map(|trend| (trend.until.0.duration_since(now).as_secs(), trend.until.1))
        };
        assert_eq!(drawn(3_600.0), Some((3_600, 300e6)));
        assert_eq!(drawn(80.0 * 3_600.0), Some((8 * 3_600, 120e6)));
        assert_eq!(drawn(0.0), None);
    }
}
