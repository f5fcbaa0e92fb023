//! The page of one target: a check, a part of one, a recovery, or a rule; and that of one incident.

use std::ops::Range;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::curve::{Curve, curve};
use crate::figures::{IncidentRow, badge, incidents, target_address};
use crate::layout::{Content, Frame, page, with};
use crate::past::{actions, budgets, cleanups, drifts, events};
use crate::report::legend;
use crate::rows::{
    ActionRow, BudgetRow, CheckRow, CleanupRow, DriftRow, EventRow, HoldRow, RecoveryRow, RuleRow,
};
use crate::strip::{Stretch, strip};
use crate::tables::{check_state, holds, parts, reasons, recoveries, rule_state};
use crate::text::clean;
use crate::view::{Unit, View};

/// How far back the page of a target looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Window {
    /// An hour.
    Hour,
    /// A day.
    #[default]
    Day,
    /// A week.
    Week,
    /// A month of 30 days.
    Month,
}

impl Window {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The window of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.name() == name)
    }

    /// Its name, as an address has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// Its length.
    pub const fn hours(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
        }
    }
}

/// All that the page of one target shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// What every page says.
    pub frame: Frame,
    /// Its name, with the part behind a slash.
    pub name: String,
    /// check, recovery, permissions, cleanup; or history, for what the settings no longer name.
    pub kind: String,
    /// How far back it looks.
    pub window: Window,
    /// The time that is shown.
    pub span: Range<Timestamp>,
    /// The short answer to why it is as it is.
    pub answer: String,
    /// What the settings say of it, a sentence each.
    pub settings: Vec<String>,
    /// The check, as it is now.
    pub check: Option<CheckRow>,
    /// The part of it that the page is about.
    pub part: Option<String>,
    /// The rule, as it is now.
    pub rule: Option<RuleRow>,
    /// The recoveries that it has to do with.
    pub recoveries: Vec<RecoveryRow>,
    /// How it was; `None`: no history is kept of it.
    pub stretches: Option<Vec<Stretch>>,
    /// What was measured.
    pub curves: Vec<Curve>,
    /// How much of each budget is used.
    pub budgets: Vec<BudgetRow>,
    /// The holds that bear on it.
    pub holds: Vec<HoldRow>,
    /// Incidents, newest first.
    pub incidents: Vec<IncidentRow>,
    /// Drift, newest first.
    pub drifts: Vec<DriftRow>,
    /// Cleanup runs, newest first.
    pub cleanups: Vec<CleanupRow>,
    /// Lines of history, newest first.
    pub events: Vec<EventRow>,
}

/// The page of one target.
pub fn target(view: &View, data: &Target) -> String {
    let lang = view.lang;
    let name = clean(&data.name);
    let main = html! {
        h1 { (name) " " (state(view, data)) small { (about(view, data)) } }
        p.lede id="answer" { (clean(&data.answer)) }
        @if let Some(check) = data.check.as_ref().filter(|_| data.part.is_none()) { (reasons(view, check)) (parts(view, check)) }
        @if !data.holds.is_empty() {
            section id="holds" { h2 { (lang.say("Held by an operator", "保留中")) } (holds(view, &data.holds)) }
        }
        @if data.stretches.is_some() || !data.curves.is_empty() { (over_time(view, data)) }
        @if let Some(check) = &data.check { (facts(view, check)) }
        @if !data.recoveries.is_empty() || !data.budgets.is_empty() {
            section id="recovery" {
                h2 { (lang.say("Recovery and its budget", "復旧と予算")) }
                @if !data.recoveries.is_empty() { (recoveries(view, &data.recoveries)) }
                @if !data.budgets.is_empty() { (budgets(view, &data.budgets)) }
            }
        }
        @if data.kind != "permissions" && data.kind != "cleanup" {
            section id="incidents" { h2 { (lang.say("Incidents", "インシデント")) } (incidents(view, &data.incidents, true)) }
        }
        @if !data.drifts.is_empty() {
            section id="drift" { h2 { (lang.say("Permissions drift", "権限のずれ")) } (drifts(view, &data.drifts)) }
        }
        @if !data.cleanups.is_empty() {
            section id="cleanups" { h2 { (lang.say("Cleanup runs", "掃除の実行")) } (cleanups(view, &data.cleanups)) }
        }
        @if !data.settings.is_empty() { (sentences(view, &data.settings)) }
        section id="events" {
            h2 { (lang.say("Events", "イベント")) span.soft { (lang.say("newest first", "新しい順")) } }
            (events(view, &data.events, false))
        }
    };
    page(
        view,
        &data.frame,
        &Content { title: &name, charts: !data.curves.is_empty(), back: true, main },
    )
}

/// Its state as badges.
fn state(view: &View, data: &Target) -> Markup {
    let part = data
        .check
        .iter()
        .flat_map(|check| &check.parts)
        .find(|part| Some(&part.name) == data.part.as_ref());
    html! {
        @match (part, &data.check, &data.rule, data.recoveries.first()) {
            (Some(part), ..) => (badge(view, &part.state, None)),
            (None, Some(check), ..) => (check_state(view, check)),
            (None, None, Some(rule), _) => (badge(view, rule_state(rule), None)),
            (None, None, None, Some(recovery)) => (badge(view, &recovery.phase, None)),
            _ => (badge(view, "unknown", Some(view.lang.say("no longer set", "設定から削除済み")))),
        }
    }
}

/// What it is, in one line.
fn about(view: &View, data: &Target) -> String {
    match (&data.check, &data.rule) {
        (Some(check), _) => format!("{} · {}", clean(&check.kind), clean(&check.target)),
        (None, Some(rule)) => {
            format!("{} · {}", clean(view.lang.state(&rule.kind)), clean(&rule.path))
        }
        _ if data.kind == "recovery" => view.lang.say("recovery", "復旧").to_owned(),
        _ => String::new(),
    }
}

/// The strip and the curves, with the choice of how far back.
fn over_time(view: &View, data: &Target) -> Markup {
    let lang = view.lang;
    let address = target_address(&data.name);
    html! {
        section id="over-time" {
            h2 {
                (lang.say("Over time", "推移"))
                span.tabs { @for window in Window::ALL {
                    a href=(with(&address, "window", window.name())) aria-current=[(window == data.window).then_some("true")] { (window.name()) }
                } }
            }
            @if let Some(stretches) = &data.stretches {
                div.bigstrip {
                    (strip(view, &data.span, stretches))
                    div.ends { (view.time(data.span.start)) (view.time(data.span.end)) }
                }
                (legend(view))
            }
            @if !data.curves.is_empty() { div.charts { @for drawn in &data.curves { (curve(view, drawn)) } } }
        }
    }
}

/// The figures of the check as it is now.
fn facts(view: &View, check: &CheckRow) -> Markup {
    let lang = view.lang;
    html! {
        section id="facts" {
            h2 { (lang.say("Now", "現在")) }
            dl.facts {
                @if let Some(since) = check.since { div { dt { (lang.say("In this state for", "この状態の継続")) } dd { (view.since(since)) } } }
                @if let Some(latency) = check.last_ms {
                    div { dt { (lang.say("Last attempt took", "直近の所要時間")) } dd { (Unit::Milliseconds.write(latency, lang)) } }
                }
                @if let Some(memory) = check.rss_bytes {
                    div { dt { (lang.say("Memory (RSS)", "メモリ (RSS)")) } dd { (Unit::Bytes.write(memory, lang)) } }
                }
                @if let Some(eta) = check.limit_eta {
                    div { dt { (lang.say("Limit likely reached in", "上限到達の見込み")) } dd { (view.span(eta)) } }
                }
                div { dt { (lang.say("Breaker", "ブレーカー")) } dd {
                    @match &check.breaker { Some(breaker) => (badge(view, breaker, None)), None => (lang.say("none", "なし")) }
                } }
            }
        }
    }
}

fn sentences(view: &View, sentences: &[String]) -> Markup {
    html! {
        section id="settings" {
            h2 { (view.lang.say("What the settings say", "設定の内容")) }
            ul.notes { @for sentence in sentences { li { (clean(sentence)) } } }
        }
    }
}

/// All that the page of one incident shows.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentPage {
    /// What every page says.
    pub frame: Frame,
    /// The incident.
    pub incident: IncidentRow,
    /// The short answer to why it came and went.
    pub answer: String,
    /// What was known when it began, by name.
    pub evidence: Vec<(String, String)>,
    /// What the settings say of it, a sentence each.
    pub settings: Vec<String>,
    /// What was decided on, oldest first.
    pub actions: Vec<ActionRow>,
    /// How much of each budget is used.
    pub budgets: Vec<BudgetRow>,
    /// What happened, oldest first.
    pub events: Vec<EventRow>,
}

/// The page of one incident: why it came, what was done and not done, and how it ended.
pub fn incident(view: &View, data: &IncidentPage) -> String {
    let lang = view.lang;
    let (id, of) = (data.incident.id, clean(&data.incident.target));
    let title = format!("{} {id}: {of}", lang.say("Incident", "インシデント"));
    let (open, outcome) = (data.incident.closed.is_none(), data.incident.outcome.as_deref());
    let main = html! {
        h1 {
            (lang.say("Incident ", "インシデント ")) (id) ": " a href=(target_address(&data.incident.target)) { (of) } " "
            @if open { (badge(view, "down", Some(lang.say("open", "継続中")))) } @else { (badge(view, outcome.unwrap_or("unknown"), None)) }
            small {
                (view.date_time(data.incident.opened)) " – "
                @if let Some(closed) = data.incident.closed { (view.date_time(closed)) } @else { (lang.say("now", "現在")) }
                ", " (view.span(data.incident.closed.unwrap_or(view.now).duration_since(data.incident.opened)))
            }
        }
        p.lede id="answer" { (clean(&data.answer)) }
        section id="evidence" {
            h2 { (lang.say("What was seen", "観測された事実")) }
            dl.facts {
                div { dt { (lang.say("Down by", "検知したチェック")) } dd { (clean(&data.incident.cause)) } }
                @for (name, value) in &data.evidence { div { dt { @if name == "evidence" { (lang.say("Last result", "直近の結果")) } @else { (clean(name)) } } dd { (clean(value)) } } }
            }
        }
        section id="actions" { h2 { (lang.say("What was done", "行った対処")) } (actions(view, &data.actions)) }
        section id="events" {
            h2 { (lang.say("Step by step", "経過")) span.soft { (lang.say("oldest first", "古い順")) } }
            (events(view, &data.events, true))
        }
        @if !data.budgets.is_empty() {
            section id="budgets" { h2 { (lang.say("Budgets now", "現在の予算")) } (budgets(view, &data.budgets)) }
        }
        @if !data.settings.is_empty() { (sentences(view, &data.settings)) }
    };
    page(view, &data.frame, &Content { title: &title, charts: false, back: true, main })
}
