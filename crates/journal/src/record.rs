use evenkeel_moment::{Moment, Stamp};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// An event to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<'a> {
    /// What happened, in the caller's words, such as `check_changed`.
    pub kind: &'a str,
    /// The check, rule or recovery target that it happened to.
    pub target: &'a str,
    /// The incident that it belongs to.
    pub incident: Option<i64>,
    /// The line, for people.
    pub message: &'a str,
    /// All the rest, for programs.
    pub data: Value,
}

/// An event that was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Its number: later events have larger ones.
    pub id: i64,
    /// When it happened, to the millisecond.
    pub at: Timestamp,
    /// What happened.
    pub kind: String,
    /// What it happened to.
    pub target: String,
    /// The incident that it belongs to.
    pub incident: Option<i64>,
    /// The line, for people.
    pub message: String,
    /// All the rest.
    pub data: Value,
}

/// An operator's word that nothing is to be done to a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// The target, or `*` for the whole host.
    pub target: String,
    /// Why, in the operator's words.
    pub reason: String,
    /// Who ordered it.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when; `None`: until it is released.
    pub until: Option<Stamp>,
}

/// Where a target of recovery stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The target.
    pub target: String,
    /// The phase of its recovery, in the caller's words.
    pub phase: String,
    /// The step of the ladder, from 0.
    pub step: u32,
    /// The attempt at that step, from 0.
    pub attempt: u32,
    /// The incident that is open.
    pub incident: Option<i64>,
    /// When this was written.
    pub since: Timestamp,
    /// When the phase ends by itself.
    pub until: Option<Stamp>,
    /// All the rest.
    pub data: Value,
}

/// What of a check survives: its breaker, its changes of state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckMemory {
    /// The check, with its part behind a slash.
    pub name: String,
    /// When this was written.
    pub since: Timestamp,
    /// What is kept, in the caller's words.
    pub data: Value,
}

/// An action that is about to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Intent {
    /// The incident that it belongs to.
    pub incident: i64,
    /// The recovery target.
    pub target: String,
    /// The step of the ladder, from 0.
    pub step: u32,
    /// The attempt at that step, from 0.
    pub attempt: u32,
    /// What will be done, for people.
    pub action: String,
    /// The boot of the host; `boottime` means something in this boot only.
    pub boot_id: String,
    /// When, since the boot.
    pub boottime: Moment,
    /// When, by the time of day; kept to the millisecond.
    pub wall: Timestamp,
}

/// How an intended action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// When.
    pub at: Timestamp,
    /// How, in the caller's words.
    pub outcome: String,
    /// More of it, for people.
    pub detail: String,
}

/// An intent that was written, with its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntentRecord {
    /// Its number.
    pub id: i64,
    /// What was intended.
    #[serde(flatten)]
    pub intent: Intent,
    /// How it ended; `None` while it runs, or if its end is unknown.
    pub settled: Option<Settled>,
}

/// A stretch of time in which a target was down.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Incident {
    /// Its number, never used twice.
    pub id: i64,
    /// The recovery target.
    pub target: String,
    /// What it began with.
    pub cause: String,
    /// What was known when it began.
    pub evidence: Value,
    /// When it began.
    pub opened: Timestamp,
    /// When it ended.
    pub closed: Option<Timestamp>,
    /// How it ended, in the caller's words.
    pub outcome: Option<String>,
}

/// The causal record of an incident: evidence, what was intended and how that ended, and all events, each oldest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// The incident.
    pub incident: Incident,
    /// Actions.
    pub intents: Vec<IntentRecord>,
    /// Events that belong to it, refusals included.
    pub events: Vec<Event>,
}
