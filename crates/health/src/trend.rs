//! Whether a figure keeps on rising, or falling, and when it reaches a limit if it goes on so.

mod forecast;
mod readings;
mod slope;

use std::time::Duration;

use evenkeel_moment::Moment;

pub use self::forecast::{Forecast, Outlook};
use self::readings::Point;
pub use self::readings::Readings;
use self::slope::{Slope, median, theil_sen};

/// A stretch is looked at in so many parts of equal length. That the floors of all of them are in order by chance has a
/// probability of one in 8! = 40,320.
const PARTS: usize = 8;
/// In each of them there must be so many points.
const LEAST_IN_PART: usize = 2;
/// From one part to the next the floor must rise by at least this share of what it rises on average: what has come to rest
/// is no trend any more.
const LEAST_RISE_RATIO: f64 = 0.25;
/// No single rise may be more than this share of all of them together: a step is no trend.
const LARGEST_RISE_RATIO: f64 = 0.5;
/// The whole rise must be so many times the median distance of the readings from it: what merely wanders, such as noise that
/// remembers, strays further.
const LEAST_RISE_TO_NOISE: f64 = 6.0;

/// Which way a figure goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Up, as memory that leaks.
    Rising,
    /// Down, as space that is left.
    Falling,
}

/// A figure that keeps on rising or falling, as far as its readings show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Its change in units a second; never zero, below zero if it falls.
    pub per_second: f64,
    /// The flattest slope that the readings leave open, with 99 % confidence; of the same sign.
    pub low: f64,
    /// The steepest, likewise.
    pub high: f64,
    /// The last reading; the levels are of that moment.
    pub as_of: Moment,
    /// How long it has been seen to go on.
    pub seen_for: Duration,
    /// Where it is, by its floor.
    pub level: f64,
    /// Where its swings are, such as those of a garbage collector: they meet a limit first.
    pub crest: f64,
    /// Where it comes to rest, if it clearly slows down, as a cache that fills.
    pub plateau: Option<f64>,
}

/// When a limit is reached if the trend goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    /// By the steepest slope that the readings leave open.
    pub earliest: Moment,
    /// By the slope itself, with the swings as they are.
    pub likely: Moment,
    /// By the flattest slope, and without the swings.
    pub latest: Moment,
}

impl Direction {
    /// A figure that goes this way, as one that rises; and back.
    fn upward(self, value: f64) -> f64 {
        match self {
            Self::Rising => value,
            Self::Falling => -value,
        }
    }
}

impl Trend {
    /// When it reaches `limit`, at once if it is there or beyond; `None` if it comes to rest before, or takes centuries.
    pub fn reaches(&self, limit: f64) -> Option<Eta> {
        const NEVER: Moment = Moment::from_nanos(u64::MAX);
        let direction = if self.per_second < 0.0 { Direction::Falling } else { Direction::Rising };
        let upward = |value| direction.upward(value);
        let after = |from: f64, per_second: f64| {
            let seconds = (upward(limit) - upward(from)) / upward(per_second);
            // What is no number lies at no moment.
            let wait = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
            if seconds.is_nan() { NEVER } else { self.as_of + wait }
        };
        let likely = after(self.crest, self.per_second);
        let rests = self.plateau.is_some_and(|plateau| upward(plateau) < upward(limit));
        (likely < NEVER && !rests).then(|| Eta {
            earliest: after(self.crest, self.high).min(likely),
            likely,
            latest: after(self.level, self.low).max(likely),
        })
    }
}

impl Readings {
    /// The trend in this direction; `None` if the readings are too few, of too short a time, or show none.
    ///
    /// Looked at are the whole window, its latter half and its last quarter, so that what began not long ago is seen too; the
    /// longest that shows a trend counts. A stretch shows one if
    /// - the floors of its eight parts rise from each to the next, by no less than a quarter of the average and no more than
    ///   half of the whole: swings are seen through as long as they come back to the bottom within a part, and neither a
    ///   step nor what comes to rest is a trend;
    /// - the slope (Theil-Sen) is above zero in all of it and in its latter half, with 99 % confidence each (Sen).
    ///
    /// The whole rise must be six times the median distance of the readings from the line, or more.
    /// Nothing shorter than a quarter of the window is ever looked at.
    pub fn trend(&self, direction: Direction) -> Option<Trend> {
        let points: Vec<_> = self.points().map(|point| point.upward(direction)).collect();
        let (oldest, last) = (points.first()?.begun, points.last()?.at);
        let shortest = self.window() / 4;
        let begins = [4, 2, 1].map(|quarters| last.before(shortest * quarters).max(oldest));
        let mut trend = None;
        for (index, begin) in begins.into_iter().enumerate() {
            let looked_at = index > 0 && begin == begins[index - 1];
            let long_enough = last.saturating_since(begin) >= shortest;
            if trend.is_none() && long_enough && !looked_at {
                let start = points.partition_point(|point| point.at < begin);
                trend = stretch(&points[start..], begin, last);
            }
        }
        trend.map(|trend| Trend {
            per_second: direction.upward(trend.per_second),
            low: direction.upward(trend.low),
            high: direction.upward(trend.high),
            level: direction.upward(trend.level),
            crest: direction.upward(trend.crest),
            plateau: trend.plateau.map(|plateau| direction.upward(plateau)),
            ..trend
        })
    }
}

/// The trend of all these points, if they rise.
fn stretch(points: &[Point], begin: Moment, end: Moment) -> Option<Trend> {
    let parts = parts(points, begin, end)?;
    if !rises(&parts) {
        return None;
    }
    let seconds = |at: Moment| -end.saturating_since(at).as_secs_f64();
    let floors: Vec<_> = points.iter().map(|point| (seconds(point.low.0), point.low.1)).collect();
    let earlier = parts[..PARTS / 2].iter().map(|part| part.len()).sum::<usize>();
    let (earlier, latter) = floors.split_at(earlier);
    let (all, early, late) = (theil_sen(&floors)?, theil_sen(earlier)?, theil_sen(latter)?);
    let Slope { low, mid, high } = Slope {
        low: all.low.min(late.low),
        // All readings together tell the slope best, unless the later ones tell another.
        mid: if (late.low..=late.high).contains(&all.mid) { all.mid } else { late.mid },
        high: all.high.max(late.high),
    };
    if low <= 0.0 || !high.is_finite() {
        return None;
    }
    let seen_for = end.saturating_since(begin);
    let rise = mid * seen_for.as_secs_f64();
    if rise < LEAST_RISE_TO_NOISE * distance(&floors, all.mid)? {
        return None;
    }
    let level = median(latter.iter().map(|(time, value)| value - mid * time).collect())?;
    let mut above: Vec<_> = parts[PARTS - 2..]
        .iter()
        .flat_map(|part| part.iter())
        .map(|point| point.high.1 - mid * seconds(point.high.0))
        .collect();
    above.sort_by(f64::total_cmp);
    // The highest of all may be an outlier.
    let crest = above.iter().rev().nth(1).copied()?.max(level);
    let plateau = rest(early, late, seen_for / 2).map(|ahead| crest + ahead);
    Some(Trend { per_second: mid, low, high, as_of: end, seen_for, level, crest, plateau })
}

/// The median distance of points from their line of this slope.
fn distance(points: &[(f64, f64)], per_second: f64) -> Option<f64> {
    let level = |(time, value): &(f64, f64)| value - per_second * time;
    let middle = median(points.iter().map(level).collect())?;
    median(points.iter().map(|point| (level(point) - middle).abs()).collect())
}

/// How much is still ahead of what clearly slows down: as if each half of the stretch brought the same share of the half
/// before. A quarter more than that, since it is an estimate.
fn rest(early: Slope, late: Slope, half: Duration) -> Option<f64> {
    let share = late.mid / early.mid;
    let slows = late.high < early.low && late.mid > 0.0;
    slows.then(|| 1.25 * late.mid * half.as_secs_f64() * share / (1.0 - share))
}

/// The points of each part; `None` if one has too few.
fn parts(points: &[Point], begin: Moment, end: Moment) -> Option<[&[Point]; PARTS]> {
    let span = end.saturating_since(begin).as_nanos();
    let mut parts = [points; PARTS];
    let mut rest = points;
    for (part, number) in parts.iter_mut().zip(1_u128..) {
        let is_within = |point: &Point| {
            let place = point.at.saturating_since(begin).as_nanos() * PARTS as u128;
            place < span * number || number == PARTS as u128
        };
        let (these, others) = rest.split_at(rest.partition_point(is_within));
        if these.len() < LEAST_IN_PART {
            return None;
        }
        (*part, rest) = (these, others);
    }
    Some(parts)
}

/// Whether the floor of each part lies above that of the part before, as it does in a trend.
fn rises(parts: &[&[Point]; PARTS]) -> bool {
    let floors = parts.map(floor);
    let whole = floors[PARTS - 1] - floors[0];
    #[expect(clippy::cast_precision_loss, reason = "eight")]
    let average = whole / (PARTS - 1) as f64;
    whole > 0.0
        && floors.windows(2).all(|pair| {
            let rise = pair[1] - pair[0];
            rise >= LEAST_RISE_RATIO * average && rise <= LARGEST_RISE_RATIO * whole
        })
}

/// The lowest that was read in a part; where there are enough, the second lowest, since the lowest may be an outlier.
fn floor(points: &[Point]) -> f64 {
    let (mut lowest, mut second) = (f64::INFINITY, f64::INFINITY);
    for point in points {
        if point.low.1 < lowest {
            (lowest, second) = (point.low.1, lowest);
        } else {
            second = second.min(point.low.1);
        }
    }
    if points.len() < 2 * LEAST_IN_PART { lowest } else { second }
}

#[cfg(test)]
mod tests;
