//! Reads what a process uses from `/proc`.
#![expect(
    clippy::disallowed_methods,
    reason = "`/proc` belongs to the kernel: nobody can put a link or an endless file there"
)]

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::ProcessStats;

/// Fields of `/proc/PID/stat`, counted from 1 as in `proc_pid_stat(5)`.
const STATE: usize = 3;
const UTIME: usize = 14;
const STIME: usize = 15;
const START_TIME: usize = 22;
const VSIZE: usize = 23;
const RSS: usize = 24;

/// Why the use of a process cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no such process, or only what its parent has not collected yet.
    #[error("process {pid} does not run")]
    Gone {
        /// The process asked for.
        pid: u32,
    },
    /// `/proc` could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// `/proc` says something that `proc(5)` does not.
    #[error("`{path}` does not have the form of proc(5)")]
    Form {
        /// The file.
        path: String,
    },
}

impl ProcessStats {
    /// Reads the use of process `pid` from `/proc`.
    ///
    /// Fails if it does not run; a zombie does not run. Descriptors that may not be counted are `None`.
    pub fn read(pid: u32) -> Result<Self, ReadError> {
        let kernel = Kernel {
            page_bytes: rustix::param::page_size() as u64,
            ticks_per_second: rustix::param::clock_ticks_per_second(),
            boot_seconds: boot_seconds(&read("/proc/stat")?)
                .ok_or_else(|| ReadError::Form { path: "/proc/stat".into() })?,
        };
        let path = format!("/proc/{pid}/stat");
        let stat = match read(&path) {
            Err(ReadError::Read { source, .. })
                // Between open and read a process that ends turns into ESRCH.
                if source.kind() == ErrorKind::NotFound || source.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) =>
            {
                return Err(ReadError::Gone { pid });
            }
            other => other?,
        };
        let (alive, stats) = parse_stat(&stat, &kernel).ok_or(ReadError::Form { path })?;
        if !alive {
            return Err(ReadError::Gone { pid });
        }
        Ok(Self {
            open_fds: fs::read_dir(format!("/proc/{pid}/fd"))
                .ok()
                .map(|entries| entries.count() as u64),
            max_fds: fs::read_to_string(format!("/proc/{pid}/limits"))
                .ok()
                .and_then(|limits| max_open_files(&limits)),
            ..stats
        })
    }
}

struct Kernel {
    page_bytes: u64,
    ticks_per_second: u64,
    boot_seconds: u64,
}

fn read(path: impl AsRef<Path>) -> Result<String, ReadError> {
    let path = path.as_ref();
    fs::read(path)
        // A process may call itself anything; only the numbers behind its name are wanted.
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(|source| ReadError::Read { path: path.display().to_string(), source })
}

/// Whether the process of a `/proc/PID/stat` runs, and its use but for the descriptors.
#[expect(
    clippy::cast_precision_loss,
    reason = "seconds with 52 bits are exact enough for centuries of ticks"
)]
fn parse_stat(stat: &str, kernel: &Kernel) -> Option<(bool, ProcessStats)> {
    // The name of the program, in parentheses, may itself hold spaces and parentheses: the last one ends it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - STATE).copied();
    let number = |at: usize| field(at)?.parse::<u64>().ok();
    let seconds = |ticks: u64| ticks as f64 / kernel.ticks_per_second as f64;
    let stats = ProcessStats {
        resident_bytes: number(RSS)?.checked_mul(kernel.page_bytes)?,
        virtual_bytes: number(VSIZE)?,
        cpu_seconds: seconds(number(UTIME)?.checked_add(number(STIME)?)?),
        open_fds: None,
        max_fds: None,
        start_time_seconds: kernel.boot_seconds as f64 + seconds(number(START_TIME)?),
    };
    Some((!matches!(field(STATE)?, "Z" | "X" | "x"), stats))
}

fn boot_seconds(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn max_open_files(limits: &str) -> Option<u64> {
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?
        .split_ascii_whitespace()
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KERNEL: Kernel =
        Kernel { page_bytes: 4096, ticks_per_second: 100, boot_seconds: 1_000_000 };

    fn stat(name: &str, state: char) -> String {
        format!(
            "71 ({name}) {state} 1 71 71 0 -1 4194560 9 8 7 6 150 50 3 4 20 0 1 0 2500 123456 25 18446744073709551615 1 1"
        )
    }

    #[test]
    fn the_fields_are_those_of_the_manual() {
        let (alive, stats) = parse_stat(&stat("supervisord", 'S'), &KERNEL).unwrap();
        assert!(alive);
        assert_eq!(stats.resident_bytes, 25 * 4096);
        assert_eq!(stats.virtual_bytes, 123_456);
        assert!((stats.cpu_seconds - 2.0).abs() < 1e-9);
        assert!((stats.start_time_seconds - 1_000_025.0).abs() < 1e-9);
    }

    #[test]
    fn a_zombie_does_not_run() {
        assert!(!parse_stat(&stat("worker", 'Z'), &KERNEL).unwrap().0);
    }

    #[test]
    fn a_limit_that_is_unlimited_is_none() {
        assert_eq!(
            max_open_files(
                "Limit  Soft\nMax open files            1024                 4096       files\n"
            ),
            Some(1024)
        );
        assert_eq!(
            max_open_files("Max open files            unlimited            unlimited  files\n"),
            None
        );
    }

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
        assert!(matches!(ProcessStats::read(u32::MAX), Err(ReadError::Gone { pid: u32::MAX })));
    }

    proptest! {
        #[test]
        fn the_name_of_a_program_does_not_shift_the_fields(name in "[ -~]{0,15}") {
            prop_assert_eq!(parse_stat(&stat(&name, 'R'), &KERNEL), parse_stat(&stat("x", 'R'), &KERNEL));
        }

        #[test]
        fn no_text_makes_the_reading_panic(text in "\\PC{0,200}") {
            let _ = (parse_stat(&text, &KERNEL), boot_seconds(&text), max_open_files(&text));
        }
    }
}
