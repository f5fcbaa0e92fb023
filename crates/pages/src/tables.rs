//! The tables of the pages; each row says in its place what the agent says in `/api/status`.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use serde_json::Value;

use crate::figures::{badge, key, target_address};
use crate::rows::{CheckRow, HoldRow, RecoveryRow, RuleRow};
use crate::said::said;
use crate::strip::strip;
use crate::text::clean;
use crate::told::refusal;
use crate::view::{Unit, View};
use crate::words::Lang;

/// Parts of a check that are named one by one.
const PARTS: usize = 40;
/// Reasons of parts that are told.
const REASONS: usize = 5;

/// Checks, a row each; `span` is what their strips show.
pub(crate) fn checks(view: &View, rows: &[CheckRow], span: &Range<Timestamp>) -> Markup {
    let lang = view.lang;
    if rows.is_empty() {
        return html! { p.empty { (lang.say("No checks are set.", "チェックは設定されていません。")) } };
    }
    let strips = rows.iter().any(|row| row.stretches.is_some());
    html! {
        table.stack {
            thead { tr {
                th scope="col" { (lang.say("State", "状態")) }
                th scope="col" { (lang.say("Check", "チェック")) }
                @if strips {
                    th.wide scope="col" { (lang.say("Last ", "直近")) (span.end.duration_since(span.start).as_hours()) (lang.say(" h", "時間")) }
                }
                th.num scope="col" { (lang.say("Last result", "直近の結果")) }
                th.num scope="col" { (lang.say("For", "継続")) }
            } }
            tbody { @for row in rows { tr data-key=(key(&row.name)) {
                td.state { (check_state(view, row)) }
                td.main {
                    strong { a href=(target_address(&row.name)) { (clean(&row.name)) } }
                    " " span.soft { (clean(&row.kind)) " · " (clean(&row.target)) }
                    (reasons(view, row))
                    (parts(view, row))
                }
                @if strips {
                    td.wide { @if let Some(stretches) = &row.stretches { (strip(view, span, stretches)) } }
                }
                td.num.extra {
                    (figures(view, row))
                    div.soft { (every(view, row.interval_ms)) }
                }
                td.when.num { @if let Some(since) = row.since { (view.since(since)) } }
            } } }
        }
    }
}

/// The state of a check with what goes beside it.
pub(crate) fn check_state(view: &View, row: &CheckRow) -> Markup {
    html! {
        (badge(view, &row.state, None))
        @if row.flapping && row.state != "flapping" { " " (badge(view, "flapping", None)) }
        @if row.held && row.state != "held" { " " (badge(view, "held", None)) }
    }
}

fn every(view: &View, interval_ms: u64) -> String {
    let interval = i64::try_from(interval_ms).unwrap_or(i64::MAX);
    let span = if interval < 1_000 {
        format!("{interval} ms")
    } else {
        view.span(SignedDuration::from_millis(interval))
    };
    format!("{}{span}{}", view.lang.say("every ", ""), view.lang.say("", "ごと"))
}

/// What the last result measured.
fn figures(view: &View, row: &CheckRow) -> Markup {
    let latency = row.last_ms.map(|value| Unit::Milliseconds.write(value, view.lang));
    let memory = row.rss_bytes.map(|value| Unit::Bytes.write(value, view.lang));
    html! {
        (memory.or(latency).unwrap_or_else(|| "–".to_owned()))
        @if let Some(eta) = row.limit_eta {
            div { span.badge.warn { (view.lang.say("limit in ", "上限まで ")) (view.span(eta)) } }
        }
    }
}

/// Why it is not good, and why its parts are not.
pub(crate) fn reasons(view: &View, row: &CheckRow) -> Markup {
    let of_parts = row.parts.iter().filter(|part| part.state != "up").filter_map(|part| {
        part.reason
            .as_ref()
            .filter(|reason| Some(*reason) != row.reason.as_ref())
            .map(|reason| (&part.name, said(view, reason, part.reason_code.as_ref())))
    });
    let own = row.reason.as_ref().map(|reason| said(view, reason, row.reason_code.as_ref()));
    html! {
        @if let Some(reason) = own { div.why { (clean(&reason)) } }
        @for (name, reason) in of_parts.take(REASONS) { div.why { (clean(name)) ": " (clean(&reason)) } }
    }
}

/// The parts that are not up, or all if they are few; and the breaker, where it does not let calls pass.
pub(crate) fn parts(view: &View, row: &CheckRow) -> Markup {
    let lang = view.lang;
    let few = row.parts.len() <= 8;
    let shown: Vec<_> =
        row.parts.iter().filter(|part| few || part.state != "up").take(PARTS).collect();
    let rest = row.parts.len() - shown.len();
    let breaker = row.breaker.as_deref().filter(|breaker| *breaker != "closed");
    html! {
        @if !row.parts.is_empty() || breaker.is_some() {
            div.parts {
                @if let Some(breaker) = breaker {
                    (badge(view, breaker, Some(&format!("{} {}", lang.say("breaker", "ブレーカー"), lang.state(breaker)))))
                }
                @for part in shown {
                    a href=(target_address(&format!("{}/{}", row.name, part.name))) { (badge(view, &part.state, Some(&part.name))) }
                }
                @if rest > 0 { span.badge.calm { "+" (rest) " " (lang.say("more", "件")) } }
            }
        }
    }
}

/// Targets of recovery, a row each.
pub(crate) fn recoveries(view: &View, rows: &[RecoveryRow]) -> Markup {
    let lang = view.lang;
    if rows.is_empty() {
        return html! { p.empty { (lang.say("Nothing is set to be recovered.", "復旧対象は設定されていません。")) } };
    }
    html! {
        table.stack {
            thead { tr {
                th scope="col" { (lang.say("Phase", "段階")) }
                th scope="col" { (lang.say("Target", "対象")) }
                th.num scope="col" { (lang.say("Actions left", "残り回数")) }
            } }
            tbody { @for row in rows { tr data-key=(key(&row.target)) {
                td.state { (badge(view, &row.phase, None)) }
                td.main {
                    strong { a href=(target_address(&row.target)) { (clean(&row.target)) } }
                    @if let Some(about) = under_way(view, row) { " " span.soft { (about) } }
                    @if let Some(reason) = why(view, row).filter(|_| row.phase != "healthy") { div.why { (clean(&reason)) } }
                }
                td.num { (row.budget_remaining) }
            } } }
        }
    }
}

/// Why a target of recovery is down, or why nothing is done.
pub(crate) fn why(view: &View, row: &RecoveryRow) -> Option<String> {
    let reason = row.reason.as_ref()?;
    Some(match &row.refusal {
        Value::Null => said(view, reason, row.reason_code.as_ref()),
        data => refusal(view, reason, data),
    })
}

/// How the kernel tells of changes below the root of a rule.
fn watched(view: &View, row: &RuleRow) -> Option<String> {
    let watched = row.watched.as_ref()?;
    Some(match (view.lang, &row.watched_code) {
        (Lang::Ja, Some(code)) => clean(&said(view, watched, Some(code))),
        (lang, _) => format!("{}{}", lang.say("watched by ", "監視: "), clean(watched)),
    })
}

/// Which attempt of which step runs, or is next.
fn under_way(view: &View, row: &RecoveryRow) -> Option<String> {
    let works =
        ["gate", "acting", "verifying", "backoff", "stabilizing"].contains(&row.phase.as_str());
    let attempt = match view.lang {
        Lang::En => format!("attempt {}", row.attempt.saturating_add(1)),
        Lang::Ja => format!("{}回目", row.attempt.saturating_add(1)),
    };
    match (&row.step, works) {
        (Some(step), true) => Some(format!("{attempt} · {}", clean(step))),
        (None, true) => Some(attempt),
        _ if row.phase == "exhausted" => Some(attempt),
        _ => None,
    }
}

/// Permission and cleanup rules, a row each.
pub(crate) fn rules(view: &View, rows: &[RuleRow]) -> Markup {
    let lang = view.lang;
    if rows.is_empty() {
        return html! { p.empty { (lang.say("No permission or cleanup rules are set.", "権限・掃除のルールは設定されていません。")) } };
    }
    html! {
        table.stack {
            thead { tr {
                th scope="col" { (lang.say("State", "状態")) }
                th scope="col" { (lang.say("Rule", "ルール")) }
                th.num scope="col" { (lang.say("Done since start", "起動後の処理")) }
                th.num scope="col" { (lang.say("Last run", "前回の実行")) }
            } }
            tbody { @for row in rows { tr data-key=(key(&row.name)) {
                td.state { (badge(view, rule_state(row), None)) }
                td.main {
                    strong { a href=(target_address(&row.name)) { (clean(&row.name)) } }
                    " " span.soft { (clean(lang.state(&row.kind))) " · " (clean(&row.path)) }
                    @if !row.detail.is_empty() { div.why { (clean(&said(view, &row.detail, row.detail_code.as_ref()))) } }
                    @if let Some(watched) = watched(view, row) { div.soft { (watched) } }
                }
                td.num.extra { @if row.repairs > 0 { (row.repairs) } @else { "–" } }
                td.when.num { @if let Some(at) = row.last_run { (view.since(at)) (lang.say(" ago", "前")) } @else { "–" } }
            } } }
        }
    }
}

/// A rule's state as one word.
pub(crate) fn rule_state(row: &RuleRow) -> &'static str {
    match row.ok {
        Some(true) => "holds",
        Some(false) => "deviates",
        None => "not_yet_run",
    }
}

/// Holds in force.
pub(crate) fn holds(view: &View, rows: &[HoldRow]) -> Markup {
    let lang = view.lang;
    html! {
        table.stack {
            thead { tr {
                th scope="col" { (lang.say("Target", "対象")) }
                th scope="col" { (lang.say("Why", "理由")) }
                th.num scope="col" { (lang.say("Until", "期限")) }
            } }
            tbody { @for row in rows { tr data-key=(key(&row.target)) {
                td.state { strong {
                    @if row.target == "*" { (lang.say("the whole host", "ホスト全体")) } @else { (clean(&row.target)) }
                } }
                td.main {
                    (clean(&row.reason))
                    div.soft {
                        (lang.say("ordered by ", "指示者: ")) (clean(&row.by)) ", " (view.time(row.since)) " · "
                        code { "evenkeel release " @if row.target == "*" { "'*'" } @else { (clean(&row.target)) } }
                    }
                }
                td.when.num { @if let Some(until) = row.until { (view.time(until)) } @else { (lang.say("released", "解除まで")) } }
            } } }
        }
    }
}
