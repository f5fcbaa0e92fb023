use std::time::Duration;

use evenkeel_journal::Stamp;
use evenkeel_moment::Moment;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::time::{ClockId, clock_gettime};

/// The clocks of the host: the only place where the agent reads one.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostClock;

impl HostClock {
    /// `CLOCK_BOOTTIME`: never steps, counts suspended time, and means the same after a restart of the agent.
    pub fn now(self) -> Moment {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
        Moment::since_origin(Duration::new(seconds, nanos))
    }

    /// Now by both clocks, in this boot.
    pub fn stamp(self, boot_id: &str) -> Stamp {
        Stamp { boot_id: boot_id.to_owned(), boottime: self.now(), wall: self.wall() }
    }

    /// The time of day, for history and people.
    pub fn wall(self) -> Timestamp {
        Timestamp::now()
    }

    /// The zone of this host, by whose clocks quiet windows are meant; UTC where it has none.
    pub fn zone(self) -> TimeZone {
        TimeZone::system()
    }
}
