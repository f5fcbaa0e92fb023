//! A history that cannot be written, as of a full disk: said once, counted each time, and said again when it is over.

use std::sync::Arc;

use evenkeel_journal::JournalError;
use evenkeel_metrics::Metrics;
use evenkeel_shown::chain;

#[derive(Debug)]
pub(super) struct Trouble {
    metrics: Arc<Metrics>,
    /// Writes that failed since the last one that did not.
    failed: u64,
}

impl Trouble {
    pub(super) const fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, failed: 0 }
    }

    /// What was written; `None` if it could not be.
    pub(super) fn note<T>(&mut self, result: Result<T, JournalError>) -> Option<T> {
        match result {
            Ok(value) => {
                if self.failed > 0 {
                    tracing::info!(lost = self.failed, "the history can be written again");
                }
                self.failed = 0;
                Some(value)
            }
            Err(error) => {
                if self.failed == 0 {
                    tracing::error!(error = chain(&error), "cannot write to the history");
                } else {
                    tracing::debug!(error = chain(&error), "cannot write to the history");
                }
                self.failed += 1;
                self.metrics.journal_failed();
                None
            }
        }
    }
}
