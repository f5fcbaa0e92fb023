use jiff::ToSpan as _;
use jiff::tz::TimeZone;

use super::*;
use crate::assets::policy_hash;
use crate::curve::{Limit, Point, Trend};
use crate::strip::Verdict;
use crate::view::{Theme, Unit};
use crate::words::Lang;

const HOSTILE: &str = "<script>alert(1)</script>\u{202e}\u{1b}[31m\0\"'&";

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().expect("a time")
}

fn view(lang: Lang) -> View {
    View { lang, theme: Theme::Auto, zone: TimeZone::UTC, now: now() }
}

pub(crate) fn data(name: &str) -> ReportData {
    let span = now() - (30 * 24).hours()..now();
    let good = Stretch { from: span.start, until: span.end, verdict: Verdict::Good };
    let outage = now() - 50.hours();
    let bad = Stretch { from: outage, until: outage + 40.minutes(), verdict: Verdict::Bad };
    let points = (0..48).map(|hour| {
        let mean = 100e6 + 3e6 * f64::from(hour);
        Point { at: now() - (48 - hour).hours(), min: mean - 5e6, mean, max: mean + 4e6 }
    });
    ReportData {
        host: name.to_owned(),
        version: "0.1.0".to_owned(),
        slos: vec![SloRow {
            name: name.to_owned(),
            checks: vec![name.to_owned()],
            objective: 0.999,
            window: SignedDuration::from_hours(720),
            availability: Some(0.999_1),
            coverage: Some(0.97),
            budget_remaining: Some(0.1),
            bad: SignedDuration::from_mins(40),
            span: span.clone(),
            stretches: vec![good, bad],
        }],
        days: vec![DayRow {
            name: name.to_owned(),
            availability: Some(0.999_1),
            stretches: vec![good, bad],
        }],
        incidents: vec![IncidentRow {
            id: 7,
            target: name.to_owned(),
            cause: name.to_owned(),
            opened: outage,
            closed: Some(outage + 40.minutes()),
            outcome: Some("recovered".to_owned()),
            actions: Some(2),
        }],
        curves: vec![Curve {
            title: name.to_owned(),
            source: None,
            unit: Unit::Bytes,
            span: now() - 48.hours()..now() + 24.hours(),
            points: points.collect(),
            limit: Some(Limit { value: 300e6, above: true }),
            trend: Some(Trend { from: (now(), 241e6), until: (now() + 20.hours(), 300e6) }),
        }],
        causes: vec![CauseRow {
            target: name.to_owned(),
            cause: name.to_owned(),
            action: name.to_owned(),
            outcome: name.to_owned(),
            count: 2,
        }],
        notes: vec![name.to_owned()],
        span,
    }
}

#[test]
fn a_report_loads_nothing_and_runs_nothing() {
    let page = report(&view(Lang::En), &data("web"));
    assert!(page.contains("default-src 'none'; style-src 'sha256-"), "{page}");
    for foreign in ["<script", "src=", "http://", "https://", "url(", "@import", " style=", " on"] {
        // The words of the page may hold ` on`; an attribute that starts so would hold `=`.
        let found = page.match_indices(foreign).any(|(at, _)| {
            foreign != " on"
                || page[at..].split_whitespace().next().is_some_and(|word| word.contains("=\""))
        });
        assert!(!found, "{foreign}");
    }
}

#[test]
fn the_policy_allows_exactly_the_style_that_is_in_the_page() {
    let page = report(&view(Lang::En), &data("web"));
    let (_, rest) = page.split_once("<style>").expect("a style");
    let (style, _) = rest.split_once("</style>").expect("its end");
    assert!(
        page.contains(&policy_hash(style).replace('\'', "&#39;"))
            || page.contains(&policy_hash(style))
    );
}

#[test]
fn hostile_names_are_text_and_nothing_else() {
    for lang in [Lang::En, Lang::Ja] {
        let page = report(&view(lang), &data(HOSTILE));
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains(['\u{202e}', '\u{1b}', '\0']), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;⟨U+202E⟩␛[31m␀"), "{page}");
    }
}

#[test]
fn each_day_is_told_apart_and_the_bad_one_is_seen() {
    let page = report(&view(Lang::En), &data("web"));
    assert_eq!(page.matches("class=\"day\"").count(), 31);
    assert!(page.contains("Nov 23: 97.2 %, 40 min bad"), "{page}");
}

#[test]
fn a_line_of_a_megabyte_does_not_make_a_page_of_megabytes() {
    let page = report(&view(Lang::En), &data(&"<".repeat(1 << 20)));
    assert!(page.len() < 200_000, "{}", page.len());
}
