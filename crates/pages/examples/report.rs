//! Prints a report with made-up figures, to look at: `cargo run -p evenkeel-pages --example report [ja] > report.html`.
#![expect(clippy::print_stdout, reason = "an example shows what it makes")]

use evenkeel_pages::{
    CauseRow, Curve, DayRow, IncidentRow, Lang, Limit, Point, ReportData, SloRow, Stretch, Theme,
    Trend, Unit, Verdict, View, report,
};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

fn main() {
    let lang = std::env::args().nth(1).and_then(|tag| Lang::of_tag(&tag)).unwrap_or_default();
    let now = Timestamp::from_second(1_795_600_000).unwrap_or_default();
    let span = now - (30 * 24).hours()..now;
    let stretch = |from_hours: i64, minutes: i64, verdict| {
        let from = now - from_hours.hours();
        Stretch { from, until: from + minutes.minutes(), verdict }
    };
    let stretches = vec![
        stretch(30 * 24, 25 * 24 * 60, Verdict::Good),
        stretch(5 * 24 - 6, 5 * 24 * 60 - 360, Verdict::Good),
        stretch(51, 40, Verdict::Bad),
        stretch(302, 4, Verdict::Bad),
        stretch(420, 120, Verdict::Maintenance),
    ];
    let points = (0..240_i32).map(|at| {
        let wave = f64::from(at % 17) * 1e6;
        let mean = 90e6 + 0.6e6 * f64::from(at) + wave;
        Point { at: now - i64::from(240 - at).hours(), min: mean - 5e6, mean, max: mean + 7e6 }
    });
    let data = ReportData {
        host: "web-1".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        slos: vec![SloRow {
            name: "workers".to_owned(),
            checks: vec!["supervisor".to_owned(), "health".to_owned()],
            objective: 0.999,
            window: SignedDuration::from_hours(720),
            availability: Some(0.999_01),
            coverage: Some(0.9917),
            budget_remaining: Some(0.02),
            bad: SignedDuration::from_mins(44),
            span: span.clone(),
            stretches: stretches.clone(),
        }],
        days: vec![
            DayRow {
                name: "workers".to_owned(),
                availability: Some(0.999_01),
                stretches: stretches.clone(),
            },
            DayRow {
                name: "health".to_owned(),
                availability: Some(1.0),
                stretches: stretches[..2].to_vec(),
            },
        ],
        incidents: vec![IncidentRow {
            id: 7,
            target: "workers/web".to_owned(),
            cause: "health".to_owned(),
            opened: now - 51.hours(),
            closed: Some(now - 51.hours() + 40.minutes()),
            outcome: Some("recovered".to_owned()),
            actions: Some(2),
        }],
        curves: vec![Curve {
            title: "supervisord: memory in use".to_owned(),
            source: None,
            unit: Unit::Bytes,
            span: now - 240.hours()..now + 48.hours(),
            points: points.collect(),
            limit: Some(Limit { value: 300e6, above: true }),
            trend: Some(Trend { from: (now, 240e6), until: (now + 40.hours(), 300e6) }),
        }],
        causes: vec![CauseRow {
            target: "workers/web".to_owned(),
            cause: "health".to_owned(),
            action: "supervisor.restart-program".to_owned(),
            outcome: "recovered".to_owned(),
            count: 2,
        }],
        notes: vec![
            "Time in which the agent did not run is unknown, and not counted as good.".to_owned(),
        ],
        span,
    };
    let view = View { lang, theme: Theme::Auto, zone: TimeZone::UTC, now };
    println!("{}", report(&view, &data));
}
