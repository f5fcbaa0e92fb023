//! A point in time as a number, so that a core never reads a clock.
//!
//! The cores of evenkeel (health, breaker, budget, recovery) take `now` as an argument. `std::time::Instant` cannot be
//! made up by a test, written to disk or advanced by a simulator; [`Moment`] can. The caller fixes the origin: the agent
//! uses `CLOCK_BOOTTIME`, so that a moment survives a restart of the agent within one boot; a simulator starts at zero.
//!
//! ```
//! use evenkeel_moment::Moment;
//! use std::time::Duration;
//!
//! let start = Moment::ORIGIN;
//! let later = start + Duration::from_secs(5);
//! assert_eq!(later.saturating_since(start), Duration::from_secs(5));
//! ```
#![forbid(unsafe_code)]

#[cfg(feature = "stamp")]
mod stamp;

use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};
#[cfg(feature = "stamp")]
pub use stamp::{Stamp, from_to};

/// Nanoseconds since an origin that the caller fixed, or before it; 292 years fit either way.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(i64);

impl Moment {
    /// The caller's origin, such as the boot of the host.
    pub const ORIGIN: Self = Self(0);

    /// The moment `nanos` nanoseconds after the origin; the last representable one if that is too far.
    #[inline]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(if nanos > i64::MAX.cast_unsigned() { i64::MAX } else { nanos.cast_signed() })
    }

    /// Nanoseconds since the origin; 0 before it.
    #[inline]
    pub const fn as_nanos(self) -> u64 {
        if self.0 < 0 { 0 } else { self.0.cast_unsigned() }
    }

    /// The moment `since_origin` after the origin; the last representable one if that is too far.
    pub fn since_origin(since_origin: Duration) -> Self {
        Self::ORIGIN + since_origin
    }

    /// How long after `earlier` this moment is; zero if it is not after it.
    ///
    /// A caller's clock that steps back must never look like a long wait, nor panic.
    #[inline]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        // From one of these numbers to a larger one is always a `u64`.
        let nanos = self.0.wrapping_sub(earlier.0).cast_unsigned();
        Duration::from_nanos(if self.0 > earlier.0 { nanos } else { 0 })
    }

    /// Nanoseconds from `other` to this moment; negative if it is before it.
    #[inline]
    pub const fn nanos_since(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }

    /// The moment that was `age` ago, also before the origin: what an earlier boot of the host did is as old as it is, and not
    /// as young as this boot.
    #[must_use]
    pub fn before(self, age: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(age.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    /// Saturates at the last representable moment: a wait that never ends, not one that is over.
    #[inline]
    fn add(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_wait_that_was_added_is_the_time_since(start in 0..u64::MAX / 4, wait in 0..u64::MAX / 4) {
            let start = Moment::from_nanos(start);
            let wait = Duration::from_nanos(wait);
            prop_assert_eq!((start + wait).saturating_since(start), wait);
        }

        #[test]
        fn the_time_since_a_later_moment_is_zero(one: u64, other: u64) {
            let (earlier, later) = (one.min(other), one.max(other));
            let since = Moment::from_nanos(earlier).saturating_since(Moment::from_nanos(later));
            prop_assert_eq!(since, Duration::ZERO);
        }
    }

    proptest! {
        #[test]
        fn what_was_before_the_origin_is_as_old_as_it_is(now in 0..u64::MAX / 4, age in 0..u64::MAX / 4) {
            let now = Moment::from_nanos(now);
            let age = Duration::from_nanos(age);
            prop_assert_eq!(now.saturating_since(now.before(age)), age);
            prop_assert_eq!(now.before(age) + age, now);
            prop_assert_eq!(now.before(age).nanos_since(now), -i64::try_from(age.as_nanos()).expect("it fits"));
        }
    }

    #[test]
    fn from_the_first_moment_to_the_last_is_told_exactly() {
        let first = Moment::ORIGIN.before(Duration::MAX);
        let last = Moment::ORIGIN + Duration::MAX;
        assert_eq!(last.saturating_since(first), Duration::from_nanos(i64::MAX.unsigned_abs() * 2));
        assert_eq!(first.saturating_since(last), Duration::ZERO);
        assert_eq!(last.nanos_since(first), i64::MAX);
    }

    #[test]
    fn a_wait_too_long_to_represent_never_ends() {
        assert_eq!(Moment::from_nanos(7) + Duration::MAX, Moment::from_nanos(u64::MAX));
    }
}
