use jiff::ToSpan as _;
use jiff::tz::TimeZone;

use super::*;
use crate::bars::BarKind;
use crate::strip::Verdict;
use crate::view::Theme;
use crate::words::Lang;

const HOSTILE: &str = "<script>alert(1)</script>\u{202e}\u{1b}[31m\0\"'&";

fn end() -> Timestamp {
    "2026-01-31T00:00:00Z".parse().expect("a time")
}

fn drawn(data: &SimulationData) -> String {
    let view = View { lang: Lang::En, theme: Theme::Auto, zone: TimeZone::UTC, now: end() };
    simulation(&view, data)
}

fn run(name: &str, span: &Range<Timestamp>) -> PolicyRun {
    PolicyRun {
        name: name.to_owned(),
        headline: name.to_owned(),
        actions: Bars {
            title: name.to_owned(),
            span: span.clone(),
            kinds: vec![BarKind { name: name.to_owned(), look: Look::Good }],
            bars: vec![vec![1], vec![2]],
            room_for: 0,
        },
        budgets: vec![BudgetBar {
            name: name.to_owned(),
            window: SignedDuration::from_hours(1),
            used: 3,
            limit: 3,
        }],
        slos: Vec::new(),
    }
}

fn data(name: &str, runs: usize) -> SimulationData {
    let span = end() - (30 * 24).hours()..end();
    let good = Stretch { from: span.start, until: span.end, verdict: Verdict::Good };
    let outage = span.start + 50.hours();
    let bad = Stretch { from: outage, until: outage + 2.hours(), verdict: Verdict::Bad };
    let lane = Lane {
        said: name.to_owned(),
        availability: Some(0.997),
        truth: vec![good, bad],
        seen: vec![good, bad],
        marks: vec![Mark { at: outage, look: Look::Bad }, Mark { at: outage, look: Look::Good }],
    };
    let difference = DifferenceRow {
        name: name.to_owned(),
        first: name.to_owned(),
        second: name.to_owned(),
        difference: name.to_owned(),
        better: Some(true),
    };
    SimulationData {
        headline: name.to_owned(),
        version: name.to_owned(),
        facts: vec![(name.to_owned(), name.to_owned())],
        again: name.to_owned(),
        runs: (0..runs).map(|_| run(name, &span)).collect(),
        differences: if runs > 1 { vec![difference] } else { Vec::new() },
        targets: vec![TargetLane { name: name.to_owned(), runs: vec![lane; runs] }],
        more_targets: 3,
        notes: vec![name.to_owned()],
        span,
    }
}

#[test]
fn a_simulation_loads_nothing_and_runs_nothing() {
    let page = drawn(&data("site", 2));
    assert!(page.contains("default-src 'none'; style-src 'sha256-"), "{page}");
    for foreign in ["<script", "src=", "http://", "https://", "url(", "@import", " style="] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn hostile_names_are_text_and_nothing_else() {
    let page = drawn(&data(HOSTILE, 2));
    assert!(!page.contains("<script") && !page.contains(['\u{202e}', '\u{1b}', '\0']), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;⟨U+202E⟩␛[31m␀"), "{page}");
}

#[test]
fn two_runs_stand_side_by_side_and_one_alone_has_no_comparison() {
    let (one, two) = (drawn(&data("site", 1)), drawn(&data("site", 2)));
    assert!(!one.contains("A beside B") && two.contains("A beside B"));
    let strips = |page: &str| page.matches("class=\"strip\"").count();
    assert_eq!((strips(&one), strips(&two)), (2, 4));
    assert!(
        two.contains("✓ better") && two.contains("used up") && two.contains("3 more, on which")
    );
}

#[test]
fn a_failed_action_is_drawn_over_one_that_helped() {
    let page = drawn(&data("site", 1));
    let (_, marks) = page.split_once("class=\"marks\"").expect("marks");
    let place = |look: &str| marks.find(look).expect("a mark");
    assert!(place("m-good") < place("m-bad"), "{marks}");
}
