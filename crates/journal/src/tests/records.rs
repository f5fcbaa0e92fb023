use proptest::prelude::*;

use super::*;
use crate::{Pruned, Settled};

#[test]
fn events_come_back_as_they_were_written_oldest_first_while_the_agent_writes() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let reader = scratch.reader();
    for (second, kind, target) in [(1, "a", "x"), (2, "b", "y"), (3, "a", "y")] {
        journal.append(at(second), &entry(kind, target)).unwrap();
    }
    let ids = |filter: Filter| -> Vec<i64> {
        reader.events(&filter).unwrap().into_iter().map(|event| event.id).collect()
    };
    assert_eq!(ids(Filter::default()), [1, 2, 3]);
    assert_eq!(ids(Filter { since: Some(at(2)), ..Filter::default() }), [2, 3]);
    assert_eq!(ids(Filter { kind: Some("a".to_owned()), ..Filter::default() }), [1, 3]);
    assert_eq!(ids(Filter { target: Some("y".to_owned()), ..Filter::default() }), [2, 3]);
    assert_eq!(ids(Filter { limit: Some(2), ..Filter::default() }), [2, 3]);
    let kind = Some("a".to_owned());
    assert_eq!(ids(Filter { kind, limit: Some(1), since: Some(at(1)), ..Filter::default() }), [3]);
    assert_eq!(ids(Filter { incident: Some(7), ..Filter::default() }), [0; 0]);
    // Each has 6 bytes of words and 7 of data.
    assert_eq!(ids(Filter { bytes: Some(26), ..Filter::default() }), [2, 3]);
    assert_eq!(ids(Filter { bytes: Some(25), ..Filter::default() }), [3]);
    assert_eq!(ids(Filter { bytes: Some(0), ..Filter::default() }), [3], "one in any case");
    let event = reader.events(&Filter::default()).unwrap().remove(0);
    assert_eq!(
        (event.at, event.message.as_str(), event.data),
        (at(1), "a line", json!({ "n": 1 }))
    );
}

#[test]
fn a_cleanup_run_is_found_by_its_id_and_no_other_line_is() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    for (kind, run) in [("cleaned", "1a"), ("cleaned", "2b"), ("undone", "1a"), ("cleaned", "1")] {
        let entry = Entry { data: json!({ "run": run }), ..entry(kind, "logs") };
        journal.append(at(1), &entry).unwrap();
    }
    let found = |run| scratch.reader().cleaned(run).unwrap().map(|event| event.id);
    assert_eq!([found("1a"), found("2b"), found("3c")], [Some(1), Some(2), None]);
}

#[test]
fn an_intent_is_open_until_it_is_settled_and_settles_once() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let written = intent("web", at(1), "boot");
    let id = journal.intend(&written).unwrap();
    drop(journal);
    let mut journal = scratch.journal();
    assert_eq!(journal.open_intents().unwrap(), [(id, written.clone())]);
    assert!(journal.settle(id, at(2), "ran", "exit 0").unwrap());
    assert!(!journal.settle(id, at(3), "failed", "").unwrap());
    assert!(!journal.settle(id + 1, at(3), "failed", "").unwrap());
    assert_eq!(journal.open_intents().unwrap(), []);
    assert_eq!(journal.ledger(at(0)).unwrap(), [written]);
}

#[test]
fn what_others_did_is_charged_and_is_no_open_intent() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let charged = Intent { incident: 0, ..intent("web", at(1), "boot") };
    journal.charge(&charged, "by others").unwrap();
    assert_eq!(journal.open_intents().unwrap(), []);
    assert_eq!(journal.ledger(at(0)).unwrap(), [charged]);
}

#[test]
fn the_ledger_has_what_is_recent_and_all_of_this_boot_whatever_the_time_of_day_says() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    journal.agent_started(at(0), "this").unwrap();
    for (target, second, boot) in [
        ("old", 10, "that"),
        ("old of this boot", 10, "this"),
        ("recent", 100, "that"),
        ("future", 10_000, "that"),
    ] {
        journal.intend(&intent(target, at(second), boot)).unwrap();
    }
    let targets: Vec<String> =
        journal.ledger(at(100)).unwrap().into_iter().map(|intent| intent.target).collect();
    assert_eq!(targets, ["old of this boot", "recent", "future"]);
}

#[test]
fn an_incident_is_told_with_its_evidence_actions_and_events() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    assert_eq!(journal.last_incident().unwrap(), None);
    let (incident, other) = (1, 2);
    let evidence = json!({ "status": 500 });
    journal.open_incident(incident, at(1), "web", "health down", &evidence).unwrap();
    journal.open_incident(other, at(2), "db", "down", &json!(null)).unwrap();
    assert_eq!(journal.last_incident().unwrap(), Some(other));
    journal.append(at(1), &Entry { incident: Some(incident), ..entry("opened", "web") }).unwrap();
    journal.append(at(2), &entry("noise", "web")).unwrap();
    let id = journal.intend(&Intent { incident, ..intent("web", at(3), "boot") }).unwrap();
    journal.settle(id, at(4), "ran", "exit 0").unwrap();
    assert_eq!(journal.open_incidents().unwrap().len(), 2);
    assert!(journal.close_incident(incident, at(5), "recovered").unwrap());
    assert!(!journal.close_incident(incident, at(6), "again").unwrap());
    assert_eq!(journal.open_incidents().unwrap()[0].id, other);

    let reader = scratch.reader();
    assert_eq!(reader.why(99, Filter::default()).unwrap(), None);
    assert_eq!(reader.latest_incident("web").unwrap(), Some(incident));
    assert_eq!(reader.latest_incident("nobody").unwrap(), None);
    let why = reader.why(incident, Filter::default()).unwrap().unwrap();
    assert_eq!((why.incident.opened, why.incident.closed), (at(1), Some(at(5))));
    assert_eq!(why.incident.evidence, json!({ "status": 500 }));
    assert_eq!(why.incident.outcome.as_deref(), Some("recovered"));
    assert_eq!(why.events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["opened"]);
    let settled = Settled { at: at(4), outcome: "ran".to_owned(), detail: "exit 0".to_owned() };
    assert_eq!(why.intents[0].settled, Some(settled));
    // Ended before that time, or not at all.
    let since = Filter { since: Some(at(6)), ..Filter::default() };
    assert_eq!(
        reader.incidents(&since).unwrap().iter().map(|found| found.id).collect::<Vec<_>>(),
        [other]
    );
}

#[test]
fn the_number_of_an_incident_is_never_used_again() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let first = 7;
    journal.open_incident(first, at(0), "web", "down", &json!(null)).unwrap();
    journal.close_incident(first, at(1), "up").unwrap();
    let pruned = journal.prune(at(0) + days(500), Duration::from_hours(24), u64::MAX).unwrap();
    assert_eq!(pruned, Pruned { events: 0, incidents: 1, intents: 0, ..Pruned::default() });
    assert_eq!(journal.last_incident().unwrap(), Some(first));
    journal.open_incident(first + 1, at(2), "web", "down", &json!(null)).unwrap();
    assert!(journal.open_incident(first + 1, at(2), "web", "down", &json!(null)).is_err());
}

#[test]
fn the_number_of_an_incident_whose_begin_was_lost_is_not_another_s() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    journal.intend(&Intent { incident: 3, ..intent("web", at(1), "boot") }).unwrap();
    assert_eq!(journal.last_incident().unwrap(), Some(3));
    journal.append(at(2), &Entry { incident: Some(5), ..entry("judged", "web") }).unwrap();
    assert_eq!(journal.last_incident().unwrap(), Some(5));
}

#[test]
fn state_is_kept_by_key_and_replaced() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    assert_eq!(journal.load_state("breaker.health").unwrap(), None);
    journal.save_state("breaker.health", &json!({ "state": "open" })).unwrap();
    journal.save_state("breaker.health", &json!({ "state": "closed" })).unwrap();
    drop(journal);
    let loaded = scratch.journal().load_state("breaker.health").unwrap();
    assert_eq!(loaded, Some(json!({ "state": "closed" })));
}

#[test]
fn starts_of_the_agent_are_counted_over_ten_minutes() {
    let scratch = Scratch::new();
    let mut started = Vec::new();
    for second in [0, 60, 120, 600, 660, 5_000] {
        started.push(scratch.journal().agent_started(at(second), "boot").unwrap());
    }
    assert_eq!(started, [1, 2, 3, 3, 3, 1]);
    // A clock set back by a little hides nothing, by far invents nothing.
    assert_eq!(scratch.journal().agent_started(at(4_900), "boot").unwrap(), 2);
    assert_eq!(scratch.journal().agent_started(at(-100_000), "boot").unwrap(), 1);
}

#[test]
fn data_that_is_not_json_any_more_is_an_error_that_shows_it() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    journal.append(at(0), &entry("k", "t")).unwrap();
    journal.connection.execute("UPDATE events SET data = '{'", []).unwrap();
    let error = scratch.reader().events(&Filter::default()).unwrap_err();
    assert_eq!(error.to_string(), "cannot read events: `{` in the history is not JSON");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_text_comes_back_as_it_was(kind: String, target: String, message: String, key: String, millis in -1_000_000_000_000..4_000_000_000_000i64) {
        let scratch = Scratch::new();
        let mut journal = scratch.journal();
        let at = Timestamp::from_millisecond(millis).unwrap();
        let data = json!({ key: message.clone() });
        let entry = Entry { kind: &kind, target: &target, incident: None, message: &message, data: data.clone() };
        journal.append(at, &entry).unwrap();
        let event = scratch.reader().events(&Filter { kind: Some(kind.clone()), ..Filter::default() }).unwrap().remove(0);
        prop_assert_eq!((event.at, event.kind, event.target), (at, kind, target));
        prop_assert_eq!((event.message, event.data), (message, data));
    }
}
