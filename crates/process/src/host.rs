use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

/// How long the host runs, suspended time included; the clock that starts of processes are told on.
pub fn uptime() -> Duration {
    read_clock(ClockId::Boottime)
}

/// When the host was started, on the wall clock as it stands now, in whole seconds, as `btime` of `/proc/stat` has it.
///
/// It is now minus uptime: a clock that is set moves it. Whole, so that two looks say the same; and not read from
/// `/proc/stat`, for which the kernel adds up every interrupt of every processor.
pub fn boot_time() -> SystemTime {
    let uptime = read_clock(ClockId::Boottime);
    let boot = read_clock(ClockId::Realtime).saturating_sub(uptime);
    SystemTime::UNIX_EPOCH + Duration::from_secs(boot.as_secs())
}

/// Both clocks stand at zero or later on any host that runs: a negative one is told as zero.
fn read_clock(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
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
    fn this_host_was_started_when_the_kernel_says() {
        let stat = std::fs::read_to_string("/proc/stat").unwrap();
        let btime = stat.lines().find_map(|line| line.strip_prefix("btime ")).unwrap();
        let told = SystemTime::UNIX_EPOCH + Duration::from_secs(btime.parse().unwrap());
        let apart = |one: SystemTime, other: SystemTime| {
            one.duration_since(other).or_else(|_| other.duration_since(one)).unwrap()
        };
        assert!(apart(boot_time(), told) <= Duration::from_secs(1), "{:?} {told:?}", boot_time());
        let text = std::fs::read_to_string("/proc/uptime").unwrap();
        let seconds: f64 = text.split(' ').next().unwrap().parse().unwrap();
        let later = uptime().as_secs_f64() - seconds;
        assert!((-0.02..60.0).contains(&later), "{later}");
    }
}
