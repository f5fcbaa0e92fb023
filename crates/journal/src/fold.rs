//! What is rolled up, and how far.

use rusqlite::{Connection, params};

use crate::error::JournalError;
use crate::journal::cannot;

pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;

const DOING: &str = "roll up samples";

/// How far things were rolled up, and from where on they are whole, in milliseconds; `None`: not yet, and from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Watermarks {
    pub(crate) minutes_until: Option<i64>,
    pub(crate) hours_until: Option<i64>,
    pub(crate) samples_from: Option<i64>,
    pub(crate) minutes_from: Option<i64>,
    pub(crate) hours_from: Option<i64>,
}

/// Values of a stretch of time, taken together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fold {
    pub(crate) count: u32,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) sum: f64,
    pub(crate) last: f64,
}

/// A table of folds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Level {
    Minutes,
    Hours,
}

impl Watermarks {
    const NAMES: [&str; 5] =
        ["minutes_until", "hours_until", "samples_from", "minutes_from", "hours_from"];

    pub(crate) fn load(connection: &Connection) -> Result<Self, JournalError> {
        let failed = cannot("read how far samples were rolled up");
        let mut statement =
            connection.prepare_cached("SELECT name, at_ms FROM watermarks").map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        let mut marks = [None; 5];
        while let Some(row) = rows.next().map_err(&failed)? {
            let name: String = row.get(0).map_err(&failed)?;
            if let Some(place) = Self::NAMES.iter().position(|known| *known == name) {
                marks[place] = Some(row.get(1).map_err(&failed)?);
            }
        }
        let [minutes_until, hours_until, samples_from, minutes_from, hours_from] = marks;
        Ok(Self { minutes_until, hours_until, samples_from, minutes_from, hours_from })
    }

    pub(crate) fn save(self, connection: &Connection, before: &Self) -> Result<(), JournalError> {
        let sql = "INSERT OR REPLACE INTO watermarks (name, at_ms) VALUES (?, ?)";
        let mut statement = connection.prepare_cached(sql).map_err(cannot(DOING))?;
        for ((name, mark), before) in
            Self::NAMES.into_iter().zip(self.values()).zip(before.values())
        {
            if let Some(mark) = mark.filter(|_| mark != before) {
                statement.execute(params![name, mark]).map_err(cannot(DOING))?;
            }
        }
        Ok(())
    }

    /// From where on a table is whole.
    pub(crate) const fn from(&self, level: Level) -> Option<i64> {
        match level {
            Level::Minutes => self.minutes_from,
            Level::Hours => self.hours_from,
        }
    }

    const fn values(&self) -> [Option<i64>; 5] {
        let Self { minutes_until, hours_until, samples_from, minutes_from, hours_from } = *self;
        [minutes_until, hours_until, samples_from, minutes_from, hours_from]
    }

    /// A clock that ran ahead and was set back leaves marks in the future: from `now` on all is whole again.
    pub(crate) fn not_after(self, now: i64) -> Self {
        let not_after = |mark: Option<i64>| mark.map(|mark| mark.min(now));
        Self {
            samples_from: not_after(self.samples_from),
            minutes_from: not_after(self.minutes_from),
            hours_from: not_after(self.hours_from),
            ..self
        }
    }
}

impl Fold {
    pub(crate) const fn of(value: f64) -> Self {
        Self { count: 1, min: value, max: value, sum: value, last: value }
    }

    /// Takes in what came later.
    pub(crate) fn add(&mut self, later: &Self) {
        self.count = self.count.saturating_add(later.count);
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.sum += later.sum;
        self.last = later.last;
    }

    /// From the columns `count, min, max, sum, last` that begin at `column`.
    pub(crate) fn read(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            count: row.get(column)?,
            min: row.get(column + 1)?,
            max: row.get(column + 2)?,
            sum: row.get(column + 3)?,
            last: row.get(column + 4)?,
        })
    }
}

impl Level {
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Minutes => "minutes",
            Self::Hours => "hours",
        }
    }

    pub(crate) const fn width(self) -> i64 {
        match self {
            Self::Minutes => MINUTE,
            Self::Hours => HOUR,
        }
    }

    /// Adds one value to the fold of its time.
    pub(crate) fn add_one(
        self,
        connection: &Connection,
        series: i64,
        at: i64,
        value: f64,
    ) -> Result<(), JournalError> {
        self.add(connection, series, floor(at, self.width()), &Fold::of(value))
    }

    pub(crate) fn add(
        self,
        connection: &Connection,
        series: i64,
        at: i64,
        fold: &Fold,
    ) -> Result<(), JournalError> {
        let Fold { count, min, max, sum, last } = *fold;
        let table = self.table();
        let sql = &format!(
            "INSERT INTO {table} (series, at_ms, count, min, max, sum, last) VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (series, at_ms) DO UPDATE SET count = count + excluded.count, min = min(min, excluded.min),
             max = max(max, excluded.max), sum = sum + excluded.sum, last = excluded.last"
        );
        connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.execute(params![series, at, count, min, max, sum, last])
            })
            .map(drop)
            .map_err(cannot(DOING))
    }
}

/// The start of the stretch of `width` in which `at` lies; of the very first one, which is shorter, the first moment there is.
pub(crate) const fn floor(at: i64, width: i64) -> i64 {
    at.saturating_sub(at.rem_euclid(width))
}
