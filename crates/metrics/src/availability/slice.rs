use std::time::Duration;

use jiff::Timestamp;

pub use crate::labels::SliceVerdict as Verdict;

/// One verdict for one or more slices in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// How it was.
    pub verdict: Verdict,
    /// Where it begins: a whole multiple of its length since 1970.
    pub from: Timestamp,
    /// Where it ends.
    pub until: Timestamp,
}

impl Verdict {
    /// The verdict of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|verdict| verdict.as_str() == name)
    }

    /// The greater, the more it says of an objective: one bad check is enough, and what is not known cannot be good.
    pub(super) const fn weight(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Maintenance => 1,
            Self::Unknown => 2,
            Self::Bad => 3,
        }
    }

    /// The verdict on two things that must both be good.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if other.weight() > self.weight() { other } else { self }
    }
}

/// Slices of one length, numbered from 1970: those of different checks, and of different runs of an agent, fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    length: i64,
}

impl Grid {
    /// Slices of `length`; at least a millisecond.
    pub(super) fn new(length: Duration) -> Self {
        Self { length: millis(length).max(1) }
    }

    pub(super) const fn length(self) -> i64 {
        self.length
    }

    /// The number of the slice that `at` lies in.
    pub(super) fn number(self, at: Timestamp) -> i64 {
        at.as_millisecond().div_euclid(self.length)
    }

    /// How long the slice that `at` lies in has lasted by then, in milliseconds.
    pub(super) fn lasted(self, at: Timestamp) -> i64 {
        at.as_millisecond().rem_euclid(self.length)
    }

    /// The number of the first slice that does not begin before `at`.
    pub(super) fn number_from(self, at: Timestamp) -> i64 {
        -(-at.as_millisecond()).div_euclid(self.length)
    }

    /// Where a slice begins.
    pub(super) fn begin(self, number: i64) -> Timestamp {
        let millis = number.saturating_mul(self.length);
        let end = if number < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Timestamp::from_millisecond(millis).unwrap_or(end)
    }
}

/// A duration in milliseconds; no less than none are left of a fraction.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A count that cannot be negative.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
