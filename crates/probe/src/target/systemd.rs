use std::fmt;

use evenkeel_systemd::UnitName;

/// A unit of systemd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemdTarget {
    /// Which one.
    pub unit: UnitName,
    /// Whose manager is asked, by the user's name or number: the host's own if none. Works for that user alone.
    pub user: Option<String>,
    /// Whether any state is good: off unless a condition judges the state.
    pub any_state: bool,
    /// Whether its memory must be known: off unless a condition judges it.
    pub needs_memory: bool,
}

impl SystemdTarget {
    /// A unit of the host's own manager, which is to run unless someone stopped it.
    pub fn new(unit: UnitName) -> Self {
        Self { unit, user: None, any_state: false, needs_memory: false }
    }
}

impl fmt::Display for SystemdTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            None => write!(formatter, "unit {}", self.unit),
            Some(user) => write!(formatter, "unit {} of user `{user}`", self.unit),
        }
    }
}
