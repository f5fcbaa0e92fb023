use std::time::Duration;

use evenkeel_moment::Moment;

use super::{Direction, Eta, Readings, Trend};

/// Whether a figure will reach a limit within some time, as `reaches = "300MB", within = "2h"` asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    limit: f64,
    within: Duration,
    direction: Direction,
    readings: Readings,
}

/// A trend is believed for so many times as long as it has been seen to go on.
const BELIEVED_TIMES: u32 = 2;

/// What the readings so far say of the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outlook {
    /// The last reading is at the limit, or beyond.
    Reached,
    /// By a trend the limit is likely reached within the time that was asked for, and not further ahead than the trend is
    /// believed: twice as long as it has been seen.
    Soon(Trend, Eta),
    /// There is a trend, and by it the limit is likely reached later than that.
    Later(Trend, Eta),
    /// There is no trend.
    Steady,
}

impl Forecast {
    /// No reading yet. It looks back as far as it looks ahead: `within`.
    pub const fn new(limit: f64, within: Duration, direction: Direction) -> Self {
        Self { limit, within, direction, readings: Readings::new(within) }
    }

    /// Takes in one reading, as [`Readings::record`], and says what follows. What is no number says nothing.
    pub fn observe(&mut self, now: Moment, value: f64, incarnation: Option<&str>) -> Outlook {
        self.readings.record(now, value, incarnation);
        if self.direction.upward(value) >= self.direction.upward(self.limit) {
            return Outlook::Reached;
        }
        let trend = self.readings.trend(self.direction);
        match trend.and_then(|trend| Some((trend, trend.reaches(self.limit)?))) {
            None => Outlook::Steady,
            Some((trend, eta)) => {
                let believed = trend.seen_for * BELIEVED_TIMES;
                let soon = eta.likely <= now + self.within.min(believed);
                if soon { Outlook::Soon(trend, eta) } else { Outlook::Later(trend, eta) }
            }
        }
    }

    /// Forgets the readings, such as after an action that changed the target.
    pub fn clear(&mut self) {
        self.readings.clear();
    }

    /// The limit.
    pub const fn limit(&self) -> f64 {
        self.limit
    }
}

impl Outlook {
    /// Whether this is what was asked for.
    pub const fn is_breach(&self) -> bool {
        matches!(self, Self::Reached | Self::Soon(..))
    }

    /// When the limit is reached by the trend.
    pub const fn eta(&self) -> Option<Eta> {
        match self {
            Self::Soon(_, eta) | Self::Later(_, eta) => Some(*eta),
            Self::Reached | Self::Steady => None,
        }
    }
}
