//! A figure over time as a picture, with its limit and where it is heading.

use std::fmt::Write as _;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use crate::text::clean;
use crate::ticks::{time_ticks, value_ticks};
use crate::view::{Unit, View};
use crate::words::Lang;

/// What was measured in a short time: its smallest, mean and largest value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// The smallest.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
}

/// A value that must not be passed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// The value.
    pub value: f64,
    /// Whether it must not be passed upwards; else downwards.
    pub above: bool,
}

/// A straight line that says where a figure is heading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Where it begins.
    pub from: (Timestamp, f64),
    /// Where it ends, such as at the limit.
    pub until: (Timestamp, f64),
}

/// A figure over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What is measured, in words.
    pub title: String,
    /// The check, or check and part, and the field, for whoever asks for more points; `None` where nobody can be asked.
    pub source: Option<(String, String)>,
    /// In what.
    pub unit: Unit,
    /// The time that is shown.
    pub span: Range<Timestamp>,
    /// What was measured, oldest first.
    pub points: Vec<Point>,
    /// The value that must not be passed.
    pub limit: Option<Limit>,
    /// Where it is heading.
    pub trend: Option<Trend>,
}

/// The height of the drawing in its own units; its width is 1000.
const HEIGHT: f64 = 100.0;
const WIDTH: f64 = 1000.0;

/// What a sampled field is called, such as `rss_bytes`; its own name where there is no better one.
pub fn field_title(lang: Lang, field: &str) -> &str {
    match field {
        "latency_ms" => lang.say("Latency", "応答時間"),
        "rss_bytes" => lang.say("Memory in use (RSS)", "メモリ使用量 (RSS)"),
        "pss_bytes" => lang.say("Memory in use (PSS)", "メモリ使用量 (PSS)"),
        "swap_bytes" => lang.say("Swap in use", "スワップ使用量"),
        "cgroup_memory_bytes" => lang.say("Memory of its cgroup", "cgroup のメモリ"),
        "fds" => lang.say("Open files", "開いているファイル"),
        "threads" => lang.say("Threads", "スレッド数"),
        "processes" => lang.say("Processes", "プロセス数"),
        "used_percent" => lang.say("Space used", "使用容量"),
        "inodes_used_percent" => lang.say("Inodes used", "inode 使用率"),
        "cert_days" => lang.say("Days until the certificate ends", "証明書の残り日数"),
        "size_bytes" => lang.say("Size", "サイズ"),
        other => other,
    }
}

/// The limit, if it belongs into the picture: a deadline of seconds would make a line of milliseconds flat.
fn drawn_limit(curve: &Curve) -> Option<Limit> {
    let highest = curve.points.iter().map(|point| point.max).fold(0.0, f64::max);
    curve.limit.filter(|limit| curve.unit != Unit::Milliseconds || limit.value <= highest * 6.0)
}

/// A curve as a figure with axes, units, limit and trend; needs no script.
///
/// A gap of more than a few times the usual distance of points is left open: nothing was measured there.
pub fn curve(view: &View, curve: &Curve) -> Markup {
    let title = clean(&curve.title);
    let Some(last) = curve.points.iter().rfind(|point| point.mean.is_finite()) else {
        return html! {
            figure.chart {
                figcaption { (title) }
                p.empty { (view.lang.say("Nothing was measured in this time.", "この期間の測定値はありません。")) }
            }
        };
    };
    let ticks = value_ticks(range_of(curve));
    let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
    let y = |value: f64| HEIGHT * (high - value.clamp(low, high)) / (high - low);
    let x = |at: Timestamp| WIDTH * share(&curve.span, at);
    let times = time_ticks(&curve.span, &view.zone);
    let write = |value| curve.unit.write(value, view.lang);
    let said = describe(view, curve);
    html! {
        figure.chart data-subject=[curve.source.as_ref().map(|(subject, _)| subject)]
            data-field=[curve.source.as_ref().map(|(_, field)| field)]
            data-unit=(curve.unit.name()) data-limit=[drawn_limit(curve).map(|limit| limit.value)]
            data-from=(curve.span.start.as_second()) data-until=(curve.span.end.as_second()) {
            figcaption {
                (title) " " strong { (write(last.mean)) }
                @if let Some(limit) = curve.limit {
                    " " span.soft { (view.lang.say("limit", "上限")) " " (write(limit.value)) }
                }
            }
            svg.plot role="img" aria-label=(said) {
                title { (said) }
                svg width="100%" height="160" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" {
                    @for tick in &ticks {
                        path.grid d=(format!("M0 {0:.1}H{WIDTH}", y(*tick))) {}
                    }
                    @let (band, line) = drawn(&curve.points, x, y);
                    path.band d=(band) {}
                    path.line d=(line) {}
                    @if let Some(limit) = drawn_limit(curve) {
                        path.limit d=(format!("M0 {0:.1}H{WIDTH}", y(limit.value))) {}
                    }
                    @if let Some(trend) = curve.trend {
                        path.trend d=(format!("M{:.1} {:.1}L{:.1} {:.1}", x(trend.from.0), y(trend.from.1), x(trend.until.0), y(trend.until.1))) {}
                    }
                }
                // The lowest is left out: it would stand on the times.
                @for tick in ticks.iter().skip(1) {
                    text x="4" y=(format!("{:.0}", (y(*tick) * 1.6 + 12.0).min(158.0))) { (write(*tick)) }
                }
                @for (at, format) in &times {
                    @let place = share(&curve.span, *at) * 100.0;
                    @if (4.0..=96.0).contains(&place) {
                        text.at x=(format!("{place:.2}%")) y="176" { (view.strftime(*at, format)) }
                    }
                }
            }
        }
    }
}

/// Where in `span` a time is, as a share of it.
#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
pub(crate) fn share(span: &Range<Timestamp>, at: Timestamp) -> f64 {
    let whole = (span.end.as_millisecond() - span.start.as_millisecond()).max(1);
    ((at.as_millisecond() - span.start.as_millisecond()) as f64 / whole as f64).clamp(-1.0, 2.0)
}

/// The smallest and the largest value that must be seen.
fn range_of(curve: &Curve) -> (f64, f64) {
    let measured = curve.points.iter().flat_map(|point| [point.min, point.max]);
    // A little more, so that the limit is a line within the picture and not its edge.
    let others = drawn_limit(curve).map(|limit| limit.value * 1.04).into_iter();
    let trend = curve.trend.into_iter().flat_map(|trend| [trend.from.1, trend.until.1]);
    let all = measured.chain(others).chain(trend).filter(|value| value.is_finite());
    all.fold((0.0, 0.0), |(low, high): (f64, f64), value| (low.min(value), high.max(value)))
}

/// The band from the smallest to the largest values, and the line of the means.
fn drawn(
    points: &[Point],
    x: impl Fn(Timestamp) -> f64,
    y: impl Fn(f64) -> f64,
) -> (String, String) {
    let (mut band, mut line) = (String::new(), String::new());
    let usual = usual_distance(points);
    let finite: Vec<_> = points
        .iter()
        .filter(|point| [point.min, point.mean, point.max].iter().all(|value| value.is_finite()))
        .collect();
    // Writing to a string cannot fail.
    for run in finite.chunk_by(|left, right| right.at.duration_since(left.at) <= usual * 4) {
        for (count, point) in run.iter().enumerate() {
            let begin = if count == 0 { 'M' } else { 'L' };
            let _ = write!(line, "{begin}{:.1} {:.1}", x(point.at), y(point.mean));
            let _ = write!(band, "{begin}{:.1} {:.1}", x(point.at), y(point.max));
        }
        for point in run.iter().rev() {
            let _ = write!(band, "L{:.1} {:.1}", x(point.at), y(point.min));
        }
        band.push('z');
        if let [alone] = run {
            // A line of no length is not drawn.
            let _ = write!(line, "L{:.1} {:.1}", x(alone.at) + 1.0, y(alone.mean));
        }
    }
    (band, line)
}

/// The distance of points in time that half of them keep.
fn usual_distance(points: &[Point]) -> SignedDuration {
    let mut gaps: Vec<_> =
        points.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at)).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(SignedDuration::MAX / 8)
}

/// What the picture shows, in words.
fn describe(view: &View, curve: &Curve) -> String {
    let finite = |values: &mut dyn Iterator<Item = f64>, pick: fn(f64, f64) -> f64| {
        values.filter(|value| value.is_finite()).reduce(pick).unwrap_or(0.0)
    };
    let low = finite(&mut curve.points.iter().map(|point| point.min), f64::min);
    let high = finite(&mut curve.points.iter().map(|point| point.max), f64::max);
    let write = |value| curve.unit.write(value, view.lang);
    let mut said = format!(
        "{}: {} {}, {} {}",
        clean(&curve.title),
        view.lang.say("lowest", "最小"),
        write(low),
        view.lang.say("highest", "最大"),
        write(high)
    );
    if let Some(limit) = curve.limit {
        let _ = write!(said, ", {} {}", view.lang.say("limit", "上限"), write(limit.value));
    }
    said
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::view::Theme;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).expect("a time")
    }

    fn view() -> View {
        View { lang: Lang::En, theme: Theme::Auto, zone: TimeZone::UTC, now: at(3_600) }
    }

    fn of(points: Vec<Point>) -> Curve {
        Curve {
            title: "memory".to_owned(),
            source: None,
            unit: Unit::Bytes,
            span: at(0)..at(3_600),
            points,
            limit: Some(Limit { value: 300e6, above: true }),
            trend: None,
        }
    }

    fn point(seconds: i64, value: f64) -> Point {
        Point { at: at(seconds), min: value, mean: value, max: value }
    }

    #[test]
    fn a_gap_in_what_was_measured_is_a_gap_in_the_line() {
        let points = [0, 60, 120, 180, 1_800, 1_860, 1_920].map(|at| point(at, 1e6)).to_vec();
        let (_, line) = drawn(&points, |at| 1_000.0 * share(&(at_span()), at), |value| value);
        assert_eq!(line.matches('M').count(), 2, "{line}");
    }

    fn at_span() -> Range<Timestamp> {
        at(0)..at(3_600)
    }

    #[test]
    fn the_limit_is_seen_even_far_above_what_was_measured() {
        let shown = curve(&view(), &of(vec![point(60, 1e6), point(120, 2e6)])).into_string();
        assert!(shown.contains("class=\"limit\"") && shown.contains("300 MB"), "{shown}");
    }

    #[test]
    fn nothing_measured_is_said_and_not_drawn() {
        let shown = curve(&view(), &of(Vec::new())).into_string();
        assert!(shown.contains("Nothing was measured") && !shown.contains("<svg"), "{shown}");
    }

    proptest! {
        #[test]
        fn no_value_draws_nonsense(values in prop::collection::vec(any::<f64>(), 1..50)) {
            let points = values.iter().zip(0..).map(|(value, second)| point(second, *value)).collect();
            let shown = curve(&view(), &of(points)).into_string();
            prop_assert!(!shown.contains("NaN") && !shown.contains("inf"), "{}", shown);
        }
    }
}
