use std::time::Duration;

use jiff::Timestamp;

use super::account::Account;
use super::decimal::Decimal;
use crate::labels::BurnWindow;

/// Tells of a budget that is spent too fast: both windows must burn faster than `factor`, the longer one because it matters,
/// the shorter one because it still goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BurnRule {
    /// `critical` for what must wake somebody, `warning` for what must be seen to.
    pub severity: &'static str,
    /// The longer window.
    pub long: BurnWindow,
    /// The shorter one, a twelfth of it.
    pub short: BurnWindow,
    /// How many times as fast as the promise allows.
    pub factor: Decimal,
}

/// Table 5-8 of the Site Reliability Workbook, and the third row, which sloth adds.
pub const BURN_RULES: [BurnRule; 4] = [
    BurnRule {
        severity: "critical",
        long: BurnWindow::Hour,
        short: BurnWindow::FiveMinutes,
        factor: Decimal::thousandths(14_400),
    },
    BurnRule {
        severity: "critical",
        long: BurnWindow::SixHours,
        short: BurnWindow::HalfHour,
        factor: Decimal::thousandths(6_000),
    },
    BurnRule {
        severity: "warning",
        long: BurnWindow::Day,
        short: BurnWindow::TwoHours,
        factor: Decimal::thousandths(3_000),
    },
    BurnRule {
        severity: "warning",
        long: BurnWindow::ThreeDays,
        short: BurnWindow::SixHours,
        factor: Decimal::thousandths(1_000),
    },
];

/// How a budget was spent over one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burn {
    /// Bad slices.
    pub bad: u64,
    /// Good and bad ones.
    pub counted: u64,
    /// The share that may be bad.
    pub error_budget: Decimal,
}

impl BurnWindow {
    /// Its length.
    pub const fn length(self) -> Duration {
        match self {
            Self::FiveMinutes => Duration::from_mins(5),
            Self::HalfHour => Duration::from_mins(30),
            Self::Hour => Duration::from_hours(1),
            Self::TwoHours => Duration::from_hours(2),
            Self::SixHours => Duration::from_hours(6),
            Self::Day => Duration::from_hours(24),
            Self::ThreeDays => Duration::from_hours(72),
        }
    }
}

impl BurnRule {
    /// The share of the budget of `window` that is used when the longer window has burnt that fast: 2 % of 30 d for the first.
    pub fn budget_used(&self, window: Duration) -> Option<Decimal> {
        let seconds = self.factor.of(self.long.length().as_secs() * 1000);
        Decimal::share(seconds, window.as_secs() * 1000)
    }

    /// Whether it tells of this account.
    pub fn burns(&self, account: &Account, now: Timestamp, settles_within: Duration) -> bool {
        let burn = |window: BurnWindow| account.burn(window, now, settles_within);
        let (long, short) = (burn(self.long), burn(self.short));
        long.bad >= account.promise().min_bad
            && long.is_faster_than(self.factor)
            && short.is_faster_than(self.factor)
    }
}

impl Burn {
    /// How many times as fast as the promise allows; 1 uses the budget up just when its window ends. `None`: nothing counts.
    #[expect(clippy::cast_precision_loss, reason = "a rate to look at; what decides is exact")]
    pub fn rate(&self) -> Option<f64> {
        let ratio = (self.counted > 0).then(|| self.bad as f64 / self.counted as f64)?;
        Some(ratio / self.error_budget.to_f64())
    }

    /// Whether strictly more slices were bad than `factor` times what is allowed. Exact.
    pub fn is_faster_than(&self, factor: Decimal) -> bool {
        let allowed = self.error_budget * factor;
        Decimal::share(self.bad, self.counted).is_some_and(|ratio| {
            // Rounding down could make a share equal to what it is more than.
            ratio > allowed || (ratio == allowed && ratio.of(self.counted) < self.bad)
        })
    }

    /// How long a budget of which the share `left` is left lasts at this rate, `window` being what it is a budget of; `None`
    /// where nothing burns, or nothing is left.
    pub fn exhausts_in(&self, left: f64, window: Duration) -> Option<Duration> {
        let rate = self.rate().filter(|rate| *rate > 0.0)?;
        let seconds = left * window.as_secs_f64() / rate;
        (left > 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }
}

impl Account {
    /// How fast the budget was spent over `window`: the share of bad slices among those that count, by what is allowed.
    pub fn burn(&self, window: BurnWindow, now: Timestamp, settles_within: Duration) -> Burn {
        let counts = self.counts(window.length(), now, settles_within);
        let error_budget = self.promise().error_budget();
        Burn { bad: counts.bad, counted: counts.counted(), error_budget }
    }
}
