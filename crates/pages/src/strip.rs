//! A strip of time: when something was good, bad, unknown or held.

use std::fmt::Write as _;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use crate::view::{View, percent};

/// How things were in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nobody said that nobody looks, and nobody looked, or could tell.
    Unknown,
    /// As it must be.
    Good,
    /// Declared beforehand: nothing is promised.
    Maintenance,
    /// Not as it must be.
    Bad,
}

impl Verdict {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Bad, Self::Good, Self::Unknown, Self::Maintenance];

    /// The verdict of this name; [`Verdict::Unknown`] for any other.
    pub fn of_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name).unwrap_or(Self::Unknown)
    }

    /// Its name, as the history has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
            Self::Maintenance => "maintenance",
        }
    }

    /// From where to the bottom it is drawn, of 20: whoever sees no colours sees heights.
    const fn top(self) -> u32 {
        match self {
            Self::Bad => 0,
            Self::Good => 5,
            Self::Maintenance => 10,
            Self::Unknown => 15,
        }
    }
}

/// One verdict for one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Its begin.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// How things were.
    pub verdict: Verdict,
}

/// Columns of a strip: more than a screen shows apart are not drawn.
pub(crate) const COLUMNS: usize = 360;

/// A strip of `span`, drawn from stretches in any order.
///
/// Time that no stretch tells of is unknown. A column shows the worst that happened in it, so that a short outage is seen in a
/// long strip. The text behind the picture says how long each verdict lasted.
pub fn strip(view: &View, span: &Range<Timestamp>, stretches: &[Stretch]) -> Markup {
    let columns = columns(span, stretches);
    let said = summary(view, span, stretches);
    html! {
        svg.strip viewBox=(format!("0 0 {COLUMNS} 20")) preserveAspectRatio="none" role="img" aria-label=(said) {
            title { (said) }
            rect.ground y="18" width=(COLUMNS) height="2" {}
            @for verdict in Verdict::ALL {
                @let path = path_of(&columns, verdict);
                @if !path.is_empty() {
                    path class={ "v-" (verdict.name()) } d=(path) {}
                }
            }
        }
    }
}

/// How long each verdict lasted within `span`.
fn summary(view: &View, span: &Range<Timestamp>, stretches: &[Stretch]) -> String {
    let whole = seconds(span.start, span.end).max(1);
    let mut told = 0;
    let mut parts = Vec::new();
    for verdict in Verdict::ALL {
        let mut lasted: i64 = stretches
            .iter()
            .filter(|stretch| stretch.verdict == verdict)
            .map(|stretch| {
                seconds(stretch.from.max(span.start), stretch.until.min(span.end)).max(0)
            })
            .sum();
        told += lasted;
        if verdict == Verdict::Maintenance {
            // What is told of no stretch is told as unknown.
            let silent = whole.saturating_sub(told).max(0);
            if silent > 0 {
                let text = view.span(SignedDuration::from_secs(silent));
                parts.push(format!("{} {text}", view.lang.say("no data", "データなし")));
            }
        }
        lasted = lasted.min(whole);
        if lasted > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a share that people read")]
            let share = percent(lasted as f64 / whole as f64);
            let text = view.span(SignedDuration::from_secs(lasted));
            parts.push(format!("{} {text} ({share})", view.lang.state(verdict.name())));
        }
    }
    let last = view.span(SignedDuration::from_secs(whole));
    format!("{} {last}: {}", view.lang.say("last", "直近"), parts.join(", "))
}

fn seconds(from: Timestamp, until: Timestamp) -> i64 {
    until.duration_since(from).as_secs()
}

/// The worst verdict of each column; `None` where no stretch tells anything.
pub(crate) fn columns(span: &Range<Timestamp>, stretches: &[Stretch]) -> Vec<Option<Verdict>> {
    let mut columns = vec![None; COLUMNS];
    for stretch in stretches {
        for column in &mut columns[place(span, stretch)] {
            *column = (*column).max(Some(stretch.verdict));
        }
    }
    columns
}

/// The columns in which a stretch lies; none if it is outside of `span`.
pub(crate) fn place(span: &Range<Timestamp>, stretch: &Stretch) -> Range<usize> {
    let whole = span.end.as_millisecond() - span.start.as_millisecond();
    let from = stretch.from.max(span.start).as_millisecond() - span.start.as_millisecond();
    let until = stretch.until.min(span.end).as_millisecond() - span.start.as_millisecond();
    if whole <= 0 || until <= from {
        return 0..0;
    }
    let count = i64::try_from(COLUMNS).unwrap_or(i64::MAX);
    let column = |at: i64| usize::try_from(at.clamp(0, count)).unwrap_or(0);
    // Milliseconds of a few years times 360 are far below what an i64 holds.
    column(from * count / whole)..column((until * count + whole - 1) / whole)
}

/// The runs of columns with this verdict, as one path.
fn path_of(columns: &[Option<Verdict>], verdict: Verdict) -> String {
    let mut path = String::new();
    let mut at = 0;
    for run in columns.chunk_by(|left, right| left == right) {
        if run.first() == Some(&Some(verdict)) {
            let (width, top) = (run.len(), verdict.top());
            // Writing to a string cannot fail.
            let _ = write!(path, "M{at} {top}h{width}V20h-{width}z");
        }
        at += run.len();
    }
    path
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::view::Theme;
    use crate::words::Lang;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).expect("a time")
    }

    fn stretch(from: i64, until: i64, verdict: Verdict) -> Stretch {
        Stretch { from: at(from), until: at(until), verdict }
    }

    fn view() -> View {
        View { lang: Lang::En, theme: Theme::Auto, zone: TimeZone::UTC, now: at(0) }
    }

    #[test]
    fn a_short_outage_is_seen_in_a_long_strip() {
        let span = at(0)..at(30 * 86_400);
        let all =
            [stretch(0, 30 * 86_400, Verdict::Good), stretch(1_000_000, 1_000_030, Verdict::Bad)];
        let columns = columns(&span, &all);
        assert_eq!(columns.iter().filter(|column| **column == Some(Verdict::Bad)).count(), 1);
        let drawn = strip(&view(), &span, &all).into_string();
        assert!(drawn.contains("v-bad") && drawn.contains("bad 30 s (0.0 %)"), "{drawn}");
    }

    #[test]
    fn what_nobody_tells_is_empty_and_said_to_be_so() {
        let span = at(0)..at(3_600);
        let drawn = strip(&view(), &span, &[stretch(0, 1_800, Verdict::Good)]).into_string();
        assert!(drawn.contains("no data 30 min"), "{drawn}");
        assert!(drawn.contains("M0 5h180V20h-180z"), "{drawn}");
    }

    #[test]
    fn an_empty_span_draws_nothing() {
        let drawn = strip(&view(), &(at(5)..at(5)), &[stretch(0, 9, Verdict::Bad)]).into_string();
        assert!(!drawn.contains("<path"), "{drawn}");
    }

    proptest! {
        #[test]
        fn a_strip_stays_small_whatever_it_is_drawn_from(
            parts in prop::collection::vec((-9_000i64..9_000, 0i64..4_000, 0usize..4), 0..400),
        ) {
            let all: Vec<_> = parts
                .iter()
                .map(|(from, long, verdict)| stretch(*from, from + long, Verdict::ALL[*verdict]))
                .collect();
            let drawn = strip(&view(), &(at(0)..at(5_000)), &all).into_string();
            prop_assert!(drawn.len() < COLUMNS * 24 + 1_000, "{}", drawn.len());
        }

        #[test]
        fn the_worst_of_a_column_wins_in_any_order(
            parts in prop::collection::vec((0i64..5_000, 1i64..900, 0usize..4), 1..40),
        ) {
            let mut all: Vec<_> = parts
                .iter()
                .map(|(from, long, verdict)| stretch(*from, from + long, Verdict::ALL[*verdict]))
                .collect();
            let one = columns(&(at(0)..at(5_000)), &all);
            all.reverse();
            prop_assert_eq!(one, columns(&(at(0)..at(5_000)), &all));
        }
    }
}
