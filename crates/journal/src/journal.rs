use std::path::Path;
use std::time::Duration;

use evenkeel_moment::Moment;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OpenFlags, params};
use serde_json::Value;

use crate::directory::{Directory, Found};
use crate::error::{Finding, JournalError, OpenError};
use crate::record::{Entry, Intent};
use crate::sample::SeriesIds;
use crate::{reader, schema};

/// How long a write waits for someone at the `sqlite3` shell.
pub(crate) const BUSY: Duration = Duration::from_secs(5);
/// Starts of the agent that are kept, and the time over which they are counted.
const STARTS_KEPT: u32 = 100;
const STARTS_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// What was moved aside, as state.
const LOSS: &str = "loss";

/// The history of one state directory, for writing. One agent, one thread.
///
/// It may be dropped, or its process killed, at any time: all that was acknowledged is there at the next start.
#[derive(Debug)]
pub struct Journal {
    pub(crate) connection: Connection,
    /// Whether the writes of the open transaction, if there is one, will be on the disk at its end.
    durable: bool,
    pub(crate) series: SeriesIds,
    /// The number of this run of the agent.
    pub(crate) run: Option<i64>,
    /// After the connection, so that the lock ends when the file is closed.
    directory: Directory,
}

/// When what was written is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When the write returns; costs one wait for the disk.
    AtOnce,
    /// Soon. It survives the end of this process from now on, and a power cut from the next checkpoint on.
    Soon,
}

/// Names what was tried in an error.
pub(crate) fn cannot(doing: &'static str) -> impl Fn(rusqlite::Error) -> JournalError {
    move |source| JournalError::Sqlite { doing, source }
}

impl Journal {
    /// Opens the history in `state_dir`; makes directory (0700) and file (0600) where they are missing.
    ///
    /// `now` names what is moved aside. Findings, if any, say that history was lost: see [`Finding`].
    ///
    /// Fails, with nothing moved or made but the directory and its lock, if the directory cannot be made or written, if
    /// others can write it, or if another agent has it.
    pub fn open(state_dir: &Path, now: Timestamp) -> Result<(Self, Vec<Finding>), OpenError> {
        let directory = Directory::claim(state_dir)?;
        let file = directory.file();
        let trouble = match directory.find() {
            Found::Nothing => None,
            Found::Unusable(reason) => Some(reason),
            Found::File => match connect(&file) {
                Ok(connection) => match inspect(&connection) {
                    Ok(None) => return Ok((Self::ready(connection, directory)?, Vec::new())),
                    Ok(Some(reason)) => Some(reason),
                    Err(error) if is_damage(&error) => Some(format!("is torn: {error}")),
                    Err(source) => return Err(OpenError::Sqlite { path: file, source }),
                },
                Err(error) if is_damage(&error) => Some(format!("is torn: {error}")),
                Err(source) => return Err(OpenError::Sqlite { path: file, source }),
            },
        };
        let findings: Vec<_> = match trouble {
            Some(reason) => vec![directory.move_aside(reason, now)?],
            None => directory.lost_before(now).into_iter().collect(),
        };
        // The fresh file knows from its first moment on that it is no fresh budget: the agent may end at any point.
        directory.create_file(|fresh| {
            create(fresh, findings.first())
                .map_err(|source| OpenError::Sqlite { path: fresh.to_owned(), source })
        })?;
        let connection =
            connect(&file).map_err(|source| OpenError::Sqlite { path: file, source })?;
        Ok((Self::ready(connection, directory)?, findings))
    }

    fn ready(mut connection: Connection, directory: Directory) -> Result<Self, OpenError> {
        let prepared = set_up(&connection).and_then(|()| schema::migrate(&mut connection));
        prepared.map_err(|source| OpenError::Sqlite { path: directory.file(), source })?;
        let (series, run) = (SeriesIds::default(), None);
        Ok(Self { connection, durable: false, series, run, directory })
    }

    /// Writes all that `write` writes, or nothing of it.
    ///
    /// Fails as `write` does, or if the whole cannot be written. What needs [`Durability::AtOnce`] says so by failing
    /// in anything less.
    pub fn together<T>(
        &mut self,
        durability: Durability,
        write: impl FnOnce(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let doing = "write what belongs together";
        let durable = durability == Durability::AtOnce;
        if durable {
            self.connection.pragma_update(None, "synchronous", "FULL").map_err(cannot(doing))?;
        }
        self.durable = durable;
        let result = self.in_transaction(doing, write);
        self.durable = false;
        if durable {
            // If this fails, writes are slower and no less safe.
            let _ = self.connection.pragma_update(None, "synchronous", "NORMAL");
        }
        result
    }

    fn in_transaction<T>(
        &mut self,
        doing: &'static str,
        write: impl FnOnce(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(cannot(doing))?;
        let result = write(self).and_then(|value| {
            self.connection.execute_batch("COMMIT").map(|()| value).map_err(cannot(doing))
        });
        if result.is_err() && !self.connection.is_autocommit() {
            // Fails only where SQLite has rolled back by itself.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        if result.is_err() {
            // Series that it began are none.
            self.series.clear();
        }
        result
    }

    /// Writes all that `write` writes, or nothing of it; as part of the whole that is being written, if one is.
    pub(crate) fn atomically<T>(
        &mut self,
        doing: &'static str,
        write: impl FnOnce(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        if self.connection.is_autocommit() {
            self.in_transaction(doing, write)
        } else {
            write(self)
        }
    }

    /// Bytes of the history on disk, with what was written since the last checkpoint; `None` if that cannot be told.
    pub fn size_bytes(&self) -> Option<u64> {
        self.directory.size_bytes()
    }

    /// Writes an event; gives its number.
    pub fn append(&mut self, at: Timestamp, entry: &Entry<'_>) -> Result<i64, JournalError> {
        let Entry { kind, target, incident, message, data } = entry;
        self.insert(
            "write an event",
            "INSERT INTO events (at_ms, kind, target, incident, message, data) VALUES (?, ?, ?, ?, ?, ?)",
            params![at.as_millisecond(), kind, target, incident, message, data.to_string()],
        )
    }

    /// Writes that an incident began; its number must be above [`Journal::last_incident`], and is never used again.
    pub fn open_incident(
        &mut self,
        id: i64,
        at: Timestamp,
        target: &str,
        cause: &str,
        evidence: &Value,
    ) -> Result<(), JournalError> {
        self.insert(
            "write an incident",
            "INSERT INTO incidents (id, target, cause, evidence, opened_ms) VALUES (?, ?, ?, ?, ?)",
            params![id, target, cause, evidence.to_string(), at.as_millisecond()],
        )
        .map(drop)
    }

    /// Writes that an incident ended, and how. False if it had ended before or is not known: nothing changed.
    pub fn close_incident(
        &mut self,
        id: i64,
        at: Timestamp,
        outcome: &str,
    ) -> Result<bool, JournalError> {
        let sql =
            "UPDATE incidents SET closed_ms = ?2, outcome = ?3 WHERE id = ?1 AND closed_ms IS NULL";
        let changed = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params![id, at.as_millisecond(), outcome]))
            .map_err(cannot("end an incident"))?;
        Ok(changed > 0)
    }

    /// Incidents that have not ended, oldest first.
    pub fn open_incidents(&self) -> Result<Vec<crate::Incident>, JournalError> {
        reader::open_incidents(&self.connection)
    }

    /// The largest number that an incident ever had, also if it was pruned, or if its begin was lost and only what followed could be
    /// written; `None` before the first.
    pub fn last_incident(&self) -> Result<Option<i64>, JournalError> {
        let sql = "SELECT MAX(id) FROM (SELECT seq AS id FROM sqlite_sequence WHERE name = 'incidents' \
                   UNION ALL SELECT MAX(incident) FROM events WHERE incident IS NOT NULL \
                   UNION ALL SELECT MAX(incident) FROM intents WHERE incident > 0 \
                   UNION ALL SELECT MAX(incident) FROM targets)";
        self.connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(cannot("read the number of the last incident"))
    }

    /// Writes that an action is about to start; gives the intent's number. It is on the disk when this returns: only then
    /// may the action start.
    pub fn intend(&mut self, intent: &Intent) -> Result<i64, JournalError> {
        let doing = "write an intent";
        self.durably(doing, |journal| journal.insert_intent(doing, intent, None))
    }

    /// Writes what others did, as far as it counts for the budgets as an action of ours; gives its number.
    pub fn charge(&mut self, intent: &Intent, outcome: &str) -> Result<i64, JournalError> {
        self.insert_intent("write a charge", intent, Some(outcome))
    }

    fn insert_intent(
        &self,
        doing: &'static str,
        intent: &Intent,
        outcome: Option<&str>,
    ) -> Result<i64, JournalError> {
        let Intent { incident, target, step, attempt, action, boot_id, boottime, wall } = intent;
        // Beyond 292 years since the boot.
        let boottime_ns = i64::try_from(boottime.as_nanos()).unwrap_or(i64::MAX);
        let wall_ms = wall.as_millisecond();
        self.insert(
            doing,
            "INSERT INTO intents
             (incident, target, step, attempt, action, boot_id, boottime_ns, wall_ms, settled_ms, outcome)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                incident,
                target,
                step,
                attempt,
                action,
                boot_id,
                boottime_ns,
                wall_ms,
                outcome.map(|_| wall_ms),
                outcome
            ],
        )
    }

    /// Writes how an intended action ended. False if that was written before or the intent is not known: nothing changed.
    pub fn settle(
        &mut self,
        intent: i64,
        at: Timestamp,
        outcome: &str,
        detail: &str,
    ) -> Result<bool, JournalError> {
        let sql = "UPDATE intents SET settled_ms = ?2, outcome = ?3, detail = ?4
                   WHERE id = ?1 AND settled_ms IS NULL";
        let changed = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.execute(params![intent, at.as_millisecond(), outcome, detail])
            })
            .map_err(cannot("settle an intent"))?;
        Ok(changed > 0)
    }

    /// Intents whose end was never written, with their numbers, oldest first. After a start: the attempt is used up, its
    /// outcome unknown, and it must never run again.
    pub fn open_intents(&self) -> Result<Vec<(i64, Intent)>, JournalError> {
        reader::open_intents(&self.connection)
    }

    /// All intents since `since`, oldest first, to charge the budgets with; also those of the boot in which the agent last
    /// started, whatever the time of day says: a clock set forward must not refund anything.
    pub fn ledger(&self, since: Timestamp) -> Result<Vec<Intent>, JournalError> {
        reader::ledger(&self.connection, since)
    }

    /// Keeps `value` under `key`, in the place of what was there.
    pub fn save_state(&mut self, key: &str, value: &Value) -> Result<(), JournalError> {
        let sql = "INSERT INTO state (key, value) VALUES (?1, ?2)
                   ON CONFLICT (key) DO UPDATE SET value = ?2";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params![key, value.to_string()]))
            .map(drop)
            .map_err(cannot("save state"))
    }

    /// What was last kept under `key`.
    pub fn load_state(&self, key: &str) -> Result<Option<Value>, JournalError> {
        reader::load_state(&self.connection, key)
    }

    /// Writes that the agent starts, and says how often it did within ten minutes of `at`, this time included. More than
    /// 5 is a crash loop (docs/semantics.md, 5). On the disk when it returns.
    pub fn agent_started(&mut self, at: Timestamp, boot_id: &str) -> Result<u32, JournalError> {
        let doing = "write the agent's start";
        self.durably(doing, |journal| {
            let sql = "INSERT INTO agent_starts (at_ms, boot_id) VALUES (?, ?)";
            journal.insert(doing, sql, params![at.as_millisecond(), boot_id])
        })?;
        // Both sides, so that a clock set back a little does not hide a loop, and one set back far does not look like one.
        let within = STARTS_WITHIN.as_millis();
        let within = i64::try_from(within).unwrap_or(i64::MAX);
        let at = at.as_millisecond();
        self.connection
            .execute(
                "DELETE FROM agent_starts WHERE id <= (SELECT max(id) FROM agent_starts) - ?",
                [STARTS_KEPT],
            )
            .and_then(|_| {
                self.connection.query_row(
                    "SELECT count(*) FROM agent_starts WHERE at_ms > ? AND at_ms < ?",
                    [at - within, at + within],
                    |row| row.get(0),
                )
            })
            .map_err(cannot(doing))
    }

    /// What was lost when the history was last moved aside, until [`Journal::heed_loss`]: also after an agent that ended
    /// before it could draw its conclusions.
    pub fn loss(&self) -> Result<Option<Finding>, JournalError> {
        let value = self.load_state(LOSS)?;
        Ok(value.and_then(|value| serde_json::from_value(value).ok()))
    }

    /// Forgets what was lost; to be written together with what the caller concludes from it.
    pub fn heed_loss(&mut self) -> Result<(), JournalError> {
        self.forget_state(LOSS)
    }

    /// Forgets what was kept under `key`.
    pub fn forget_state(&mut self, key: &str) -> Result<(), JournalError> {
        self.connection
            .prepare_cached("DELETE FROM state WHERE key = ?")
            .and_then(|mut statement| statement.execute([key]))
            .map(drop)
            .map_err(cannot("forget state"))
    }

    pub(crate) fn insert(
        &self,
        doing: &'static str,
        sql: &str,
        values: impl rusqlite::Params,
    ) -> Result<i64, JournalError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.insert(values))
            .map_err(cannot(doing))
    }

    /// Runs one write that must be on the disk when it returns. In WAL mode, NORMAL leaves that to the next checkpoint.
    pub(crate) fn durably<T>(
        &mut self,
        doing: &'static str,
        write: impl FnOnce(&Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        if !self.connection.is_autocommit() {
            return if self.durable {
                write(self)
            } else {
                Err(JournalError::NotDurable { doing })
            };
        }
        let set = |level: &str| self.connection.pragma_update(None, "synchronous", level);
        set("FULL").map_err(cannot(doing))?;
        let result = write(self);
        // If this fails, writes are slower and no less safe.
        let _ = set("NORMAL");
        result
    }
}

/// The moment that was stored as nanoseconds.
pub(crate) fn moment(boottime_ns: i64) -> Moment {
    Moment::from_nanos(u64::try_from(boottime_ns).unwrap_or(0))
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -1_024)?;
    connection.pragma_update(None, "journal_size_limit", 4 * 1_024 * 1_024)?;
    connection.pragma_update(None, "foreign_keys", false)
}

/// Fills an empty file: whole, with its tables, with what it comes in the place of, and without companions when closed.
fn create(fresh: &Path, lost: Option<&Finding>) -> rusqlite::Result<()> {
    let mut connection = connect(fresh)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    schema::migrate(&mut connection)?;
    if let Some(lost) = lost {
        let lost = serde_json::to_value(lost).unwrap_or_else(|_| Value::from(lost.to_string()));
        connection.execute(
            "INSERT INTO state (key, value) VALUES (?, ?)",
            params![LOSS, lost.to_string()],
        )?;
    }
    connection.close().map_err(|(_, error)| error)
}

/// Says why the file cannot be used as it is, if so.
fn inspect(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != schema::APPLICATION_ID {
        return Ok(Some("is not a history of evenkeel".to_owned()));
    }
    let version = schema::version(connection)?;
    if version > schema::VERSION {
        let known = schema::VERSION;
        return Ok(Some(format!("has schema version {version}, newer than {known}")));
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((verdict != "ok").then(|| format!("is torn: {verdict}")))
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, SystemIoFailure};
    // A file that the disk cannot read back is as good as torn.
    let damage = [DatabaseCorrupt, NotADatabase, SystemIoFailure];
    error.sqlite_error_code().is_some_and(|code| damage.contains(&code))
}
