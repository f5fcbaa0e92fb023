use serde::Serialize;

/// What one cycle of a check gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sample {
    /// As it should be.
    Good,
    /// It works, but not as it should: counts as good for thresholds.
    Degraded,
    /// A failure, to be counted.
    Bad,
    /// A failure that needs no counting, such as a condition that has held for as long as its rule says.
    BadForSure,
    /// Could not be told. Counts for nothing and resets no streak.
    Unknown,
}

/// What people and metrics are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// Not known yet, or not known any more.
    Unknown,
    /// Up for sure, and the last result was good.
    Up,
    /// The last result was bad, but there were not enough of them to be sure.
    Suspect {
        /// Bad results among those looked back on.
        failures: u32,
    },
    /// Down for sure.
    Down,
    /// Down until there are enough good results in a row.
    Recovering {
        /// Good results in a row so far.
        successes: u32,
    },
    /// Up for sure, but not as it should be.
    Degraded,
}

/// What recoveries act on: never on a first impression, never on ignorance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hard {
    /// Cannot be told: never to be taken as down for an action, nor as up for availability.
    Unknown,
    /// Up for sure.
    Up,
    /// Down for sure.
    Down,
}

/// A change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// The state told last.
    pub from: State,
    /// The state now.
    pub to: State,
}

impl State {
    /// The state's name without its count, as the metric `evenkeel_check_state` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Suspect { .. } => "suspect",
            Self::Down => "down",
            Self::Recovering { .. } => "recovering",
            Self::Degraded => "degraded",
        }
    }
}

impl Hard {
    /// `unknown`, `up` or `down`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}
