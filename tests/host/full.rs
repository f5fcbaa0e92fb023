//! A full disk below the history: as root, on a mount that nobody but the agent sees.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

use evenkeel_tests::{Agent, LONG, Scratch, find_bin, installed, is_root, run, until};
use serde_json::Value;

/// An agent whose state directory is a disk of 2 MiB.
fn on_a_small_disk(scratch: &Scratch, settings: &str) -> Agent {
    let state = scratch.folder("state", 0o700);
    let (config, port) = Agent::settings_with(scratch, "", settings);
    let mount =
        format!("mount -t tmpfs -o size=2m,mode=0700 none '{}' && exec \"$@\"", state.display());
    let program = find_bin("evenkeel");
    let by = ["unshare", "-m", "--propagation", "private", "sh", "-c", &mount, "sh"];
    let by: Vec<_> = by.iter().map(OsStr::new).chain([program.as_os_str()]).collect();
    let mut agent = Agent::spawn_by(&by, scratch, &config, port, &[]);
    agent.await_answer();
    agent
}

/// Fills the disk to the last page, by the agent's own view of it. It has room again once the file is gone.
fn fill(agent: &Agent, scratch: &Scratch) -> PathBuf {
    let filler = scratch.join("state/filler");
    let filler = PathBuf::from(format!("/proc/{}/root{}", agent.daemon.pid(), filler.display()));
    let mut file = File::create(&filler).expect("it is mounted");
    while file.write_all(&[0; 4_096]).is_ok() {}
    filler
}

fn errors(agent: &Agent) -> u64 {
    agent.count("evenkeel_agent_journal_errors_total", &[])
}

fn said(agent: &Agent, words: &str) -> usize {
    agent.daemon.log().matches(words).count()
}

#[test]
fn a_disk_that_is_full_is_said_once_and_the_agent_goes_on() {
    if !is_root() {
        return;
    }
    let scratch = Scratch::new();
    let log = scratch.file("log", "0123456789", 0o644);
    let settings = format!(
        "[check.log]\nfile = {{ path = \"{}\" }}\ninterval = \"1s\"\ntimeout = \"500ms\"\nretries = 0\n",
        log.display()
    );
    let agent = on_a_small_disk(&scratch, &settings);
    let points = || {
        let curve = agent.get("/api/series?subject=log&field=size_bytes").body;
        let curve: Value = serde_json::from_str(&curve).expect("JSON");
        let points = curve["points"].as_array().expect("points");
        points.iter().map(|point| point["count"].as_u64().expect("a count")).sum::<u64>()
    };
    until("a point is there", LONG, || points() >= 1);

    let filler = fill(&agent, &scratch);
    until("two writes have failed", LONG, || errors(&agent) >= 2);
    assert_eq!(said(&agent, "cannot write to the history"), 1, "{}", agent.daemon.log());
    let attempts = agent.attempts("log");
    until("it goes on looking", LONG, || agent.attempts("log") >= attempts + 2);

    let before = points();
    fs::remove_file(&filler).expect("it is there");
    until("it is written again", LONG, || points() > before);
    assert_eq!(said(&agent, "the history can be written again"), 1, "{}", agent.daemon.log());
}

#[test]
fn an_incident_that_was_over_while_the_disk_was_full_does_not_stay_open() {
    if !is_root() || !installed("sqlite3") {
        return;
    }
    let scratch = Scratch::new();
    let marker = scratch.file("marker", "x", 0o644);
    let settings = format!(
        r#"
[check.marker]
file = {{ path = "{}" }}
timeout = "200ms"
retries = 0
interval = "400ms"

[recovery.web]
when = ["marker"]
steps = [{{ action = "exec", command = ["/bin/true"], timeout = "10s" }}]
max_retries = 0
budget = {{ per_target = "1/1h", per_host = "9/1h" }}
verify_timeout = "700ms"
stable_for = "500ms"
"#,
        marker.display()
    );
    let agent = on_a_small_disk(&scratch, &settings);
    fs::remove_file(&marker).expect("it was there");
    let exhausted = || agent.recovery("web")["phase"] == "exhausted";
    until("the ladder is used up", LONG, exhausted);

    let filler = fill(&agent, &scratch);
    let healthy = || agent.recovery("web")["phase"] == "healthy";
    fs::write(&marker, "x").expect("a scratch directory");
    until("it is over", LONG, healthy);
    // Some of it may still fit into what the journal has already.
    until("a write has failed", LONG, || {
        fs::remove_file(&marker).expect("it was there");
        until("another incident is open", LONG, || !healthy());
        fs::write(&marker, "x").expect("a scratch directory");
        until("it is over", LONG, healthy);
        errors(&agent) >= 1
    });

    let asked = |sql: &str| {
        let pid = agent.daemon.pid().to_string();
        let journal = scratch.join("state/journal.db");
        let args = ["-t", &pid, "-m", "sqlite3", "-readonly", &journal.display().to_string(), sql];
        let told = run("nsenter", args.map(OsStr::new), None);
        assert_eq!(told.code, Some(0), "{told:?}");
        told.stdout.trim().to_owned()
    };
    fs::remove_file(&filler).expect("it is there");
    let said_again = || said(&agent, "the history can be written again") >= 1;
    until("it is written again", LONG, said_again);
    let open = "SELECT count(*) FROM incidents WHERE closed_ms IS NULL";
    until("no incident is open", LONG, || asked(open) == "0");
    let lines = asked("SELECT kind FROM events WHERE incident IS NOT NULL ORDER BY id");
    let count = |kind: &str| lines.lines().filter(|line| *line == kind).count();
    let logged = [said(&agent, "incident_opened"), said(&agent, "incident_closed")];
    assert!(logged[0] >= 2, "{}", agent.daemon.log());
    assert_eq!([count("incident_opened"), count("incident_closed")], logged, "{lines}");
    assert_eq!(count("intended"), 1, "{lines}");
    let backwards =
        "SELECT count(*) FROM events a JOIN events b ON b.id = a.id + 1 WHERE b.at_ms < a.at_ms";
    assert_eq!(asked(backwards), "0", "in the order in which it happened: {lines}");
    let log = agent.daemon.log();
    let lost =
        log.lines().filter(|line| line.contains("written again") && !line.ends_with("lost=0"));
    assert_eq!(lost.count(), 0, "{log}");
}
