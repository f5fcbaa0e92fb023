use std::time::Duration;

use evenkeel_config::Settings;
use jiff::Timestamp;

use crate::faults::Faults;

/// All that a run depends on: two runs of equal scenarios are equal to the last byte.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What the agent is to keep.
    pub settings: Settings,
    /// What goes wrong.
    pub faults: Faults,
    /// How long the run lasts, in the host's time.
    pub lasts: Duration,
    /// The seed of all chance: the engine's, and the host's.
    pub seed: u64,
    /// The time of day at the begin.
    pub began: Timestamp,
}
