use std::collections::BTreeMap;

use evenkeel_shown::said::Code;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// Everything the agent knows of itself and of what it keeps, as `/api/status` gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The version of evenkeel.
    pub version: String,
    /// enforce or observe.
    pub mode: String,
    /// Why the agent only observes, if the settings do not say so.
    pub mode_reason: Option<String>,
    /// The same as data; for pages of this process alone, as all that is skipped here.
    #[serde(skip)]
    pub mode_reason_code: Option<Box<Code>>,
    /// When the agent started.
    pub started_at: Timestamp,
    /// When this was written.
    pub now: Timestamp,
    /// Whether nothing needs attention: no check is down, no rule left anything, no recovery is exhausted.
    pub healthy: bool,
    /// The checks, in the order of the settings.
    pub checks: Vec<CheckStatus>,
    /// The permission rules, then the cleanup rules.
    pub rules: Vec<RuleStatus>,
    /// The targets of recovery.
    pub recoveries: Vec<RecoveryStatus>,
    /// Why nobody is restarted, while most targets are down together.
    #[serde(default)]
    pub storm: Option<String>,
    /// The same as data.
    #[serde(skip)]
    pub storm_refusal: Option<Refusal>,
    /// The holds in force.
    #[serde(default)]
    pub holds: Vec<HoldStatus>,
    /// What the agent's own rules find, if it evaluates them: those that fire first.
    #[serde(default)]
    pub alerts: Vec<AlertStatus>,
    /// The promises of availability. Whoever keeps the account of their windows fills them in.
    #[serde(default)]
    pub slos: Vec<SloStatus>,
}

/// One alert of the agent's own rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertStatus {
    /// The name of its rule.
    pub name: String,
    /// How grave it is: critical or warning.
    pub severity: String,
    /// pending, firing, or resolved, which it is for a quarter of an hour.
    pub state: String,
    /// Since when.
    pub since: Timestamp,
    /// What is wrong, in a line.
    pub summary: String,
    /// What was measured, and what that means.
    pub description: String,
    /// The value of the rule's expression; absent after a restart until it is seen again.
    pub value: Option<f64>,
    /// All of its labels.
    pub labels: BTreeMap<String, String>,
}

/// A promise of availability, and how it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SloStatus {
    /// Its name.
    pub name: String,
    /// The checks that must all be up.
    pub checks: Vec<String>,
    /// The share that is promised, as it was written: `0.999`.
    pub objective: String,
    /// The window, in seconds.
    pub window_seconds: u64,
    /// The length of a slice, in seconds.
    pub slice_seconds: f64,
    /// Where the window begins.
    pub from: Timestamp,
    /// Where it ends: with what is known.
    pub until: Timestamp,
    /// Slices of the window that were good.
    pub good: u64,
    /// That were bad.
    pub bad: u64,
    /// Of which nothing is known.
    pub unknown: u64,
    /// Of these, those that count as bad, because there are more than may be left out.
    pub unknown_as_bad: u64,
    /// That were declared.
    pub maintenance: u64,
    /// The share of good ones among those that count; absent: none counts.
    pub availability: Option<f64>,
    /// The share of the window of which is known how it was.
    pub coverage: Option<f64>,
    /// The time that may be bad in a window, in seconds.
    pub budget_seconds: f64,
    /// The time that was.
    pub budget_used_seconds: f64,
    /// The share of the budget that is left; below zero if more was used.
    pub budget_remaining: f64,
    /// How fast it was spent over the last time.
    pub burn: Vec<BurnStatus>,
    /// When nothing is left, if it goes on as over the last day; absent: it does not burn, or nothing is left now.
    pub exhausted_at: Option<Timestamp>,
}

/// How fast a budget was spent over one window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BurnStatus {
    /// The window, such as `1h`.
    pub window: String,
    /// How many times as fast as is promised; absent: nothing counts.
    pub rate: Option<f64>,
    /// Bad slices in it.
    pub bad: u64,
}

/// An order to let nothing be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldStatus {
    /// The target, as the order named it; `*` is the whole host.
    pub target: String,
    /// When it was ordered.
    pub since: Timestamp,
    /// When it ends by itself; absent: not before it is released.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// Who ordered it.
    pub by: String,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckStatus {
    /// Its name.
    pub name: String,
    /// The kind of probe.
    pub kind: String,
    /// What is probed.
    pub target: String,
    /// The worst of its own state and its parts'.
    pub state: String,
    /// Whether it, or a part of it, goes up and down too often.
    #[serde(default)]
    pub flapping: bool,
    /// Whether an operator holds every recovery that listens to it.
    #[serde(default)]
    pub held: bool,
    /// Since when its own state has held.
    pub since: Option<Timestamp>,
    /// What the last result said, if it was not good.
    pub reason: Option<String>,
    /// The same as data, where evenkeel itself says it.
    #[serde(skip)]
    pub reason_code: Option<Box<Code>>,
    /// How long the last attempt took, in milliseconds.
    pub last_ms: Option<f64>,
    /// Milliseconds from one start to the next.
    pub interval_ms: u64,
    /// The state of its breaker, if it has one.
    pub breaker: Option<String>,
    /// Resident memory of the process that it watches, in bytes.
    pub rss_bytes: Option<f64>,
    /// The process that it watches, or the main one of its unit.
    pub pid: Option<f64>,
    /// That process in a way that no later one can be taken for it, as it was seen last; it may have ended.
    #[serde(default)]
    pub process: Option<String>,
    /// Memory of that process, what it shares with others counted in part, in bytes.
    #[serde(default)]
    pub pss_bytes: Option<f64>,
    /// Its memory that is swapped out, in bytes.
    #[serde(default)]
    pub swap_bytes: Option<f64>,
    /// Memory of its whole control group, in bytes.
    #[serde(default)]
    pub cgroup_memory_bytes: Option<f64>,
    /// Seconds until the first of its limits is likely reached, by a trend; absent without one.
    #[serde(default)]
    pub limit_eta_seconds: Option<f64>,
    /// Its parts, such as the programs of a supervisor.
    pub parts: Vec<PartStatus>,
}

/// One part of a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartStatus {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: String,
    /// What the last result said, if it was not good.
    pub reason: Option<String>,
    /// The same as data, where evenkeel itself says it.
    #[serde(skip)]
    pub reason_code: Option<Box<Code>>,
    /// Its process in a way that no later one can be taken for it, as it was seen last; it may have ended.
    #[serde(default)]
    pub process: Option<String>,
}

/// One permission or cleanup rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleStatus {
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
    #[serde(skip)]
    pub detail_code: Option<Box<Code>>,
    /// Entries put right or taken away since the agent started.
    pub repairs: u64,
    /// Entries that deviate now, or did until not long ago.
    pub errors_now: usize,
    /// How the kernel tells of changes below its root; absent: it is only swept.
    #[serde(default)]
    pub watched: Option<String>,
    /// The same as data, where evenkeel itself says it.
    #[serde(skip)]
    pub watched_code: Option<Box<Code>>,
}

/// One target of recovery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecoveryStatus {
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
    /// Actions that its own budget allows in a window.
    #[serde(default)]
    pub budget_limit: u32,
    /// The incident that is open, if one is.
    #[serde(default)]
    pub incident: Option<u64>,
    /// Why it is down, or why nothing is done.
    pub reason: Option<String>,
    /// Why it is down as data, where evenkeel itself says it.
    #[serde(skip)]
    pub reason_code: Option<Box<Code>>,
    /// Why nothing is done, as data.
    #[serde(skip)]
    pub refusal: Option<Refusal>,
}
