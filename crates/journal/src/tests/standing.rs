use proptest::prelude::*;

use super::*;
use crate::{CheckMemory, Durability, Hold, JournalError, Standing};

fn stamp(boot_id: &str, boottime: u64, wall: i64) -> Stamp {
    let boottime = Moment::ORIGIN + Duration::from_secs(boottime);
    Stamp { boot_id: boot_id.to_owned(), boottime, wall: at(wall) }
}

fn hold(target: &str, until: Option<Stamp>) -> Hold {
    let (reason, by) = ("migration".to_owned(), "root (pid 1)".to_owned());
    Hold { target: target.to_owned(), reason, by, since: at(1), until }
}

fn standing(target: &str, phase: &str) -> Standing {
    Standing {
        target: target.to_owned(),
        phase: phase.to_owned(),
        step: 1,
        attempt: 2,
        incident: Some(3),
        since: at(4),
        until: Some(stamp("boot", 5, 6)),
        data: json!({ "cause": "health" }),
    }
}

#[test]
fn a_hold_stays_until_it_is_released_and_the_last_word_counts() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    journal.hold(&hold("web", None)).unwrap();
    let last = hold("web", Some(stamp("boot", 10, 20)));
    journal.hold(&last).unwrap();
    journal.hold(&hold("*", None)).unwrap();
    drop(journal);
    assert_eq!(scratch.reader().holds().unwrap(), [hold("*", None), last.clone()]);
    let mut journal = scratch.journal();
    assert!(journal.release("*").unwrap());
    assert!(!journal.release("*").unwrap());
    assert_eq!(journal.holds().unwrap(), [last]);
}

#[test]
fn where_targets_stand_and_what_checks_remember_is_replaced_and_forgotten() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    journal.stand(&standing("web", "acting")).unwrap();
    journal.stand(&standing("web", "verifying")).unwrap();
    journal.stand(&Standing { until: None, incident: None, ..standing("db", "healthy") }).unwrap();
    let check =
        CheckMemory { name: "health".to_owned(), since: at(1), data: json!({ "ring": [1] }) };
    journal.remember_check(&check).unwrap();
    drop(journal);
    let mut journal = scratch.journal();
    let standings = journal.standings().unwrap();
    assert_eq!(standings[1], standing("web", "verifying"));
    assert_eq!((standings[0].incident, &standings[0].until), (None, &None));
    assert_eq!(scratch.reader().standings().unwrap(), standings);
    assert_eq!(journal.checks().unwrap(), [check]);
    assert!(journal.forget_standing("web").unwrap() && !journal.forget_standing("web").unwrap());
    assert!(journal.forget_check("health").unwrap() && !journal.forget_check("health").unwrap());
}

#[test]
fn what_belongs_together_is_written_whole_or_not_at_all() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let failed = journal.together(Durability::AtOnce, |journal| {
        journal.append(at(0), &entry("half", "t"))?;
        journal.intend(&intent("t", at(0), "boot"))?;
        journal.open_incident(1, at(0), "t", "down", &json!(null))?;
        journal.open_incident(1, at(0), "t", "down", &json!(null))
    });
    assert!(matches!(failed, Err(JournalError::Sqlite { doing: "write an incident", .. })));
    assert_eq!(scratch.reader().events(&Filter::default()).unwrap(), []);
    assert_eq!((journal.open_intents().unwrap(), journal.last_incident().unwrap()), (vec![], None));
    // The journal is as usable as before.
    let written = journal.together(Durability::AtOnce, |journal| {
        journal.append(at(0), &entry("whole", "t"))?;
        journal.stand(&standing("t", "acting"))?;
        journal.intend(&intent("t", at(0), "boot"))
    });
    assert_eq!(journal.open_intents().unwrap()[0].0, written.unwrap());
    assert_eq!(journal.standings().unwrap().len(), 1);
}

#[test]
fn what_must_be_on_the_disk_at_once_is_not_written_among_what_need_not_be() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let refused = journal
        .together(Durability::Soon, |journal| journal.intend(&intent("t", at(0), "boot")))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "cannot write an intent: it must be on the disk at once, and what it is written with need not be"
    );
    let refused = journal.together(Durability::Soon, |journal| journal.hold(&hold("t", None)));
    assert!(matches!(refused, Err(JournalError::NotDurable { doing: "write a hold" })));
    assert_eq!(journal.open_intents().unwrap(), []);
}

#[test]
fn a_target_stands_for_its_parts_and_for_no_other() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    for target in ["web", "web/a", "web/b c", "web-2", "web0", "we", "web/"] {
        journal.append(at(0), &entry("k", target)).unwrap();
    }
    let filter = Filter { target: Some("web".to_owned()), ..Filter::default() };
    let events = scratch.reader().events(&filter).unwrap();
    let targets: Vec<_> = events.iter().map(|event| event.target.as_str()).collect();
    // `web/` has no part behind its slash.
    assert_eq!(targets, ["web", "web/a", "web/b c"]);
}

#[test]
fn the_words_of_the_history_are_each_told_once() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    for (kind, target) in [("refused", "web"), ("acted", "web"), ("refused", "db")] {
        journal.append(at(0), &entry(kind, target)).unwrap();
    }
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (kinds, targets) = scratch.reader().words().unwrap();
    assert_eq!((kinds, targets), (words(&["acted", "refused"]), words(&["db", "web"])));
}

#[test]
fn in_the_same_boot_the_time_of_day_means_nothing() {
    let until = stamp("boot", 100, 100);
    let cap = Duration::from_secs(1_000);
    for wall in [-1_000_000, 0, 1_000_000] {
        let now = stamp("boot", 40, wall);
        assert_eq!(until.left(&now, cap), Duration::from_mins(1));
        assert_eq!(now.age(&stamp("boot", 50, -wall)), Duration::from_secs(10));
    }
    assert_eq!(until.left(&stamp("boot", 100, 0), cap), Duration::ZERO);
    assert_eq!(until.left(&stamp("boot", 1_000, 0), cap), Duration::ZERO);
}

proptest! {
    #[test]
    fn in_another_boot_a_wait_is_never_longer_than_its_cap_nor_an_age_negative(
        boottime in 0..1_000_000u64, wall in -1_000_000..1_000_000i64, now in -1_000_000..1_000_000i64, cap in 0..1_000_000u64,
    ) {
        let then = stamp("that", boottime, wall);
        let now_stamp = stamp("this", 7, now);
        let secs = |secs: i64| Duration::from_secs(u64::try_from(secs).unwrap_or(0));
        prop_assert_eq!(then.left(&now_stamp, Duration::from_secs(cap)), secs(wall - now).min(Duration::from_secs(cap)));
        prop_assert_eq!(then.age(&now_stamp), secs(now - wall));
        prop_assert_eq!(then.after(Duration::from_secs(9)).age(&now_stamp), secs(now - wall - 9));
    }
}
