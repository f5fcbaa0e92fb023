//! Counts per time as stacked bars: how many of what happened when.

use std::fmt::Write as _;
use std::ops::Range;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::curve::share;
use crate::text::clean;
use crate::ticks::{time_ticks, value_ticks};
use crate::view::View;

/// Counts of a few kinds over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// What is counted, in words.
    pub title: String,
    /// The time that is shown.
    pub span: Range<Timestamp>,
    /// The kinds, from the bottom up.
    pub kinds: Vec<BarKind>,
    /// So many bars, all of the same width: the counts of each kind, in the order of `kinds`.
    pub bars: Vec<Vec<u64>>,
    /// The count up to which there is room at least, so that two charts side by side have one scale.
    pub room_for: u64,
}

/// One kind of what is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarKind {
    /// What it is called.
    pub name: String,
    /// How it looks.
    pub look: Look,
}

/// How a mark looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// As it should not be.
    Bad,
    /// Neither.
    Calm,
    /// Nothing was done.
    None,
}

impl Look {
    /// The class of its colour.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Good => "m-good",
            Self::Warn => "m-warn",
            Self::Bad => "m-bad",
            Self::Calm => "m-calm",
            Self::None => "m-none",
        }
    }
}

/// The drawing in its own units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;
/// Room for the counts beside the bars: on a bar nobody could read them.
const LEFT: f64 = 26.0;

/// Bars as a figure with axes and a legend that counts each kind; needs no script.
pub fn bars(view: &View, bars: &Bars) -> Markup {
    let totals: Vec<u64> = (0..bars.kinds.len())
        .map(|kind| bars.bars.iter().filter_map(|bar| bar.get(kind)).sum())
        .collect();
    let highest = bars.bars.iter().map(|bar| bar.iter().sum()).max().unwrap_or(0);
    let ticks = whole(&value_ticks((0.0, number(highest.max(bars.room_for).max(1)))));
    let top = ticks.last().copied().unwrap_or(1.0);
    let y = |count: f64| HEIGHT * (top - count) / top;
    let said = describe(&bars.title, &bars.kinds, &totals);
    html! {
        figure.chart {
            figcaption { (clean(&bars.title)) }
            ul.legend.kinds { @for (kind, total) in bars.kinds.iter().zip(&totals) {
                li {
                    svg viewBox="0 0 12 20" aria-hidden="true" { rect class=(kind.look.class()) y="4" width="12" height="12" {} }
                    " " (clean(&kind.name)) " " strong { (total) }
                }
            } }
            svg.plot.bars role="img" aria-label=(said) {
                title { (said) }
                svg width="100%" height="160" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" {
                    @for tick in &ticks { path.grid d=(format!("M0 {:.1}H{WIDTH}", y(*tick))) {} }
                    @for (place, kind) in bars.kinds.iter().enumerate() {
                        @let path = path_of(&bars.bars, place, y);
                        @if !path.is_empty() { path class=(kind.look.class()) d=(path) {} }
                    }
                }
                // The lowest is left out: it would stand on the times.
                @for tick in ticks.iter().skip(1) {
                    text x="4" y=(format!("{:.0}", (y(*tick) * 1.6 + 12.0).min(158.0))) { (format!("{tick:.0}")) }
                }
                @for (at, format) in time_ticks(&bars.span, &view.zone) {
                    @let place = (LEFT + (WIDTH - LEFT) * share(&bars.span, at)) / WIDTH * 100.0;
                    @if (4.0..=96.0).contains(&place) {
                        text.at x=(format!("{place:.2}%")) y="176" { (view.strftime(at, format)) }
                    }
                }
            }
        }
    }
}

/// Half an action is none.
fn whole(ticks: &[f64]) -> Vec<f64> {
    let apart: Vec<_> = ticks.iter().copied().filter(|tick| tick.fract() == 0.0).collect();
    if apart.len() < 2 {
        vec![0.0, ticks.last().copied().unwrap_or(1.0).ceil().max(1.0)]
    } else {
        apart
    }
}

/// All parts of one kind, as one path; what has no count has no part.
fn path_of(bars: &[Vec<u64>], kind: usize, y: impl Fn(f64) -> f64) -> String {
    let width = (WIDTH - LEFT) / number(u64::try_from(bars.len()).unwrap_or(u64::MAX).max(1));
    let mut path = String::new();
    for (place, bar) in (0_u32..).zip(bars) {
        let below: u64 = bar.iter().take(kind).sum();
        let count = bar.get(kind).copied().unwrap_or(0);
        if count > 0 {
            let (top, bottom) = (y(number(below + count)), y(number(below)));
            let (left, wide) = (LEFT + f64::from(place) * width + width * 0.1, width * 0.8);
            // Writing to a string cannot fail.
            let _ = write!(path, "M{left:.1} {bottom:.1}h{wide:.1}V{top:.1}h-{wide:.1}z");
        }
    }
    path
}

#[expect(clippy::cast_precision_loss, reason = "a height in a picture")]
const fn number(count: u64) -> f64 {
    count as f64
}

/// What the picture shows, in words.
fn describe(title: &str, kinds: &[BarKind], totals: &[u64]) -> String {
    let parts: Vec<_> = kinds
        .iter()
        .zip(totals)
        .map(|(kind, total)| format!("{} {total}", clean(&kind.name)))
        .collect();
    format!("{}: {}", clean(title), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::view::Theme;
    use crate::words::Lang;

    fn of(bars: Vec<Vec<u64>>) -> Bars {
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().expect("a time");
        let kind = |name: &str, look| BarKind { name: name.to_owned(), look };
        Bars {
            title: "Actions a day".to_owned(),
            span: now - 72.hours()..now,
            kinds: vec![kind("recovered", Look::Good), kind("failed", Look::Bad)],
            bars,
            room_for: 0,
        }
    }

    fn drawn(bars: Vec<Vec<u64>>) -> String {
        let bars = of(bars);
        let now = bars.span.end;
        let view = View { lang: Lang::En, theme: Theme::Auto, zone: TimeZone::UTC, now };
        super::bars(&view, &bars).into_string()
    }

    #[test]
    fn each_kind_is_counted_in_words_and_stands_on_the_one_below() {
        let shown = drawn(vec![vec![2, 1], vec![0, 0], vec![1, 3]]);
        assert!(shown.contains("Actions a day: recovered 3, failed 4"), "{shown}");
        // Of four at most: the failed one of the first day goes from two to three.
        assert!(shown.contains("M58.5 50.0h259.7V25.0h-259.7z"), "{shown}");
        assert_eq!(shown.matches("class=\"m-good\" d=\"M58.5 100.0").count(), 1, "{shown}");
    }

    #[test]
    fn no_count_at_all_draws_axes_and_no_bar() {
        let shown = drawn(vec![vec![0, 0]; 3]);
        assert!(!shown.contains("class=\"m-good\" d") && shown.contains("recovered 0"), "{shown}");
    }

    proptest! {
        #[test]
        fn no_count_draws_nonsense(counts in prop::collection::vec(prop::collection::vec(0u64..1 << 40, 0..4), 0..70)) {
            let shown = drawn(counts);
            prop_assert!(!shown.contains("NaN") && !shown.contains("inf"), "{}", shown);
        }
    }
}
