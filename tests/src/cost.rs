use std::time::Duration;

/// The memory of processes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident.
    pub rss: u64,
    /// Resident, with what is shared counted in part.
    pub pss: u64,
    /// Resident, and nobody else's.
    pub private: u64,
}

impl Memory {
    /// That of a process; `None` if it has ended, or is not ours to look at. Source: `/proc/PID/smaps_rollup`.
    pub fn of(pid: u32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        Some(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let sum = |start: &str| {
            let lines = text.lines().filter(|line| line.starts_with(start));
            let kilobytes =
                lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
            kilobytes.sum::<u64>() * 1024
        };
        Self { rss: sum("Rss:"), pss: sum("Pss:"), private: sum("Private_") }
    }
}

impl std::iter::Sum for Memory {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            rss: sum.rss + one.rss,
            pss: sum.pss + one.pss,
            private: sum.private + one.private,
        })
    }
}

/// Processor time of all threads of a process that live, in nanoseconds where the kernel counts them.
pub fn cpu_time(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    let nanos = tasks.filter_map(Result::ok).filter_map(|task| {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_the_kernel_tells_it() {
        let text = "55aa-7ffc ---p 00000000 00:00 0 [rollup]\nRss:    100 kB\nPss:   60 kB\nPss_Anon:  50 kB\n\
                    Shared_Clean:  40 kB\nPrivate_Clean:  10 kB\nPrivate_Dirty:   20 kB\n";
        let expected = Memory { rss: 102_400, pss: 61_440, private: 30_720 };
        assert_eq!(Memory::parse(text), expected);
        assert!(Memory::of(std::process::id()).is_some_and(|memory| memory.rss > 0));
    }
}
