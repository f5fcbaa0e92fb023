//! Why an action is not taken, as data and in words.

use std::fmt::{self, Display};
use std::time::Duration;

use evenkeel_config::format_duration;
use evenkeel_moment::Moment;
use evenkeel_recovery::machine::Stop;
use evenkeel_shown::said::{Code, UnitCode, WorkloadCode};
use jiff::Timestamp;
use serde::Serialize;

use crate::order::WHOLE_HOST;
use crate::words::{clock_time, span};

/// Why an action was not taken (R4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "refusal")]
pub enum Refusal {
    /// The agent has started just now and looks before it acts.
    Grace {
        /// When the grace ends.
        until: Moment,
    },
    /// The agent may only observe.
    ObserveOnly {
        /// Why it may only observe.
        why: String,
        /// The same as data, where evenkeel itself says it.
        #[serde(skip_serializing_if = "Option::is_none")]
        why_code: Option<Box<Code>>,
    },
    /// An operator ordered that nothing is done.
    Held {
        /// What he named: the target, its recovery, a check, or `*`.
        target: String,
        /// Why.
        reason: String,
        /// Who ordered it.
        by: String,
        /// When it ends by itself; `None`: not before it is released.
        until: Option<Timestamp>,
    },
    /// A check that it depends on is not up, which explains that the target is down: it is a victim.
    Dependency {
        /// The check.
        check: String,
        /// Whether it is down for sure; else nobody can tell.
        down: bool,
        /// Since when.
        since: Timestamp,
    },
    /// Most targets went down together: the host is suspected.
    Storm {
        /// How many are down.
        down: usize,
        /// Of how many.
        of: usize,
        /// Since when.
        since: Timestamp,
    },
    /// It goes up and down too often for an action to mean anything.
    Flapping {
        /// Since when.
        since: Timestamp,
    },
    /// Whether it is down cannot be told now.
    NotSure,
    /// It is on its way up: the last result was good.
    Recovering,
    /// No step of the ladder fits this target.
    NoStep,
    /// One action at a time: another target's runs.
    Busy {
        /// The other target.
        with: String,
    },
    /// A check has to be looked at before anybody knows what to do: it may show another cause, or that it is up again.
    Looking {
        /// The check.
        check: String,
    },
    /// A part of the target is being recovered; the whole waits for it.
    PartsFirst {
        /// The part's target.
        part: String,
    },
    /// Only a trend asks for it, and a quiet window comes before the limit is reached.
    Quiet {
        /// The windows.
        windows: String,
        /// When the next one opens.
        opens: Timestamp,
        /// When the limit is likely reached.
        reaches: Timestamp,
    },
    /// The program or unit that the step would restart was stopped on purpose, or is still starting.
    ProgramNotReady {
        /// The program, or the unit.
        program: String,
        /// Why it is left alone.
        why: String,
        /// The same as data, where evenkeel itself says it.
        #[serde(skip_serializing_if = "Option::is_none")]
        why_code: Option<Box<Code>>,
    },
    /// The budget is used up.
    Budget {
        /// Which budget: target, group or host.
        scope: String,
        /// What it allows, such as `3/1h`.
        rate: String,
        /// How many actions the step is charged as.
        needs: u32,
        /// How many the budget has room for.
        left: u32,
        /// How long until it has room.
        retry_after: Duration,
    },
}

/// How much of a target's own budget is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Actions that started within the window, restarts by others among them.
    pub used: u32,
    /// How many there may be.
    pub count: u32,
    /// The window.
    pub window: Duration,
}

impl Refusal {
    /// Whether it ends by itself within moments, so that it is worth no line of history.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Looking { .. } | Self::NotSure | Self::Recovering)
    }

    /// Whether it holds for as long as nobody changes anything, or for hours.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::ObserveOnly { .. } | Self::NoStep | Self::Quiet { .. } => true,
            // Nobody but the one who stopped it starts it.
            Self::ProgramNotReady { why_code: Some(code), .. } => matches!(
                **code,
                Code::Unit(UnitCode::Inactive { .. } | UnitCode::Masked { .. })
                    | Code::Workload(WorkloadCode::ProgramStopped { .. })
            ),
            _ => false,
        }
    }

    /// The phase that it puts a target in, unless that stays at the gate.
    pub(crate) const fn stops(&self) -> Option<Stop> {
        match self {
            Self::Held { .. } => Some(Stop::Maintenance),
            Self::Dependency { .. } => Some(Stop::Blocked),
            Self::Storm { .. } => Some(Stop::HostIncident),
            Self::Flapping { .. } => Some(Stop::FlapHold),
            Self::ObserveOnly { .. } => Some(Stop::Withheld),
            _ => None,
        }
    }
}

impl Display for Usage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { used, count, window } = self;
        let window = format_duration(*window);
        write!(formatter, "{used} of {count} actions used in the last {window}")
    }
}

impl Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grace { .. } => {
                write!(formatter, "the agent has just started and looks before it acts")
            }
            Self::ObserveOnly { why, .. } => write!(formatter, "observe only: {why}"),
            Self::Held { target, reason, by, until } => {
                write!(formatter, "held by {by}")?;
                if target == WHOLE_HOST {
                    write!(formatter, " with the whole host")?;
                }
                match until {
                    Some(until) => write!(formatter, " until {}", clock_time(*until))?,
                    None => write!(formatter, " until it is released")?,
                }
                write!(formatter, ": {reason}")
            }
            Self::Dependency { check, down: true, since } => {
                write!(formatter, "dependency `{check}` is down since {}", clock_time(*since))
            }
            Self::Dependency { check, down: false, since } => {
                let since = clock_time(*since);
                write!(formatter, "dependency `{check}` cannot be told to be up since {since}")
            }
            Self::Storm { down, of, since } => write!(
                formatter,
                "{down} of {of} targets are down together since {}: the host is suspected, and nobody is restarted",
                clock_time(*since)
            ),
            Self::Flapping { since } => {
                write!(formatter, "it goes up and down too often since {}", clock_time(*since))
            }
            Self::NotSure => write!(formatter, "whether it is down cannot be told now"),
            Self::Recovering => write!(formatter, "the last result was good; it may be recovering"),
            Self::NoStep => write!(formatter, "no step of the recovery fits this target"),
            Self::Busy { with } => {
                write!(formatter, "one action at a time; `{with}` has one running")
            }
            Self::Looking { check } => write!(formatter, "`{check}` is looked at first"),
            Self::PartsFirst { part } => write!(formatter, "`{part}` is being recovered first"),
            Self::Quiet { windows, opens, reaches } => write!(
                formatter,
                "waits for the quiet window {windows}, which opens at {}; the limit is likely reached at {}",
                clock_time(*opens),
                clock_time(*reaches)
            ),
            Self::ProgramNotReady { program, why, .. } => {
                write!(formatter, "`{program}` is left alone: {why}")
            }
            Self::Budget { scope, rate, needs: 2.., left, retry_after } => {
                let after = span(*retry_after);
                write!(
                    formatter,
                    "to reset the start limit and to start are 2 actions, and the budget per {scope} of {rate} has room for {left}; room for both in {after}"
                )
            }
            Self::Budget { scope, rate, retry_after, .. } => {
                let after = span(*retry_after);
                write!(
                    formatter,
                    "the budget per {scope} of {rate} is used up; room again in {after}"
                )
            }
        }
    }
}
