//! Curves and stretches of time: what an agent saw, over HTTP and in its file, while it works and after it was killed.

use std::process::Stdio;

use evenkeel_tests::{Agent, LONG, Scratch, installed, until, until_some};
use nix::sys::signal::Signal;
use serde_json::Value;

fn settings(scratch: &Scratch) -> String {
    let place = scratch.file("log", "0123456789", 0o644);
    format!(
        "[check.log]\nfile = {{ path = \"{}\" }}\ninterval = \"1s\"\ntimeout = \"500ms\"\nretries = 0\n",
        place.display()
    )
}

/// What it answers for `path`, and the code.
fn asked(agent: &Agent, path: &str) -> (u16, Value) {
    let answer = agent.get(path);
    let body = serde_json::from_str(&answer.body).unwrap_or(Value::String(answer.body));
    (answer.status, body)
}

fn count(series: &Value) -> u64 {
    let points = series["points"].as_array().expect("points");
    points.iter().map(|point| point["count"].as_u64().expect("a count")).sum()
}

const CURVE: &str = "/api/series?subject=log&field=size_bytes";

#[test]
fn what_was_seen_is_a_curve_within_seconds() {
    let scratch = Scratch::new();
    let agent = Agent::start(&scratch, &settings(&scratch));
    // Before the first point it is known, and has none yet.
    let (code, early) = asked(&agent, "/api/series?subject=log&field=size_bytes&since=1h");
    assert!(code == 200, "{early}");
    let series = until_some("three points are there", LONG, || {
        Some(asked(&agent, CURVE).1).filter(|series| count(series) >= 3)
    });
    assert_eq!(series["resolution"], 0.0, "{series}");
    for key in ["min", "mean", "max", "last"] {
        assert_eq!(series["points"][0][key], 10.0, "{series}");
    }
    let times: Vec<_> = series["points"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|point| point["at"].as_str())
        .collect();
    assert!(times.is_sorted_by(|a, b| a < b), "{series}");
    let coarse = asked(&agent, &format!("{CURVE}&since=1d&points=1")).1;
    assert_eq!(coarse["points"].as_array().map(Vec::len), Some(1), "{coarse}");

    let listed = asked(&agent, "/api/series").1;
    assert_eq!(
        listed,
        serde_json::json!({ "series": [{ "subject": "log", "field": "size_bytes" }] })
    );
}

#[test]
fn what_cannot_be_answered_is_refused_with_what_can() {
    let scratch = Scratch::new();
    let agent = Agent::start(&scratch, &settings(&scratch));
    until("a point is there", LONG, || count(&asked(&agent, CURVE).1) >= 1);
    for (path, code, said) in [
        ("/api/series?subject=log&field=size_byte", 404, "did you mean `size_bytes`?"),
        ("/api/series?subject=lgo&field=size_bytes", 404, "did you mean `log`?"),
        ("/api/series?field=size_bytes", 400, "subject: missing"),
        ("/api/series?subject=log&field=size_bytes&points=0", 400, "points: `0`"),
        ("/api/series?subject=log&field=size_bytes&points=99999999", 400, "not within 1 and"),
        ("/api/series?subject=log&field=size_bytes&since=5", 400, "since:"),
        ("/api/stretches?subject=nobody", 404, "`nobody` is not counted"),
        ("/api/stretches?subject=log&since=yesterday", 400, "since:"),
    ] {
        let answer = agent.get(path);
        assert_eq!(answer.status, code, "{path}: {answer:?}");
        assert!(answer.body.contains(said), "{path}: {answer:?}");
    }
}

#[test]
fn an_agent_that_is_killed_leaves_its_curves_and_when_it_ran() {
    if !installed("sqlite3") {
        return;
    }
    let scratch = Scratch::new();
    let text = settings(&scratch);
    let mut agent = Agent::start(&scratch, &text);
    let before = until_some("points are there", LONG, || {
        Some(count(&asked(&agent, CURVE).1)).filter(|count| *count >= 3)
    });
    agent.daemon.signal(Signal::SIGKILL);
    agent.daemon.wait(LONG);
    // Somebody who looks meanwhile, and goes on looking, keeps nobody from writing.
    let file = scratch.join("state/journal.db");
    let mut shell = std::process::Command::new("sqlite3")
        .args([file.as_os_str(), "-readonly".as_ref()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("it is installed");
    let mut words = shell.stdin.take().expect("it is piped");
    std::io::Write::write_all(&mut words, b"BEGIN; SELECT count(*) FROM samples;\n")
        .expect("asked");

    let mut agent = Agent::start(&scratch, &text);
    until("more points are there than before", LONG, || {
        count(&asked(&agent, CURVE).1) >= before + 2
    });
    let runs = asked(&agent, "/api/stretches?subject=log").1["runs"].clone();
    let runs = runs.as_array().expect("runs");
    assert_eq!(runs.len(), 2, "{runs:?}");
    let text = |run: usize, key: &str| runs[run][key].as_str().unwrap_or_default();
    assert!(text(0, "from") < text(0, "until") && text(0, "until") < text(1, "from"), "{runs:?}");
    assert_eq!(runs[1]["until"], Value::Null);
    drop(words);
    shell.wait().expect("it ends");

    // One that ends by itself says so, and what it saw last is written.
    let seen = agent.attempts("log");
    agent.daemon.signal(Signal::SIGTERM);
    agent.daemon.wait(LONG);
    let sql = "SELECT (SELECT count(*) FROM samples), (SELECT sum(ended) FROM runs)";
    let told = evenkeel_tests::run("sqlite3", [file.into_os_string(), sql.into()], None);
    let (samples, ended) = told.stdout.trim().split_once('|').expect("two numbers");
    assert_eq!(ended, "1", "{told:?}");
    assert!(samples.parse::<u64>().expect("a number") >= before + seen, "{told:?}");
}
