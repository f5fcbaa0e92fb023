use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

use crate::root::{Root, Trust};

const TMPFS_MAGIC: u64 = 0x0102_1994;
const RAMFS_MAGIC: u64 = 0x8584_58f6;

/// When this host booted, by the time of day that stamps of files go by; what is older was there before.
///
/// The moment is `now` less `CLOCK_BOOTTIME`, which counts suspended time. If the time of day was set forward since the
/// boot, what was made before that bears earlier stamps than this moment. So where `/run` is a filesystem of its own,
/// which is made anew at each boot, its birth counts if it is earlier: rather too early than too late. In a container it
/// is the boot of the kernel. Source: `clock_gettime(2)`, `statx(2)`.
pub fn boot_time(now: SystemTime) -> SystemTime {
    // The clocks are read in this order: a pause between them makes the boot look earlier, not later.
    let time = clock_gettime(ClockId::Boottime);
    let up = Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    );
    earliest(now, up, made_anew(Path::new("/run")))
}

/// The birth of a filesystem that lives in memory: if it is mounted there, and keeps such a time.
fn made_anew(path: &Path) -> Option<SystemTime> {
    let root = Root::open(path, Trust::Vouched).ok()?;
    let metadata = root.metadata();
    let kind = u64::try_from(rustix::fs::fstatfs(root.dir().fd()).ok()?.f_type).ok()?;
    let in_memory = [TMPFS_MAGIC, RAMFS_MAGIC].contains(&kind);
    metadata.identity.btime.filter(|_| metadata.mount_root && in_memory)
}

fn earliest(now: SystemTime, up: Duration, made: Option<SystemTime>) -> SystemTime {
    let reckoned = now.checked_sub(up).unwrap_or(SystemTime::UNIX_EPOCH);
    made.map_or(reckoned, |made| made.min(reckoned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_clock_that_was_not_set_needs_no_witness() {
        let up = Duration::from_mins(10);
        assert_eq!(earliest(at(10_000), up, None), at(9_400));
        assert_eq!(earliest(at(10_000), up, Some(at(9_401))), at(9_400));
    }

    #[test]
    fn a_clock_set_forward_does_not_make_what_this_boot_made_look_older_than_it() {
        // Booted at 1,000 by a clock that was a day behind, and set right after a minute.
        let (day, up) = (86_400, Duration::from_mins(2));
        let made_by_this_boot = at(1_030);
        let boot = earliest(at(1_000 + day + 120), up, Some(at(1_001)));
        assert!(made_by_this_boot >= boot);
    }

    #[test]
    fn a_clock_set_back_does_not_either() {
        // Booted at 100,000 by a clock that was a day ahead.
        let (day, up) = (86_400, Duration::from_mins(2));
        let made_by_this_boot = [at(100_030), at(100_000 - day + 90)];
        let boot = earliest(at(100_000 - day + 120), up, Some(at(100_001)));
        assert!(made_by_this_boot.iter().all(|made| *made >= boot));
    }

    #[test]
    fn a_clock_that_has_hardly_begun_makes_nothing_old() {
        assert!(earliest(at(5), Duration::from_mins(10), None) < at(0));
        assert_eq!(earliest(at(5), Duration::MAX, None), at(0));
    }

    #[test]
    fn this_host_booted_before_now_and_stays_booted() {
        let now = SystemTime::now();
        let boot = boot_time(now);
        assert!(boot < now && boot_time(SystemTime::now()) <= now, "{boot:?}");
    }

    #[test]
    fn only_a_mount_in_memory_is_a_witness() {
        assert_eq!(made_anew(Path::new("/proc")), None);
        assert_eq!(made_anew(Path::new("/no/such/place")), None);
        let scratch = tempfile::tempdir_in("/dev/shm").unwrap();
        assert_eq!(made_anew(scratch.path()), None, "on such a filesystem, but not its root");
    }
}
