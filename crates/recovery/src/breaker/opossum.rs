//! What opossum 10 does, for `compat = "opossum"`: read in its `lib/circuit.js` and `lib/status.js`, and compared with traces
//! recorded from it (`tests/opossum/`).

use evenkeel_moment::Moment;

use super::machine::{Breaker, Mode};
use super::state::Reason;
use super::window::Counts;

/// In this window [`Counts::results`] are calls begun (`fires`), whatever became of them.
const BEGUN: Counts = Counts { results: 1, failures: 0, slow: 0 };
const FAILED: Counts = Counts { results: 0, failures: 1, slow: 0 };

impl Breaker {
    /// `fire` counts before it looks at the state: calls that are refused dilute the share (B12).
    pub(super) fn begin_as_opossum(&mut self, now: Moment) {
        if self.mode.is_automatic() {
            self.results.add_counts(now, BEGUN);
        }
    }

    /// Any result counts, whichever state its call began in (B3): a success closes and a failure opens what is half open.
    pub(super) fn judge_as_opossum(&mut self, now: Moment, failed: bool) {
        if failed && self.mode.is_automatic() {
            self.results.add_counts(now, FAILED);
        }
        match self.mode {
            Mode::HalfOpen { .. } if failed => self.reopen(now, Reason::TrialFailed),
            Mode::HalfOpen { .. } => self.change(now, Mode::Closed, Reason::Recovered),
            Mode::Closed if failed => {
                let counts = self.results.counts(now);
                if counts.results >= self.config().request_volume_threshold
                    && is_above(counts, self.config().error_threshold)
                {
                    self.trip(now, Reason::Tripped(counts));
                }
            }
            _ => {}
        }
    }
}

/// `failures / fires * 100 > percent` as it is computed there: 7 of 100 are more than 7 % (B10), and a failure whose call
/// began before the window is infinitely many (B11).
fn is_above(counts: Counts, percent: u32) -> bool {
    f64::from(counts.failures) / f64::from(counts.results) * 100.0 > f64::from(percent)
}
