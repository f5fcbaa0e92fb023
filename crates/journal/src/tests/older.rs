//! Histories that earlier versions wrote.

use super::*;

impl Scratch {
    /// An empty history of an earlier version, to be filled by hand.
    fn older(&self, version: i64) -> rusqlite::Connection {
        std::fs::create_dir(&self.state_dir).unwrap();
        std::fs::set_permissions(&self.state_dir, PermissionsExt::from_mode(0o700)).unwrap();
        let mut connection = rusqlite::Connection::open(self.file()).unwrap();
        let id = crate::schema::APPLICATION_ID;
        connection.pragma_update(None, "application_id", id).unwrap();
        crate::schema::migrate_to(&mut connection, version).unwrap();
        connection
    }
}

#[test]
fn a_history_of_the_first_version_becomes_one_of_this_and_keeps_all() {
    let scratch = Scratch::new();
    let connection = scratch.older(1);
    connection
        .execute_batch(
            "INSERT INTO events VALUES (7, 1800000001000, 'old', 't', NULL, 'a line', '{}');
             INSERT INTO intents VALUES (3, 1, 't', 0, 2, 'restart', 'boot', 5, 1800000001000, NULL, NULL, NULL)",
        )
        .unwrap();
    drop(connection);
    // Who only looks cannot migrate it, and finds that nothing is in force.
    let reader = scratch.reader();
    assert_eq!((reader.holds().unwrap(), reader.standings().unwrap()), (vec![], vec![]));
    drop(reader);
    let journal = scratch.journal();
    assert_eq!(journal.open_intents().unwrap()[0].0, 3);
    assert_eq!(scratch.reader().events(&Filter::default()).unwrap()[0].id, 7);
    assert_eq!(scratch.reader().holds().unwrap(), []);
}

#[test]
fn who_looks_at_a_history_without_curves_finds_none() {
    let scratch = Scratch::new();
    drop(scratch.older(2));
    let reader = scratch.reader();
    assert_eq!(reader.fields(None).unwrap(), []);
    assert_eq!(reader.series("web", "latency_ms", at(0), at(1), 9).unwrap(), []);
    assert_eq!(reader.stretches("web", at(0), at(1)).unwrap(), []);
    assert_eq!(reader.stretch_subjects().unwrap(), [""; 0]);
    assert_eq!(reader.runs(at(0), at(1)).unwrap(), []);
}

/// All rows of the tables of the second version, as text.
fn rows(connection: &rusqlite::Connection) -> Vec<String> {
    let tables = [
        "events",
        "incidents",
        "intents",
        "state",
        "agent_starts",
        "holds",
        "targets",
        "checks",
        "sqlite_sequence",
    ];
    let mut all = Vec::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let value = |column| format!("{:?}", row.get_ref(column).unwrap());
            all.push(format!("{table}: {}", (0..columns).map(value).collect::<Vec<_>>().join(" ")));
        }
    }
    all
}

/// A history as an agent of the second version left it: two runs, the second of which was killed while it acted.
const SECOND: &str = "
    INSERT INTO agent_starts VALUES (1, 1000, 'boot-a'), (2, 90000, 'boot-b');
    INSERT INTO events VALUES
        (1, 1200, 'agent_started', 'agent', NULL, 'started', '{\"boot_id\":\"boot-a\"}'),
        (2, 61000, 'check_changed', 'web/a', NULL, 'up -> down: <b>500</b>', '{\"from\":\"up\"}'),
        (3, 61000, 'incident_opened', 'web', 4, 'web is down', '{}'),
        (9, 95000, 'intended', 'web', 4, 'restart', '{}');
    INSERT INTO incidents VALUES (3, 'web', 'health', '{}', 100, 200, 'up'), (4, 'web', 'health', '{}', 61000, NULL, NULL);
    INSERT INTO intents VALUES
        (1, 3, 'web', 0, 0, 'restart', 'boot-a', 5, 150, 160, 'ended', 'ok'),
        (2, 4, 'web', 0, 1, 'restart', 'boot-b', 7, 95000, NULL, NULL, NULL);
    INSERT INTO holds VALUES ('db', 'migration', 'root', 900, 99999999, 12, 'boot-b');
    INSERT INTO targets VALUES ('web', 'acting', 0, 1, 4, 95000, NULL, NULL, NULL, '{\"cause\":\"health\"}');
    INSERT INTO checks VALUES ('health', 95000, '{\"ups\":[true,false]}');
    INSERT INTO state VALUES ('observe_only', '{\"why\":\"x\"}');";

#[test]
fn a_history_of_the_second_version_keeps_every_row_and_tells_when_the_agent_ran() {
    let scratch = Scratch::new();
    let connection = scratch.older(2);
    connection.execute_batch(SECOND).unwrap();
    let before = rows(&connection);
    assert_eq!(before.len(), 16);
    drop(connection);
    let mut journal = scratch.journal();
    assert_eq!(rows(&journal.connection), before);
    assert_eq!(journal.last_incident().unwrap(), Some(4));
    let at = |millis| Timestamp::from_millisecond(millis).unwrap();
    let run = |from, alive, until: Option<i64>| crate::AgentRun {
        from: at(from),
        alive: at(alive),
        until: until.map(at),
    };
    // Its last line is the last that is known of a run.
    let runs = [run(1_000, 61_000, Some(61_000)), run(90_000, 95_000, None)];
    assert_eq!(scratch.reader().runs(at(0), at(1_000_000)).unwrap(), runs);
    // And it goes on.
    let sample = crate::Sample { subject: "web", field: "fds", at: at(99_000), value: 3.0 };
    assert_eq!(journal.observe(&[sample]).unwrap(), 1);
    journal.begin_run(at(99_000)).unwrap();
    assert_eq!(scratch.reader().runs(at(0), at(1_000_000)).unwrap().len(), 3);
}

#[test]
fn a_migration_that_is_cut_short_is_done_whole_at_the_next_start() {
    let scratch = Scratch::new();
    let connection = scratch.older(2);
    connection.execute_batch(SECOND).unwrap();
    let before = rows(&connection);
    // A table in the way makes the script fail where some of it is done.
    connection.execute_batch("CREATE TABLE runs (x)").unwrap();
    drop(connection);
    assert!(Journal::open(&scratch.state_dir, at(0)).is_err());
    let connection = rusqlite::Connection::open(scratch.file()).unwrap();
    assert_eq!(crate::schema::version(&connection).unwrap(), 2);
    assert_eq!(rows(&connection), before);
    connection.execute_batch("DROP TABLE runs").unwrap();
    drop(connection);
    assert_eq!(rows(&scratch.journal().connection), before);
}
