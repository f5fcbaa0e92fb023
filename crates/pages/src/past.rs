//! What happened: drift and who caused it, cleanup runs, actions, lines of history.

use maud::{Markup, html};

use crate::figures::{badge, key, target_address};
use crate::rows::{ActionRow, AlertRow, BudgetRow, CleanupRow, DriftRow, EventRow};
use crate::said::said;
use crate::text::{clean, clean_to};
use crate::told::{attribute, cleaning, kind_of_line, told};
use crate::view::{Unit, View};
use crate::words::Lang;

/// Drift that was put right, newest first; who caused it, where the kernel named him.
pub(crate) fn drifts(view: &View, rows: &[DriftRow]) -> Markup {
    let lang = view.lang;
    html! {
        ul.timeline { @for row in rows { li {
            span.when { (view.time(row.at)) }
            span {
                (clean(attribute(lang, &row.what))) " " code { (clean(&row.path)) } ": "
                code { (clean_to(&row.before, 80)) } " → " code { (clean_to(&row.after, 80)) }
                span.soft {
                    " · "
                    @match &row.by {
                        Some(by) => { (lang.say("by ", "変更者: ")) strong { (clean(by)) } }
                        None => (lang.say("nobody was seen doing it", "変更者は不明")),
                    }
                    " · " a href=(target_address(&row.rule)) { (clean(&row.rule)) }
                }
            }
        } } }
    }
}

/// Cleanup runs, newest first, with how to take them back.
pub(crate) fn cleanups(view: &View, rows: &[CleanupRow]) -> Markup {
    let lang = view.lang;
    html! {
        ul.timeline { @for row in rows { li {
            span.when { (view.time(row.at)) }
            span {
                strong { a href=(target_address(&row.rule)) { (clean(&row.rule)) } } " "
                @match lang {
                    Lang::En => { (row.entries) @if row.entries == 1 { " entry, " } @else { " entries, " } }
                    Lang::Ja => { (row.entries) "件、" }
                }
                (bytes(row.bytes, lang)) " (" (clean(cleaning(lang, &row.action))) ")"
                @if !row.sample.is_empty() {
                    div.soft.why {
                        @for (count, one) in row.sample.iter().take(3).enumerate() {
                            @if count > 0 { ", " }
                            (clean(&said(view, &one.text, one.code.as_ref())))
                        }
                        @if row.entries > 3 { ", …" }
                    }
                }
                @if let Some(undo) = &row.undo {
                    div { span.soft { (lang.say("take it back: ", "元に戻す: ")) } code { "evenkeel undo " (clean(undo)) } }
                }
            }
        } } }
    }
}

fn bytes(bytes: u64, lang: Lang) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure that people read")]
    Unit::Bytes.write(bytes as f64, lang)
}

/// Lines of history, in the order in which they are given.
pub(crate) fn events(view: &View, rows: &[EventRow], of_one: bool) -> Markup {
    let lang = view.lang;
    if rows.is_empty() {
        return html! { p.empty { (lang.say("Nothing has happened yet.", "まだ何も起きていません。")) } };
    }
    html! {
        ul.timeline { @for row in rows { li data-key=(row.id) {
            span.when { (view.time(row.at)) }
            span {
                @if !of_one && row.target == "agent" { strong { (lang.say("agent", "エージェント")) } " " }
                @else if !of_one && !row.target.is_empty() { strong { a href=(target_address(&row.target)) { (clean(&row.target)) } } " " }
                (clean(&told(view, row))) " "
                span.soft {
                    (clean(&kind_of_line(lang, &row.kind)))
                    @if let Some(incident) = row.incident.filter(|_| !of_one) {
                        " · " a href=(format!("/incident/{incident}")) { (lang.say("incident ", "インシデント ")) (incident) }
                    }
                }
            }
        } } }
    }
}

/// Actions that were decided on, oldest first.
pub(crate) fn actions(view: &View, rows: &[ActionRow]) -> Markup {
    let lang = view.lang;
    if rows.is_empty() {
        return html! { p.empty { (lang.say("No action was taken.", "対処は行われていません。")) } };
    }
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { (lang.say("Time", "時刻")) }
                th scope="col" { (lang.say("Action", "対処")) }
                th.num scope="col" { (lang.say("Step", "段階")) }
                th.num scope="col" { (lang.say("Attempt", "試行")) }
                th scope="col" { (lang.say("Ended", "結果")) }
            } }
            tbody { @for row in rows { tr {
                td.when { (view.time(row.at)) }
                td { code { (clean(&row.action)) } }
                td.num { (row.step.saturating_add(1)) }
                td.num { (row.attempt.saturating_add(1)) }
                td {
                    @match &row.outcome {
                        Some(outcome) => (clean(lang.state(outcome))),
                        None => (lang.say("runs, or its end is unknown", "実行中、または結果不明")),
                    }
                    @if let Some(detail) = &row.detail { div.soft.why { (clean(&said(view, detail, row.detail_code.as_ref()))) } }
                }
            } } }
        } }
    }
}

/// How much of each budget is used.
pub(crate) fn budgets(view: &View, rows: &[BudgetRow]) -> Markup {
    let lang = view.lang;
    html! {
        dl.facts { @for row in rows { div {
            dt { (clean(&row.recovery)) " · " (scope(view, &row.scope)) }
            dd {
                (row.used) " / " (row.count)
                " " span.soft { (lang.say("used in the last ", "使用済み、直近 ")) (clean(&row.window)) }
                @let share = f64::from(row.used.min(row.count)) / f64::from(row.count.max(1)) * 100.0;
                @let look = if row.used >= row.count { "m-bad" } else if share > 50.0 { "m-warn" } else { "m-good" };
                svg.meter.wide viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                    rect.meter-back width="100" height="6" {}
                    rect class=(look) width=(format!("{share:.0}")) height="6" {}
                }
            }
        } } }
    }
}

fn scope(view: &View, scope: &str) -> String {
    let lang = view.lang;
    match scope {
        "target" => lang.say("this target", "この対象").to_owned(),
        "group" => lang.say("its group", "グループ").to_owned(),
        "host" => lang.say("the host", "ホスト").to_owned(),
        other => clean(other),
    }
}

/// Alerts that are firing.
pub(crate) fn alerts(view: &View, rows: &[AlertRow]) -> Markup {
    let lang = view.lang;
    html! {
        table.stack {
            thead { tr {
                th scope="col" { (lang.say("Severity", "重大度")) }
                th scope="col" { (lang.say("Alert", "アラート")) }
                th.num scope="col" { (lang.say("Firing for", "発報から")) }
            } }
            tbody { @for row in rows { tr data-key=(key(&row.name)) {
                td.state { (badge(view, &row.severity, None)) }
                td.main { strong { (clean(&row.name)) } div.why { (clean(&row.summary)) } }
                td.when.num { (view.since(row.since)) }
            } } }
        }
    }
}
