use super::*;
use crate::{AgentRun, Stretch};

fn stretch(verdict: &str, from: i64, until: i64) -> Stretch {
    let (subject, verdict) = ("web".to_owned(), verdict.to_owned());
    Stretch { subject, verdict, from: at(from), until: at(until), slices: 1 }
}

#[test]
fn a_stretch_joins_the_last_one_where_it_ends_and_only_there() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    let slices = [("good", 0), ("good", 5), ("bad", 10), ("good", 15), ("good", 25), ("good", 30)];
    for (verdict, from) in slices {
        journal.extend(&stretch(verdict, from, from + 5)).unwrap();
        let other = Stretch { subject: "db".to_owned(), ..stretch("bad", from, from + 5) };
        journal.extend(&other).unwrap();
    }
    let whole = |verdict, from, until, slices| Stretch { slices, ..stretch(verdict, from, until) };
    let all = [
        whole("good", 0, 10, 2),
        whole("bad", 10, 15, 1),
        whole("good", 15, 20, 1),
        whole("good", 25, 35, 2),
    ];
    let reader = scratch.reader();
    assert_eq!(reader.stretches("web", at(0), at(100)).unwrap(), all);
    let mut one_by_one = Vec::new();
    let keep = |verdict: &str, from, until| one_by_one.push((verdict.to_owned(), from, until));
    reader.each_stretch("web", at(0), at(100), keep).unwrap();
    let of_all = all.iter().map(|stretch| (stretch.verdict.clone(), stretch.from, stretch.until));
    assert_eq!(one_by_one, of_all.collect::<Vec<_>>());
    assert_eq!(reader.stretches("web", at(10), at(15)).unwrap(), all[1..2]);
    assert_eq!(reader.stretches("web", at(14), at(16)).unwrap(), all[1..3]);
    assert_eq!(reader.stretches("w", at(0), at(100)).unwrap(), []);
    assert_eq!(reader.newest_stretches("web", at(0), at(100), 9).unwrap(), all);
    let newest = reader.newest_stretches("web", at(0), at(100), 1).unwrap();
    assert_eq!(newest, all[all.len() - 1..]);
    assert_eq!(reader.stretch_subjects().unwrap(), ["db", "web"]);
}

#[test]
fn a_clock_set_back_takes_nothing_from_what_was_counted() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    for from in [100, 105, 60, 65, 70] {
        journal.extend(&stretch("good", from, from + 5)).unwrap();
    }
    let found = scratch.reader().stretches("web", at(0), at(200)).unwrap();
    assert_eq!(found.iter().map(|stretch| stretch.slices).collect::<Vec<_>>(), [3, 2]);
}

#[test]
fn runs_tell_when_the_agent_was_at_work_also_when_it_was_killed() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    journal.begin_run(at(0)).unwrap();
    journal.alive(at(50), false).unwrap();
    drop(journal);
    let mut journal = scratch.journal();
    journal.begin_run(at(100)).unwrap();
    let runs = |from, until| scratch.reader().runs(at(from), at(until)).unwrap();
    let killed = AgentRun { from: at(0), until: Some(at(50)), alive: at(50) };
    let at_work = AgentRun { from: at(100), until: None, alive: at(100) };
    assert_eq!(runs(0, 200), [killed, at_work]);
    assert_eq!(runs(60, 90), []);
    // A clock set back makes no run end before it began.
    journal.alive(at(90), false).unwrap();
    assert_eq!(runs(60, 200), [at_work]);
    journal.alive(at(130), true).unwrap();
    assert_eq!(runs(60, 200), [AgentRun { until: Some(at(130)), alive: at(130), ..at_work }]);
}

#[test]
fn an_agent_that_starts_all_the_time_does_not_fill_the_disk_with_its_runs() {
    let scratch = Scratch::new();
    let mut journal = scratch.journal();
    journal.begin_run(at(0)).unwrap();
    journal.connection.execute("UPDATE runs SET id = 1", []).unwrap();
    let sql = "INSERT INTO runs (id, from_ms, alive_ms) VALUES (20000, 0, 0)";
    journal.connection.execute(sql, []).unwrap();
    journal.begin_run(at(1)).unwrap();
    let first: i64 =
        journal.connection.query_row("SELECT min(id) FROM runs", [], |row| row.get(0)).unwrap();
    assert_eq!(first, 20_000);
}
