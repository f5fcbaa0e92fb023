//! What is wrong.

use std::time::Duration;

use evenkeel_moment::Moment;

use super::units::{Unit, UnitId};
use crate::faults::{Flap, Leak, Span};

/// Counts what went wrong in a run.
pub(crate) type AilmentId = u64;

/// One fault that has struck and is not over.
#[derive(Debug, Clone)]
pub(crate) struct Ailment {
    /// The fault's name.
    pub(crate) fault: String,
    /// Which of its targets: its place among them.
    pub(crate) slot: usize,
    pub(crate) units: Vec<UnitId>,
    pub(crate) began: Moment,
    pub(crate) symptom: Symptom,
    /// The actions that end it; `None`: each that restarts what it acts on.
    pub(crate) cured_by: Option<Vec<String>>,
    /// Since when it puts anything down.
    pub(crate) hurts_since: Option<Moment>,
    /// How long it hurt until the engine was sure.
    pub(crate) detected_after: Option<Duration>,
    /// Whether the engine acted before it hurt.
    pub(crate) foreseen: bool,
}

/// How it shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Symptom {
    /// It does not live.
    Dead,
    /// It lives and does not answer.
    Hung,
    /// It answers after so long.
    Slow(Span),
    /// A number grows; at its limit it does not live any more.
    Leaking(Leak),
    /// It goes up and down.
    Flapping {
        /// How.
        flap: Flap,
        /// Whether it is down now.
        down: bool,
    },
    /// It is not reached.
    Unreached,
    /// It cannot be looked at.
    Unseen,
    /// A disk fills.
    Filling {
        /// Percent that were used when it began, or after the last cleanup.
        from: f64,
        /// Percent that are added in an hour.
        per_hour: f64,
        /// Since when.
        since: Moment,
    },
}

impl Ailment {
    /// Whether what it strikes is itself at fault, so that an action could end it.
    pub(crate) const fn is_its_own(&self) -> bool {
        !matches!(self.symptom, Symptom::Unreached | Symptom::Unseen)
    }

    /// Whether `unit`, which is one of those that it strikes, does not do what it is for.
    pub(crate) fn puts_down(&self, unit: &Unit) -> bool {
        match &self.symptom {
            Symptom::Dead => true,
            Symptom::Hung => unit.answers,
            Symptom::Slow(span) => unit.answers && span.least >= unit.timeout,
            Symptom::Flapping { down, .. } => *down,
            Symptom::Unreached => unit.remote,
            Symptom::Leaking(_) | Symptom::Unseen | Symptom::Filling { .. } => false,
        }
    }

    /// Whether it is over once all that runs has been started anew.
    pub(crate) const fn ends_with_a_boot(&self) -> bool {
        self.is_its_own()
            && self.cured_by.is_none()
            && !matches!(self.symptom, Symptom::Filling { .. })
    }

    /// Whether one of the actions of that name ends it, if it heals.
    pub(crate) fn is_cured_by(&self, action: &str) -> bool {
        self.is_its_own()
            && match &self.cured_by {
                Some(actions) => actions.iter().any(|known| known == action),
                None => restarts(action) && !matches!(self.symptom, Symptom::Filling { .. }),
            }
    }
}

/// Whether an action of that name starts anew what it acts on, which is down while it runs. What a command does is not known: most
/// restart something.
pub(crate) fn restarts(action: &str) -> bool {
    !matches!(
        action,
        "notify"
            | "permissions.repair"
            | "cleanup.run"
            | "tmux.recreate-socket"
            | "systemd.stop"
            | "systemd.reset-failed"
            | "systemd.reload"
    )
}
