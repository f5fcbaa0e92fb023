use std::time::Duration;

use evenkeel_moment::Moment;
use serde::{Deserialize, Serialize};

use super::config::Config;
use super::machine::{Breaker, Mode};
use super::state::BreakerState;

/// What of a breaker survives its process (T16). Window, trials and late results do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The state when it was taken.
    pub state: BreakerState,
    /// The end of the open time, in milliseconds of the time of day since 1970-01-01 UTC; only while open.
    ///
    /// The deadline and not the time of the snapshot, nor that of the start: from those, a breaker saved while open would
    /// be half open at once (B14).
    pub open_until_wall_ms: Option<i64>,
    /// Trials in a row that did not succeed.
    pub failed_trials: u32,
}

impl Breaker {
    /// What is to be kept. `wall_ms` is the time of day at `now`, in milliseconds since 1970-01-01 UTC.
    pub fn snapshot(&self, now: Moment, wall_ms: i64) -> Snapshot {
        let mut settled = self.clone();
        let now = settled.advance(now);
        let open_until_wall_ms = settled.open_until(now).map(|until| {
            // Rounded up: a restart must never shorten the wait.
            let left = until.saturating_since(now).as_nanos().div_ceil(1_000_000);
            wall_ms.saturating_add(i64::try_from(left).unwrap_or(i64::MAX))
        });
        Snapshot {
            state: settled.mode.state(),
            open_until_wall_ms,
            failed_trials: settled.failed_trials,
        }
    }

    /// A breaker as it was saved (T16).
    ///
    /// One that was open is open until the same time of day, but no longer than `reset_max` from now, however the clock
    /// was set meanwhile; one that was half open is due for a trial; one that was closed has an empty window; one that was
    /// forced stays so.
    pub fn restore(config: Config, snapshot: &Snapshot, now: Moment, wall_ms: i64) -> Self {
        let reset_max = config.reset_max;
        let mut breaker = Self::new(config, now);
        breaker.failed_trials = snapshot.failed_trials;
        breaker.mode = match snapshot.state {
            BreakerState::Closed => Mode::Closed,
            BreakerState::Open => {
                let left = snapshot.open_until_wall_ms.unwrap_or(wall_ms).saturating_sub(wall_ms);
                let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
                Mode::Open { until: now + left.min(reset_max) }
            }
            BreakerState::HalfOpen => Mode::Open { until: now },
            BreakerState::Isolated => Mode::Isolated,
            BreakerState::ForcedClosed => Mode::ForcedClosed,
            BreakerState::Disabled => Mode::Disabled,
        };
        breaker
    }
}
