use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use serde::Serialize;

use crate::error::JournalError;
use crate::fold::{HOUR, Level, Watermarks};
use crate::journal::{BUSY, Journal, cannot};
use crate::rollup::{delete_folds, delete_samples};

/// Intents younger than this always stay: budgets are charged with them, and pruning must not refund anything.
const INTENTS_STAY: SignedDuration = SignedDuration::from_hours(31 * 24);
/// Events deleted at a time while the file is too large.
const CHUNK: u32 = 100;

const DOING: &str = "prune the history";

/// What pruning took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Pruned {
    /// Events.
    pub events: usize,
    /// Incidents that had ended.
    pub incidents: usize,
    /// Intents whose end was known.
    pub intents: usize,
    /// Stretches of time, and runs of the agent.
    pub stretches: usize,
    /// Samples, minutes and hours; those over their age are the affair of [`Journal::roll_up`].
    pub samples: usize,
}

impl Journal {
    /// Forgets what is older than `keep`, and then what can best be spared until the file is at most `max_bytes`: samples
    /// that are rolled up, minutes, hours, stretches of time and, at the very last, events; of each the oldest.
    ///
    /// What is exactly `keep` old stays. So do incidents and intents without an end, and intents of the last 31 days, for
    /// the budgets; these may leave the file larger than `max_bytes`. Space goes back to the filesystem.
    pub fn prune(
        &mut self,
        now: Timestamp,
        keep: Duration,
        max_bytes: u64,
    ) -> Result<Pruned, JournalError> {
        let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
        let before = |age| now.checked_sub(age).unwrap_or(Timestamp::MIN).as_millisecond();
        let (oldest, oldest_intent) = (before(keep), before(keep.max(INTENTS_STAY)));
        let connection = &self.connection;
        let delete = |sql, before: i64| connection.execute(sql, [before]).map_err(cannot(DOING));
        let mut pruned = Pruned {
            events: delete("DELETE FROM events WHERE at_ms < ?", oldest)?,
            incidents: delete("DELETE FROM incidents WHERE closed_ms < ?", oldest)?,
            intents: delete(
                "DELETE FROM intents WHERE wall_ms < ? AND settled_ms IS NOT NULL",
                oldest_intent,
            )?,
            stretches: delete("DELETE FROM stretches WHERE until_ms < ?", oldest)?
                + delete("DELETE FROM runs WHERE alive_ms < ?", oldest)?,
            samples: 0,
        };
        for spare in [Self::spare_samples, Self::spare_minutes, Self::spare_hours] {
            while self.is_over(max_bytes)? {
                let spared = spare(self)?;
                if spared == 0 {
                    break;
                }
                pruned.samples += spared;
            }
        }
        for (table, count) in [("stretches", &mut pruned.stretches), ("events", &mut pruned.events)]
        {
            let sql = format!(
                "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT ?)"
            );
            while self.is_over(max_bytes)? {
                let spared = self.connection.execute(&sql, [CHUNK]).map_err(cannot(DOING))?;
                if spared == 0 {
                    break;
                }
                *count += spared;
            }
        }
        if pruned != Pruned::default() {
            self.give_back().map_err(cannot(DOING))?;
        }
        Ok(pruned)
    }

    fn is_over(&self, max_bytes: u64) -> Result<bool, JournalError> {
        used_bytes(&self.connection).map(|used| used > max_bytes).map_err(cannot(DOING))
    }

    fn spare_samples(&mut self) -> Result<usize, JournalError> {
        self.spare(|connection, marks| delete_samples(connection, i64::MAX, marks))
    }

    fn spare_minutes(&mut self) -> Result<usize, JournalError> {
        self.spare(|connection, marks| spare_folds(connection, Level::Minutes, marks))
    }

    fn spare_hours(&mut self) -> Result<usize, JournalError> {
        self.spare(|connection, marks| spare_folds(connection, Level::Hours, marks))
    }

    /// Deletes some, together with the mark that says so.
    fn spare(
        &mut self,
        delete: impl FnOnce(&Connection, &mut Watermarks) -> Result<usize, JournalError>,
    ) -> Result<usize, JournalError> {
        self.atomically(DOING, |journal| {
            let before = Watermarks::load(&journal.connection)?;
            let mut marks = before;
            let deleted = delete(&journal.connection, &mut marks)?;
            marks.save(&journal.connection, &before)?;
            Ok(deleted)
        })
    }

    /// Gives free pages back to the filesystem.
    fn give_back(&self) -> rusqlite::Result<()> {
        // It frees a page per row that is asked for.
        let mut statement = self.connection.prepare("PRAGMA incremental_vacuum")?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        // A reader at work keeps the log as it is: the next pruning gets it, and nobody waits for a reader.
        self.connection.busy_timeout(Duration::ZERO)?;
        let checkpoint =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        self.connection.busy_timeout(BUSY)?;
        checkpoint
    }
}

/// Deletes the oldest minutes or hours: a sixteenth of the time over which there are any, and no less than one of them.
fn spare_folds(
    connection: &Connection,
    level: Level,
    marks: &mut Watermarks,
) -> Result<usize, JournalError> {
    let table = level.table();
    // The table lies in the order of its series, so that each series is asked.
    let sql = format!(
        "SELECT min((SELECT min(at_ms) FROM {table} WHERE series = series.id)),
                max((SELECT max(at_ms) FROM {table} WHERE series = series.id)) FROM series"
    );
    let ends: (Option<i64>, Option<i64>) = connection
        .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(cannot(DOING))?;
    let (Some(first), Some(last)) = ends else { return Ok(0) };
    let part = last.saturating_sub(first) / 16;
    let part = (part - part % HOUR).max(HOUR);
    let mut cut = first.max(marks.from(level).unwrap_or(first));
    while cut <= last {
        cut = cut.saturating_add(part);
        let deleted = delete_folds(connection, level, cut, marks)?;
        if deleted > 0 {
            return Ok(deleted);
        }
        if cut == i64::MAX {
            break;
        }
    }
    Ok(0)
}

/// Pages in use; free ones go back to the filesystem at the end.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok(u64::try_from(pages * number("page_size")?).unwrap_or(0))
}
