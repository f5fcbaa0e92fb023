use std::time::Duration;

use super::decimal::Decimal;
use super::slice::millis;

/// What availability is promised, and how it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The share of the counted time that must be good, above 0 and below 1.
    pub objective: Decimal,
    /// The time it is a share of.
    pub window: Duration,
    /// The length of a slice.
    pub slice: Duration,
    /// The share of slices that may be unknown and be left out; unknown ones beyond it count as bad.
    pub exclude_unknown_up_to: Decimal,
    /// So many bad slices there must be in the longer window before a burn rate is told: at 30 s an hour has 120 slices, and
    /// two of them are 1.67 %, which is more than a 99.9 % promise allows before it pages.
    pub min_bad: u64,
}

impl Promise {
    /// The share of unknown slices that is left out unless settings say otherwise: 5 %.
    pub const EXCLUDE_UNKNOWN_UP_TO: Decimal = Decimal::thousandths(50);
    /// The least number of bad slices unless settings say otherwise.
    pub const MIN_BAD: u64 = 3;

    /// The share that may be bad: `1 - objective`.
    pub fn error_budget(&self) -> Decimal {
        Decimal::ONE - self.objective
    }

    /// The time that may be bad in a window: 43 min 12 s of 30 d at 99.9 %. To the millisecond, rounded down.
    pub fn budget(&self) -> Duration {
        let window = u64::try_from(millis(self.window)).unwrap_or(0);
        Duration::from_millis(self.error_budget().of(window))
    }

    /// Slices in a window; at least one.
    pub fn slices(&self) -> u64 {
        let slices = millis(self.window) / millis(self.slice).max(1);
        u64::try_from(slices).unwrap_or(0).max(1)
    }

    /// So many slices may be bad in a window, with the part of one that is left over: 86.4 of 30 s in 30 d at 99.9 %.
    pub fn allowed_slices(&self) -> Decimal {
        self.error_budget().times(self.slices())
    }

    /// How long after its end a slice is settled, but for a suspicion that lasts longer.
    pub fn settles_within(&self) -> Duration {
        self.slice.saturating_mul(3).saturating_add(Duration::from_mins(2))
    }

    /// The share of bad slices above which a budget burns `factor` times as fast as it may: 0.0144 for 14.4 at 99.9 %.
    pub fn threshold(&self, factor: Decimal) -> Decimal {
        self.error_budget() * factor
    }
}
