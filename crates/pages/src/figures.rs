//! Tables that pages and reports share: promises of availability, incidents.

use std::fmt::Write as _;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use crate::strip::{Stretch, strip};
use crate::text::{clean, clean_to};
use crate::view::{View, percent};

/// A promise of availability, and how it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct SloRow {
    /// Its name.
    pub name: String,
    /// The checks that must all be up.
    pub checks: Vec<String>,
    /// The share of time that was promised.
    pub objective: f64,
    /// The time it is a share of.
    pub window: SignedDuration,
    /// The share that was kept; `None` where nothing was counted.
    pub availability: Option<f64>,
    /// The share of the window that is known.
    pub coverage: Option<f64>,
    /// The share of the error budget that is left, below 0 if more was used.
    pub budget_remaining: Option<f64>,
    /// How long it was bad.
    pub bad: SignedDuration,
    /// The time that its strip shows.
    pub span: Range<Timestamp>,
    /// How it was in that time.
    pub stretches: Vec<Stretch>,
}

/// An incident.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentRow {
    /// Its number.
    pub id: i64,
    /// What was down.
    pub target: String,
    /// The checks that said so.
    pub cause: String,
    /// When it began.
    pub opened: Timestamp,
    /// When it ended.
    pub closed: Option<Timestamp>,
    /// How it ended, such as `recovered`.
    pub outcome: Option<String>,
    /// How many actions were taken, where that is known.
    pub actions: Option<u32>,
}

/// The promises, a row each; `linked`: whether there is a page for each check.
pub(crate) fn slos(view: &View, rows: &[SloRow], linked: bool) -> Markup {
    let lang = view.lang;
    html! {
        div.scroll { table.slos {
            thead { tr {
                th scope="col" { (lang.say("Promise", "SLO")) }
                th.num scope="col" { (lang.say("Availability", "稼働率")) }
                th.num scope="col" { (lang.say("Objective", "目標")) }
                th.num scope="col" { (lang.say("Coverage", "計測率")) }
                th.num scope="col" { (lang.say("Budget left", "残予算")) }
                th.wide scope="col" { (lang.say("Over the window", "期間の推移")) }
            } }
            tbody { @for row in rows { (slo(view, row, linked)) } }
        } }
    }
}

fn slo(view: &View, row: &SloRow, linked: bool) -> Markup {
    let lang = view.lang;
    let none = "–";
    let kept = row.availability.map(|ratio| ratio >= row.objective);
    let left = row.budget_remaining.unwrap_or(1.0).clamp(0.0, 1.0);
    let look = match row.budget_remaining {
        Some(left) if left <= 0.0 => "bad",
        Some(left) if left < 0.25 => "warn",
        _ => "good",
    };
    html! {
        tr {
            th.name scope="row" {
                (clean(&row.name))
                div.soft { (checks(&row.checks, linked)) }
            }
            td.num { strong.t-bad[kept == Some(false)] { (row.availability.map_or(none.to_owned(), percent)) } }
            td.num { (percent(row.objective)) div.soft { (view.span(row.window)) } }
            td.num { (row.coverage.map_or(none.to_owned(), percent)) }
            td.num {
                (row.budget_remaining.filter(|left| left.is_finite()).map_or(none.to_owned(), |left| format!("{:.0} %", left * 100.0)))
                svg.meter viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                    rect.meter-back width="100" height="6" {}
                    rect class={ "m-" (look) } width=(format!("{:.1}", left * 100.0)) height="6" {}
                }
                @if row.bad > SignedDuration::ZERO {
                    div.soft { (view.span(row.bad)) " " (lang.say("bad", "停止")) }
                }
            }
            td.wide { (strip(view, &row.span, &row.stretches)) }
        }
    }
}

fn checks(names: &[String], linked: bool) -> Markup {
    html! {
        @for (count, name) in names.iter().enumerate() {
            @if count > 0 { ", " }
            @if linked { a href=(target_address(name)) { (clean(name)) } } @else { (clean(name)) }
        }
    }
}

/// Incidents, newest first; `linked`: whether there is a page for each.
pub(crate) fn incidents(view: &View, rows: &[IncidentRow], linked: bool) -> Markup {
    let lang = view.lang;
    if rows.is_empty() {
        return html! { p.empty { (lang.say("No incident in this time.", "この期間のインシデントはありません。")) } };
    }
    // Where it is known, as in a report.
    let counted = rows.iter().any(|row| row.actions.is_some());
    html! {
        div.scroll { table.incidents {
            thead { tr {
                th.num scope="col" { "#" }
                th scope="col" { (lang.say("Target", "対象")) }
                th scope="col" { (lang.say("Began", "発生")) }
                th scope="col" { (lang.say("Lasted", "継続時間")) }
                th scope="col" { (lang.say("Outcome", "結果")) }
                @if counted { th.num scope="col" { (lang.say("Actions", "対処回数")) } }
            } }
            tbody { @for row in rows { tr {
                td.num {
                    @if linked { a href=(format!("/incident/{}", row.id)) { (row.id) } } @else { (row.id) }
                }
                td {
                    strong { (clean(&row.target)) }
                    div.soft { (lang.say("down by ", "検知: ")) (clean(&row.cause)) }
                }
                td.when { (view.time(row.opened)) }
                td.when { (view.span(row.closed.unwrap_or(view.now).duration_since(row.opened))) }
                td { @match (&row.outcome, row.closed) {
                    (Some(outcome), _) => (badge(view, outcome, None)),
                    (None, None) => (badge(view, "down", Some(lang.say("open", "継続中")))),
                    (None, Some(_)) => "–",
                } }
                @if counted { td.num { (row.actions.map_or("–".to_owned(), |actions| actions.to_string())) } }
            } } }
        } }
    }
}

/// How a state looks, and its sign: whoever sees no colours sees the sign.
pub(crate) fn look(state: &str) -> (&'static str, &'static str) {
    match state {
        "up" | "healthy" | "holds" | "closed" | "good" | "recovered" => ("good", "✓"),
        "down" | "exhausted" | "deviates" | "open" | "bad" | "failed" | "host_incident"
        | "critical" => ("bad", "✕"),
        "suspect" | "degraded" | "refused" | "relapsed" | "warning" => ("warn", "!"),
        "recovering" | "half_open" | "acting" | "verifying" | "stabilizing" => ("warn", "↻"),
        "flapping" | "flap_hold" => ("warn", "≈"),
        "gate" | "backoff" | "blocked" => ("warn", "…"),
        "withheld" => ("warn", "‖"),
        "maintenance" | "held" => ("calm", "‖"),
        _ => ("calm", "–"),
    }
}

/// A state as a badge, with its own word or another.
pub(crate) fn badge(view: &View, state: &str, word: Option<&str>) -> Markup {
    let (look, sign) = look(state);
    let word = word.unwrap_or_else(|| view.lang.state(state));
    html! { span class={ "badge " (look) } { span aria-hidden="true" { (sign) } " " (clean(word)) } }
}

/// Bytes of a name that an address holds.
const LONGEST_NAME: usize = 300;

/// By what a row is known when the page is drawn again.
pub(crate) fn key(name: &str) -> String {
    clean_to(name, 100)
}

/// Where the page of a target is.
pub(crate) fn target_address(name: &str) -> String {
    format!("/target/{}", encoded(name))
}

/// A name as part of an address: what is not plain becomes `%XX`. A slash stays: a part's name follows its check's.
pub(crate) fn encoded(name: &str) -> String {
    let mut address = String::new();
    // A name of the settings is shorter; one that a supervisor made up may be anything.
    for byte in name.bytes().take(LONGEST_NAME) {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                address.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(address, "%{byte:02X}")),
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place_in_an_address() {
        assert_eq!(target_address("web/worker 1"), "/target/web/worker%201");
        assert_eq!(target_address("\"><script>"), "/target/%22%3E%3Cscript%3E");
        assert_eq!(target_address("a?b#c"), "/target/a%3Fb%23c");
    }
}
