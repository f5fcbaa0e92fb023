//! What survives the agent: it is killed at each write of its history in turn, and started again. No action is done twice, none
//! beyond its attempts, and what an operator was told stays.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use evenkeel_tests::{
    Agent, Daemon, LONG, Scratch, evenkeel, installed, is_root, run, until, until_some,
};
use nix::sys::signal::Signal;
use serde_json::Value;

/// One action and one further attempt of it: so many runs of the script, whatever happens to the agent.
const ATTEMPTS: usize = 2;

/// A marker that must be there, and an action that does not help.
fn settings(scratch: &Scratch) -> String {
    let place = scratch.path().display();
    let script = scratch.script("act.sh", &format!("echo x >> '{place}/runs'"));
    scratch.file("marker", "x", 0o644);
    format!(
        r#"
[check.marker]
file = {{ path = "{place}/marker" }}
timeout = "200ms"
retries = 0
interval = "400ms"

[recovery.web]
when = ["marker"]
steps = [{{ action = "exec", command = ["{script}"], timeout = "10s" }}]
max_retries = 1
backoff = {{ initial = "100ms", multiplier = 1, max = "100ms", jitter = 0.0 }}
budget = {{ per_target = "3/1h", per_host = "9/1h" }}
verify_timeout = "700ms"
stable_for = "500ms"
"#,
        script = script.display()
    )
}

fn ask(words: &[&str], config: &Path) -> evenkeel_tests::Finished {
    let config = ["--config".as_ref(), config.as_os_str()];
    evenkeel(words.iter().map(OsStr::new).chain(config))
}

/// How often the action's own command ran.
fn runs(scratch: &Scratch) -> usize {
    fs::read_to_string(scratch.join("runs")).unwrap_or_default().lines().count()
}

/// Step and attempt of each intent of the first incident, as they were written.
fn intents(config: &Path) -> Vec<(i64, i64)> {
    let why = ask(&["why", "1", "--json"], config);
    let Some(0) = why.code else { return Vec::new() };
    let number = |intent: &Value, key: &str| intent[key].as_i64().expect("a number");
    let intents = why.json()["intents"].as_array().cloned().unwrap_or_default();
    intents.iter().map(|intent| (number(intent, "step"), number(intent, "attempt"))).collect()
}

/// Which call of the thread that writes the history is its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kill {
    call: &'static str,
    number: usize,
}

/// `strace` on the one thread that writes the history, which kills its process as it enters a call.
fn watch(agent: &Agent, scratch: &Scratch, kill: Option<Kill>) -> Daemon {
    let tasks = PathBuf::from(format!("/proc/{}/task", agent.daemon.pid()));
    let writer = until_some("the history's thread is there", LONG, || {
        let tasks = fs::read_dir(&tasks).ok()?.flatten();
        let mut named = tasks.filter(|task| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "history")
        });
        named.next()?.file_name().into_string().ok()
    });
    let trace = scratch.join("trace");
    let mut args: Vec<String> =
        ["-xx", "-s", "24", "-e", "trace=pwrite64,fdatasync,fsync", "-p", &writer, "-o"]
            .map(str::to_owned)
            .into();
    args.push(trace.display().to_string());
    if let Some(Kill { call, number }) = kill {
        args.extend(["-e".to_owned(), format!("inject={call}:signal=KILL:when={number}")]);
    }
    let strace = Daemon::start("strace", "strace", args, &scratch.join("strace.log"));
    until("strace is attached", LONG, || strace.log().contains("attached"));
    strace
}

/// What the operator was told.
#[derive(Debug, Default)]
struct Told {
    held: bool,
    released: bool,
}

/// Down, acted on, not mended, acted on again, exhausted; held; released. Ends early with the agent.
fn story(agent: &mut Agent, scratch: &Scratch) -> Told {
    fs::remove_file(scratch.join("marker")).expect("it was there");
    until("the ladder is used up, or the agent has ended", LONG, || {
        agent.daemon.ended().is_some()
            || evenkeel_tests::get(agent.address(), "/api/status").is_ok_and(|answer| {
                answer.body.contains("\"exhausted\"") && runs(scratch) == ATTEMPTS
            })
    });
    let hold = ["hold", "web", "--for", "1h", "--reason", "a look at it"];
    let held = ask(&hold, agent.config()).code == Some(0);
    let released = held && ask(&["release", "web"], agent.config()).code == Some(0);
    Told { held, released }
}

/// What holds after any end of an agent in that story: the next one neither repeats an action nor grants a fresh try.
#[track_caller]
fn assert_survived(scratch: &Scratch, text: &str, told: &Told, case: &str) {
    let by_path = ["-f".into(), scratch.join("act.sh").into_os_string()];
    until("no action runs any more", LONG, || run("pgrep", &by_path, None).code == Some(1));
    let config = scratch.join("settings.toml");
    let (ran, intended) = (runs(scratch), intents(&config).len());
    assert!(ran <= intended, "{ran} runs of {intended} intents: {case}");

    let mut agent = Agent::start(scratch, text);
    until("the next agent has come to the end of the ladder", LONG, || {
        let used_up = agent.recovery("web")["phase"] == "exhausted";
        used_up && agent.check("marker")["state"] == "down" && intents(&config).len() == ATTEMPTS
    });
    let first = agent.attempts("marker");
    until("the check has run twice more", LONG, || agent.attempts("marker") >= first + 2);
    let (ran_since, since) = (runs(scratch), intents(&config));
    assert!(ran_since <= ATTEMPTS, "{ran_since} runs: {case}");
    assert!(
        ran_since - ran <= since.len() - intended,
        "an old intent ran again: {since:?}: {case}"
    );
    let mut once = since.clone();
    once.dedup();
    assert_eq!(once, since, "no attempt is made twice: {case}");
    if told.released {
        assert!(!held(&agent), "it was released: {case}");
    } else if told.held {
        // The order to release may have been written and not answered.
        let events = agent.get("/api/events?kind=released").body;
        assert!(held(&agent) || events.contains("released by"), "it was held: {case}");
    }
    assert_eq!(agent.status()["mode"], "enforce", "{case}");
    agent.daemon.signal(Signal::SIGKILL);
    agent.daemon.wait(LONG);
}

fn held(agent: &Agent) -> bool {
    let why = ask(&["why", "web", "--json"], agent.config()).json();
    why["holds"].as_array().is_some_and(|holds| !holds.is_empty())
}

/// The settings, and an agent with them whose marker is there.
fn healthy(scratch: &Scratch) -> (String, Agent) {
    let text = settings(scratch);
    let agent = Agent::start(scratch, &text);
    agent.await_check("marker", "up", LONG);
    (text, agent)
}

/// The calls of one whole story at which a transaction ends: as its last page is about to be written, as it is about to be
/// waited for, and as the next one begins.
fn boundaries() -> Vec<Kill> {
    let scratch = Scratch::new();
    let (_, mut agent) = healthy(&scratch);
    let mut strace = watch(&agent, &scratch, None);
    let told = story(&mut agent, &scratch);
    assert!(told.held && told.released, "{told:?}");
    agent.daemon.signal(Signal::SIGKILL);
    agent.daemon.wait(LONG);
    strace.wait(LONG);
    let trace = fs::read_to_string(scratch.join("trace")).expect("it was traced");
    let (mut writes, mut syncs, mut kills) = (0, 0, Vec::new());
    for line in trace.lines() {
        if line.starts_with("pwrite64(") {
            writes += 1;
            if ends_a_transaction(line) {
                kills.push(Kill { call: "pwrite64", number: writes });
                // After its page comes the first write of the next.
                kills.push(Kill { call: "pwrite64", number: writes + 2 });
            }
        } else if line.starts_with("fdatasync(") || line.starts_with("fsync(") {
            let call = if line.starts_with("fsync(") { "fsync" } else { "fdatasync" };
            syncs += 1;
            kills.push(Kill { call, number: syncs });
        }
    }
    kills
}

/// Whether a line of the trace is the header of a frame of `SQLite`'s log that ends a transaction: its second number says how
/// large the database is then, and is 0 in all other frames.
fn ends_a_transaction(line: &str) -> bool {
    let Some((_, rest)) = line.split_once('"') else { return false };
    let Some((bytes, rest)) = rest.split_once('"') else { return false };
    let bytes: Vec<_> = bytes.split("\\x").skip(1).collect();
    rest.contains(", 24, ") && bytes.len() == 24 && bytes[4..8].iter().any(|byte| *byte != "00")
}

/// Works on all cases, a few at a time: most of each is waiting.
fn for_each<T: Copy + Sync>(cases: &[T], work: impl Fn(T) + Sync) {
    const AT_ONCE: usize = 4;
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(cases.len()) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(*case);
                }
            });
        }
    });
}

#[test]
#[expect(clippy::print_stderr, reason = "where it was killed is what this test is for")]
fn an_agent_killed_at_any_write_of_its_history_repeats_no_action_and_grants_no_fresh_try() {
    if !is_root() || !installed("strace") {
        return;
    }
    let kills = boundaries();
    let killed = AtomicUsize::new(0);
    for_each(&kills, |kill| {
        let scratch = Scratch::new();
        let (text, mut agent) = healthy(&scratch);
        let mut strace = watch(&agent, &scratch, Some(kill));
        let told = story(&mut agent, &scratch);
        // The last of the boundaries may not come: a story has a write more or less.
        if agent.daemon.ended().is_some() {
            killed.fetch_add(1, Ordering::Relaxed);
        } else {
            agent.daemon.signal(Signal::SIGKILL);
        }
        agent.daemon.wait(LONG);
        strace.wait(LONG);
        assert_survived(&scratch, &text, &told, &format!("killed at {kill:?}, {told:?}"));
    });
    let killed = killed.into_inner();
    eprintln!("killed {killed} times at {} boundaries", kills.len());
    // Opened, two actions with their ends and judgements, used up, held, released.
    assert!(killed >= 20, "killed {killed} times at {kills:?}");
}
