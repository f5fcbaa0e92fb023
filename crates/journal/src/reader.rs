use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, eaccess};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, ToSql};
use serde_json::Value;

use crate::error::{JournalError, OpenError};
use crate::journal::{cannot, moment};
use crate::record::{Event, Hold, Incident, Intent, IntentRecord, Settled, Standing, Why};
use crate::{FILE_NAME, schema, standing};

const EVENT: &str = "SELECT id, at_ms, kind, target, incident, message, data FROM events";
const INCIDENT: &str =
    "SELECT id, target, cause, evidence, opened_ms, closed_ms, outcome FROM incidents";
const INTENT: &str = "SELECT id, incident, target, step, attempt, action, boot_id, boottime_ns, wall_ms, \
                      settled_ms, outcome, detail FROM intents";

/// A target or a part of it: `web` and all from `web/` to before `web0`, which an index finds.
const OF_TARGET: &str = "(target = ? OR (target > ? || '/' AND target < ? || '0'))";

/// The history of a state directory, for looking. Works while an agent writes, and never changes anything in it.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    version: i64,
}

/// Which events or incidents are wanted; by default all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not older than this; of incidents, not ended before this.
    pub since: Option<Timestamp>,
    /// Of this kind; means nothing for incidents.
    pub kind: Option<String>,
    /// Of this target, and of its parts: `web` also stands for `web/worker`.
    pub target: Option<String>,
    /// Of this incident.
    pub incident: Option<i64>,
    /// At most so many, the newest.
    pub limit: Option<u32>,
    /// Of events: the newest whose words and data together take no more bytes, and one in any case.
    pub bytes: Option<u64>,
}

impl Reader {
    /// Opens the history in `state_dir` read-only.
    ///
    /// Fails if there is none, if it cannot be read, or if it is of a newer version.
    pub fn open(state_dir: &Path) -> Result<Self, OpenError> {
        let path = state_dir.join(FILE_NAME);
        look(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let opened = Connection::open_with_flags(&path, flags).and_then(|connection| {
            connection.busy_timeout(Duration::from_secs(5))?;
            Ok((schema::version(&connection)?, connection))
        });
        match opened {
            Ok((found, _)) if found > schema::VERSION => {
                Err(OpenError::Newer { path, found, known: schema::VERSION })
            }
            Ok((version, connection)) => Ok(Self { connection, version }),
            Err(source) => Err(OpenError::Sqlite { path, source }),
        }
    }

    /// Events that fit the filter, oldest first.
    pub fn events(&self, filter: &Filter) -> Result<Vec<Event>, JournalError> {
        let since = filter.since.map(Timestamp::as_millisecond);
        let conditions = [
            ("at_ms >= ?", since.as_ref().map(|value| value as &dyn ToSql)),
            ("kind = ?", filter.kind.as_ref().map(|value| value as &dyn ToSql)),
            (OF_TARGET, filter.target.as_ref().map(|value| value as &dyn ToSql)),
            ("incident = ?", filter.incident.as_ref().map(|value| value as &dyn ToSql)),
        ];
        let doing = "read events";
        let (sql, values) = newest(EVENT, &conditions, filter.limit);
        let mut left = filter.bytes;
        let mut found = Vec::new();
        each(&self.connection, doing, &sql, values.as_slice(), |row| {
            let size = |place| row.get_ref(place).and_then(|text| Ok(text.as_str()?.len()));
            let size = size(5).unwrap_or(0).saturating_add(size(6).unwrap_or(0));
            let rest = left.map(|left| left.checked_sub(size as u64));
            if rest == Some(None) && !found.is_empty() {
                return Ok(ControlFlow::Break(()));
            }
            left = rest.map(Option::unwrap_or_default);
            found.push(event(doing, row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        found.reverse();
        Ok(found)
    }

    /// The line that tells of the cleanup run of this id.
    pub fn cleaned(&self, run: &str) -> Result<Option<Event>, JournalError> {
        let sql = format!(
            "{EVENT} WHERE kind = 'cleaned' AND json_extract(data, '$.run') = ? ORDER BY id DESC LIMIT 1"
        );
        Ok(all(&self.connection, "look for a cleanup run", &sql, &[&run as &dyn ToSql], event)?
            .pop())
    }

    /// Incidents that fit the filter, oldest first.
    pub fn incidents(&self, filter: &Filter) -> Result<Vec<Incident>, JournalError> {
        let since = filter.since.map(Timestamp::as_millisecond);
        let conditions = [
            ("ifnull(closed_ms, 9e18) >= ?", since.as_ref().map(|value| value as &dyn ToSql)),
            (OF_TARGET, filter.target.as_ref().map(|value| value as &dyn ToSql)),
            ("id = ?", filter.incident.as_ref().map(|value| value as &dyn ToSql)),
        ];
        let (sql, values) = newest(INCIDENT, &conditions, filter.limit);
        let mut found = all(&self.connection, "read incidents", &sql, values.as_slice(), incident)?;
        found.reverse();
        Ok(found)
    }

    /// The causal record of an incident, with those of its events that `wanted` asks for; `None` if there is no such incident.
    pub fn why(&self, incident: i64, wanted: Filter) -> Result<Option<Why>, JournalError> {
        let of_incident = Filter { incident: Some(incident), ..wanted };
        let Some(found) = self.incidents(&of_incident)?.pop() else { return Ok(None) };
        let (intents, events) = (self.intents(incident)?, self.events(&of_incident)?);
        Ok(Some(Why { incident: found, intents, events }))
    }

    /// What was done for an incident, in the order in which it was begun.
    pub fn intents(&self, incident: i64) -> Result<Vec<IntentRecord>, JournalError> {
        let sql = format!("{INTENT} WHERE incident = ? ORDER BY id");
        all(&self.connection, "read intents", &sql, &[&incident as &dyn ToSql], intent)
    }

    /// The holds that were written, those that have run out by now included.
    pub fn holds(&self) -> Result<Vec<Hold>, JournalError> {
        if self.knows_what_is_in_force() {
            standing::holds(&self.connection)
        } else {
            Ok(Vec::new())
        }
    }

    /// Where the targets of recovery stand, by their names.
    pub fn standings(&self) -> Result<Vec<Standing>, JournalError> {
        if self.knows_what_is_in_force() {
            standing::standings(&self.connection)
        } else {
            Ok(Vec::new())
        }
    }

    /// All intents since `since`, oldest first: what budgets are charged with.
    pub fn ledger(&self, since: Timestamp) -> Result<Vec<Intent>, JournalError> {
        ledger(&self.connection, since)
    }

    /// What an agent last kept under `key`.
    pub fn state(&self, key: &str) -> Result<Option<Value>, JournalError> {
        load_state(&self.connection, key)
    }

    /// The kinds of events that are known, and the names of what they happened to: for whoever typed one wrong.
    pub fn words(&self) -> Result<(Vec<String>, Vec<String>), JournalError> {
        let words = |doing, column: &str| {
            let sql = format!("SELECT DISTINCT {column} FROM events ORDER BY 1");
            all(&self.connection, doing, &sql, &[], |doing, row| row.get(0).map_err(cannot(doing)))
        };
        Ok((
            words("read the kinds of events", "kind")?,
            words("read the targets of events", "target")?,
        ))
    }

    /// A history of the first version is made into one of this version when an agent next starts.
    fn knows_what_is_in_force(&self) -> bool {
        self.version > 1
    }

    /// A history of an earlier version has no curves and counts no time.
    pub(crate) const fn knows_samples(&self) -> bool {
        self.version > 2
    }

    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The number of the newest incident of `target`.
    pub fn latest_incident(&self, target: &str) -> Result<Option<i64>, JournalError> {
        let sql = "SELECT id FROM incidents WHERE target = ? ORDER BY id DESC LIMIT 1";
        self.connection
            .query_row(sql, [target], |row| row.get(0))
            .optional()
            .map_err(cannot("look for the newest incident"))
    }
}

pub(crate) fn open_incidents(connection: &Connection) -> Result<Vec<Incident>, JournalError> {
    let sql = format!("{INCIDENT} WHERE closed_ms IS NULL ORDER BY id");
    all(connection, "read open incidents", &sql, &[], incident)
}

pub(crate) fn open_intents(connection: &Connection) -> Result<Vec<(i64, Intent)>, JournalError> {
    let sql = format!("{INTENT} WHERE settled_ms IS NULL ORDER BY id");
    let records = all(connection, "read open intents", &sql, &[], intent)?;
    Ok(records.into_iter().map(|record| (record.id, record.intent)).collect())
}

pub(crate) fn ledger(
    connection: &Connection,
    since: Timestamp,
) -> Result<Vec<Intent>, JournalError> {
    let sql = format!(
        "{INTENT} WHERE wall_ms >= ? \
         OR boot_id = (SELECT boot_id FROM agent_starts ORDER BY id DESC LIMIT 1) ORDER BY id"
    );
    let since = since.as_millisecond();
    let records = all(connection, "read the ledger", &sql, &[&since as &dyn ToSql], intent)?;
    Ok(records.into_iter().map(|record| record.intent).collect())
}

pub(crate) fn load_state(
    connection: &Connection,
    key: &str,
) -> Result<Option<Value>, JournalError> {
    let doing = "load state";
    let text: Option<String> = connection
        .query_row("SELECT value FROM state WHERE key = ?", [key], |row| row.get(0))
        .optional()
        .map_err(cannot(doing))?;
    text.map(|text| json(doing, &text)).transpose()
}

pub(crate) fn json(doing: &'static str, text: &str) -> Result<Value, JournalError> {
    serde_json::from_str(text).map_err(|_| JournalError::Value {
        doing,
        value: text.to_owned(),
        expected: "JSON",
    })
}

/// Those that fit, newest first.
fn newest<'a>(
    what: &str,
    conditions: &[(&str, Option<&'a dyn ToSql>)],
    limit: Option<u32>,
) -> (String, Vec<&'a dyn ToSql>) {
    let wanted = || conditions.iter().filter_map(|(text, value)| value.map(|value| (*text, value)));
    // Numbered, so that a condition may name its value more than once.
    let mut texts: Vec<_> = (1..)
        .zip(wanted())
        .map(|(number, (text, _))| text.replace('?', &format!("?{number}")))
        .collect();
    texts.push("1".to_owned());
    let limit = limit.map_or(-1, i64::from);
    let sql = format!("{what} WHERE {} ORDER BY id DESC LIMIT {limit}", texts.join(" AND "));
    (sql, wanted().map(|(_, value)| value).collect())
}

pub(crate) fn all<T>(
    connection: &Connection,
    doing: &'static str,
    sql: &str,
    values: &[&dyn ToSql],
    read: impl Fn(&'static str, &Row<'_>) -> Result<T, JournalError>,
) -> Result<Vec<T>, JournalError> {
    let mut found = Vec::new();
    each(connection, doing, sql, values, |row| {
        found.push(read(doing, row)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// Has `read` take row after row, until it wants no more.
fn each(
    connection: &Connection,
    doing: &'static str,
    sql: &str,
    values: &[&dyn ToSql],
    mut read: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, JournalError>,
) -> Result<(), JournalError> {
    let mut statement = connection.prepare_cached(sql).map_err(cannot(doing))?;
    let mut rows = statement.query(values).map_err(cannot(doing))?;
    while let Some(row) = rows.next().map_err(cannot(doing))? {
        if read(row)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn event(doing: &'static str, row: &Row<'_>) -> Result<Event, JournalError> {
    let failed = cannot(doing);
    Ok(Event {
        id: row.get(0).map_err(&failed)?,
        at: timestamp(doing, row.get(1).map_err(&failed)?)?,
        kind: row.get(2).map_err(&failed)?,
        target: row.get(3).map_err(&failed)?,
        incident: row.get(4).map_err(&failed)?,
        message: row.get(5).map_err(&failed)?,
        data: json(doing, row.get_ref(6).map_err(&failed)?.as_str().unwrap_or_default())?,
    })
}

fn incident(doing: &'static str, row: &Row<'_>) -> Result<Incident, JournalError> {
    let failed = cannot(doing);
    let closed: Option<i64> = row.get(5).map_err(&failed)?;
    Ok(Incident {
        id: row.get(0).map_err(&failed)?,
        target: row.get(1).map_err(&failed)?,
        cause: row.get(2).map_err(&failed)?,
        evidence: json(doing, row.get_ref(3).map_err(&failed)?.as_str().unwrap_or_default())?,
        opened: timestamp(doing, row.get(4).map_err(&failed)?)?,
        closed: closed.map(|millis| timestamp(doing, millis)).transpose()?,
        outcome: row.get(6).map_err(&failed)?,
    })
}

fn intent(doing: &'static str, row: &Row<'_>) -> Result<IntentRecord, JournalError> {
    let failed = cannot(doing);
    let settled: Option<i64> = row.get(9).map_err(&failed)?;
    let settled = match settled {
        None => None,
        Some(millis) => Some(Settled {
            at: timestamp(doing, millis)?,
            outcome: row.get::<_, Option<_>>(10).map_err(&failed)?.unwrap_or_default(),
            detail: row.get::<_, Option<_>>(11).map_err(&failed)?.unwrap_or_default(),
        }),
    };
    let intent = Intent {
        incident: row.get(1).map_err(&failed)?,
        target: row.get(2).map_err(&failed)?,
        step: row.get(3).map_err(&failed)?,
        attempt: row.get(4).map_err(&failed)?,
        action: row.get(5).map_err(&failed)?,
        boot_id: row.get(6).map_err(&failed)?,
        boottime: moment(row.get(7).map_err(&failed)?),
        wall: timestamp(doing, row.get(8).map_err(&failed)?)?,
    };
    Ok(IntentRecord { id: row.get(0).map_err(&failed)?, intent, settled })
}

pub(crate) fn timestamp(doing: &'static str, millis: i64) -> Result<Timestamp, JournalError> {
    Timestamp::from_millisecond(millis).map_err(|_| JournalError::Value {
        doing,
        value: millis.to_string(),
        expected: "a time in milliseconds",
    })
}

/// `SQLite` says "unable to open database file" for a missing directory, a missing file and a refused one alike.
///
/// Looks without opening: closing any descriptor of the file would end the locks that `SQLite` holds on it in this process.
fn look(path: &Path) -> Result<(), OpenError> {
    match eaccess(path, AccessFlags::R_OK) {
        Ok(()) => Ok(()),
        Err(Errno::ENOENT) => Err(OpenError::Missing { path: path.to_owned() }),
        Err(errno) => {
            Err(OpenError::Use { doing: "read", path: path.to_owned(), source: errno.into() })
        }
    }
}
