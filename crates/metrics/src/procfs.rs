use std::time::SystemTime;

use evenkeel_process::{LookError, Process, boot_time};

use crate::ProcessStats;

impl ProcessStats {
    /// Reads the use of process `pid` from `/proc`.
    ///
    /// Fails with [`LookError::Gone`] if it does not run; a zombie does not run. Descriptors that may not be counted are
    /// `None`.
    pub fn read(pid: u32) -> Result<Self, LookError> {
        let process = Process::open(pid)?;
        let stat = process.stat()?;
        if stat.is_dead() {
            return Err(LookError::Gone { what: format!("process {pid}") });
        }
        let boot =
            boot_time().ok_or_else(|| LookError::Form { what: "`/proc/stat`".to_owned() })?;
        let boot = boot.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let descriptors = process.descriptors().ok();
        Ok(Self {
            resident_bytes: stat.rss_bytes,
            virtual_bytes: stat.virtual_bytes,
            cpu_seconds: stat.cpu.as_secs_f64(),
            open_fds: descriptors.map(|descriptors| descriptors.open),
            max_fds: descriptors.and_then(|descriptors| descriptors.limit),
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
        assert!(stats.start_time_seconds > 1_000_000_000.0);
    }

    #[test]
    fn a_process_number_that_nobody_has_is_gone() {
        assert!(ProcessStats::read(u32::MAX).unwrap_err().is_gone());
    }
}
