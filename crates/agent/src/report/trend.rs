use std::time::Duration;

use evenkeel_health::{Direction, Readings};
use evenkeel_moment::Moment;
use evenkeel_pages::{Curve, Trend};
use jiff::{SignedDuration, Timestamp};

/// The curve with the line that says where it is heading, if it keeps on rising; the picture has room for a third more.
pub(super) fn with_trend(mut curve: Curve) -> Curve {
    let Some(last) = curve.points.last().copied() else { return curve };
    let span = curve.span.clone();
    let length = span.end.duration_since(span.start);
    let mut readings = Readings::new(Duration::try_from(length).unwrap_or_default());
    for point in &curve.points {
        readings.record(moment(point.at, span.start), point.mean, None);
    }
    let Some(trend) = readings.trend(Direction::Rising) else { return curve };
    let limit = curve.limit.filter(|limit| limit.above).map(|limit| limit.value);
    let to_limit = limit.and_then(|limit| {
        let seconds = ((limit - last.mean) / trend.per_second).max(0.0);
        SignedDuration::try_from_secs_f64(seconds).ok()
    });
    let shown = to_limit.unwrap_or(length).min(length / 3);
    let Ok(until) = last.at.checked_add(shown) else { return curve };
    let end = last.mean + trend.per_second * shown.as_secs_f64();
    curve.trend = Some(Trend { from: (last.at, last.mean), until: (until, end) });
    curve.span.end = span.end.max(until);
    curve
}

fn moment(at: Timestamp, start: Timestamp) -> Moment {
    let since = Duration::try_from(at.duration_since(start)).unwrap_or_default();
    Moment::since_origin(since)
}

#[cfg(test)]
mod tests {
    use evenkeel_pages::{Limit, Point, Unit};

    use super::*;

    /// An hour's points of 30 days.
    fn curve(mean: impl Fn(f64) -> f64) -> Curve {
        let at = |hour: i32| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(i64::from(hour));
        let point = |hour: i32| {
            let mean = mean(f64::from(hour));
            Point { at: at(hour), min: mean, mean, max: mean }
        };
        Curve {
            title: "memory".to_owned(),
            source: None,
            unit: Unit::Bytes,
            span: at(0)..at(720),
            points: (0..720).map(point).collect(),
            limit: Some(Limit { value: 1000.0, above: true }),
            trend: None,
        }
    }

    #[test]
    fn what_rises_is_drawn_up_to_its_limit_and_what_does_not_has_no_line() {
        let leak = with_trend(curve(|hour| 200.0 + hour));
        let trend = leak.trend.expect("it rises");
        assert!((trend.until.1 - 1000.0).abs() < 5.0, "{trend:?}");
        assert_eq!(leak.span.end, trend.until.0);
        assert_eq!(with_trend(curve(|hour| 200.0 + hour % 24.0)).trend, None);
    }
}
