//! A writer in a process of its own, ended by SIGKILL between two writes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::*;

/// Where the writer's state directory is named; the test below is the writer only if it is set.
const STATE_DIR: &str = "EVENKEEL_TEST_STATE_DIR";

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
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture"])
            .arg("tests::killed::a_writer_that_tells_each_intent_once_it_is_written")
            .env(STATE_DIR, &scratch.state_dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut written = lines.filter_map(|line| {
            let (_, id) = line.split_once("written ")?;
            id.parse::<i64>().ok()
        });
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
