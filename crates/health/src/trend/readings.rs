use std::collections::VecDeque;
use std::time::Duration;

use evenkeel_moment::Moment;

use super::Direction;

/// A window is kept in so many points, whatever the number of readings.
const POINTS: u32 = 128;

/// The readings of one figure over a window, in bounded memory: 128 points, of each the lowest and the highest reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Readings {
    window: Duration,
    incarnation: Option<String>,
    points: VecDeque<Point>,
}

/// What was read within a 128th of the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// When it begins, at its first reading.
    pub(super) begun: Moment,
    /// Its last reading.
    pub(super) at: Moment,
    pub(super) low: (Moment, f64),
    pub(super) high: (Moment, f64),
}

impl Readings {
    /// None yet. A trend takes at least a quarter of `window`, and sixteen readings in that.
    pub const fn new(window: Duration) -> Self {
        Self { window, incarnation: None, points: VecDeque::new() }
    }

    /// How far back is looked at most.
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// Takes in one reading; `incarnation` tells what runs now from what ran before it was started anew, as far as that is
    /// known. If it changes, what was read before says nothing any more.
    ///
    /// What is no number is left out, and so is a reading from before the last one.
    pub fn record(&mut self, now: Moment, value: f64, incarnation: Option<&str>) {
        if let Some(incarnation) = incarnation
            && self.incarnation.as_deref() != Some(incarnation)
        {
            // What was read while nothing was known of it may have been of another one.
            self.clear();
            self.incarnation = Some(incarnation.to_owned());
        }
        if !value.is_finite() || self.points.back().is_some_and(|last| now < last.at) {
            return;
        }
        match self.points.back_mut() {
            Some(last) if now.saturating_since(last.begun) < self.window / POINTS => {
                last.at = now;
                if value < last.low.1 {
                    last.low = (now, value);
                }
                if value > last.high.1 {
                    last.high = (now, value);
                }
            }
            _ => {
                let reading = (now, value);
                self.points.push_back(Point { begun: now, at: now, low: reading, high: reading });
            }
        }
        while self.points.front().is_some_and(|first| now.saturating_since(first.at) > self.window)
        {
            self.points.pop_front();
        }
    }

    /// Forgets all of them, such as after an action that changed the target.
    pub fn clear(&mut self) {
        self.points.clear();
    }

    pub(super) fn points(&self) -> impl Iterator<Item = &Point> {
        self.points.iter()
    }
}

impl Point {
    /// As a point of a figure that rises.
    pub(super) fn upward(self, direction: Direction) -> Self {
        match direction {
            Direction::Rising => self,
            Direction::Falling => {
                Self { low: (self.high.0, -self.high.1), high: (self.low.0, -self.low.1), ..self }
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the very same figures are meant")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_started_anew_starts_anew() {
        let mut readings = Readings::new(Duration::from_secs(128));
        let at = |second| Moment::since_origin(Duration::from_secs(second));
        readings.record(at(1), 5.0, None);
        readings.record(at(2), 6.0, Some("7-100"));
        readings.record(at(3), 7.0, Some("7-100"));
        // A look that does not know is no other one.
        readings.record(at(4), 8.0, None);
        assert_eq!(readings.points().count(), 3);
        readings.record(at(5), 1.0, Some("7-900"));
        assert_eq!(readings.points().count(), 1);
    }

    proptest! {
        #[test]
        fn memory_is_bounded_and_the_extremes_are_kept(
            readings in prop::collection::vec((0..5_000_u64, -1e9..1e9_f64), 1..2_000),
            window in 1..100_000_u64,
        ) {
            let window = Duration::from_millis(window);
            let mut kept = Readings::new(window);
            let (mut now, mut all) = (Moment::ORIGIN, Vec::new());
            for (wait, value) in readings {
                now = now + Duration::from_millis(wait);
                kept.record(now, value, None);
                all.push((now, value));
            }
            prop_assert!(kept.points().count() <= POINTS as usize + 1);
            let since = kept.points().next().unwrap().begun;
            let inside = || all.iter().filter(|(at, _)| *at >= since).map(|(_, value)| *value);
            let lowest = kept.points().map(|point| point.low.1).fold(f64::MAX, f64::min);
            let highest = kept.points().map(|point| point.high.1).fold(f64::MIN, f64::max);
            prop_assert_eq!(lowest, inside().fold(f64::MAX, f64::min));
            prop_assert_eq!(highest, inside().fold(f64::MIN, f64::max));
        }

        #[test]
        fn what_is_no_number_or_of_an_earlier_moment_changes_nothing(back in 1..100_u64, bits: u64) {
            let mut readings = Readings::new(Duration::from_secs(10));
            let now = Moment::since_origin(Duration::from_secs(100));
            readings.record(now, 1.0, None);
            let before = readings.clone();
            readings.record(Moment::since_origin(Duration::from_secs(100 - back)), 5.0, None);
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                readings.record(now, value, None);
            }
            prop_assert_eq!(&readings, &before);
            readings.record(now, f64::from_bits(bits), None);
            prop_assert!(readings.points().count() <= 2);
        }
    }
}
