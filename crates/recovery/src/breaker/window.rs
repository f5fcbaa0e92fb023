use std::collections::VecDeque;
use std::time::Duration;

use evenkeel_moment::Moment;
use serde::Serialize;

use super::config::{Compat, Config, Window};

/// Into so many steps the age of a count window is divided for results that come in batches.
const COUNT_STEPS: u32 = 16;

/// What a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Results, good and bad.
    pub results: u32,
    /// Of these, the bad ones.
    pub failures: u32,
    /// Of these, good or bad, the ones that were slow; 0 without `slow_call`.
    #[serde(skip_serializing_if = "is_none_slow")]
    pub slow: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none_slow(slow: &u32) -> bool {
    *slow == 0
}

/// How one call ended, as far as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outcome {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

/// Results that count, forgotten by number or by age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Results {
    Last { size: u32, max_age: Option<Duration>, ring: VecDeque<(Moment, Outcome)> },
    Recent { origin_nanos: u64, width_nanos: u64, buckets: Vec<Bucket> },
}

/// Counts of one step of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bucket {
    step: u64,
    counts: Counts,
}

impl Counts {
    /// Whether failures are `percent` of the results or more.
    pub fn reach(self, percent: u32) -> bool {
        self.is_share(self.failures, percent)
    }

    /// Whether slow calls are `percent` of the results or more.
    pub fn reach_slow(self, percent: u32) -> bool {
        self.is_share(self.slow, percent)
    }

    /// In whole numbers: a share that is cut off or in floating point opens too late or too early (B10).
    fn is_share(self, part: u32, percent: u32) -> bool {
        u64::from(part) * 100 >= u64::from(percent) * u64::from(self.results)
    }

    fn add(&mut self, more: Self) {
        self.results = self.results.saturating_add(more.results);
        self.failures = self.failures.saturating_add(more.failures);
        self.slow = self.slow.saturating_add(more.slow);
    }
}

impl From<Outcome> for Counts {
    fn from(Outcome { failed, slow }: Outcome) -> Self {
        Self { results: 1, failures: u32::from(failed), slow: u32::from(slow) }
    }
}

impl Results {
    /// An empty window. With `compat`, the first step of a time window begins `now` and has a whole number of milliseconds, as
    /// opossum's timers have.
    pub(super) fn new(config: &Config, now: Moment) -> Self {
        let opossum = config.compat == Compat::Opossum;
        match config.window {
            Window::Count { size, max_age } => {
                Self::Last { size, max_age, ring: VecDeque::with_capacity(size as usize) }
            }
            Window::Time { length, buckets } => {
                let width = length.as_nanos() / u128::from(buckets);
                let width = if opossum { width / 1_000_000 * 1_000_000 } else { width };
                Self::Recent {
                    origin_nanos: if opossum { now.as_nanos() } else { 0 },
                    width_nanos: u64::try_from(width).unwrap_or(u64::MAX).max(1),
                    buckets: vec![Bucket::default(); buckets as usize],
                }
            }
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Last { ring, .. } => ring.clear(),
            Self::Recent { buckets, .. } => buckets.fill(Bucket::default()),
        }
    }

    /// Takes in a result. `now` never goes back: the breaker sees to that.
    pub(super) fn add(&mut self, now: Moment, outcome: Outcome) {
        match self {
            Self::Last { size, ring, .. } => {
                if ring.len() >= *size as usize {
                    ring.pop_front();
                }
                ring.push_back((now, outcome));
            }
            Self::Recent { .. } => self.add_counts(now, outcome.into()),
        }
    }

    /// Takes in many results that came in the same step; a count window has none.
    pub(super) fn add_counts(&mut self, now: Moment, counts: Counts) {
        if let Self::Recent { origin_nanos, width_nanos, buckets } = self {
            let step = step(now, *origin_nanos, *width_nanos);
            let place = step % buckets.len() as u64;
            let bucket = &mut buckets[usize::try_from(place).unwrap_or(0)];
            if bucket.step != step {
                *bucket = Bucket { step, counts: Counts::default() };
            }
            bucket.counts.add(counts);
        }
    }

    /// Takes in quick successes that came in the same step.
    pub(super) fn add_successes(&mut self, now: Moment, successes: u64) {
        match self {
            Self::Last { size, .. } => {
                for _ in 0..successes.min(u64::from(*size)) {
                    self.add(now, Outcome::default());
                }
            }
            Self::Recent { .. } => {
                let results = u32::try_from(successes).unwrap_or(u32::MAX);
                self.add_counts(now, Counts { results, ..Counts::default() });
            }
        }
    }

    /// Where the step that `now` is in ends: results within it need not be told apart by time.
    pub(super) fn step_end(&self, now: Moment) -> Moment {
        match self {
            Self::Last { max_age: None, .. } => Moment::from_nanos(u64::MAX),
            Self::Last { max_age: Some(age), .. } => now + *age / COUNT_STEPS,
            Self::Recent { origin_nanos, width_nanos, .. } => {
                let next = step(now, *origin_nanos, *width_nanos).saturating_add(1);
                Moment::from_nanos(next.saturating_mul(*width_nanos).saturating_add(*origin_nanos))
            }
        }
    }

    pub(super) fn counts(&self, now: Moment) -> Counts {
        let mut sum = Counts::default();
        match self {
            Self::Last { max_age, ring, .. } => {
                let counted = ring.iter().rev().take_while(|(at, _)| {
                    max_age.is_none_or(|max_age| now.saturating_since(*at) < max_age)
                });
                for (_, outcome) in counted {
                    sum.add((*outcome).into());
                }
            }
            Self::Recent { origin_nanos, width_nanos, buckets } => {
                let step = step(now, *origin_nanos, *width_nanos);
                for bucket in buckets {
                    if step.saturating_sub(bucket.step) < buckets.len() as u64 {
                        sum.add(bucket.counts);
                    }
                }
            }
        }
        sum
    }
}

/// Which step `now` is in. The time divided by the width, never a number of steps gone by: an idle hour empties the whole
/// window at once (B7).
const fn step(now: Moment, origin_nanos: u64, width_nanos: u64) -> u64 {
    now.as_nanos().saturating_sub(origin_nanos) / width_nanos
}
