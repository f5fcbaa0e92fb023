//! What is in force now: holds, where targets stand, what checks remember. One row each, in the place of the last.

use evenkeel_moment::Stamp;
use rusqlite::{Connection, Row, params};

use crate::error::JournalError;
use crate::journal::{Journal, cannot, moment};
use crate::reader::{all, json, timestamp};
use crate::record::{CheckMemory, Hold, Standing};

const HOLD: &str =
    "SELECT until_ms, until_boottime_ns, boot_id, target, reason, ordered_by, since_ms FROM holds";
const STANDING: &str = "SELECT until_ms, until_boottime_ns, boot_id, target, phase, step, attempt, incident, since_ms, data FROM targets";
const CHECK: &str = "SELECT name, since_ms, data FROM checks";

impl Journal {
    /// Writes a hold, in the place of an earlier one on the same target. On the disk when it returns.
    pub fn hold(&mut self, hold: &Hold) -> Result<(), JournalError> {
        let doing = "write a hold";
        let Hold { target, reason, by, since, until } = hold;
        let (until_ms, boottime_ns, boot_id) = columns(until.as_ref());
        let since = since.as_millisecond();
        self.durably(doing, |journal| {
            journal.insert(
                doing,
                "INSERT OR REPLACE INTO holds (target, reason, ordered_by, since_ms, until_ms, until_boottime_ns, boot_id)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
                params![target, reason, by, since, until_ms, boottime_ns, boot_id],
            )
        })
        .map(drop)
    }

    /// Ends a hold. False if there was none: nothing changed. On the disk when it returns.
    pub fn release(&mut self, target: &str) -> Result<bool, JournalError> {
        let doing = "end a hold";
        self.durably(doing, |journal| {
            journal.delete(doing, "DELETE FROM holds WHERE target = ?", target)
        })
    }

    /// The holds in force, those that have run out by now included.
    pub fn holds(&self) -> Result<Vec<Hold>, JournalError> {
        holds(&self.connection)
    }

    /// Writes where a target stands.
    pub fn stand(&mut self, standing: &Standing) -> Result<(), JournalError> {
        let Standing { target, phase, step, attempt, incident, since, until, data } = standing;
        let (until_ms, boottime_ns, boot_id) = columns(until.as_ref());
        let since = since.as_millisecond();
        self.insert(
            "write where a target stands",
            "INSERT OR REPLACE INTO targets
             (target, phase, step, attempt, incident, since_ms, until_ms, until_boottime_ns, boot_id, data)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                target,
                phase,
                step,
                attempt,
                incident,
                since,
                until_ms,
                boottime_ns,
                boot_id,
                data.to_string()
            ],
        )
        .map(drop)
    }

    /// Forgets where a target stands. False if that was not known.
    pub fn forget_standing(&mut self, target: &str) -> Result<bool, JournalError> {
        self.delete("forget where a target stands", "DELETE FROM targets WHERE target = ?", target)
    }

    /// Where all targets stand, by their names.
    pub fn standings(&self) -> Result<Vec<Standing>, JournalError> {
        standings(&self.connection)
    }

    /// Writes what of a check survives.
    pub fn remember_check(&mut self, check: &CheckMemory) -> Result<(), JournalError> {
        let CheckMemory { name, since, data } = check;
        self.insert(
            "write what a check remembers",
            "INSERT OR REPLACE INTO checks (name, since_ms, data) VALUES (?, ?, ?)",
            params![name, since.as_millisecond(), data.to_string()],
        )
        .map(drop)
    }

    /// Forgets what a check remembers. False if that was not known.
    pub fn forget_check(&mut self, name: &str) -> Result<bool, JournalError> {
        self.delete("forget what a check remembers", "DELETE FROM checks WHERE name = ?", name)
    }

    /// What all checks remember, by their names.
    pub fn checks(&self) -> Result<Vec<CheckMemory>, JournalError> {
        let sql = format!("{CHECK} ORDER BY name");
        all(&self.connection, "read what checks remember", &sql, &[], check)
    }

    fn delete(&self, doing: &'static str, sql: &str, key: &str) -> Result<bool, JournalError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([key]))
            .map(|changed| changed > 0)
            .map_err(cannot(doing))
    }
}

pub(crate) fn holds(connection: &Connection) -> Result<Vec<Hold>, JournalError> {
    all(connection, "read holds", &format!("{HOLD} ORDER BY target"), &[], |doing, row| {
        let failed = cannot(doing);
        Ok(Hold {
            until: until(doing, row)?,
            target: row.get(3).map_err(&failed)?,
            reason: row.get(4).map_err(&failed)?,
            by: row.get(5).map_err(&failed)?,
            since: timestamp(doing, row.get(6).map_err(&failed)?)?,
        })
    })
}

pub(crate) fn standings(connection: &Connection) -> Result<Vec<Standing>, JournalError> {
    let sql = format!("{STANDING} ORDER BY target");
    all(connection, "read where targets stand", &sql, &[], |doing, row| {
        let failed = cannot(doing);
        Ok(Standing {
            until: until(doing, row)?,
            target: row.get(3).map_err(&failed)?,
            phase: row.get(4).map_err(&failed)?,
            step: row.get(5).map_err(&failed)?,
            attempt: row.get(6).map_err(&failed)?,
            incident: row.get(7).map_err(&failed)?,
            since: timestamp(doing, row.get(8).map_err(&failed)?)?,
            data: json(doing, row.get_ref(9).map_err(&failed)?.as_str().unwrap_or_default())?,
        })
    })
}

fn check(doing: &'static str, row: &Row<'_>) -> Result<CheckMemory, JournalError> {
    let failed = cannot(doing);
    Ok(CheckMemory {
        name: row.get(0).map_err(&failed)?,
        since: timestamp(doing, row.get(1).map_err(&failed)?)?,
        data: json(doing, row.get_ref(2).map_err(&failed)?.as_str().unwrap_or_default())?,
    })
}

fn columns(until: Option<&Stamp>) -> (Option<i64>, Option<i64>, Option<&str>) {
    let Some(Stamp { boot_id, boottime, wall }) = until else { return (None, None, None) };
    // Beyond 292 years since the boot.
    let boottime_ns = i64::try_from(boottime.as_nanos()).unwrap_or(i64::MAX);
    (Some(wall.as_millisecond()), Some(boottime_ns), Some(boot_id))
}

/// The first three columns, as [`columns`] wrote them.
fn until(doing: &'static str, row: &Row<'_>) -> Result<Option<Stamp>, JournalError> {
    let failed = cannot(doing);
    let Some(wall) = row.get::<_, Option<i64>>(0).map_err(&failed)? else { return Ok(None) };
    Ok(Some(Stamp {
        wall: timestamp(doing, wall)?,
        boottime: moment(row.get::<_, Option<i64>>(1).map_err(&failed)?.unwrap_or_default()),
        boot_id: row.get::<_, Option<_>>(2).map_err(&failed)?.unwrap_or_default(),
    }))
}
