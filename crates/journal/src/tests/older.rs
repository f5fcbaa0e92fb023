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
