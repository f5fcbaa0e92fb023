use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;

use super::account::Counts;
use super::decimal::Decimal;
use super::promise::Promise;
use super::slice::millis;

/// What the window of a promise comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// The window.
    pub span: Range<Timestamp>,
    /// Its slices.
    pub counts: Counts,
    /// Unknown slices that count as bad, because there are more than may be left out.
    pub unknown_as_bad: u64,
    /// The share of good slices among those that count; `None`: none counts.
    pub availability: Option<Decimal>,
    /// The share of the window, without what was declared, of which is known how it was; `None`: all was declared.
    pub coverage: Option<Decimal>,
    /// The time that may be bad.
    pub budget: Duration,
    /// The time that was.
    pub used: Duration,
}

impl Figures {
    /// `measured`: how many slices of the window lie behind the begin of the promise. What is unknown before it is nobody's
    /// fault.
    pub(super) fn new(
        promise: &Promise,
        span: Range<Timestamp>,
        counts: Counts,
        measured: u64,
    ) -> Self {
        let before = counts.all().saturating_sub(measured);
        let unknown = counts.unknown.saturating_sub(before);
        let owed = measured.saturating_sub(counts.maintenance);
        let unknown_as_bad = unknown.saturating_sub(promise.exclude_unknown_up_to.of(owed));
        let bad = counts.bad + unknown_as_bad;
        let slice = u64::try_from(millis(promise.slice)).unwrap_or(0);
        let wanted = counts.all() - counts.maintenance;
        Self {
            span,
            counts,
            unknown_as_bad,
            availability: Decimal::share(counts.good, counts.good + bad),
            coverage: Decimal::share(counts.counted(), wanted),
            budget: promise.budget(),
            used: Duration::from_millis(bad.saturating_mul(slice)),
        }
    }

    /// What is left of the error budget, as a share of it; below zero if more was used than there was.
    #[expect(clippy::cast_precision_loss, reason = "a share to look at")]
    pub fn budget_remaining(&self) -> f64 {
        let (budget, used) = (self.budget.as_millis() as f64, self.used.as_millis() as f64);
        if self.budget.is_zero() {
            if self.used.is_zero() { 1.0 } else { 0.0 }
        } else {
            (budget - used) / budget
        }
    }

    /// The time that may still be bad; zero if there is none.
    pub fn budget_left(&self) -> Duration {
        self.budget.saturating_sub(self.used)
    }
}
