//! Measured values as they are drawn: as fine as they are kept, and as coarse as there is room for.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;

use crate::error::JournalError;
use crate::fold::{Fold, HOUR, Level, MINUTE, Watermarks, floor};
use crate::journal::cannot;
use crate::reader::{Reader, timestamp};

const DOING: &str = "read samples";
/// How much time a point may stand for, in seconds: what people like to read.
const WIDTHS: [i64; 22] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 172_800, 604_800, 2_592_000, 8_640_000,
];

/// A point of a curve: one sample, or all of a stretch of time taken together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// When the sample was taken, or when the stretch began.
    pub at: Timestamp,
    /// The smallest value.
    pub min: f64,
    /// The mean of all values.
    pub mean: f64,
    /// The largest value.
    pub max: f64,
    /// The value that came last.
    pub last: f64,
    /// How many values.
    pub count: u32,
}

/// A curve.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Curve {
    /// Its points, oldest first; where nothing was measured, there is none.
    pub points: Vec<Point>,
    /// How much time each point stands for; zero if each is one sample.
    pub resolution: Duration,
}

/// What a curve is drawn from, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Plan {
    source: Source,
    from: i64,
    until: i64,
    width: i64,
    /// Where the first stretch begins, if not at a multiple of its width.
    anchor: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Samples,
    Minutes,
    Hours,
}

impl Reader {
    /// The points of a curve from `from` until before `until`, at most `most_points`: see [`Reader::curve`].
    pub fn series(
        &self,
        subject: &str,
        field: &str,
        from: Timestamp,
        until: Timestamp,
        most_points: usize,
    ) -> Result<Vec<Point>, JournalError> {
        self.curve(subject, field, from, until, most_points).map(|curve| curve.points)
    }

    /// A curve in the finest resolution that is kept for all of that time and that fits in `most_points`.
    ///
    /// No value is left out: each is within the `min` and `max` of a point. A point at an end of the time may take in
    /// values from a little beyond it.
    pub fn curve(
        &self,
        subject: &str,
        field: &str,
        from: Timestamp,
        until: Timestamp,
        most_points: usize,
    ) -> Result<Curve, JournalError> {
        if !self.knows_samples() {
            return Ok(Curve::default());
        }
        // One look: between two, an agent may roll up what the first one missed.
        let look = self.connection().unchecked_transaction().map_err(cannot(DOING))?;
        let sql = "SELECT id FROM series WHERE subject = ? AND field = ?";
        let series: Option<i64> = look
            .query_row(sql, [subject, field], |row| row.get(0))
            .optional()
            .map_err(cannot(DOING))?;
        let Some(series) = series else { return Ok(Curve::default()) };
        let (from, until) = (from.as_millisecond(), until.as_millisecond());
        let marks = Watermarks::load(&look)?;
        let Some((first, last)) = extent(&look, series, from, until, &marks)? else {
            return Ok(Curve::default());
        };
        let most = i64::try_from(most_points.max(1)).unwrap_or(i64::MAX);
        draw(&look, series, &plan(first, last, &marks, most), &marks, most_points.max(1))
    }

    /// What was measured, as pairs of subject and field; `subject` stands for its parts as well, `None` for all.
    pub fn fields(&self, subject: Option<&str>) -> Result<Vec<(String, String)>, JournalError> {
        if !self.knows_samples() {
            return Ok(Vec::new());
        }
        let sql = "SELECT subject, field FROM series
                   WHERE ?1 IS NULL OR subject = ?1 OR (subject > ?1 || '/' AND subject < ?1 || '0')
                   ORDER BY subject, field";
        let doing = "read what was measured";
        let mut statement = self.connection().prepare_cached(sql).map_err(cannot(doing))?;
        let pairs = statement
            .query_map([subject], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(cannot(doing))?;
        pairs.collect::<Result<_, _>>().map_err(cannot(doing))
    }
}

/// The first and the last millisecond of the time asked for in which there is anything of the series.
fn extent(
    connection: &Connection,
    series: i64,
    from: i64,
    until: i64,
    marks: &Watermarks,
) -> Result<Option<(i64, i64)>, JournalError> {
    let ends = |level: Level| {
        let table = level.table();
        // Two searches of the index; both ends in one statement would be a walk.
        let sql = format!(
            "SELECT (SELECT min(at_ms) FROM {table} WHERE series = ?1 AND at_ms >= ?2 AND at_ms < ?3),
                    (SELECT max(at_ms) FROM {table} WHERE series = ?1 AND at_ms >= ?2 AND at_ms < ?3)"
        );
        let begin = floor(from, level.width());
        let found: (Option<i64>, Option<i64>) = connection
            .query_row(&sql, [series, begin, until], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(cannot(DOING))?;
        Ok::<_, JournalError>((found.0, found.1.map(|last| last.saturating_add(level.width() - 1))))
    };
    let fresh = |order: &str| {
        let sql = format!(
            "SELECT at_ms FROM samples WHERE at_ms >= ?1 AND at_ms < ?2 AND series = ?3
             ORDER BY at_ms {order} LIMIT 1"
        );
        let begin = from.max(marks.minutes_until.unwrap_or(i64::MIN));
        connection
            .query_row(&sql, [begin, until, series], |row| row.get::<_, i64>(0))
            .optional()
            .map_err(cannot(DOING))
    };
    let all = [ends(Level::Hours)?, ends(Level::Minutes)?, (fresh("ASC")?, fresh("DESC")?)];
    let first = all.iter().filter_map(|(first, _)| *first).min();
    let last = all.iter().filter_map(|(_, last)| *last).max();
    Ok(first.zip(last).map(|(first, last)| (first.max(from), last.min(until - 1))))
}

/// Chooses where to read from and how much time a point stands for.
fn plan(first: i64, last: i64, marks: &Watermarks, most: i64) -> Plan {
    let is_whole = |mark: Option<i64>| mark.is_none_or(|mark| first >= mark);
    let finest = if is_whole(marks.samples_from) {
        Source::Samples
    } else if is_whole(marks.minutes_from) {
        Source::Minutes
    } else {
        Source::Hours
    };
    let unit = match finest {
        Source::Samples => 1_000,
        Source::Minutes => MINUTE,
        Source::Hours => HOUR,
    };
    let fits = |width: &i64| {
        *width >= unit && floor(last, *width) / width - floor(first, *width) / width < most
    };
    let width = WIDTHS.map(|seconds| seconds * 1_000).into_iter().find(fits);
    // Where even the widest is not wide enough, all of it is one point.
    let anchor = width.is_none().then_some(first);
    let width = width.unwrap_or(i64::MAX);
    // Coarser than it is rolled up: what was rolled up says the same, and is read faster.
    let source = match width {
        HOUR.. => Source::Hours,
        MINUTE.. => finest.max(Source::Minutes),
        _ => finest,
    };
    Plan { source, from: first, until: last + 1, width, anchor }
}

/// Reads what is planned: rolled up as far as it is, and after that the samples themselves.
fn draw(
    connection: &Connection,
    series: i64,
    plan: &Plan,
    marks: &Watermarks,
    most_points: usize,
) -> Result<Curve, JournalError> {
    let minutes_until = marks.minutes_until.unwrap_or(i64::MIN);
    let mut hand = Hand { plan: *plan, open: None, points: Vec::new() };
    if plan.source == Source::Samples {
        let samples = samples(connection, series, plan.from, plan.until, most_points)?;
        if let Some(points) = samples {
            return Ok(Curve { points, resolution: Duration::ZERO });
        }
        hand.samples(connection, series, plan.from)?;
    } else {
        let mut minutes_from = floor(plan.from, MINUTE);
        if plan.source == Source::Hours {
            hand.folds(connection, series, Level::Hours, floor(plan.from, HOUR))?;
            minutes_from = minutes_from.max(marks.hours_until.unwrap_or(i64::MIN));
        }
        hand.folds(connection, series, Level::Minutes, minutes_from)?;
        hand.samples(connection, series, plan.from.max(minutes_until))?;
    }
    let width = match plan.anchor {
        Some(anchor) => plan.until - anchor,
        None => plan.width,
    };
    let resolution = Duration::from_millis(u64::try_from(width).unwrap_or_default());
    Ok(Curve { points: hand.finish()?, resolution })
}

/// The samples one by one, if there are no more than `most`.
fn samples(
    connection: &Connection,
    series: i64,
    from: i64,
    until: i64,
    most: usize,
) -> Result<Option<Vec<Point>>, JournalError> {
    let sql = "SELECT at_ms, value FROM samples WHERE at_ms >= ? AND at_ms < ? AND series = ? ORDER BY at_ms";
    let mut statement = connection.prepare_cached(sql).map_err(cannot(DOING))?;
    let mut rows = statement.query([from, until, series]).map_err(cannot(DOING))?;
    let mut points = Vec::new();
    while let Some(row) = rows.next().map_err(cannot(DOING))? {
        if points.len() == most {
            return Ok(None);
        }
        let read = || Ok((row.get(0)?, row.get(1)?));
        let (at, value) = read().map_err(cannot(DOING))?;
        points.push(point(at, &Fold::of(value))?);
    }
    Ok(Some(points))
}

fn point(at: i64, fold: &Fold) -> Result<Point, JournalError> {
    let Fold { count, min, max, sum, last } = *fold;
    // Rounding must not put the mean beyond what it is the mean of. Not `clamp`: a row that another program wrote may have its ends
    // the wrong way round.
    let mean = (sum / f64::from(count.max(1))).max(min).min(max);
    Ok(Point { at: timestamp(DOING, at)?, min, mean, max, last, count })
}

/// Draws points from what comes in the order of time.
struct Hand {
    plan: Plan,
    open: Option<(i64, Fold)>,
    points: Vec<Point>,
}

impl Hand {
    fn folds(
        &mut self,
        connection: &Connection,
        series: i64,
        level: Level,
        from: i64,
    ) -> Result<(), JournalError> {
        let table = level.table();
        let sql = format!(
            "SELECT at_ms, count, min, max, sum, last FROM {table}
             WHERE series = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms"
        );
        let mut statement = connection.prepare_cached(&sql).map_err(cannot(DOING))?;
        let mut rows = statement.query([series, from, self.plan.until]).map_err(cannot(DOING))?;
        while let Some(row) = rows.next().map_err(cannot(DOING))? {
            let read = || Ok((row.get(0)?, Fold::read(row, 1)?));
            let (at, fold) = read().map_err(cannot(DOING))?;
            self.add(at, &fold)?;
        }
        Ok(())
    }

    fn samples(
        &mut self,
        connection: &Connection,
        series: i64,
        from: i64,
    ) -> Result<(), JournalError> {
        let sql = "SELECT at_ms, value FROM samples
                   WHERE at_ms >= ? AND at_ms < ? AND series = ? ORDER BY at_ms";
        let mut statement = connection.prepare_cached(sql).map_err(cannot(DOING))?;
        let mut rows = statement.query([from, self.plan.until, series]).map_err(cannot(DOING))?;
        while let Some(row) = rows.next().map_err(cannot(DOING))? {
            let read = || Ok((row.get(0)?, row.get(1)?));
            let (at, value) = read().map_err(cannot(DOING))?;
            self.add(at, &Fold::of(value))?;
        }
        Ok(())
    }

    fn add(&mut self, at: i64, fold: &Fold) -> Result<(), JournalError> {
        let of = match self.plan.anchor {
            Some(anchor) => anchor,
            None => floor(at, self.plan.width),
        };
        match &mut self.open {
            Some((start, open)) if *start == of => open.add(fold),
            other => {
                if let Some((start, open)) = other.replace((of, *fold)) {
                    self.points.push(point(start, &open)?);
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Point>, JournalError> {
        if let Some((start, open)) = self.open {
            self.points.push(point(start, &open)?);
        }
        Ok(self.points)
    }
}
