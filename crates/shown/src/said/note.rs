use std::fmt;

use serde::{Deserialize, Serialize};

/// What is said behind something else: what it means, or what speaks against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// The agent itself was kept from running meanwhile.
    WhileStarved,
    /// The host is suspected.
    WhileMostTimeOut,
    /// It may be how it starts, and is judged in so many seconds.
    Starts(u64),
    /// Nobody listens where supervisord did.
    SupervisordDead,
    /// There is nothing where supervisord would listen.
    SupervisordNotRunning,
    /// Its socket was deleted.
    SupervisordUnreachable,
    /// It was stopped from outside.
    SupervisordFrozen,
    /// It does not answer.
    OverloadedOrStuck,
    /// systemd does not answer.
    FrozenOrOverloaded,
}

/// Follows what it is about.
impl fmt::Display for Note {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::WhileStarved => ", while the agent itself was starved",
            Self::WhileMostTimeOut => ", while most checks time out together",
            Self::Starts(seconds) => {
                return write!(to, "; it starts, and is judged in {seconds} s");
            }
            Self::SupervisordDead => ": supervisord is dead",
            Self::SupervisordNotRunning => ", and nobody listens: supervisord does not run",
            Self::SupervisordUnreachable => {
                ": it and its programs may be well, and cannot be asked until it is restarted"
            }
            Self::SupervisordFrozen => ": supervisord is frozen",
            Self::OverloadedOrStuck => ": overloaded, or stuck",
            Self::FrozenOrOverloaded => ": frozen or overloaded",
        })
    }
}
