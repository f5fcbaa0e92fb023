//! What a history tells of a time, as faults: what would it have been like with other settings?
//!
//! A history knows what happened under the settings of then; what would have happened under others nobody knows. What is assumed
//! stands at [`Recorded::faults`], and is what docs/simulation.md tells operators.

mod replay;

use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;

pub use self::replay::Replay;

/// A time as a history knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    /// The begin of that time.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// Each check that the history knows, and each part of one, as `check/part`.
    pub subjects: Vec<Subject>,
    /// The actions that were judged, in any order.
    pub actions: Vec<Action>,
    /// When no agent ran.
    pub gaps: Vec<Range<Timestamp>>,
}

/// A check or a part of one over that time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// `check`, or `check/part`.
    pub name: String,
    /// When it was down. What lies beyond the time that is replayed is cut off.
    pub down: Vec<Range<Timestamp>>,
    /// When it could not be told how it was.
    pub unknown: Vec<Range<Timestamp>>,
    /// When it was held: nothing was to be done.
    pub held: Vec<Range<Timestamp>>,
}

/// An action, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The recovery target of then: a recovery, or a part of one as `recovery/part`.
    pub target: String,
    /// The checks that were down.
    pub causes: Vec<String>,
    /// When it began.
    pub began: Timestamp,
    /// How long it ran, where that is known.
    pub took: Option<Duration>,
    /// Whether the checks held again, and went on to.
    pub recovered: bool,
}
