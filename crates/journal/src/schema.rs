//! The tables, and how an older file becomes one of this version.

use rusqlite::Connection;

/// Marks the file as ours (`application_id`): "evkl".
pub(crate) const APPLICATION_ID: i64 = 0x6576_6b6c;

/// One script per version; the version of a file is how many were run on it. Never change one that was released.
const MIGRATIONS: [&str; 3] = [
    "
    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        at_ms INTEGER NOT NULL,
        kind TEXT NOT NULL,
        target TEXT NOT NULL,
        incident INTEGER,
        message TEXT NOT NULL,
        data TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_at ON events (at_ms);
    CREATE INDEX events_incident ON events (incident) WHERE incident IS NOT NULL;
    CREATE TABLE incidents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        target TEXT NOT NULL,
        cause TEXT NOT NULL,
        evidence TEXT NOT NULL,
        opened_ms INTEGER NOT NULL,
        closed_ms INTEGER,
        outcome TEXT
    ) STRICT;
    CREATE INDEX incidents_target ON incidents (target);
    CREATE TABLE intents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        incident INTEGER NOT NULL,
        target TEXT NOT NULL,
        step INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        action TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        boottime_ns INTEGER NOT NULL,
        wall_ms INTEGER NOT NULL,
        settled_ms INTEGER,
        outcome TEXT,
        detail TEXT
    ) STRICT;
    CREATE INDEX intents_wall ON intents (wall_ms);
    CREATE INDEX intents_incident ON intents (incident);
    CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE agent_starts (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, boot_id TEXT NOT NULL) STRICT;
",
    // What is in force now, one row for each thing: it survives the agent. A time that is still to come is told by both
    // clocks, and by the boot for which the second of them means something.
    "
    CREATE TABLE holds (
        target TEXT PRIMARY KEY,
        reason TEXT NOT NULL,
        ordered_by TEXT NOT NULL,
        since_ms INTEGER NOT NULL,
        until_ms INTEGER,
        until_boottime_ns INTEGER,
        boot_id TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE targets (
        target TEXT PRIMARY KEY,
        phase TEXT NOT NULL,
        step INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        incident INTEGER,
        since_ms INTEGER NOT NULL,
        until_ms INTEGER,
        until_boottime_ns INTEGER,
        boot_id TEXT,
        data TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE checks (
        name TEXT PRIMARY KEY,
        since_ms INTEGER NOT NULL,
        data TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX events_target ON events (target, id);
    CREATE INDEX intents_target ON intents (target, id);
",
    // Measured values as curves, and time as it is counted for availability. `samples` lies in the order of time, so that
    // a write touches one page however many series there are; what is rolled up lies in the order of its series, so that
    // a curve is read from few pages.
    "
    CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        subject TEXT NOT NULL,
        field TEXT NOT NULL,
        UNIQUE (subject, field)
    ) STRICT;
    CREATE TABLE samples (
        at_ms INTEGER NOT NULL,
        series INTEGER NOT NULL,
        value REAL NOT NULL,
        PRIMARY KEY (at_ms, series)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE minutes (
        series INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        count INTEGER NOT NULL,
        min REAL NOT NULL,
        max REAL NOT NULL,
        sum REAL NOT NULL,
        last REAL NOT NULL,
        PRIMARY KEY (series, at_ms)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE hours (
        series INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        count INTEGER NOT NULL,
        min REAL NOT NULL,
        max REAL NOT NULL,
        sum REAL NOT NULL,
        last REAL NOT NULL,
        PRIMARY KEY (series, at_ms)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE watermarks (name TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE stretches (
        id INTEGER PRIMARY KEY,
        subject TEXT NOT NULL,
        verdict TEXT NOT NULL,
        from_ms INTEGER NOT NULL,
        until_ms INTEGER NOT NULL,
        slices INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX stretches_subject ON stretches (subject, from_ms);
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        from_ms INTEGER NOT NULL,
        alive_ms INTEGER NOT NULL,
        ended INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX runs_from ON runs (from_ms);
    -- What is known of earlier runs: when each began, and the last line that it wrote.
    INSERT INTO runs (from_ms, alive_ms)
        SELECT at_ms, max(at_ms, ifnull((
            SELECT max(events.at_ms) FROM events WHERE events.at_ms >= started.at_ms AND events.at_ms < ifnull(
                (SELECT min(next.at_ms) FROM agent_starts AS next WHERE next.id > started.id), 9e18)), 0))
        FROM agent_starts AS started ORDER BY id;
",
];

/// The newest version that is known here.
#[expect(clippy::cast_possible_wrap, reason = "there are not that many versions")]
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// The version of an open file.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Runs what is missing, each version in a transaction of its own. The version must not be above [`VERSION`].
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    migrate_to(connection, VERSION)
}

/// As [`migrate`], but no further than `wanted`.
pub(crate) fn migrate_to(connection: &mut Connection, wanted: i64) -> rusqlite::Result<()> {
    let done = version(connection)?;
    let missing = |version| version > done && version <= wanted;
    for (version, script) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| missing(*version)) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}
