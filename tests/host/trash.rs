//! What the agent puts in the trash, and what it cannot bring within its limit.

use std::ffi::OsStr;

use evenkeel_tests::{Agent, LONG, Scratch, evenkeel, until};

fn rule(scratch: &Scratch, lines: &str) -> String {
    let path = scratch.join("shared");
    format!("[cleanup.old]\npath = \"{}\"\nmatch = \"*.hash\"\n{lines}\n", path.display())
}

#[test]
fn what_the_agent_put_in_the_trash_is_brought_back_by_the_id_in_its_history() {
    let scratch = Scratch::new();
    scratch.file("shared/old.hash", "kept", 0o640);
    scratch.age("shared/old.hash", 8);
    let lines = "older_than = \"7d\"\nage_by = \"mtime\"\naction = \"trash\"";
    let agent = Agent::start(&scratch, &rule(&scratch, lines));
    let file = scratch.join("shared/old.hash");
    until("it is in the trash", LONG, || !file.exists());
    let labels = [("rule", "old"), ("action", "trash")];
    until("it is counted", LONG, || agent.count("evenkeel_cleanup_files_total", &labels) == 1);
    assert_eq!(agent.count("evenkeel_cleanup_files_total", &[("action", "purge")]), 0);

    let config = agent.config().as_os_str().to_owned();
    let ask = |args: &[&str]| {
        let flags = [OsStr::new("--config"), &config];
        evenkeel(args.iter().map(OsStr::new).chain(flags))
    };
    let mut id = String::new();
    until("it is in the history", LONG, || {
        let document = ask(&["events", "--json", "--kind", "cleaned"]).json();
        document["events"][0]["data"]["run"].as_str().map(|run| id = run.to_owned()).is_some()
    });
    let why = ask(&["why", &id]);
    assert_eq!(why.code, Some(0), "{why:?}");
    assert!(why.stdout.contains(&format!("`evenkeel undo {id}` brings them back")), "{why:?}");
    assert!(why.stdout.contains("shared/old.hash: "), "what was taken, and why: {why:?}");
    let undone = ask(&["undo", &id]);
    assert_eq!(undone.code, Some(0), "{undone:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
    assert_eq!(scratch.mode("shared/old.hash"), 0o640);
    let again = ask(&["undo", &id]);
    assert_eq!(again.code, Some(3), "{again:?}");
}

#[test]
fn a_limit_that_cannot_be_met_is_seen_in_the_status_of_its_rule() {
    let scratch = Scratch::new();
    for name in ["a", "b", "c"] {
        scratch.file(&format!("shared/{name}.hash"), "x", 0o644);
    }
    let lines = "max_total = 1\nkeep_newest = 2\naction = \"delete\"";
    let agent = Agent::start(&scratch, &rule(&scratch, lines));
    until("the limit is looked at", LONG, || agent.rule("old")["ok"] == false);
    let left = std::fs::read_dir(scratch.join("shared")).unwrap().count();
    assert_eq!(left, 2, "the newest are kept");
    let status = agent.rule("old").to_string();
    assert!(
        status.contains("max_total") && status.contains("nothing more may be taken"),
        "{status}"
    );
}
