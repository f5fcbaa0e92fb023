//! When something was, by both clocks: what `evenkeel_journal::Stamp` is on a real disk, and counted as there.

use std::time::Duration;

use evenkeel_moment::Moment;
use jiff::Timestamp;

#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    /// Counts the boots of the host; `at` means something in this one only.
    pub(super) boot: u32,
    pub(super) at: Moment,
    pub(super) wall: Timestamp,
}

impl Stamp {
    /// The stamp of another moment of the same boot.
    pub(super) fn of(self, at: Moment) -> Self {
        let later = self.wall.checked_add(at.saturating_since(self.at)).unwrap_or(Timestamp::MAX);
        let wall = later.checked_sub(self.at.saturating_since(at)).unwrap_or(Timestamp::MIN);
        Self { at, wall, ..self }
    }

    /// How long it is still to come at `now`; never more than `most`, however the clock was set meanwhile.
    pub(super) fn left(self, now: Self, most: Duration) -> Duration {
        let left = if self.boot == now.boot {
            self.at.saturating_since(now.at)
        } else {
            from_to(now.wall, self.wall)
        };
        left.min(most)
    }

    /// How long ago it was at `now`. A clock that was set back makes nothing look older.
    pub(super) fn age(self, now: Self) -> Duration {
        if self.boot == now.boot {
            now.at.saturating_since(self.at)
        } else {
            from_to(self.wall, now.wall)
        }
    }

    /// The moment of something that was, as the boot of `now` has it.
    pub(super) fn moment(self, now: Self) -> Moment {
        if self.boot == now.boot { self.at } else { now.at.before(self.age(now)) }
    }
}

/// From one time of day to a later one; zero if it is not later.
pub(super) fn from_to(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
