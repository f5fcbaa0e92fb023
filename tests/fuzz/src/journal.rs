use std::cell::OnceCell;
use std::path::Path;
use std::time::Duration;

use evenkeel_journal::{Entry, FILE_NAME, Filter, Journal, OpenError, Reader, Sample, Stretch};
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::scratch;

/// A history in which these bytes were written over others: triples of two bytes for a place and one for what stands there now. An
/// odd first byte cuts the file off behind the last of them.
///
/// It is opened or moved aside; nothing that is in it keeps an agent from starting with a history that can be written.
pub fn journal_file(data: &[u8]) {
    let Some((cut, patches)) = data.split_first() else { return };
    with_history(|folder, template| {
        let mut bytes = template.to_vec();
        let mut last = bytes.len();
        for patch in patches.as_chunks::<3>().0 {
            let at = usize::from(u16::from_be_bytes([patch[0], patch[1]])) * 2 % bytes.len();
            bytes[at] = patch[2];
            last = at;
        }
        if cut % 2 == 1 {
            bytes.truncate(last);
        }
        std::fs::write(folder.join(FILE_NAME), &bytes).expect("a scratch file");
        look(folder);
        open(folder);
    });
}

/// Rows as another program, or a later version, could have written them: a line each, of the table's name and its values, with tabs
/// between them. A value begins with `i`, `r`, `t` or `b` for integers, reals, texts and blobs; anything else is NULL.
///
/// What cannot be read is an error; nothing keeps an agent from starting, rolling up and pruning.
pub fn journal_rows(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    with_history(|folder, template| {
        std::fs::write(folder.join(FILE_NAME), template).expect("a scratch file");
        let connection = Connection::open(folder.join(FILE_NAME)).expect("the history");
        connection.execute_batch("PRAGMA synchronous = OFF; BEGIN").expect("the history");
        for line in text.split('\n').take(200) {
            let mut words = line.split('\t');
            let Some(columns) = words.next().and_then(|name| columns(&connection, name)) else {
                continue;
            };
            let values: Vec<_> =
                words.map(value).chain(std::iter::repeat(Value::Null)).take(columns).collect();
            let table = line.split('\t').next().unwrap_or_default();
            let places = vec!["?"; columns].join(", ");
            let sql = format!("INSERT OR REPLACE INTO {table} VALUES ({places})");
            // The kind of a value, or a NULL, may be refused.
            let _ = connection.execute(&sql, params_from_iter(values));
        }
        connection.execute_batch("COMMIT").expect("the history");
        drop(connection);
        look(folder);
        open(folder);
        look(folder);
    });
}

/// How many columns a table of the history has.
fn columns(connection: &Connection, table: &str) -> Option<usize> {
    const TABLES: [&str; 14] = [
        "events",
        "incidents",
        "intents",
        "state",
        "agent_starts",
        "holds",
        "targets",
        "checks",
        "series",
        "samples",
        "minutes",
        "hours",
        "watermarks",
        "stretches",
    ];
    let table = TABLES.into_iter().chain(["runs"]).find(|name| *name == table)?;
    let statement = connection.prepare_cached(&format!("SELECT * FROM {table}")).ok()?;
    Some(statement.column_count())
}

fn value(word: &str) -> Value {
    let rest = word.get(1..).unwrap_or_default();
    match word.as_bytes().first() {
        Some(b'i') => rest.parse().map_or(Value::Null, Value::Integer),
        Some(b'r') => rest.parse().map_or(Value::Null, Value::Real),
        Some(b't') => Value::Text(rest.to_owned()),
        Some(b'b') => Value::Blob(rest.as_bytes().to_vec()),
        _ => Value::Null,
    }
}

/// As whoever looks at a history does.
fn look(folder: &Path) {
    let Ok(reader) = Reader::open(folder) else { return };
    let (all, now) = (Filter::default(), now());
    let hour = now - jiff::SignedDuration::from_hours(1);
    let _ = (reader.events(&all), reader.incidents(&all), reader.why(1, all.clone()));
    let _ = (reader.holds(), reader.standings(), reader.ledger(hour), reader.state("loss"));
    let _ = (reader.words(), reader.latest_incident("web"), reader.fields(None));
    for (from, until) in [(hour, now), (Timestamp::MIN, Timestamp::MAX)] {
        if let Ok(curve) = reader.curve("web", "latency_ms", from, until, 50) {
            assert!(curve.points.len() <= 50, "{} points", curve.points.len());
        }
        let _ = (reader.stretches("web", from, until), reader.runs(from, until));
    }
    let _ = (reader.stretches_began("web"), reader.stretch_subjects());
}

/// As an agent does that starts.
fn open(folder: &Path) {
    let now = now();
    let mut journal = match Journal::open(folder, now) {
        Ok((journal, _)) => journal,
        // A file that SQLite takes for good, and is not what it says: told, and left where it is.
        Err(OpenError::Sqlite { .. }) => return,
        Err(error) => panic!("{error:?}"),
    };
    let _ = (journal.open_incidents(), journal.last_incident(), journal.open_intents());
    let _ = (journal.ledger(Timestamp::MIN), journal.loss(), journal.holds());
    let _ = (journal.standings(), journal.checks(), journal.agent_started(now, "boot"));
    let _ = journal.begin_run(now);
    let sample = Sample { subject: "web", field: "latency_ms", at: now, value: 3.5 };
    let _ = (journal.observe(&[sample]), journal.roll_up_some(now));
    let _ = journal.prune(now, Duration::from_hours(1), 1);
    let _ = journal.alive(now, true);
}

fn now() -> Timestamp {
    Timestamp::constant(1_790_000_000, 0)
}

/// Calls `work` with an empty state directory and the bytes of a small history.
fn with_history(work: impl FnOnce(&Path, &[u8])) {
    thread_local! {
        static TEMPLATE: OnceCell<Vec<u8>> = const { OnceCell::new() };
    }
    TEMPLATE.with(|template| {
        let template = template.get_or_init(template_of_history);
        let folder = scratch();
        work(folder.path(), template);
    });
}

/// A history with a little of everything.
fn template_of_history() -> Vec<u8> {
    let folder = scratch();
    let now = now();
    let (mut journal, _) = Journal::open(folder.path(), now).expect("a history");
    let data = serde_json::json!({ "to": "down" });
    let from = now - jiff::SignedDuration::from_hours(1);
    journal.open_incident(1, from, "web", "down", &data).expect("an incident");
    for minute in 0..3 {
        let at = from + jiff::SignedDuration::from_mins(minute);
        let incident = Some(1);
        let entry = Entry {
            kind: "check_changed",
            target: "web",
            incident,
            message: "down",
            data: data.clone(),
        };
        journal.append(at, &entry).expect("an event");
        let sample = Sample { subject: "web", field: "latency_ms", at, value: 2.0 };
        journal.observe(&[sample]).expect("a sample");
    }
    let (subject, verdict) = ("web".to_owned(), "bad".to_owned());
    journal.extend(&Stretch { subject, verdict, from, until: now, slices: 60 }).expect("time");
    drop(journal);
    let path = folder.path().join(FILE_NAME);
    let connection = Connection::open(&path).expect("the history");
    // All of it in the one file.
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("the history");
    drop(connection);
    std::fs::read(path).expect("the history")
}
