//! The clock of evaluations: the time of day at the start, and steady from then on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use evenkeel_moment::Moment;
use jiff::{SignedDuration, Timestamp};

use crate::clock::HostClock;

/// Less than this, by which the clock of the day is trimmed all the time, is no reason to date an alert anew: receivers
/// take one with another date for another alert.
const SLACK_MS: u64 = 1_000;

/// Times of alerts and samples. A clock that is set does not make an alert fire early, nor end a series.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    clock: HostClock,
    began: Moment,
    origin: Timestamp,
    /// By how much the clock of the day was ahead when it was last looked at, and not just trimmed.
    ahead_ms: Arc<AtomicI64>,
}

impl Timeline {
    pub(crate) fn begin(clock: HostClock) -> Self {
        Self { clock, began: clock.now(), origin: clock.wall(), ahead_ms: Arc::default() }
    }

    /// Now, on this clock.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = self.clock.now().saturating_since(self.began);
        self.origin.checked_add(passed).unwrap_or(self.origin)
    }

    /// By how much the clock of the day is ahead of this one.
    pub(crate) fn ahead(&self) -> SignedDuration {
        let measured = self.clock.wall().duration_since(self.now()).as_millis();
        let measured = i64::try_from(measured).unwrap_or_default();
        let known = self.ahead_ms.load(Ordering::Relaxed);
        SignedDuration::from_millis(if measured.abs_diff(known) > SLACK_MS {
            self.ahead_ms.store(measured, Ordering::Relaxed);
            measured
        } else {
            known
        })
    }

    /// How long it is until then; nothing if that is past.
    pub(crate) fn until(&self, then: Timestamp) -> Duration {
        Duration::try_from(then.duration_since(self.now())).unwrap_or_default()
    }
}
