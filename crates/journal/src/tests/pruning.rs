//! What is forgotten, and in which order.

use super::*;
use crate::{Pruned, Sample, Stretch};

#[test]
fn pruning_by_age_keeps_what_is_exactly_as_old_what_is_open_and_what_budgets_need() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    journal.append(at(0), &entry("gone", "t")).unwrap();
    journal.append(at(1), &entry("kept", "t")).unwrap();
    let open = journal.intend(&intent("open", at(0), "boot")).unwrap();
    let settled = journal.intend(&intent("settled", at(0), "boot")).unwrap();
    journal.settle(settled, at(0), "ran", "").unwrap();
    journal.open_incident(1, at(0), "t", "down", &json!(null)).unwrap();
    let keep = Duration::from_hours(24);
    let pruned = journal.prune(at(1) + days(1), keep, u64::MAX).unwrap();
    assert_eq!(pruned, Pruned { events: 1, incidents: 0, intents: 0, ..Pruned::default() });
    let pruned = journal.prune(at(1) + days(32), keep, u64::MAX).unwrap();
    assert_eq!(pruned, Pruned { events: 1, incidents: 0, intents: 1, ..Pruned::default() });
    assert_eq!(journal.open_intents().unwrap()[0].0, open);
    assert_eq!(journal.open_incidents().unwrap().len(), 1);
}

#[test]
fn pruning_by_size_takes_the_oldest_events_and_gives_the_space_back() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let long = "x".repeat(1_000);
    journal.connection.execute_batch("BEGIN").unwrap();
    for second in 0..5_000 {
        journal.append(at(second), &Entry { message: &long, ..entry("k", "t") }).unwrap();
    }
    journal.connection.execute_batch("COMMIT").unwrap();
    let limit = 1_024 * 1_024;
    let pruned = journal.prune(at(5_000), Duration::from_hours(24), limit).unwrap();
    assert!(pruned.events > 0);
    let events = scratch.reader().events(&Filter::default()).unwrap();
    assert_eq!(events.last().unwrap().at, at(4_999));
    assert_eq!(events.len(), 5_000 - pruned.events);
    assert!(std::fs::metadata(scratch.file()).unwrap().len() <= limit);
    assert_eq!(
        journal.prune(at(5_000), Duration::from_hours(24), limit).unwrap(),
        Pruned::default()
    );
}

/// A day of ten curves, one value a minute, and one line of history each minute.
fn filled(journal: &mut Journal) {
    let subjects: Vec<_> = (0..10).map(|number| format!("web/{number}")).collect();
    journal.connection.execute_batch("BEGIN").unwrap();
    for second in (0..86_400).step_by(60) {
        let samples: Vec<_> = subjects
            .iter()
            .map(|subject| Sample { subject, field: "fds", at: at(second), value: 1.5 })
            .collect();
        journal.observe(&samples).unwrap();
        journal.append(at(second), &entry("k", "t")).unwrap();
        let (from, until) = (at(second), at(second + 30));
        let (subject, verdict) = ("web".to_owned(), "good".to_owned());
        journal.extend(&Stretch { subject, verdict, from, until, slices: 1 }).unwrap();
    }
    journal.connection.execute_batch("COMMIT").unwrap();
    journal.roll_up(at(86_400)).unwrap();
}

fn rows(journal: &Journal) -> [i64; 5] {
    ["samples", "minutes", "hours", "stretches", "events"].map(|table| {
        let sql = format!("SELECT count(*) FROM {table}");
        journal.connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    })
}

#[test]
fn a_file_over_its_size_spares_samples_first_and_events_last() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    filled(&mut journal);
    journal.intend(&intent("t", at(0), "boot")).unwrap();
    let now = at(86_400);
    let mut before = rows(&journal);
    assert_eq!(before, [14_400, 14_390, 230, 1_440, 1_440]);
    let full = used(&journal);
    // A little less each time, until nothing but the intent is left.
    for limit in (0..=20).rev().map(|part| full / 20 * part) {
        journal.prune(now, Duration::from_hours(48), limit).unwrap();
        let after = rows(&journal);
        // What is not rolled up yet is not spared: the last minute and the last hour.
        let finest = [10, 590, 0, 0, 0];
        for table in 1..5 {
            let finer_is_gone = (0..table).all(|finer| after[finer] == finest[finer]);
            assert!(after[table] == before[table] || finer_is_gone, "{before:?} {after:?}");
        }
        before = after;
    }
    assert_eq!(before, [10, 590, 0, 0, 0]);
    assert_eq!(journal.open_intents().unwrap().len(), 1);
}

#[test]
fn what_is_spared_is_seen_as_coarser_or_not_at_all_and_never_as_something_else() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    filled(&mut journal);
    let full = used(&journal);
    let mut resolutions = Vec::new();
    for limit in (0..=20).rev().map(|part| full / 20 * part) {
        journal.prune(at(86_400), Duration::from_hours(48), limit).unwrap();
        let curve = scratch.reader().curve("web/3", "fds", at(0), at(86_400), 10_000).unwrap();
        for point in &curve.points {
            assert_eq!(format!("{}..{}", point.min, point.max), "1.5..1.5");
        }
        resolutions.push(curve.resolution.as_secs());
    }
    resolutions.dedup();
    // At the end only the last hour is left, which no hour has taken in yet.
    assert_eq!(resolutions, [0, 60, 3_600, 60]);
}

fn used(journal: &Journal) -> u64 {
    let number = |name: &str| -> i64 {
        journal.connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
    };
    let bytes = (number("page_count") - number("freelist_count")) * number("page_size");
    u64::try_from(bytes).unwrap()
}
