//! The short answer: one or two sentences that say what a reader at three in the morning wants to know first.

use evenkeel_config::format_duration;
use evenkeel_journal::{Event, Hold, Incident};
use jiff::Timestamp;

use super::{BudgetUse, Explanation};

/// What an answer says, before it is put into the words of a language.
pub(crate) enum Gist<'a> {
    /// An incident that is over, and how its last action was judged.
    Over { incident: &'a Incident, closed: Timestamp, judged: Option<&'a Event> },
    /// One that is not, and what was said of it last.
    Open { incident: &'a Incident, last: Option<&'a Event> },
    /// One run of a cleanup.
    Run(&'a Event),
    /// What happened to files: by kind, how often, and the last time.
    Files(Vec<(&'static str, usize, &'a Event)>),
    /// What happened last.
    Last(&'a Event),
    /// Nothing that the history knows of.
    Nothing,
}

/// What happens to files, in the order in which it is told.
const OF_FILES: [&str; 5] = ["repaired", "cleaned", "purged", "fought", "rule_failed"];

impl Explanation {
    pub(crate) fn gist(&self) -> Gist<'_> {
        let events = &self.events;
        match (&self.incident, events.as_slice()) {
            (_, [cleaned]) if self.of_run => return Gist::Run(cleaned),
            (Some(incident), _) if self.kind != "permissions" && self.kind != "cleanup" => {
                let last = |kinds: &[&str]| {
                    let mine = |event: &&Event| event.incident == Some(incident.id);
                    events.iter().filter(mine).rfind(|event| kinds.contains(&event.kind.as_str()))
                };
                return match incident.closed {
                    Some(closed) => Gist::Over { incident, closed, judged: last(&["judged"]) },
                    // What was said last is what holds now: a refusal, or what came of an action.
                    None => {
                        let last = last(&["refused", "judged", "acted", "intended"]);
                        Gist::Open { incident, last }
                    }
                };
            }
            _ => {}
        }
        let of_kind = |kind: &'static str| {
            let all = || events.iter().filter(move |event| event.kind == kind);
            Some((kind, all().count(), all().next_back()?))
        };
        let files: Vec<_> = OF_FILES.into_iter().filter_map(of_kind).collect();
        match events.last() {
            _ if !files.is_empty() => Gist::Files(files),
            Some(last) => Gist::Last(last),
            None => Gist::Nothing,
        }
    }
}

/// The explanation with its short answer.
pub(super) fn answered(mut explanation: Explanation, now: Timestamp) -> Explanation {
    let answer = match explanation.gist() {
        Gist::Over { incident, closed, judged } => over(&explanation, incident, closed, judged),
        Gist::Open { incident, last } => open(&explanation, incident, last, now),
        Gist::Run(cleaned) => of_run(cleaned),
        Gist::Files(files) => of_files(&files),
        Gist::Last(last) => format!("last at {}: {}", last.at, last.message),
        Gist::Nothing => "nothing has happened that the history knows of".to_owned(),
    };
    explanation.answer = answer;
    if explanation.of_run {
        return explanation;
    }
    let held: Vec<_> = explanation.holds.iter().map(|hold| held(hold, now)).collect();
    for held in held {
        explanation.answer.push_str("; ");
        explanation.answer.push_str(&held);
    }
    explanation
}

fn over(
    explanation: &Explanation,
    incident: &Incident,
    closed: Timestamp,
    judged: Option<&Event>,
) -> String {
    let how = match judged {
        Some(judged) => &*judged.message,
        None if explanation.intents.is_empty() => "it came back by itself",
        None => "whether an action helped was not seen",
    };
    let (cause, actions) = (&incident.cause, actions(explanation));
    let lasted = span(incident.opened, closed);
    format!("down by {cause} for {lasted}, over since {closed}; {actions}; {how}")
}

fn open(
    explanation: &Explanation,
    incident: &Incident,
    last: Option<&Event>,
    now: Timestamp,
) -> String {
    let (cause, actions) = (&incident.cause, actions(explanation));
    let so_far = span(incident.opened, now);
    let mut text = format!("down by {cause} for {so_far} and not over; {actions} so far");
    for BudgetUse { used, count, window, .. } in explanation.budgets_in_use() {
        let share = format!(", {used} of {count} used in the last {window}");
        text.push_str(&share);
    }
    if let Some(event) = last {
        text.push_str("; ");
        text.push_str(&event.message);
    }
    text
}

fn actions(explanation: &Explanation) -> String {
    match explanation.intents.len() {
        0 => "no action".to_owned(),
        1 => "1 action".to_owned(),
        actions => format!("{actions} actions"),
    }
}

impl Explanation {
    /// What of the target's own budgets is used, if anything is.
    pub(crate) fn budgets_in_use(&self) -> impl Iterator<Item = &BudgetUse> {
        self.budgets.iter().filter(|used| used.scope == "target" && used.used > 0)
    }
}

/// The first entries that a run took, each with why, and how many more there were.
pub(crate) fn sample(cleaned: &Event) -> (Vec<&str>, u64) {
    let sample = cleaned.data["sample"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named: Vec<_> = sample.iter().filter_map(serde_json::Value::as_str).collect();
    let entries = cleaned.data["entries"].as_u64().unwrap_or_default();
    let more = entries.saturating_sub(named.len() as u64);
    (named, more)
}

/// What one run of a cleanup took, why, and how it comes back.
fn of_run(cleaned: &Event) -> String {
    let (named, more) = sample(cleaned);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!(
        "rule `{}` at {}: {}: {}{more}",
        cleaned.target,
        cleaned.at,
        cleaned.message,
        named.join("; ")
    )
}

fn of_files(files: &[(&str, usize, &Event)]) -> String {
    let part = |(kind, times, last): &(&str, usize, &Event)| {
        let word = match *kind {
            "cleaned" => "cleaned up",
            "fought" => "fought over",
            "rule_failed" => "failed",
            kind => kind,
        };
        let times = match times {
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        format!("{word} {times}, last at {}: {}", last.at, last.message)
    };
    files.iter().map(part).collect::<Vec<_>>().join("; ")
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
