use std::collections::VecDeque;
use std::time::Duration;

use evenkeel_moment::Moment;
use serde::Serialize;

use super::config::Window;

/// What a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Results, good and bad.
    pub results: u32,
    /// Of these, the bad ones.
    pub failures: u32,
}

/// Results that count, forgotten by number or by age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Results {
    Last { size: u32, max_age: Option<Duration>, ring: VecDeque<(Moment, bool)> },
    Recent { width_nanos: u64, buckets: Vec<Bucket> },
}

/// Counts of one step of time. The step is the time divided by the width, never a number of steps gone by: an idle
/// hour empties the whole window at once (B7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bucket {
    step: u64,
    counts: Counts,
}

impl Counts {
    /// Whether failures are `percent` of the results or more, in whole numbers: a share that is cut off or in floating
    /// point opens too late or too early (B10).
    pub fn reach(self, percent: u32) -> bool {
        u64::from(self.failures) * 100 >= u64::from(percent) * u64::from(self.results)
    }

    fn add(&mut self, failed: bool) {
        self.results = self.results.saturating_add(1);
        self.failures = self.failures.saturating_add(u32::from(failed));
    }
}

impl Results {
    pub(super) fn new(window: Window) -> Self {
        match window {
            Window::Count { size, max_age } => {
                Self::Last { size, max_age, ring: VecDeque::with_capacity(size as usize) }
            }
            Window::Time { length, buckets } => {
                let width = length.as_nanos() / u128::from(buckets);
                let width_nanos = u64::try_from(width).unwrap_or(u64::MAX).max(1);
                Self::Recent { width_nanos, buckets: vec![Bucket::default(); buckets as usize] }
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
    pub(super) fn add(&mut self, now: Moment, failed: bool) {
        match self {
            Self::Last { size, ring, .. } => {
                if ring.len() >= *size as usize {
                    ring.pop_front();
                }
                ring.push_back((now, failed));
            }
            Self::Recent { width_nanos, buckets } => {
                let step = now.as_nanos() / *width_nanos;
                let place = step % buckets.len() as u64;
                let bucket = &mut buckets[usize::try_from(place).unwrap_or(0)];
                if bucket.step != step {
                    *bucket = Bucket { step, counts: Counts::default() };
                }
                bucket.counts.add(failed);
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
                for (_, failed) in counted {
                    sum.add(*failed);
                }
            }
            Self::Recent { width_nanos, buckets } => {
                let step = now.as_nanos() / *width_nanos;
                for bucket in buckets {
                    if step.saturating_sub(bucket.step) < buckets.len() as u64 {
                        sum.results = sum.results.saturating_add(bucket.counts.results);
                        sum.failures = sum.failures.saturating_add(bucket.counts.failures);
                    }
                }
            }
        }
        sum
    }
}
