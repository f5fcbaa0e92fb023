use std::time::Duration;

use evenkeel_moment::Moment;
use serde::{Deserialize, Serialize};

use super::window::Counts;

/// What a breaker does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Lets calls pass and counts their results.
    Closed,
    /// Refuses calls until its deadline.
    Open,
    /// Lets a few trials pass; their outcome decides for everyone.
    HalfOpen,
    /// Refuses all calls until a command.
    Isolated,
    /// Lets all calls pass until a command, whatever their results.
    ForcedClosed,
    /// Is not used: lets all calls pass, and counts nothing, until a command.
    Disabled,
}

/// What a permit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PermitKind {
    /// A call like any other.
    Normal,
    /// A call that decides whether the breaker closes.
    Trial,
}

/// A call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the breaker is {}", state.as_str())]
pub struct Rejected {
    /// When it is worth asking again: the end of the open time, or of the nearest lease; `None` if only a command helps.
    pub retry_after: Option<Duration>,
    /// The state that refused it.
    pub state: BreakerState,
}

/// A change of state, for the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Change {
    /// When it happened, which may be earlier than when it was noticed.
    pub at: Moment,
    /// The state before.
    pub from: BreakerState,
    /// The state after.
    pub to: BreakerState,
    /// Why.
    pub reason: Reason,
}

/// Why a breaker changed its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    /// Too many failures (T4).
    Tripped(Counts),
    /// Too many calls were slow (T4, by `slow_call`).
    TooSlow(Counts),
    /// Its time was up (T8).
    Due,
    /// A trial failed (T13).
    TrialFailed,
    /// A trial succeeded, but was slow (T13, by `slow_call`).
    TrialSlow,
    /// Nothing was heard of a trial within its lease (T11).
    LostTrial,
    /// Enough trials succeeded (T12).
    Recovered,
    /// Someone said so (T14).
    Command,
}

impl BreakerState {
    /// The state's name, as the metric `evenkeel_breaker_state` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Isolated => "isolated",
            Self::ForcedClosed => "forced_closed",
            Self::Disabled => "disabled",
        }
    }
}
