use std::time::SystemTime;

use evenkeel_process::{Identity, LookError, Process, boot_time};

use crate::ProcessStats;

impl ProcessStats {
    /// Reads the use of process `pid` from `/proc`.
    ///
    /// Fails with [`LookError::Gone`] if it does not run; a zombie does not run. Descriptors that may not be counted are
    /// `None`.
    pub fn read(pid: u32) -> Result<Self, LookError> {
        Self::of(&Process::open(pid)?)
    }

    /// As [`ProcessStats::read`], of exactly this process: fails if its number is another's by now.
    pub fn read_exactly(process: Identity) -> Result<Self, LookError> {
        Self::of(&Process::open_exactly(process)?)
    }

    fn of(process: &Process) -> Result<Self, LookError> {
        let stat = process.stat()?;
        if stat.is_dead() {
            return Err(LookError::Gone { what: stat.identity.to_string() });
        }
        let boot = boot_time().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let limits = process.limits().unwrap_or_default();
        let limit = |wanted: &str| {
            let (_, soft, _) = limits.iter().find(|(name, _, _)| name == wanted)?;
            // No number: `unlimited`.
            soft.parse().ok()
        };
        Ok(Self {
            resident_bytes: stat.rss_bytes,
            virtual_bytes: stat.virtual_bytes,
            virtual_max_bytes: limit("address space"),
            threads: stat.threads,
            cpu_seconds: stat.cpu.as_secs_f64(),
            open_fds: process.open_descriptors().ok(),
            max_fds: limit("open files"),
            start_time_seconds: (boot + stat.identity.started()).as_secs_f64(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_runs_and_uses_memory() {
        let stats = ProcessStats::read(std::process::id()).unwrap();
        assert!(stats.resident_bytes > 100_000);
        assert!(stats.virtual_bytes >= stats.resident_bytes);
        assert!(stats.open_fds.is_some_and(|fds| fds > 2));
        assert!(stats.max_fds.is_some_and(|fds| fds > 2) && stats.threads > 0);
        assert!(stats.start_time_seconds > 1_000_000_000.0);
    }

    #[test]
    fn a_later_process_of_the_same_number_is_not_taken_for_it() {
        let own = Process::open(std::process::id()).unwrap().identity();
        assert!(ProcessStats::read_exactly(own).is_ok());
        let other = Identity { start_ticks: own.start_ticks + 1, ..own };
        assert!(ProcessStats::read_exactly(other).unwrap_err().is_gone());
    }

    #[test]
    fn a_process_number_that_nobody_has_is_gone() {
        assert!(ProcessStats::read(u32::MAX).unwrap_err().is_gone());
    }
}
