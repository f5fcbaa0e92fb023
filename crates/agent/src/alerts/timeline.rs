//! The clock of evaluations: the time of day at the start, and steady from then on.

use std::time::Duration;

use evenkeel_moment::Moment;
use jiff::{SignedDuration, Timestamp};

use crate::clock::HostClock;

/// Times of alerts and samples. A clock that is set does not make an alert fire early, nor end a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeline {
    clock: HostClock,
    began: Moment,
    origin: Timestamp,
}

impl Timeline {
    pub(crate) fn begin(clock: HostClock) -> Self {
        Self { clock, began: clock.now(), origin: clock.wall() }
    }

    /// Now, on this clock.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = self.clock.now().saturating_since(self.began);
        self.origin.checked_add(passed).unwrap_or(self.origin)
    }

    /// By how much the clock of the day is ahead of this one.
    pub(crate) fn ahead(&self) -> SignedDuration {
        self.clock.wall().duration_since(self.now())
    }

    /// How long it is until then; nothing if that is past.
    pub(crate) fn until(&self, then: Timestamp) -> Duration {
        Duration::try_from(then.duration_since(self.now())).unwrap_or_default()
    }
}
