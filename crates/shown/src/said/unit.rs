#![expect(missing_docs, reason = "a field is named after what it is")]

use std::fmt::{self, Display};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What is wrong with a unit of systemd, or why nothing is done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitCode {
    MemoryUntold {
        unit: String,
    },
    Frozen {
        unit: String,
    },
    Inactive {
        unit: String,
    },
    /// Nothing went wrong, and nobody ordered it.
    Ended {
        unit: String,
    },
    Stopping {
        unit: String,
    },
    Masked {
        unit: String,
    },
    Unstartable {
        unit: String,
        load: String,
    },
    AwaitsRestart {
        unit: String,
        result: String,
        delay: Duration,
        restarts: u32,
    },
    /// `limit` is how long systemd would give it, if that is over.
    Is {
        unit: String,
        active: String,
        sub: String,
        seconds: u64,
        limit: Option<Duration>,
    },
    Failed {
        unit: String,
        result: String,
        restarts: u32,
    },
    Stopped {
        unit: String,
        pid: u32,
    },
}

/// What of systemd's results means that it starts a unit no more.
pub const START_LIMIT: &str = "start-limit-hit";

impl Display for UnitCode {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MemoryUntold { unit } => {
                write!(to, "the memory of `{unit}` is not accounted: see `MemoryAccounting=`")
            }
            Self::Frozen { unit } => write!(to, "`{unit}` is frozen: none of its processes runs"),
            Self::Inactive { unit } => write!(to, "`{unit}` is inactive, as on purpose"),
            Self::Ended { unit } => {
                write!(to, "`{unit}` is inactive, and nobody stopped it")
            }
            Self::Stopping { unit } => write!(to, "`{unit}` is being stopped, as on purpose"),
            Self::Masked { unit } => write!(to, "`{unit}` is masked, as on purpose"),
            Self::Unstartable { unit, load } => {
                write!(to, "`{unit}` cannot be started: its unit file is in the state `{load}`")
            }
            Self::AwaitsRestart { unit, result, delay, restarts } => write!(
                to,
                "`{unit}` ended ({result}); systemd itself restarts it, {delay:?} later, for the {restarts}. time"
            ),
            Self::Is { unit, active, sub, seconds, limit } => {
                write!(to, "`{unit}` is {active} ({sub}) for {seconds}s")?;
                let Some(limit) = limit else { return Ok(()) };
                write!(to, ", longer than the {limit:?} that systemd would give it")
            }
            Self::Failed { unit, result, restarts } => {
                write!(to, "`{unit}` failed")?;
                match result.as_str() {
                    "" | "success" => {}
                    START_LIMIT => write!(
                        to,
                        ": it was started too often, and systemd starts it no more ({START_LIMIT})"
                    )?,
                    result => write!(to, ": {result}")?,
                }
                match restarts {
                    0 => Ok(()),
                    1 => to.write_str(", after 1 restart by systemd"),
                    many => write!(to, ", after {many} restarts by systemd"),
                }
            }
            Self::Stopped { unit, pid } => {
                write!(to, "the main process {pid} of `{unit}` was stopped by a signal")
            }
        }
    }
}
