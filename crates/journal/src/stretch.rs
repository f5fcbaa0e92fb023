//! Time as it is counted: stretches of one verdict, and when the agent itself ran.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};
use serde::Serialize;

use crate::error::JournalError;
use crate::journal::{Journal, cannot};
use crate::reader::{Reader, all, timestamp};

/// Runs of the agent that are kept: one that ends and starts again and again must not fill the disk.
const RUNS_KEPT: i64 = 20_000;

/// A stretch of time over which the verdict on something was the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// The check, `check/part`, or `slo:NAME`.
    pub subject: String,
    /// good, bad, unknown or maintenance, in the caller's words.
    pub verdict: String,
    /// Since when; kept to the millisecond.
    pub from: Timestamp,
    /// Until when; this moment is not part of it.
    pub until: Timestamp,
    /// How many slices of time it was counted in.
    pub slices: u32,
}

/// A run of the agent: what was not seen between two of them is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AgentRun {
    /// When it began.
    pub from: Timestamp,
    /// When it ended; of one that was killed, its last sign of life. `None` for the newest run if it did not say that it
    /// ended: it may still be at work.
    pub until: Option<Timestamp>,
    /// Its last sign of life, a few seconds old while it is at work.
    pub alive: Timestamp,
}

impl Journal {
    /// Writes a stretch. It joins the last one of its subject if it begins where that one ends and has the same verdict.
    ///
    /// Stretches that overlap, as after a clock set back, are each kept as they are.
    pub fn extend(&mut self, stretch: &Stretch) -> Result<(), JournalError> {
        let doing = "write a stretch of time";
        let Stretch { subject, verdict, from, until, slices } = stretch;
        let (from, until) = (from.as_millisecond(), until.as_millisecond());
        self.atomically(doing, |journal| {
            let sql = "SELECT id, verdict, until_ms FROM stretches
                       WHERE subject = ? AND from_ms <= ? ORDER BY from_ms DESC, id DESC LIMIT 1";
            let last: Option<(i64, String, i64)> = journal
                .connection
                .prepare_cached(sql)
                .and_then(|mut statement| {
                    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
                    statement.query_row(params![subject, from], read).optional()
                })
                .map_err(cannot(doing))?;
            match last {
                Some((id, of, end)) if of == *verdict && end == from => journal
                    .connection
                    .prepare_cached("UPDATE stretches SET until_ms = ?, slices = slices + ? WHERE id = ?")
                    .and_then(|mut statement| statement.execute(params![until, slices, id]))
                    .map(drop)
                    .map_err(cannot(doing)),
                _ => {
                    let sql = "INSERT INTO stretches (subject, verdict, from_ms, until_ms, slices) VALUES (?, ?, ?, ?, ?)";
                    journal.insert(doing, sql, params![subject, verdict, from, until, slices]).map(drop)
                }
            }
        })
    }

    /// Writes that a run of the agent begins.
    pub fn begin_run(&mut self, at: Timestamp) -> Result<(), JournalError> {
        let (doing, at) = ("write that the agent runs", at.as_millisecond());
        let sql = "INSERT INTO runs (from_ms, alive_ms) VALUES (?, ?)";
        let run = self.insert(doing, sql, params![at, at])?;
        self.connection
            .execute("DELETE FROM runs WHERE id <= ?", [run - RUNS_KEPT])
            .map_err(cannot(doing))?;
        self.run = Some(run);
        Ok(())
    }

    /// Writes a sign of life of the run that [`Journal::begin_run`] began, if there is one; with `ends` it is the last.
    pub fn alive(&mut self, at: Timestamp, ends: bool) -> Result<(), JournalError> {
        // A clock set back takes no time from the run.
        let sql = "UPDATE runs SET alive_ms = max(alive_ms, ?), ended = ? WHERE id = ?";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.execute(params![at.as_millisecond(), ends, self.run])
            })
            .map(drop)
            .map_err(cannot("write that the agent runs"))
    }
}

impl Reader {
    /// The stretches of a subject that reach into the time from `from` to `until`, whole, in the order in which they begin.
    pub fn stretches(
        &self,
        subject: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Stretch>, JournalError> {
        self.newest_stretches(subject, from, until, u32::MAX)
    }

    /// As [`Reader::stretches`], of them at most `most`, the newest.
    pub fn newest_stretches(
        &self,
        subject: &str,
        from: Timestamp,
        until: Timestamp,
        most: u32,
    ) -> Result<Vec<Stretch>, JournalError> {
        if !self.knows_samples() {
            return Ok(Vec::new());
        }
        let sql = "SELECT subject, verdict, from_ms, until_ms, slices FROM stretches
                   WHERE subject = ? AND from_ms < ? AND until_ms > ? ORDER BY from_ms DESC, id DESC LIMIT ?";
        let (from, until) = (from.as_millisecond(), until.as_millisecond());
        let values: [&dyn ToSql; 4] = [&subject, &until, &from, &most];
        let mut found = all(self.connection(), "read stretches of time", sql, &values, stretch)?;
        found.reverse();
        Ok(found)
    }

    /// As [`Reader::stretches`], one by one and only what is to be drawn: the verdict, since when, until when. Holds none of them.
    pub fn each_stretch(
        &self,
        subject: &str,
        from: Timestamp,
        until: Timestamp,
        mut each: impl FnMut(&str, Timestamp, Timestamp),
    ) -> Result<(), JournalError> {
        if !self.knows_samples() {
            return Ok(());
        }
        let doing = "read stretches of time";
        let failed = cannot(doing);
        let sql = "SELECT verdict, from_ms, until_ms FROM stretches
                   WHERE subject = ? AND from_ms < ? AND until_ms > ? ORDER BY from_ms, id";
        let mut statement = self.connection().prepare_cached(sql).map_err(&failed)?;
        let values = params![subject, until.as_millisecond(), from.as_millisecond()];
        let mut rows = statement.query(values).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let verdict = row.get_ref(0).map_err(&failed)?.as_str().unwrap_or_default();
            let moment = |place| timestamp(doing, row.get(place).map_err(&failed)?);
            each(verdict, moment(1)?, moment(2)?);
        }
        Ok(())
    }

    /// When the first stretch of a subject that is known begins.
    pub fn stretches_began(&self, subject: &str) -> Result<Option<Timestamp>, JournalError> {
        if !self.knows_samples() {
            return Ok(None);
        }
        let doing = "read since when time is counted";
        let sql = "SELECT min(from_ms) FROM stretches WHERE subject = ?";
        let began: Option<i64> =
            self.connection().query_row(sql, [subject], |row| row.get(0)).map_err(cannot(doing))?;
        began.map(|millis| timestamp(doing, millis)).transpose()
    }

    /// What there are stretches of, by name.
    pub fn stretch_subjects(&self) -> Result<Vec<String>, JournalError> {
        if !self.knows_samples() {
            return Ok(Vec::new());
        }
        let sql = "SELECT DISTINCT subject FROM stretches ORDER BY subject";
        all(self.connection(), "read whose time is counted", sql, &[], |doing, row| {
            row.get(0).map_err(cannot(doing))
        })
    }

    /// The runs of the agent that reach into the time from `from` to `until`, in the order in which they began.
    pub fn runs(&self, from: Timestamp, until: Timestamp) -> Result<Vec<AgentRun>, JournalError> {
        if !self.knows_samples() {
            return Ok(Vec::new());
        }
        runs(self.connection(), from.as_millisecond(), until.as_millisecond())
    }
}

fn runs(connection: &Connection, from: i64, until: i64) -> Result<Vec<AgentRun>, JournalError> {
    let sql = "SELECT from_ms, alive_ms, ended OR id < (SELECT max(id) FROM runs) FROM runs
               WHERE from_ms < ? AND alive_ms >= ? ORDER BY id";
    let values: [&dyn ToSql; 2] = [&until, &from];
    all(connection, "read when the agent ran", sql, &values, |doing, row| {
        let failed = cannot(doing);
        let alive = timestamp(doing, row.get(1).map_err(&failed)?)?;
        let is_over: bool = row.get(2).map_err(&failed)?;
        Ok(AgentRun {
            from: timestamp(doing, row.get(0).map_err(&failed)?)?,
            until: is_over.then_some(alive),
            alive,
        })
    })
}

fn stretch(doing: &'static str, row: &Row<'_>) -> Result<Stretch, JournalError> {
    let failed = cannot(doing);
    Ok(Stretch {
        subject: row.get(0).map_err(&failed)?,
        verdict: row.get(1).map_err(&failed)?,
        from: timestamp(doing, row.get(2).map_err(&failed)?)?,
        until: timestamp(doing, row.get(3).map_err(&failed)?)?,
        slices: row.get(4).map_err(&failed)?,
    })
}
