//! A history that cannot be written, as of a full disk: said once, counted each time, and said again when it is over.

use std::sync::Arc;

use evenkeel_journal::JournalError;
use evenkeel_metrics::Metrics;
use evenkeel_shown::chain;

#[derive(Debug)]
pub(super) struct Trouble {
    metrics: Arc<Metrics>,
    /// Whether the last write failed.
    is_failing: bool,
    /// Lines that were not written meanwhile, and never will be.
    lost: u64,
}

impl Trouble {
    pub(super) const fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, is_failing: false, lost: 0 }
    }

    /// So many lines will never be written.
    pub(super) const fn lose(&mut self, lines: usize) {
        self.lost = self.lost.saturating_add(lines as u64);
    }

    /// Something new was written.
    pub(super) fn is_over(&mut self) {
        if self.is_failing {
            tracing::info!(lost = self.lost, "the history can be written again");
        }
        (self.is_failing, self.lost) = (false, 0);
    }

    #[cfg(test)]
    pub(super) const fn lost(&self) -> u64 {
        self.lost
    }

    /// The agent ends, and `owed` lines are not written.
    pub(super) fn end(&self, owed: usize) {
        let lost = self.lost.saturating_add(owed as u64);
        if lost > 0 {
            tracing::error!(lost, "the agent ends, and the history could not be written");
        }
    }

    /// A write failed; gives why.
    pub(super) fn fails(&mut self, error: &JournalError) -> String {
        let told = chain(error);
        if self.is_failing {
            tracing::debug!(error = told, "cannot write to the history");
        } else {
            tracing::error!(error = told, "cannot write to the history");
        }
        self.is_failing = true;
        self.metrics.journal_failed();
        told
    }
}
