//! Measured values: written as they come, each in a series that its subject and field name.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use crate::error::JournalError;
use crate::fold::{Level, Watermarks};
use crate::journal::{Journal, cannot};

/// Series that are kept at a time; a value of one more is left out. What is measured is named by what runs on the host,
/// and must not let the history grow without limit.
pub const MOST_SERIES: u32 = 20_000;
/// Bytes of a subject, and of a field; a value with a longer name is left out.
pub const LONGEST_NAME: usize = 512;
/// The largest amount, so that no sum of them is too large for a number.
pub const LARGEST: f64 = 1e300;

/// A value that was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'a> {
    /// The check, or `check/part`.
    pub subject: &'a str,
    /// What was measured, with its unit, such as `latency_ms`.
    pub field: &'a str,
    /// When; kept to the millisecond.
    pub at: Timestamp,
    /// How much.
    pub value: f64,
}

/// The numbers of the series that were written to, so that a sample costs one write and no look.
#[derive(Debug, Default)]
pub(crate) struct SeriesIds(HashMap<String, HashMap<String, i64>>);

impl SeriesIds {
    fn get(&self, subject: &str, field: &str) -> Option<i64> {
        self.0.get(subject)?.get(field).copied()
    }

    /// To be called where series may have gone, or were not written after all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Journal {
    /// Writes samples, all of them or, if it fails, none; gives how many were taken.
    ///
    /// Left out is what is no number within [`LARGEST`], what has a name above [`LONGEST_NAME`], what would begin a series beyond
    /// [`MOST_SERIES`], and a second value of a series in the same millisecond: so writing the same samples twice is
    /// writing them once.
    pub fn observe(&mut self, samples: &[Sample<'_>]) -> Result<usize, JournalError> {
        self.atomically("write samples", |journal| journal.insert_samples(samples))
    }

    fn insert_samples(&mut self, samples: &[Sample<'_>]) -> Result<usize, JournalError> {
        let doing = "write samples";
        let marks = Watermarks::load(&self.connection)?;
        let mut taken = 0;
        for sample in samples {
            let fits = sample.subject.len().max(sample.field.len()) <= LONGEST_NAME;
            // No number, too, is not within it.
            if !(fits && sample.value.abs() <= LARGEST) {
                continue;
            }
            let Some(series) = self.series_id(sample.subject, sample.field)? else { continue };
            let at = sample.at.as_millisecond();
            let sql = "INSERT OR IGNORE INTO samples (at_ms, series, value) VALUES (?, ?, ?)";
            let inserted = self
                .connection
                .prepare_cached(sql)
                .and_then(|mut statement| statement.execute(params![at, series, sample.value]))
                .map_err(cannot(doing))?;
            if inserted == 0 {
                continue;
            }
            taken += 1;
            // What is rolled up is not looked at again: a sample of that time, as after a clock set back, goes there too.
            if marks.minutes_until.is_some_and(|until| at < until) {
                Level::Minutes.add_one(&self.connection, series, at, sample.value)?;
            }
            if marks.hours_until.is_some_and(|until| at < until) {
                Level::Hours.add_one(&self.connection, series, at, sample.value)?;
            }
        }
        Ok(taken)
    }

    /// The number of a series, new if it is not known; `None` if there are too many.
    fn series_id(&mut self, subject: &str, field: &str) -> Result<Option<i64>, JournalError> {
        let doing = "look for a series";
        if let Some(id) = self.series.get(subject, field) {
            return Ok(Some(id));
        }
        let sql = "SELECT id FROM series WHERE subject = ? AND field = ?";
        let known = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.query_row([subject, field], |row| row.get(0)).optional()
            })
            .map_err(cannot(doing))?;
        let id: i64 = match known {
            Some(id) => id,
            None => {
                let count: u32 = self
                    .connection
                    .prepare_cached("SELECT count(*) FROM series")
                    .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
                    .map_err(cannot(doing))?;
                if count >= MOST_SERIES {
                    return Ok(None);
                }
                let sql = "INSERT INTO series (subject, field) VALUES (?, ?)";
                self.insert("begin a series", sql, [subject, field])?
            }
        };
        self.series.0.entry(subject.to_owned()).or_default().insert(field.to_owned(), id);
        Ok(Some(id))
    }
}
