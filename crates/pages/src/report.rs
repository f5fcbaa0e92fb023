//! A report: one file that shows how a time went, to be kept or mailed.

use std::fmt::Write as _;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use crate::curve::{Curve, curve};
use crate::figures::{IncidentRow, SloRow, badge, incidents, slos};
use crate::file::{File, file};
use crate::strip::{Stretch, strip};
use crate::text::clean;
use crate::view::{View, percent};

/// What a report shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportData {
    /// The host, as it calls itself.
    pub host: String,
    /// The version of evenkeel.
    pub version: String,
    /// The time that is reported.
    pub span: Range<Timestamp>,
    /// The promises of availability.
    pub slos: Vec<SloRow>,
    /// A row for each check or SLO: how its days were.
    pub days: Vec<DayRow>,
    /// Incidents, newest first.
    pub incidents: Vec<IncidentRow>,
    /// Curves, such as of memory.
    pub curves: Vec<Curve>,
    /// What was done, by cause.
    pub causes: Vec<CauseRow>,
    /// What a reader must know to read the figures right, a sentence each.
    pub notes: Vec<String>,
}

/// How something was, day by day.
#[derive(Debug, Clone, PartialEq)]
pub struct DayRow {
    /// The check or SLO.
    pub name: String,
    /// The share of the counted time that was good; `None` where nothing was counted.
    pub availability: Option<f64>,
    /// How it was over the time that is reported.
    pub stretches: Vec<Stretch>,
}

/// How often something was done for one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseRow {
    /// The target.
    pub target: String,
    /// The checks that were down.
    pub cause: String,
    /// What was done, such as `supervisor.restart-program`.
    pub action: String,
    /// How it ended, such as `recovered`.
    pub outcome: String,
    /// How often.
    pub count: u64,
}

/// The report as one HTML file that loads nothing and runs nothing.
pub fn report(view: &View, data: &ReportData) -> String {
    let lang = view.lang;
    let name = lang.say("Availability report", "稼働レポート");
    let main = html! {
        h1 { (name) }
        p.soft {
            (view.date_time(data.span.start)) " – " (view.date_time(data.span.end))
            " (" (view.span(data.span.end.duration_since(data.span.start))) ", " (view.strftime(data.span.end, "%Z")) ")"
        }
        (body(view, data))
    };
    let footer = html! { (lang.say("Written at ", "作成: ")) (view.date_time(view.now)) };
    let title = format!("{name} · evenkeel");
    file(view, &File { title: &title, about: &data.host, version: &data.version, main, footer })
}

fn body(view: &View, data: &ReportData) -> Markup {
    let lang = view.lang;
    html! {
        section {
            h2 { (lang.say("Promises", "SLO")) }
            @if data.slos.is_empty() {
                p.empty { (lang.say("No promise is set: see [slo.NAME] in the settings.", "SLO は設定されていません（設定の [slo.NAME]）。")) }
            } @else { (slos(view, &data.slos, false)) }
        }
        section {
            h2 { (lang.say("Day by day", "日ごとの推移")) }
            (legend(view))
            @for row in &data.days { (days(view, &data.span, row)) }
        }
        section { h2 { (lang.say("Incidents", "インシデント")) } (incidents(view, &data.incidents, false)) }
        section { h2 { (lang.say("What was done, by cause", "原因別の対処")) } (causes(view, &data.causes)) }
        @if !data.curves.is_empty() {
            section {
                h2 { (lang.say("Curves", "推移グラフ")) }
                div.charts { @for drawn in &data.curves { (curve(view, drawn)) } }
            }
        }
        @if !data.notes.is_empty() {
            section { h2 { (lang.say("How to read this", "読み方")) } ul.notes { @for note in &data.notes { li { (clean(note)) } } } }
        }
    }
}

/// What the heights and colours of a strip mean.
pub(crate) fn legend(view: &View) -> Markup {
    html! {
        ul.legend {
            @for (name, top) in [("good", 5), ("bad", 0), ("unknown", 15), ("maintenance", 10)] {
                li {
                    svg viewBox="0 0 12 20" aria-hidden="true" {
                        path class={ "v-" (name) } d=(format!("M0 {top}h12V20h-12z")) {}
                    }
                    " " (view.lang.state(name))
                }
            }
        }
    }
}

/// A strip of at most 62 days cut into its days, a cell for each; longer ones as one strip.
fn days(view: &View, span: &Range<Timestamp>, row: &DayRow) -> Markup {
    let cells = cells(view, span);
    html! {
        div.dayrow {
            div.dayname {
                strong { (clean(&row.name)) } " "
                span.num { (row.availability.map_or("–".to_owned(), percent)) }
            }
            @if cells.is_empty() {
                (strip(view, span, &row.stretches))
            } @else {
                div.days { @for day in &cells {
                    @let (verdict, text) = day_of(view, day, &row.stretches);
                    svg.day viewBox="0 0 10 20" preserveAspectRatio="none" role="img" aria-label=(text) {
                        title { (text) }
                        path class={ "v-" (verdict) } d=(format!("M0 {}h10V20h-10z", top_of(verdict))) {}
                    }
                } }
                div.ends { span { (view.day(span.start)) } span { (view.day(span.end)) } }
            }
        }
    }
}

fn top_of(verdict: &str) -> u32 {
    match verdict {
        "bad" => 0,
        "good" | "flawed" => 5,
        "maintenance" => 10,
        _ => 15,
    }
}

/// The local days of `span`; none if they are too many to be told apart.
fn cells(view: &View, span: &Range<Timestamp>) -> Vec<Range<Timestamp>> {
    let mut cells = Vec::new();
    let mut from = span.start;
    while from < span.end && cells.len() <= 62 {
        let tomorrow = from.to_zoned_datetime(view.zone.clone()).tomorrow();
        let until = tomorrow.and_then(|tomorrow| tomorrow.start_of_day());
        let until = until.map_or(span.end, |until| until.timestamp().min(span.end));
        cells.push(from..until);
        from = until;
    }
    if cells.len() > 62 || cells.len() < 2 { Vec::new() } else { cells }
}

/// How a day was as one word, and in a sentence. A day of more than a hundredth down is bad, of less is flawed.
fn day_of(view: &View, day: &Range<Timestamp>, stretches: &[Stretch]) -> (&'static str, String) {
    let lasted = |name: &str| -> i64 {
        let of_day = stretches.iter().filter(|stretch| stretch.verdict.name() == name);
        of_day
            .map(|stretch| {
                stretch
                    .until
                    .min(day.end)
                    .duration_since(stretch.from.max(day.start))
                    .as_secs()
                    .max(0)
            })
            .sum()
    };
    let (good, bad, held) = (lasted("good"), lasted("bad"), lasted("maintenance"));
    let verdict = match (good, bad) {
        (_, 1..) if bad * 100 >= good + bad => "bad",
        (_, 1..) => "flawed",
        (1.., _) => "good",
        _ if held > 0 => "maintenance",
        _ => "unknown",
    };
    let lang = view.lang;
    // Writing to a string cannot fail.
    let mut text = view.day(day.start);
    if good + bad > 0 {
        #[expect(clippy::cast_precision_loss, reason = "a share that people read")]
        let ratio = good as f64 / (good + bad) as f64;
        let _ = write!(text, ": {}", percent(ratio));
    }
    if bad > 0 {
        let span = view.span(SignedDuration::from_secs(bad));
        let _ = write!(text, ", {span} {}", lang.say("bad", "停止"));
    }
    if good + bad == 0 {
        let _ = write!(text, ": {}", lang.state(verdict));
    }
    (verdict, text)
}

fn causes(view: &View, rows: &[CauseRow]) -> Markup {
    let lang = view.lang;
    if rows.is_empty() {
        return html! { p.empty { (lang.say("Nothing had to be done.", "対処は必要ありませんでした。")) } };
    }
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { (lang.say("Target", "対象")) }
                th scope="col" { (lang.say("Cause", "原因")) }
                th scope="col" { (lang.say("Action", "対処")) }
                th scope="col" { (lang.say("Outcome", "結果")) }
                th.num scope="col" { (lang.say("Times", "回数")) }
            } }
            tbody { @for row in rows { tr {
                td { strong { (clean(&row.target)) } }
                td { (clean(&row.cause)) }
                td { code { (clean(&row.action)) } }
                td { (badge(view, &row.outcome, None)) }
                td.num { (row.count) }
            } } }
        } }
    }
}

#[cfg(test)]
mod tests;
