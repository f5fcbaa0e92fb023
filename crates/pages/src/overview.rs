//! The first page: whether all holds, and if not, what does not.

use std::ops::Range;

use evenkeel_shown::said::Code;
use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use crate::figures::{IncidentRow, SloRow, incidents, key, slos, target_address};
use crate::layout::{Content, Frame, page};
use crate::past::{alerts, cleanups, drifts, events};
use crate::rows::{
    AlertRow, CheckRow, CleanupRow, DriftRow, EventRow, HoldRow, RecoveryRow, RuleRow,
};
use crate::said::said;
use crate::tables::{checks, holds, recoveries, rules, why};
use crate::text::clean;
use crate::told::refusal;
use crate::view::View;
use crate::words::Lang;

/// All that the first page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// What every page says.
    pub frame: Frame,
    /// Whether the agent says that nothing needs attention.
    pub healthy: bool,
    /// Why nobody is restarted, while most targets are down together.
    pub storm: Option<String>,
    /// The same as data.
    pub storm_refusal: Value,
    /// The checks, in the order of the settings.
    pub checks: Vec<CheckRow>,
    /// What the strips of the checks show.
    pub span: Range<Timestamp>,
    /// The targets of recovery.
    pub recoveries: Vec<RecoveryRow>,
    /// The permission rules, then the cleanup rules.
    pub rules: Vec<RuleRow>,
    /// The promises of availability.
    pub slos: Vec<SloRow>,
    /// The holds in force.
    pub holds: Vec<HoldRow>,
    /// The alerts that are firing.
    pub alerts: Vec<AlertRow>,
    /// The last incidents, newest first.
    pub incidents: Vec<IncidentRow>,
    /// The last drift, newest first.
    pub drifts: Vec<DriftRow>,
    /// The last cleanup runs, newest first.
    pub cleanups: Vec<CleanupRow>,
    /// The last lines of history, newest first.
    pub events: Vec<EventRow>,
}

/// One thing that does not hold.
struct Want<'a> {
    name: &'a str,
    what: String,
    why: Option<String>,
}

/// The first page.
pub fn overview(view: &View, data: &Overview) -> String {
    let lang = view.lang;
    let wants = wants(view, data);
    let (look, sign, headline) = headline(view, data, wants.len());
    let title = if look == "bad" { format!("(!) {headline}") } else { headline.clone() };
    let main = html! {
        h1.headline id="headline" aria-live="polite" {
            span class={ "dot " (look) } aria-hidden="true" { (sign) }
            span { (headline) }
        }
        p.lede id="summary" { (summary(view, data)) }
        @if let Some(storm) = &data.storm { p.banner.bad id="storm" { (clean(&refusal(view, storm, &data.storm_refusal))) } }
        @if !wants.is_empty() {
            ul.attention id="attention" { @for want in &wants { li data-key=(key(want.name)) {
                a href=(target_address(want.name)) { (clean(want.name)) } " " (want.what)
                @if let Some(why) = &want.why { ": " (clean(why)) }
            } } }
        }
        @if !data.alerts.is_empty() {
            section id="alerts" { h2 { (lang.say("Alerts firing", "発報中のアラート")) } (alerts(view, &data.alerts)) }
        }
        @if !data.holds.is_empty() {
            section id="holds" { h2 { (lang.say("Held by an operator", "保留中")) } (holds(view, &data.holds)) }
        }
        @if !data.slos.is_empty() {
            section id="slos" { h2 { (lang.say("Availability", "稼働率")) } (slos(view, &data.slos, true)) }
        }
        section id="checks" { (heading(lang.say("Checks", "チェック"), data.checks.len())) (checks(view, &data.checks, &data.span)) }
        section id="recoveries" { (heading(lang.say("Recovery", "復旧"), data.recoveries.len())) (recoveries(view, &data.recoveries)) }
        section id="rules" { (heading(lang.say("Files", "ファイル"), data.rules.len())) (rules(view, &data.rules)) }
        @if !data.drifts.is_empty() || !data.cleanups.is_empty() {
            div.grid2 {
                @if !data.drifts.is_empty() {
                    section id="drift" { h2 { (lang.say("Permissions drift", "権限のずれ")) } (drifts(view, &data.drifts)) }
                }
                @if !data.cleanups.is_empty() {
                    section id="cleanups" { h2 { (lang.say("Cleanup runs", "掃除の実行")) } (cleanups(view, &data.cleanups)) }
                }
            }
        }
        @if !data.incidents.is_empty() {
            section id="incidents" { h2 { (lang.say("Incidents", "インシデント")) } (incidents(view, &data.incidents, true)) }
        }
        section id="events" {
            h2 { (lang.say("Events", "イベント")) span.soft { (lang.say("newest first", "新しい順")) } }
            (events(view, &data.events, false))
        }
    };
    page(view, &data.frame, &Content { title: &title, charts: false, back: false, main })
}

fn heading(text: &str, count: usize) -> Markup {
    html! { h2 { (text) @if count > 0 { span.soft { (count) } } } }
}

/// What does not hold, worst first.
fn wants<'a>(view: &View, data: &'a Overview) -> Vec<Want<'a>> {
    let lang = view.lang;
    let is_bad = |state: &str| state == "down" || state == "recovering";
    let is_so = |state: &str| match lang {
        Lang::En => format!("is {}", lang.state(state)),
        Lang::Ja => format!("は{}", lang.state(state)),
    };
    let last = |reason: &Option<String>, code: Option<&Code>| {
        reason.as_ref().map(|reason| said(view, reason, code))
    };
    let own = |check: &CheckRow| last(&check.reason, check.reason_code.as_ref());
    let checks = data.checks.iter().filter_map(|check| {
        let part = ["down", "recovering"]
            .iter()
            .find_map(|state| check.parts.iter().find(|part| part.state == *state));
        match part {
            Some(part) => Some(Want {
                name: &check.name,
                what: format!("{} {}", clean(&part.name), is_so(&part.state)),
                why: last(&part.reason, part.reason_code.as_ref()).or_else(|| own(check)),
            }),
            None if is_bad(&check.state) => {
                Some(Want { name: &check.name, what: is_so(&check.state), why: own(check) })
            }
            None => None,
        }
    });
    let rules = data.rules.iter().filter(|rule| rule.ok == Some(false)).map(|rule| Want {
        name: &rule.name,
        what: lang.say("does not hold", "は適合していません").to_owned(),
        why: Some(rule.detail.as_str())
            .filter(|detail| !detail.is_empty())
            .map(|detail| said(view, detail, rule.detail_code.as_ref())),
    });
    let recoveries =
        data.recoveries.iter().filter(|recovery| recovery.phase == "exhausted").map(|recovery| {
            Want {
                name: &recovery.target,
                what: lang.say("could not be recovered", "は復旧できませんでした").to_owned(),
                why: why(view, recovery),
            }
        });
    recoveries.chain(checks).chain(rules).collect()
}

/// How the page looks in one word, its sign, and what it says in one line.
fn headline(view: &View, data: &Overview, wants: usize) -> (&'static str, &'static str, String) {
    let lang = view.lang;
    let unknown = data.checks.iter().filter(|check| check.state == "unknown").count();
    let waiting = data.rules.iter().filter(|rule| rule.ok.is_none()).count();
    match (wants, lang) {
        (1, Lang::En) => ("bad", "!", "1 thing does not hold".to_owned()),
        (2.., Lang::En) => ("bad", "!", format!("{wants} things do not hold")),
        (1.., Lang::Ja) => ("bad", "!", format!("{wants}件の問題があります")),
        _ if !data.healthy => {
            ("bad", "!", lang.say("Something needs attention", "確認が必要です").to_owned())
        }
        _ if data.checks.is_empty() && data.rules.is_empty() => {
            ("calm", "–", lang.say("Nothing is watched", "監視対象がありません").to_owned())
        }
        _ if unknown + waiting == data.checks.len() + data.rules.len() => {
            ("calm", "?", lang.say("No result yet", "まだ結果がありません").to_owned())
        }
        (_, Lang::En) if unknown > 0 => {
            ("calm", "?", format!("Nothing is down, {unknown} not known"))
        }
        (_, Lang::Ja) if unknown > 0 => ("calm", "?", format!("停止なし、{unknown}件は不明")),
        _ => ("good", "✓", lang.say("All holds", "すべて正常です").to_owned()),
    }
}

/// How many of what, in one line.
fn summary(view: &View, data: &Overview) -> String {
    let lang = view.lang;
    let states = ["up", "degraded", "suspect", "flapping", "recovering", "down", "unknown", "held"];
    let counted: Vec<_> = states
        .iter()
        .map(|state| (data.checks.iter().filter(|check| check.state == *state).count(), state))
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{count} {}", lang.state(state)))
        .collect();
    let (all, hold) =
        (data.rules.len(), data.rules.iter().filter(|rule| rule.ok == Some(true)).count());
    let checks = data.checks.len();
    let mut parts = Vec::new();
    match (checks, lang) {
        (0, _) => parts.push(lang.say("no checks", "チェックなし").to_owned()),
        (1, Lang::En) => parts.push(format!("1 check: {}", counted.join(", "))),
        (_, Lang::En) => parts.push(format!("{checks} checks: {}", counted.join(", "))),
        (_, Lang::Ja) => parts.push(format!("チェック{checks}件: {}", counted.join("、"))),
    }
    match (all, lang) {
        (0, _) => {}
        (_, Lang::En) => parts.push(format!("{hold} of {all} file rules hold")),
        (_, Lang::Ja) => parts.push(format!("ファイルルール {all}件中{hold}件が適合")),
    }
    if let Some(hold) = data.holds.first() {
        let target = if hold.target == "*" {
            lang.say("the whole host", "ホスト全体").to_owned()
        } else {
            clean(&hold.target)
        };
        parts.push(format!("{}{target}", lang.say("held: ", "保留: ")));
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests;
