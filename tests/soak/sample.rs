//! What an agent takes, seen from outside once a second.

use std::fs;
use std::path::Path;

use evenkeel_tests::Memory;

/// One look. Sizes in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Seconds since the first.
    pub(crate) at: f64,
    pub(crate) rss: f64,
    pub(crate) pss: f64,
    /// Pages that no other process shares.
    pub(crate) private: f64,
    pub(crate) descriptors: f64,
    pub(crate) threads: f64,
    /// The history with its log of writes.
    pub(crate) journal: f64,
}

/// Takes a figure out of a sample.
pub(crate) type Pick = fn(&Sample) -> f64;

impl Sample {
    /// Looks at a process and its state directory; `None` if the process is gone.
    pub(crate) fn take(pid: u32, state: &Path, at: f64) -> Option<Self> {
        let memory = Memory::of(pid)?;
        let files = ["journal.db", "journal.db-wal"];
        let sizes = files.iter().filter_map(|name| fs::metadata(state.join(name)).ok());
        Some(Self {
            at,
            rss: float(memory.rss),
            pss: float(memory.pss),
            private: float(memory.private),
            descriptors: descriptors(pid)?,
            threads: threads(pid)?,
            journal: sizes.map(|metadata| float(metadata.len())).sum(),
        })
    }
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(pid: u32) -> Option<f64> {
    Some(float(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64))
}

/// How many threads a process has.
pub(crate) fn threads(pid: u32) -> Option<f64> {
    number(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "Threads:")
}

fn number(text: &str, key: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok())
}

#[expect(clippy::cast_precision_loss, reason = "sizes below 2^53")]
fn float(value: u64) -> f64 {
    value as f64
}
