use std::time::Duration;

use evenkeel_moment::Moment;
use serde::Serialize;

use crate::backoff::RetryPlan;

/// What a target's recovery is bound by.
#[derive(Debug, Clone)]
pub struct Policy {
    /// How many steps the ladder has for this target; 0 means that nothing can be done for it.
    pub steps: u32,
    /// Delays between the attempts of one step, and how many there are.
    pub retry: RetryPlan,
    /// How long after an action the same checks may take to say that it helped.
    pub verify_timeout: Duration,
    /// How long a target must stay up before the incident is over and the ladder starts at its foot again.
    pub stable_for: Duration,
    /// Once the ladder is used up, one fresh attempt per this time, so that nothing is dead for ever; `None`: none.
    pub slow_retry: Option<Duration>,
}

/// What health says of the target, all its checks taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Cannot be told: never a reason to act, never a proof that an action helped.
    Unknown,
    /// Everything holds.
    Up,
    /// Something failed, but not often enough to be sure.
    Suspect,
    /// Something is down for sure.
    Down,
}

/// What keeps a target from being acted on, whatever its own recovery would do next (R4, R14 to R17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// An operator holds it, with a reason and an end (R16).
    Maintenance,
    /// Something that it depends on is not up: it is a victim.
    Blocked,
    /// Most targets went down together: the host is suspected, or the prober, and nobody is restarted (R17).
    HostIncident,
    /// It goes up and down too often for an action to mean anything (R15).
    FlapHold,
    /// The agent may only observe.
    Withheld,
}

/// Where the recovery of a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum Phase {
    /// Nothing is known yet.
    Unknown,
    /// Up; nothing to do.
    Healthy,
    /// A soft failure; look closer.
    Suspect,
    /// Down; an action waits for leave.
    Gate,
    /// An action runs.
    Acting,
    /// The action has ended; the same checks must prove before `until` that it helped.
    Verifying {
        /// The proof's deadline.
        until: Moment,
    },
    /// The action did not help; the next attempt starts at `until`.
    Backoff {
        /// When the next attempt may start.
        until: Moment,
    },
    /// Up again; the incident ends at `until` if it stays so.
    Stabilizing {
        /// The end of the incident.
        until: Moment,
    },
    /// The ladder or the budget is used up.
    Exhausted {
        /// When a fresh try is due; `None`: only an operator, or the target by itself, can end this.
        until: Option<Moment>,
        /// When the target, up by itself, counts as healthy again.
        healthy_at: Option<Moment>,
    },
    /// Something keeps it from being acted on.
    Stopped {
        /// What.
        by: Stop,
    },
}

/// How an action ended. Its success is not among the answers: only a check can tell (R6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It ran to its end.
    Ran,
    /// It failed in a way that another try may mend, or its time was up: part of it may have been done.
    CutOff,
    /// It can never work: there is no such program, or it is not permitted (R7).
    Impossible,
    /// It was not to heal anything, as a notice is: the next step follows, and nothing is proved or disproved.
    Told,
}

/// What happened to a target; the caller records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// An incident began: the target is down for sure.
    Opened,
    /// The checks proved that the last action helped.
    Verified,
    /// The target came back without an action of ours.
    CameBack,
    /// Down again before the incident was over.
    Relapsed,
    /// The last action did not help in time; another attempt of the same step follows.
    Retrying {
        /// How long until that attempt.
        after: Duration,
    },
    /// The step's attempts are used up, or it cannot work; the next step follows.
    Escalated {
        /// The step that follows, counted from 0.
        step: u32,
    },
    /// The ladder, or the budget for now, is used up.
    Exhausted,
    /// A fresh try after exhaustion.
    Resumed,
    /// Up for long enough: the incident is over.
    Closed,
}

/// What is known of an incident that was open when its agent ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Earlier {
    /// The step and attempt of its last action.
    pub used: Option<(u32, u32)>,
    /// Whether nobody saw how that action ended: the attempt is used up, and it is verified and never run again.
    pub unproved: bool,
    /// Whether its ladder was used up.
    pub exhausted: bool,
    /// When the next attempt was due.
    pub again_at: Option<Moment>,
}

impl Stop {
    /// The phase's name, as people and journals have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance",
            Self::Blocked => "blocked",
            Self::HostIncident => "host_incident",
            Self::FlapHold => "flap_hold",
            Self::Withheld => "withheld",
        }
    }
}

impl Phase {
    /// The phase's name, as people and journals have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Suspect => "suspect",
            Self::Gate => "gate",
            Self::Acting => "acting",
            Self::Verifying { .. } => "verifying",
            Self::Backoff { .. } => "backoff",
            Self::Stabilizing { .. } => "stabilizing",
            Self::Exhausted { .. } => "exhausted",
            Self::Stopped { by } => by.as_str(),
        }
    }
}
