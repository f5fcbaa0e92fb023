use std::fmt;
use std::time::Duration;

use evenkeel_tmux::Place;

use crate::ProgramGlob;

/// A tmux server, and what runs in its panes.
#[derive(Debug, Clone, PartialEq)]
pub struct TmuxTarget {
    /// Where its socket is.
    pub place: Place,
    /// Which sessions are looked at, and each must match one: all of them, if empty.
    pub sessions: Vec<ProgramGlob>,
    /// A pane that shows the same for so long is stalled, and bad.
    pub stalled_after: Option<Duration>,
    /// Whether it is looked at what panes show: off unless `stalled_after` or a condition judges it.
    pub reads_contents: bool,
}

impl TmuxTarget {
    /// All sessions of the server at `place`.
    pub fn new(place: Place) -> Self {
        Self { place, sessions: Vec::new(), stalled_after: None, reads_contents: false }
    }
}

impl fmt::Display for TmuxTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "tmux at {}", self.place)
    }
}
