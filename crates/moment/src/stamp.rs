use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Moment;

/// A point in time as both clocks tell it, so that it still means something after a restart of the agent or of the host.
///
/// `Boot` tells one boot of the host from another: by its id, or however else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp<Boot = String> {
    /// The boot of the host; `boottime` means something in this boot only.
    pub boot_id: Boot,
    /// Since the boot.
    pub boottime: Moment,
    /// By the time of day.
    pub wall: Timestamp,
}

impl<Boot: Clone + PartialEq> Stamp<Boot> {
    /// How long `self` is still to come at `now`: by the clock that nobody can set if it is the same boot, else by the time
    /// of day; never more than `cap`, however the clock was set meanwhile.
    #[must_use]
    pub fn left(&self, now: &Self, cap: Duration) -> Duration {
        let left = if self.boot_id == now.boot_id {
            self.boottime.saturating_since(now.boottime)
        } else {
            from_to(now.wall, self.wall)
        };
        left.min(cap)
    }

    /// How long ago `self` was at `now`, told in the same way. A time of day that is still to come is no time ago: a clock
    /// set back must not make anything look older.
    #[must_use]
    pub fn age(&self, now: &Self) -> Duration {
        if self.boot_id == now.boot_id {
            now.boottime.saturating_since(self.boottime)
        } else {
            from_to(self.wall, now.wall)
        }
    }

    /// The moment of `self` as the boot of `now` has it: before its origin if it was before that boot.
    #[must_use]
    pub fn moment(&self, now: &Self) -> Moment {
        if self.boot_id == now.boot_id { self.boottime } else { now.boottime.before(self.age(now)) }
    }

    /// Another moment of the same boot, by both clocks.
    #[must_use]
    pub fn at(&self, moment: Moment) -> Self {
        let later = moment.saturating_since(self.boottime);
        let ago = self.boottime.saturating_since(moment);
        let wall = self.wall.checked_add(later).unwrap_or(Timestamp::MAX);
        let wall = wall.checked_sub(ago).unwrap_or(Timestamp::MIN);
        Self { boot_id: self.boot_id.clone(), boottime: moment, wall }
    }

    /// The stamp `wait` later.
    #[must_use]
    pub fn after(&self, wait: Duration) -> Self {
        self.at(self.boottime + wait)
    }
}

/// From one time of day to a later one; zero if it is not later.
pub fn from_to(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(boot_id: u32, boottime: u64, wall: i64) -> Stamp<u32> {
        let boottime = Moment::since_origin(Duration::from_secs(boottime));
        let wall = Timestamp::from_second(1_800_000_000 + wall).expect("a time");
        Stamp { boot_id, boottime, wall }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn in_one_boot_only_the_clock_counts_that_nobody_can_set() {
        let (then, now) = (stamp(1, 100, 5_000), stamp(1, 160, -5_000));
        assert_eq!(then.age(&now), seconds(60));
        assert_eq!(then.moment(&now), then.boottime);
        assert_eq!(now.left(&then, Duration::MAX), seconds(60));
        assert_eq!(now.left(&then, seconds(7)), seconds(7));
    }

    #[test]
    fn over_a_boot_the_time_of_day_counts_and_one_set_back_makes_nothing_older() {
        let now = stamp(2, 10, 1_000);
        let before = stamp(1, 9_999, 400);
        assert_eq!(before.age(&now), seconds(600));
        assert_eq!(now.boottime.saturating_since(before.moment(&now)), seconds(600));
        let to_come = stamp(1, 0, 1_300);
        assert_eq!((to_come.age(&now), to_come.moment(&now)), (Duration::ZERO, now.boottime));
        assert_eq!(to_come.left(&now, seconds(200)), seconds(200));
    }

    #[test]
    fn another_moment_is_as_far_by_both_clocks() {
        let now = stamp(1, 100, 0);
        assert_eq!(now.after(seconds(50)), stamp(1, 150, 50));
        assert_eq!(now.at(stamp(1, 40, 0).boottime), stamp(1, 40, -60));
    }
}
