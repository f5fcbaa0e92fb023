//! The agent about itself.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::{Metrics, signed, unix_seconds};
use crate::ProcessStats;

/// A reload was refused and the running settings stay in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReloadRefused;

impl Metrics {
    /// Says whether the agent only observes.
    pub fn set_observe_only(&self, observe_only: bool) {
        self.observe_only.set(i64::from(observe_only));
    }

    /// Says what the agent itself uses.
    pub fn set_agent_process(&self, stats: &ProcessStats) {
        self.resident_memory.set(signed(stats.resident_bytes));
        self.cpu.inner().store(stats.cpu_seconds.to_bits(), Ordering::Relaxed);
    }

    /// Counts a try to write to the journal that failed.
    pub fn journal_failed(&self) {
        self.journal_errors.inc();
    }

    /// Counts values and slices of time that the journal could not keep up with.
    pub fn journal_lagged(&self, lost: u64) {
        self.journal_lost.inc_by(lost);
    }

    /// Says how large the journal is on disk, or that there is none.
    pub fn set_journal_bytes(&self, bytes: Option<u64>) {
        match bytes {
            Some(bytes) => self.journal_bytes.set([], signed(bytes)),
            None => self.journal_bytes.remove([]),
        }
    }

    /// Notes how long one append to the journal took, until it was on disk.
    pub fn journal_appended(&self, took: Duration) {
        self.journal_append.observe(took.as_secs_f64());
    }

    /// Notes an attempt to reload the settings: when they came into force, or that they were refused.
    pub fn reloaded(&self, outcome: Result<SystemTime, ReloadRefused>) {
        self.reload_successful.set(i64::from(outcome.is_ok()));
        if let Ok(at) = outcome {
            self.reload_time.set(unix_seconds(at));
        }
    }
}
