use std::time::{Duration, SystemTime};

use crate::read::read_path;

const SMALL: usize = 4 * 1024;
/// `/proc/stat` has a line for each processor and each interrupt before the one that is wanted.
const HOST_STAT: usize = 4 * 1024 * 1024;

/// How long the host runs, suspended time included; the clock that starts of processes are told on.
pub fn uptime() -> Option<Duration> {
    let text = read_path("/proc/uptime", SMALL).ok()?;
    let seconds: f64 = text.lossy().split_ascii_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// When the host was started, on the wall clock as it stands now, in whole seconds.
///
/// The kernel computes it as now minus uptime: a clock that is set moves it.
pub fn boot_time() -> Option<SystemTime> {
    let text = read_path("/proc/stat", HOST_STAT).ok()?;
    let text = text.lossy();
    let seconds = text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// The time since boot that a number of the kernel's ticks stands for.
pub fn since_boot(ticks: u64) -> Duration {
    of_ticks(ticks, rustix::param::clock_ticks_per_second())
}

pub(crate) fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

fn of_ticks(ticks: u64, per_second: u64) -> Duration {
    let per_second = per_second.max(1);
    let part = (ticks % per_second).saturating_mul(1_000_000_000) / per_second;
    Duration::new(ticks / per_second, u32::try_from(part).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_a_hundredth_of_a_second_where_there_are_a_hundred() {
        assert_eq!(of_ticks(12_345, 100), Duration::from_millis(123_450));
        assert_eq!(of_ticks(u64::MAX, 0), Duration::from_secs(u64::MAX));
    }

    #[test]
    fn this_host_was_started_before_now() {
        assert!(uptime().unwrap() > Duration::ZERO);
        assert!(boot_time().unwrap() < SystemTime::now());
    }
}
