//! What pages show, as plain data.

use evenkeel_shown::said::Code;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::strip::Stretch;

/// A check, as it is now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CheckRow {
    /// Its name.
    pub name: String,
    /// The kind of probe.
    pub kind: String,
    /// What is probed.
    pub target: String,
    /// The worst of its own state and its parts'.
    pub state: String,
    /// Whether it goes up and down too often.
    pub flapping: bool,
    /// Whether an operator holds every recovery that listens to it.
    pub held: bool,
    /// Since when its own state has held.
    pub since: Option<Timestamp>,
    /// What the last result said, if it was not good.
    pub reason: Option<String>,
    /// The same as data, where evenkeel itself says it.
    pub reason_code: Option<Code>,
    /// How long the last attempt took, in milliseconds.
    pub last_ms: Option<f64>,
    /// Milliseconds from one start to the next.
    pub interval_ms: u64,
    /// The state of its breaker, if it has one.
    pub breaker: Option<String>,
    /// Resident memory of the process that it watches, in bytes.
    pub rss_bytes: Option<f64>,
    /// Until the first of its limits is likely reached.
    pub limit_eta: Option<SignedDuration>,
    /// Its parts, such as the programs of a supervisor.
    pub parts: Vec<PartRow>,
    /// How it was lately; `None`: no history is kept.
    pub stretches: Option<Vec<Stretch>>,
}

/// One part of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRow {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: String,
    /// What the last result said, if it was not good.
    pub reason: Option<String>,
    /// The same as data, where evenkeel itself says it.
    pub reason_code: Option<Code>,
}

/// One target of recovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryRow {
    /// The recovery's name, with the part behind a slash.
    pub target: String,
    /// Where its recovery stands.
    pub phase: String,
    /// The attempt that runs or is next, from 0.
    pub attempt: u32,
    /// The action that runs or is next.
    pub step: Option<String>,
    /// Actions left in its budget.
    pub budget_remaining: u32,
    /// Why it is down, or why nothing is done.
    pub reason: Option<String>,
    /// Why it is down as data, where evenkeel itself says it.
    pub reason_code: Option<Code>,
    /// Why nothing is done, as data; null where it is only down.
    pub refusal: Value,
}

/// One permission or cleanup rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRow {
    /// Its name.
    pub name: String,
    /// permissions or cleanup.
    pub kind: String,
    /// Its root.
    pub path: String,
    /// When its last run ended.
    pub last_run: Option<Timestamp>,
    /// Whether its last run left nothing; absent before the first.
    pub ok: Option<bool>,
    /// What it left, in words.
    pub detail: String,
    /// The same as data, where evenkeel itself says it.
    pub detail_code: Option<Code>,
    /// Entries put right or taken away since the agent started.
    pub repairs: u64,
    /// How the kernel tells of changes below its root.
    pub watched: Option<String>,
    /// The same as data, where evenkeel itself says it.
    pub watched_code: Option<Code>,
}

/// An order to let nothing be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRow {
    /// The target; `*` is the whole host.
    pub target: String,
    /// When it was ordered.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// Who ordered it.
    pub by: String,
}

/// An alert that is firing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRow {
    /// Its name.
    pub name: String,
    /// critical, warning, ….
    pub severity: String,
    /// Since when it has been firing.
    pub since: Timestamp,
    /// What it says.
    pub summary: String,
}

/// An entry that deviated and was put right, or is fought over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftRow {
    /// When.
    pub at: Timestamp,
    /// The rule.
    pub rule: String,
    /// The entry.
    pub path: String,
    /// What was wrong: mode, owner, group, created.
    pub what: String,
    /// As it was.
    pub before: String,
    /// As it is now.
    pub after: String,
    /// Who put it wrong, where the kernel named him.
    pub by: Option<String>,
}

/// One of the entries that a cleanup took, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// In English.
    pub text: String,
    /// The same as data, where evenkeel itself says it.
    pub code: Option<Code>,
}

/// A cleanup run that took something away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanupRow {
    /// When.
    pub at: Timestamp,
    /// The rule.
    pub rule: String,
    /// delete, truncate, trash or compress.
    pub action: String,
    /// How many entries.
    pub entries: u64,
    /// Bytes given back.
    pub bytes: u64,
    /// The first of the entries.
    pub sample: Vec<Sample>,
    /// What `evenkeel undo` takes to bring them back, if they are kept.
    pub undo: Option<String>,
}

/// A line of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub kind: String,
    /// To what.
    pub target: String,
    /// The incident it belongs to.
    pub incident: Option<i64>,
    /// The line, in English.
    pub message: String,
    /// All that it says, as history keeps it; null where that is not at hand.
    pub data: Value,
}

/// How much of one budget is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetRow {
    /// Whose it is: target, group or host.
    pub scope: String,
    /// The recovery whose settings name it.
    pub recovery: String,
    /// Actions within the window that ends now.
    pub used: u32,
    /// Actions that it allows.
    pub count: u32,
    /// The window, as the settings write it.
    pub window: String,
}

/// An action that was decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionRow {
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: String,
    /// The step of the ladder, from 0.
    pub step: u32,
    /// The attempt at that step, from 0.
    pub attempt: u32,
    /// How it ended; `None` while it runs.
    pub outcome: Option<String>,
    /// More of it.
    pub detail: Option<String>,
    /// The same as data, where evenkeel itself says it.
    pub detail_code: Option<Code>,
}
