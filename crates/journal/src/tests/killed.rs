//! A writer in a process of its own, ended by SIGKILL between two writes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use super::*;
use crate::{Sample, Stretch};

/// Where the writer's state directory is named; the test below is the writer only if it is set.
const STATE_DIR: &str = "EVENKEEL_TEST_STATE_DIR";

/// Starts the test `name` as the writer; the second of the two is what it tells, number by number.
fn writer(scratch: &Scratch, name: &str) -> (Child, impl Iterator<Item = i64> + use<>) {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg(format!("tests::killed::{name}"))
        .env(STATE_DIR, &scratch.state_dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
    let written = lines.filter_map(|line| {
        let (_, number) = line.split_once("written ")?;
        number.parse().ok()
    });
    (writer, written)
}

#[test]
#[ignore = "the other process of the test below"]
fn a_writer_that_tells_each_intent_once_it_is_written() {
    let Some(state_dir) = std::env::var_os(STATE_DIR) else { return };
    let (mut journal, _) = Journal::open(Path::new(&state_dir), at(0)).unwrap();
    for number in 0..1_000_000 {
        let id = journal.intend(&intent("t", at(number), "boot")).unwrap();
        let told = writeln!(std::io::stdout(), "written {id}");
        if told.is_err() {
            return;
        }
        journal.settle(id, at(number), "ran", "").unwrap();
    }
}

#[test]
fn a_killed_writer_leaves_all_that_it_acknowledged_and_its_lock_to_the_next() {
    let scratch = Scratch::new();
    let mut told = 0;
    for round in 1..=5 {
        let (mut writer, mut written) =
            writer(&scratch, "a_writer_that_tells_each_intent_once_it_is_written");
        told = written.nth(round * 7).unwrap();
        writer.kill().unwrap();
        // What it told between the last line read and its end counts as well.
        told = written.last().unwrap_or(told);
        writer.wait().unwrap();
        let journal = scratch.journal();
        let known = i64::try_from(journal.ledger(at(0)).unwrap().len()).unwrap();
        assert!(known >= told, "{known} of {told}");
        // At most one per round was written and not settled: the one it was at.
        assert!(journal.open_intents().unwrap().len() <= round);
    }
    assert!(told > 100);
}

/// How many values of each curve the tests below write, and how many seconds apart: over more than two weeks, so that all
/// that is rolled up comes to be over its age.
const SAMPLES: i64 = 1_200;
const APART: i64 = 1_200;

#[test]
#[ignore = "the other process of the test below"]
fn a_writer_that_tells_what_is_written_and_rolls_it_up() {
    let Some(state_dir) = std::env::var_os(STATE_DIR) else { return };
    let (mut journal, _) = Journal::open(Path::new(&state_dir), at(0)).unwrap();
    let told = journal.load_state("told").unwrap().and_then(|told| told.as_i64()).unwrap_or(0);
    journal.begin_run(at(told * APART)).unwrap();
    for number in told..SAMPLES {
        let (from, until) = (at(number * APART), at(number * APART + APART));
        let seen = ["fds", "rss_bytes"].map(|field| Sample {
            subject: "web",
            field,
            at: from,
            value: 1.0,
        });
        let (subject, verdict) = ("web".to_owned(), "good".to_owned());
        let stretch = Stretch { subject, verdict, from, until, slices: 1 };
        journal
            .together(crate::Durability::Soon, |journal| {
                journal.observe(&seen)?;
                journal.extend(&stretch)?;
                journal.save_state("told", &json!(number + 1))?;
                journal.alive(until, false)
            })
            .unwrap();
        if writeln!(std::io::stdout(), "written {}", number + 1).is_err() {
            return;
        }
        if number % 60 == 59 {
            journal.roll_up(until).unwrap();
        }
    }
}

#[test]
fn a_writer_killed_anywhere_also_in_a_roll_up_loses_nothing_and_counts_nothing_twice() {
    let scratch = Scratch::new();
    let (mut told, mut rounds) = (0, 0);
    while told < SAMPLES {
        let (mut writer, mut written) =
            writer(&scratch, "a_writer_that_tells_what_is_written_and_rolls_it_up");
        // Where it rolls up next, so that some ends fall into that.
        let next = (told / 60 * 60 + 60).min(SAMPLES);
        told = written.by_ref().find(|number| *number >= next).unwrap_or(told);
        // A little later each time.
        for _ in 0..rounds * 2_000 {
            std::hint::spin_loop();
        }
        writer.kill().unwrap();
        told = written.last().unwrap_or(told).max(told);
        writer.wait().unwrap();
        rounds += 1;

        let journal = scratch.journal();
        let number =
            |sql: &str| -> i64 { journal.connection.query_row(sql, [], |row| row.get(0)).unwrap() };
        let known = number("SELECT CAST(value AS INTEGER) FROM state WHERE key = 'told'");
        assert!(known >= told, "{known} of {told}");
        told = known;
        // Each value is once in the samples of no minute yet, the minutes of no hour yet, and the hours.
        let counted = number(
            "SELECT ifnull((SELECT sum(count) FROM hours), 0)
             + ifnull((SELECT sum(count) FROM minutes WHERE at_ms >= ifnull(
                 (SELECT at_ms FROM watermarks WHERE name = 'hours_until'), -9e18)), 0)
             + (SELECT count(*) FROM samples WHERE at_ms >= ifnull(
                 (SELECT at_ms FROM watermarks WHERE name = 'minutes_until'), -9e18))",
        );
        assert_eq!(counted, 2 * known, "round {rounds}");
        assert_eq!(number("SELECT sum(slices) FROM stretches"), known);
        assert_eq!(number("SELECT count(*) FROM stretches"), 1);
    }
    assert!(rounds >= 10, "killed {rounds} times");
}

#[test]
fn whoever_looks_while_it_is_written_and_rolled_up_sees_each_value_once() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let done = std::sync::atomic::AtomicBool::new(false);
    let state_dir = scratch.state_dir.clone();
    std::thread::scope(|scope| {
        let look = || {
            let reader = Reader::open(&state_dir).unwrap();
            let (mut last, mut looks) = (0, 0);
            loop {
                let ends = done.load(std::sync::atomic::Ordering::SeqCst);
                let points = reader.series("web", "fds", at(0), at(SAMPLES * APART), 3).unwrap();
                let count: u32 = points.iter().map(|point| point.count).sum();
                assert!(count >= last, "{count} after {last}");
                (last, looks) = (count, looks + 1);
                if ends {
                    return (last, looks);
                }
            }
        };
        let lookers = [scope.spawn(look), scope.spawn(look)];
        for number in 0..SAMPLES {
            let at = at(number * APART);
            journal.observe(&[Sample { subject: "web", field: "fds", at, value: 1.0 }]).unwrap();
            if number % 20 == 0 {
                journal.roll_up(at).unwrap();
            }
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        for looker in lookers {
            let (last, looks) = looker.join().unwrap();
            assert_eq!(i64::from(last), SAMPLES, "after {looks} looks");
        }
    });
}
