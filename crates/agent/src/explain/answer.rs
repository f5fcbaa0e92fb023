//! The short answer: one or two sentences that say what a reader at three in the morning wants to know first.

use evenkeel_config::format_duration;
use evenkeel_journal::{Event, Hold, Incident};
use jiff::Timestamp;

use super::{BudgetUse, Explanation};

/// The explanation with its short answer.
pub(super) fn answered(mut explanation: Explanation, now: Timestamp) -> Explanation {
    explanation.answer = match &explanation.incident {
        Some(incident) if explanation.kind != "permissions" && explanation.kind != "cleanup" => {
            of_incident(&explanation, incident, now)
        }
        _ => of_events(&explanation),
    };
    let held: Vec<_> = explanation.holds.iter().map(|hold| held(hold, now)).collect();
    for held in held {
        explanation.answer.push_str("; ");
        explanation.answer.push_str(&held);
    }
    explanation
}

fn of_incident(explanation: &Explanation, incident: &Incident, now: Timestamp) -> String {
    let actions = match explanation.intents.len() {
        0 => "no action".to_owned(),
        1 => "1 action".to_owned(),
        actions => format!("{actions} actions"),
    };
    let last = |kinds: &[&str]| {
        let mine = |event: &&Event| event.incident == Some(incident.id);
        explanation.events.iter().filter(mine).rfind(|event| kinds.contains(&event.kind.as_str()))
    };
    if let Some(closed) = incident.closed {
        let how = match last(&["judged"]) {
            Some(judged) => judged.message.clone(),
            None if explanation.intents.is_empty() => "it came back by itself".to_owned(),
            None => "whether an action helped was not seen".to_owned(),
        };
        let lasted = span(incident.opened, closed);
        return format!(
            "down by {} for {lasted}, over since {closed}; {actions}; {how}",
            incident.cause
        );
    }
    let mut text = format!(
        "down by {} for {} and not over; {actions} so far",
        incident.cause,
        span(incident.opened, now)
    );
    for used in explanation.budgets.iter().filter(|used| used.scope == "target" && used.used > 0) {
        let BudgetUse { used, count, window, .. } = used;
        let share = format!(", {used} of {count} used in the last {window}");
        text.push_str(&share);
    }
    // What was said last is what holds now: a refusal, or what came of an action.
    if let Some(event) = last(&["refused", "judged", "acted", "intended"]) {
        text.push_str("; ");
        text.push_str(&event.message);
    }
    text
}

/// What one run of a cleanup took, why, and how it comes back.
pub(super) fn of_run(cleaned: &Event) -> String {
    let sample = cleaned.data["sample"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named: Vec<_> = sample.iter().filter_map(serde_json::Value::as_str).collect();
    let entries = cleaned.data["entries"].as_u64().unwrap_or_default();
    let more = entries.saturating_sub(named.len() as u64);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!(
        "rule `{}` at {}: {}: {}{more}",
        cleaned.target,
        cleaned.at,
        cleaned.message,
        named.join("; ")
    )
}

fn of_events(explanation: &Explanation) -> String {
    let events = &explanation.events;
    let count = |kind: &str| events.iter().filter(|event| event.kind == kind).count();
    let last = |kind: &str| events.iter().rfind(|event| event.kind == kind);
    let mut parts = Vec::new();
    for (kind, word) in [
        ("repaired", "repaired"),
        ("cleaned", "cleaned up"),
        ("purged", "purged"),
        ("fought", "fought over"),
        ("rule_failed", "failed"),
    ] {
        if let Some(last) = last(kind) {
            let times = match count(kind) {
                1 => "once".to_owned(),
                times => format!("{times} times"),
            };
            parts.push(format!("{word} {times}, last at {}: {}", last.at, last.message));
        }
    }
    if parts.is_empty()
        && let Some(last) = events.last()
    {
        parts.push(format!("last at {}: {}", last.at, last.message));
    }
    if parts.is_empty() {
        "nothing has happened that the history knows of".to_owned()
    } else {
        parts.join("; ")
    }
}

/// A hold in words.
pub(super) fn held(hold: &Hold, now: Timestamp) -> String {
    let Hold { target, reason, by, until, .. } = hold;
    let whom = if target == "*" { "the whole host is" } else { target };
    let whom = if target == "*" { whom.to_owned() } else { format!("`{whom}` is") };
    let until = match until {
        Some(until) => format!("until {} (another {})", until.wall, span(now, until.wall)),
        None => "until it is released".to_owned(),
    };
    format!("{whom} held by {by} {until}: {reason}")
}

fn span(from: Timestamp, to: Timestamp) -> String {
    let span = std::time::Duration::try_from(to.duration_since(from)).unwrap_or_default();
    // Whole seconds are what people compare; what is shorter is told to the millisecond.
    let rounded = if span.as_secs() > 0 {
        std::time::Duration::from_secs(span.as_secs())
    } else {
        std::time::Duration::from_millis(u64::from(span.subsec_millis()))
    };
    format_duration(rounded)
}
