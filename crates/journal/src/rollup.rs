//! What measured values become with time: minutes, then hours, then nothing.
//!
//! All samples before `minutes_until` are in `minutes`, all minutes before `hours_until` are in `hours`, each exactly
//! once: a roll-up and its watermark are one transaction, and what is written before a watermark later on goes to both.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;

use crate::error::JournalError;
use crate::fold::{Fold, HOUR, Level, MINUTE, Watermarks, floor};
use crate::journal::{Journal, cannot};

/// How long each kind is kept.
pub(crate) const SAMPLES_STAY: SignedDuration = SignedDuration::from_hours(24);
pub(crate) const MINUTES_STAY: SignedDuration = SignedDuration::from_hours(14 * 24);
pub(crate) const HOURS_STAY: SignedDuration = SignedDuration::from_hours(400 * 24);
/// Samples that are rolled up, or deleted, at a time: whoever waits for the journal meanwhile does not wait for long.
const PORTION: u32 = 10_000;

const DOING: &str = "roll up samples";

/// What a roll-up did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RolledUp {
    /// Samples that are in minutes now.
    pub samples: u64,
    /// Minutes that are in hours now.
    pub minutes: u64,
    /// Samples, minutes and hours that were over their age.
    pub deleted: u64,
    /// Whether there is more to do.
    pub goes_on: bool,
}

impl Journal {
    /// Rolls up all samples whose minute is over at `now`, all minutes whose hour is, and forgets what is over its age:
    /// samples of 24 hours, minutes of 14 days, hours of 400 days.
    ///
    /// Ended at any point, and done again, it counts nothing twice. If it fails, what it did by then is done.
    pub fn roll_up(&mut self, now: Timestamp) -> Result<RolledUp, JournalError> {
        let mut all = RolledUp::default();
        loop {
            let some = self.roll_up_some(now)?;
            all.samples += some.samples;
            all.minutes += some.minutes;
            all.deleted += some.deleted;
            if !some.goes_on {
                return Ok(all);
            }
        }
    }

    /// As [`Journal::roll_up`], but at most a portion of it, in one transaction: for whoever has others to serve meanwhile.
    pub fn roll_up_some(&mut self, now: Timestamp) -> Result<RolledUp, JournalError> {
        let rolled = self.atomically(DOING, |journal| {
            let connection = &journal.connection;
            let before = Watermarks::load(connection)?;
            let now = now.as_millisecond();
            let mut marks = before.not_after(now);
            let mut rolled = RolledUp::default();
            fold_samples(connection, now, &mut marks, &mut rolled)?;
            fold_minutes(connection, &mut marks, &mut rolled)?;
            forget_samples(connection, now, &mut marks, &mut rolled)?;
            forget_folds(connection, now, &mut marks, &mut rolled)?;
            marks.save(connection, &before)?;
            Ok(rolled)
        })?;
        if rolled.deleted > 0 {
            self.series.clear();
        }
        Ok(rolled)
    }
}

/// Rolls up the samples of whole minutes, a portion of them, in the order of time: what is held in memory is one minute.
fn fold_samples(
    connection: &Connection,
    now: i64,
    marks: &mut Watermarks,
    rolled: &mut RolledUp,
) -> Result<(), JournalError> {
    // One minute behind, so that what is still on its way is rarely late.
    let until = floor(now, MINUTE) - MINUTE;
    let from = marks.minutes_until.unwrap_or(i64::MIN);
    let sql = "SELECT at_ms, series, value FROM samples WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms, series";
    let mut statement = connection.prepare_cached(sql).map_err(cannot(DOING))?;
    let mut rows = statement.query([from, until]).map_err(cannot(DOING))?;
    let mut minute = None;
    let mut folds = BTreeMap::<i64, Fold>::new();
    while let Some(row) = rows.next().map_err(cannot(DOING))? {
        let read = || Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?));
        let (at, series, value) = read().map_err(cannot(DOING))?;
        let of = floor(at, MINUTE);
        if let Some(whole) = minute.filter(|whole| *whole != of) {
            write_minute(connection, whole, &mut folds)?;
            if rolled.samples >= u64::from(PORTION) {
                marks.minutes_until = Some(of);
                rolled.goes_on = true;
                return Ok(());
            }
        }
        minute = Some(of);
        folds
            .entry(series)
            .and_modify(|fold| fold.add(&Fold::of(value)))
            .or_insert_with(|| Fold::of(value));
        rolled.samples += 1;
    }
    if let Some(whole) = minute {
        write_minute(connection, whole, &mut folds)?;
    }
    marks.minutes_until = Some(from.max(until));
    Ok(())
}

fn write_minute(
    connection: &Connection,
    at: i64,
    folds: &mut BTreeMap<i64, Fold>,
) -> Result<(), JournalError> {
    for (series, fold) in std::mem::take(folds) {
        Level::Minutes.add(connection, series, at, &fold)?;
    }
    Ok(())
}

/// Rolls up the minutes of whole hours.
fn fold_minutes(
    connection: &Connection,
    marks: &mut Watermarks,
    rolled: &mut RolledUp,
) -> Result<(), JournalError> {
    let Some(until) = marks.minutes_until.map(|until| floor(until, HOUR)) else { return Ok(()) };
    let from = marks.hours_until.unwrap_or(i64::MIN);
    if from >= until {
        return Ok(());
    }
    let sql = "SELECT at_ms, count, min, max, sum, last FROM minutes
               WHERE series = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms";
    let mut statement = connection.prepare_cached(sql).map_err(cannot(DOING))?;
    for series in all_series(connection)? {
        let mut rows = statement.query([series, from, until]).map_err(cannot(DOING))?;
        let mut hour: Option<(i64, Fold)> = None;
        while let Some(row) = rows.next().map_err(cannot(DOING))? {
            let read = || Ok((row.get::<_, i64>(0)?, Fold::read(row, 1)?));
            let (at, minute) = read().map_err(cannot(DOING))?;
            rolled.minutes += 1;
            let of = floor(at, HOUR);
            match &mut hour {
                Some((hour, fold)) if *hour == of => fold.add(&minute),
                other => {
                    if let Some((whole, fold)) = other.replace((of, minute)) {
                        Level::Hours.add(connection, series, whole, &fold)?;
                    }
                }
            }
        }
        if let Some((whole, fold)) = hour {
            Level::Hours.add(connection, series, whole, &fold)?;
        }
    }
    marks.hours_until = Some(until);
    Ok(())
}

fn all_series(connection: &Connection) -> Result<Vec<i64>, JournalError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM series ORDER BY id").map_err(cannot(DOING))?;
    let ids = statement.query_map([], |row| row.get(0)).map_err(cannot(DOING))?;
    ids.collect::<Result<_, _>>().map_err(cannot(DOING))
}

/// Forgets samples over their age, a portion of them.
fn forget_samples(
    connection: &Connection,
    now: i64,
    marks: &mut Watermarks,
    rolled: &mut RolledUp,
) -> Result<(), JournalError> {
    let oldest = now.saturating_sub(millis(SAMPLES_STAY));
    let deleted = delete_samples(connection, oldest, marks)?;
    rolled.deleted += deleted as u64;
    rolled.goes_on |= deleted >= PORTION as usize;
    Ok(())
}

/// Deletes samples before `before`, at most about a portion of them, and none that is not rolled up.
pub(crate) fn delete_samples(
    connection: &Connection,
    before: i64,
    marks: &mut Watermarks,
) -> Result<usize, JournalError> {
    let Some(rolled_up) = marks.minutes_until else { return Ok(0) };
    let nth = "SELECT at_ms + 1 FROM samples ORDER BY at_ms LIMIT 1 OFFSET ?";
    let portion: Option<i64> = connection
        .prepare_cached(nth)
        .and_then(|mut statement| statement.query_row([PORTION], |row| row.get(0)).optional())
        .map_err(cannot(DOING))?;
    let cut = before.min(rolled_up).min(portion.unwrap_or(i64::MAX));
    let deleted = connection
        .prepare_cached("DELETE FROM samples WHERE at_ms < ?")
        .and_then(|mut statement| statement.execute([cut]))
        .map_err(cannot(DOING))?;
    if deleted > 0 {
        marks.samples_from = marks.samples_from.max(Some(cut));
    }
    Ok(deleted)
}

/// Forgets minutes and hours over their age, an hour's worth and more at a time, and series of which nothing is left.
fn forget_folds(
    connection: &Connection,
    now: i64,
    marks: &mut Watermarks,
    rolled: &mut RolledUp,
) -> Result<(), JournalError> {
    let before = |stay| floor(now.saturating_sub(millis(stay)), HOUR);
    let minutes = delete_folds(connection, Level::Minutes, before(MINUTES_STAY), marks)?;
    let hours = delete_folds(connection, Level::Hours, before(HOURS_STAY), marks)?;
    if minutes + hours > 0 {
        // All samples before the mark are in minutes, so only those after it say that a series is alive.
        let sql =
            "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM hours WHERE series = series.id)
                   AND NOT EXISTS (SELECT 1 FROM minutes WHERE series = series.id)
                   AND id NOT IN (SELECT series FROM samples WHERE at_ms >= ?)";
        connection
            .execute(sql, [marks.minutes_until.unwrap_or(i64::MIN)])
            .map_err(cannot(DOING))?;
    }
    rolled.deleted += (minutes + hours) as u64;
    Ok(())
}

/// Deletes minutes or hours before `before`; of minutes none that is not rolled up.
pub(crate) fn delete_folds(
    connection: &Connection,
    level: Level,
    before: i64,
    marks: &mut Watermarks,
) -> Result<usize, JournalError> {
    let (mark, cut) = match level {
        Level::Minutes => {
            (&mut marks.minutes_from, before.min(marks.hours_until.unwrap_or(i64::MIN)))
        }
        Level::Hours => (&mut marks.hours_from, before),
    };
    // Each series is looked at for it, so not before there is an hour to go.
    if mark.is_some_and(|mark| cut <= mark) {
        return Ok(0);
    }
    let sql = format!("DELETE FROM {} WHERE series = ? AND at_ms < ?", level.table());
    let mut statement = connection.prepare_cached(&sql).map_err(cannot(DOING))?;
    let mut deleted = 0;
    for series in all_series(connection)? {
        deleted += statement.execute([series, cut]).map_err(cannot(DOING))?;
    }
    *mark = Some(cut);
    Ok(deleted)
}

fn millis(age: SignedDuration) -> i64 {
    i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
}
