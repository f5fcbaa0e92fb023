use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use serde::Serialize;

use crate::error::JournalError;
use crate::journal::{Journal, cannot};

/// Intents younger than this always stay: budgets are charged with them, and pruning must not refund anything.
const INTENTS_STAY: SignedDuration = SignedDuration::from_hours(31 * 24);
/// Events deleted at a time while the file is too large.
const CHUNK: u32 = 100;

/// What pruning took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Pruned {
    /// Events.
    pub events: usize,
    /// Incidents that had ended.
    pub incidents: usize,
    /// Intents whose end was known.
    pub intents: usize,
}

impl Journal {
    /// Forgets what is older than `keep`, and then the oldest events until the file is at most `max_bytes`.
    ///
    /// What is exactly `keep` old stays. So do incidents and intents without an end, and intents of the last 31 days, for
    /// the budgets; these may leave the file larger than `max_bytes`. Space goes back to the filesystem.
    pub fn prune(
        &mut self,
        now: Timestamp,
        keep: Duration,
        max_bytes: u64,
    ) -> Result<Pruned, JournalError> {
        let doing = "prune the history";
        let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
        let before = |age| now.checked_sub(age).unwrap_or(Timestamp::MIN).as_millisecond();
        let (oldest, oldest_intent) = (before(keep), before(keep.max(INTENTS_STAY)));
        let connection = &self.connection;
        let mut pruned = Pruned {
            events: connection
                .execute("DELETE FROM events WHERE at_ms < ?", [oldest])
                .map_err(cannot(doing))?,
            incidents: connection
                .execute("DELETE FROM incidents WHERE closed_ms < ?", [oldest])
                .map_err(cannot(doing))?,
            intents: connection
                .execute(
                    "DELETE FROM intents WHERE wall_ms < ? AND settled_ms IS NOT NULL",
                    [oldest_intent],
                )
                .map_err(cannot(doing))?,
        };
        while used_bytes(connection).map_err(cannot(doing))? > max_bytes {
            let sql = "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?)";
            let deleted = connection.execute(sql, [CHUNK]).map_err(cannot(doing))?;
            if deleted == 0 {
                break;
            }
            pruned.events += deleted;
        }
        if pruned != Pruned::default() {
            give_back(connection).map_err(cannot(doing))?;
        }
        Ok(pruned)
    }
}

/// Pages in use; free ones go back to the filesystem at the end.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok(u64::try_from(pages * number("page_size")?).unwrap_or(0))
}

fn give_back(connection: &Connection) -> rusqlite::Result<()> {
    // It frees a page per row that is asked for.
    let mut statement = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    // A reader at work keeps the log as it is: the next pruning gets it.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}
