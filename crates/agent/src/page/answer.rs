//! The short answer of an explanation in the reader's language. In English it is the one that `evenkeel why` prints.

use evenkeel_journal::{Event, Hold, Incident};
use evenkeel_pages::{Lang, View, lasted, told};
use jiff::Timestamp;
use serde_json::Value;

use super::rows;
use crate::explain::Explanation;

pub(super) fn answer(view: &View, said: &Explanation) -> String {
    if view.lang == Lang::En {
        return said.answer.clone();
    }
    let answer = match &said.incident {
        Some(incident) if said.kind != "permissions" && said.kind != "cleanup" => {
            of_incident(view, said, incident)
        }
        _ => match said.events.as_slice() {
            [cleaned] if cleaned.kind == "cleaned" => of_run(view, cleaned),
            _ => of_events(view, said),
        },
    };
    let holds = said.holds.iter().map(|hold| held(view, hold));
    std::iter::once(answer).chain(holds).collect::<Vec<_>>().join("。")
}

fn of_incident(view: &View, said: &Explanation, incident: &Incident) -> String {
    let actions = match said.intents.len() {
        0 => "対処なし".to_owned(),
        actions => format!("対処{actions}回"),
    };
    let last = |kinds: &[&str]| {
        let mine = |event: &&Event| event.incident == Some(incident.id);
        said.events.iter().filter(mine).rfind(|event| kinds.contains(&event.kind.as_str()))
    };
    let cause = &incident.cause;
    if let Some(closed) = incident.closed {
        let how = match last(&["judged"]) {
            Some(judged) => line(view, judged),
            None if said.intents.is_empty() => "自然に復帰".to_owned(),
            None => "対処が効いたかは確認されなかった".to_owned(),
        };
        let lasted = lasted(view, closed.duration_since(incident.opened));
        return format!(
            "チェック {cause} が検知。停止時間: {lasted}、{}に復旧。{actions}。{how}",
            at(closed)
        );
    }
    let so_far = lasted(view, view.now.duration_since(incident.opened));
    let mut text = format!("チェック {cause} が検知。停止してから{so_far}。これまでに{actions}");
    for used in said.budgets.iter().filter(|used| used.scope == "target" && used.used > 0) {
        let share =
            format!("、直近 {} の上限{}回のうち{}回を使用", used.window, used.count, used.used);
        text.push_str(&share);
    }
    if let Some(event) = last(&["refused", "judged", "acted", "intended"]) {
        text.push('。');
        text.push_str(&line(view, event));
    }
    text
}

/// What one run of a cleanup took, and why.
fn of_run(view: &View, cleaned: &Event) -> String {
    let sample = cleaned.data["sample"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named: Vec<_> = sample.iter().filter_map(Value::as_str).collect();
    let entries = cleaned.data["entries"].as_u64().unwrap_or_default();
    let more = match entries.saturating_sub(named.len() as u64) {
        0 => String::new(),
        more => format!(" / ほか{more}件"),
    };
    let (rule, at, line) = (&cleaned.target, at(cleaned.at), line(view, cleaned));
    format!("ルール {rule}、{at}: {line}: {}{more}", named.join(" / "))
}

fn of_events(view: &View, said: &Explanation) -> String {
    let events = &said.events;
    let last_of = |event: &Event| format!("最後は{}: {}", at(event.at), line(view, event));
    let mut parts = Vec::new();
    for (kind, word) in [
        ("repaired", "修復"),
        ("cleaned", "掃除"),
        ("purged", "ごみ箱からの削除"),
        ("fought", "競合"),
        ("rule_failed", "失敗"),
    ] {
        let all = || events.iter().filter(|event| event.kind == kind);
        if let Some(last) = all().next_back() {
            parts.push(format!("{word}{}回、{}", all().count(), last_of(last)));
        }
    }
    if parts.is_empty() {
        parts.extend(events.last().map(last_of));
    }
    if parts.is_empty() { "履歴には何もない".to_owned() } else { parts.join("。") }
}

fn held(view: &View, hold: &Hold) -> String {
    let whom = if hold.target == "*" { "ホスト全体" } else { hold.target.as_str() };
    let until = match &hold.until {
        Some(until) => {
            let left = view.span(until.wall.duration_since(view.now));
            format!("{}まで、あと{left}", at(until.wall))
        }
        None => "解除されるまで".to_owned(),
    };
    format!("{whom} は {} により保留中({until}): {}", hold.by, hold.reason)
}

fn line(view: &View, event: &Event) -> String {
    told(view, &rows::line(event))
}

/// In UTC.
fn at(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
