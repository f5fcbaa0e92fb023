//! What a run comes to.

mod spread;
mod tally;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

pub use self::spread::Spread;
pub(crate) use self::tally::Tally;

/// What a run comes to: a function of its scenario, to the last byte. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The seed.
    pub seed: u64,
    /// The time of day at the begin.
    pub began: Timestamp,
    /// How long it lasted.
    pub lasted_ms: u64,
    /// One number for all inputs and effects: runs that differ anywhere differ here.
    pub trace: String,
    /// Everything taken together.
    pub totals: Totals,
    /// The agent and the host.
    pub host: HostSummary,
    /// The targets of recoveries that something was done about, or that an incident was open of; and every recovery.
    pub targets: BTreeMap<String, TargetSummary>,
    /// What the checks, and their parts, look at.
    pub checks: BTreeMap<String, CheckSummary>,
    /// The promises of availability.
    pub objectives: BTreeMap<String, Slices>,
    /// The permission rules.
    pub permissions: BTreeMap<String, PermissionSummary>,
    /// The cleanup rules.
    pub cleanups: BTreeMap<String, CleanupSummary>,
    /// The faults.
    pub faults: BTreeMap<String, FaultSummary>,
}

/// Everything taken together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Attempts of checks.
    pub attempts: u64,
    /// Looks that were due while the one before had not ended.
    pub overruns: u64,
    /// Incidents that were opened.
    pub incidents: u64,
    /// Actions that began, notices not counted.
    pub actions: u64,
    /// Those that began while nothing was wrong with what they act on.
    pub false_actions: u64,
    /// Actions that were considered and not taken, as the history tells them.
    pub refused: u64,
    /// Faults of targets that struck.
    pub faults: u64,
    /// Those that were over, or the run was, before any check was down because of them.
    pub missed: u64,
    /// How long targets were down, all together, by what was so.
    pub downtime_ms: u64,
}

/// The agent and the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HostSummary {
    /// Agents that started.
    pub agent_starts: u64,
    /// Those that were killed.
    pub agent_crashes: u64,
    /// Those that might only observe.
    pub observing_starts: u64,
    /// Times at which most targets were down together.
    pub storms: u64,
    /// Times at which the agent was found to be starved.
    pub starved: u64,
    /// Times at which the host booted anew.
    pub reboots: u64,
    /// New settings that came into force.
    pub reloads: u64,
    /// Lines of history that could not be written.
    pub lines_lost: u64,
    /// Actions that did not start, because their intent could not be written.
    pub intents_lost: u64,
}

/// One target of a recovery.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TargetSummary {
    /// Incidents that were opened.
    pub incidents: u64,
    /// Incidents that were closed.
    pub closed: u64,
    /// Actions that began, by their names.
    pub actions: BTreeMap<String, u64>,
    /// Their outcomes as the history tells them, by their names: `recovered`, `relapsed`, `failed`.
    pub outcomes: BTreeMap<String, u64>,
    /// Refusals as the history tells them, by the reason that decided.
    pub refused: BTreeMap<String, u64>,
    /// Times at which the ladder was used up.
    pub exhausted: u64,
    /// Actions that began while nothing was wrong with what they act on.
    pub false_actions: u64,
    /// Restarts by others that were noticed.
    pub restarted_by_others: u64,
    /// The most actions that began within one window of its own budget, and how many may.
    pub most_in_window: u64,
    /// How many may.
    pub budget: u64,
}

/// What one check, or one part of it, looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckSummary {
    /// How often it was down.
    pub downs: u64,
    /// How long, by what was so.
    pub downtime_ms: u64,
    /// As evenkeel counts it; of checks, not of parts.
    pub slices: Option<Slices>,
}

/// Slices of availability, by their verdicts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Slices {
    /// Good ones.
    pub good: u64,
    /// Bad ones.
    pub bad: u64,
    /// Of which nothing is known.
    pub unknown: u64,
    /// That were declared.
    pub maintenance: u64,
}

/// One permission rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PermissionSummary {
    /// Times at which an entry was changed.
    pub drifted: u64,
    /// Repairs.
    pub repaired: u64,
    /// Rounds of fights.
    pub fights: u64,
    /// How long entries were wrong, all together.
    pub wrong_ms: u64,
    /// The longest that one was, until its repair.
    pub longest_wrong_ms: u64,
    /// Entries that are wrong at the end.
    pub wrong_at_end: u64,
}

/// One cleanup rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CleanupSummary {
    /// Files that became due.
    pub due: u64,
    /// Files that were taken.
    pub taken: u64,
    /// Their bytes.
    pub taken_bytes: u64,
    /// Runs that were refused, because more were due than one may take.
    pub refused: u64,
    /// The most that were due at one time.
    pub most_due: u64,
}

/// One fault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FaultSummary {
    /// What it does, in the word of fault files.
    pub kind: String,
    /// How often it struck.
    pub struck: u64,
    /// How often an action ended it.
    pub healed: u64,
    /// How often it ended by itself.
    pub ceased: u64,
    /// How often an action was taken before it hurt.
    pub foreseen: u64,
    /// How often it hurt, and no check was down because of it until it was over.
    pub missed: u64,
    /// From when it hurt until a check was down because of it.
    pub detected_after: Spread,
    /// From when it hurt until it was over, of those that an action ended.
    pub healed_after: Spread,
}

impl Slices {
    /// The share of good ones among those that count; `None`: none counts.
    #[expect(clippy::cast_precision_loss, reason = "a share to look at")]
    pub fn availability(&self) -> Option<f64> {
        let counted = self.good + self.bad;
        (counted > 0).then(|| self.good as f64 / counted as f64)
    }

    /// The share of which is known how it was, without what was declared; `None`: all was declared.
    #[expect(clippy::cast_precision_loss, reason = "a share to look at")]
    pub fn coverage(&self) -> Option<f64> {
        let wanted = self.good + self.bad + self.unknown;
        (wanted > 0).then(|| (self.good + self.bad) as f64 / wanted as f64)
    }
}
