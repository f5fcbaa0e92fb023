//! What survives the agent: it is killed at each write of its history in turn, and started again. No action is done twice, none
//! beyond its attempts, and what an operator was told stays.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use evenkeel_tests::{
    Agent, Daemon, LONG, Scratch, ask, find_bin, installed, is_root, run, until, until_some,
};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
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
                answer.body.contains("\"exhausted\"") && scratch.lines("runs") == ATTEMPTS
            })
    });
    let order = ["hold", "web", "--for", "1h", "--reason", "a look at it"];
    let held = ask(&order, agent.config()).code == Some(0);
    let released = held && ask(&["release", "web"], agent.config()).code == Some(0);
    Told { held, released }
}

/// What holds after any end of an agent in that story: the next one neither repeats an action nor grants a fresh try.
#[track_caller]
fn assert_survived(scratch: &Scratch, text: &str, told: &Told, case: &str) {
    let by_path = ["-f".into(), scratch.join("act.sh").into_os_string()];
    until("no action runs any more", LONG, || run("pgrep", &by_path, None).code == Some(1));
    let config = scratch.join("settings.toml");
    let (ran, intended) = (scratch.lines("runs"), intents(&config).len());
    assert!(ran <= intended, "{ran} runs of {intended} intents: {case}");

    let mut agent = Agent::start(scratch, text);
    until("the next agent has come to the end of the ladder", LONG, || {
        // What is held as well is said to be held.
        let phase = &agent.recovery("web")["phase"];
        (phase == "exhausted" || phase == "maintenance")
            && agent.check("marker")["state"] == "down"
            && intents(&config).len() == ATTEMPTS
    });
    let first = agent.attempts("marker");
    until("the check has run twice more", LONG, || agent.attempts("marker") >= first + 2);
    let (ran_since, since) = (scratch.lines("runs"), intents(&config));
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

/// Runs statements on the history of an agent that has ended.
#[track_caller]
fn edit(scratch: &Scratch, sql: &str) {
    let file = scratch.join("state/journal.db").into_os_string();
    let edited = run("sqlite3", [file, sql.into()], None);
    assert_eq!(edited.code, Some(0), "{edited:?}");
}

/// Ends an agent as a crash would.
fn kill(mut agent: Agent) {
    agent.daemon.signal(Signal::SIGKILL);
    agent.daemon.wait(LONG);
}

/// An agent that has come to the end of its ladder and was killed then.
fn used_up(scratch: &Scratch, settings: &str) {
    let agent = Agent::start(scratch, settings);
    agent.await_check("marker", "up", LONG);
    fs::remove_file(scratch.join("marker")).expect("it was there");
    until("the ladder is used up", LONG, || agent.recovery("web")["phase"] == "exhausted");
    assert_eq!(scratch.lines("runs"), ATTEMPTS);
    kill(agent);
}

#[test]
fn neither_another_boot_nor_a_clock_set_back_or_forth_refunds_a_charge() {
    if !installed("sqlite3") {
        return;
    }
    // Two attempts a ladder, two in an hour: a fresh ladder finds the budget empty.
    let scratch = Scratch::new();
    let text = settings(&scratch).replace("3/1h", "2/1h");
    used_up(&scratch, &text);
    for (sql, left) in [
        // In this boot only the clock that nobody can set counts.
        ("UPDATE intents SET wall_ms = wall_ms - 40 * 86400000", 0),
        ("UPDATE intents SET wall_ms = wall_ms + 80 * 86400000", 0),
        // In another one it is the time of day: what lies in the future, by a clock set back, counts as now.
        ("UPDATE intents SET boot_id = 'another', boottime_ns = 1", 0),
        ("UPDATE intents SET wall_ms = wall_ms - 40 * 86400000", 0),
        ("UPDATE intents SET wall_ms = wall_ms - 2 * 3600000", 2),
    ] {
        edit(&scratch, sql);
        // What is not about the crash of an agent, but about the clock.
        edit(&scratch, "DELETE FROM agent_starts");
        let agent = Agent::start(&scratch, &text);
        until("the target is known again", LONG, || !agent.recovery("web").is_null());
        assert_eq!(agent.recovery("web")["budget_remaining"], left, "{sql}");
        kill(agent);
    }
    assert_eq!(scratch.lines("runs"), ATTEMPTS, "what is exhausted stays so");
}

#[test]
fn an_agent_that_ends_again_and_again_only_observes_for_an_hour_and_a_restart_is_no_way_out() {
    if !installed("sqlite3") {
        return;
    }
    let scratch = Scratch::new();
    let text = settings(&scratch);
    for start in 1..=5 {
        let agent = Agent::start(&scratch, &text);
        assert_eq!(agent.status()["mode"], "enforce", "start {start}");
        kill(agent);
    }
    let agent = Agent::start(&scratch, &text);
    let status = agent.status();
    let why = status["mode_reason"].as_str().unwrap_or_default();
    assert!(why.starts_with("the agent started 6 times within ten minutes"), "{status}");
    assert!(agent.daemon.log().contains("ERROR observe only: the agent started 6 times"));
    assert_eq!(agent.metrics().sum("evenkeel_agent_observe_only", &[]), Some(1.0));
    kill(agent);

    // The starts alone do not tell any more; what followed from them does.
    edit(&scratch, "DELETE FROM agent_starts");
    fs::remove_file(scratch.join("marker")).expect("it was there");
    let agent = Agent::start(&scratch, &text);
    assert_eq!(agent.status()["mode"], "observe");
    until("it says why it does nothing", LONG, || {
        let reason = agent.recovery("web")["reason"].to_string();
        reason.contains("observe only: the agent started 6 times")
    });
    kill(agent);
    assert_eq!(scratch.lines("runs"), 0);

    // The next agent sees the hour end, and acts from then on.
    edit(
        &scratch,
        "DELETE FROM agent_starts;
         UPDATE state SET value = json_set(value, '$.until.boot_id', 'another', '$.until.wall',
             strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+3 seconds'))
         WHERE key = 'observe_only'",
    );
    let agent = Agent::start(&scratch, &text);
    until("it may act again, and does", LONG, || scratch.lines("runs") >= 1);
    assert_eq!(agent.status()["mode"], "enforce");
    assert!(agent.get("/api/events?kind=observe_only_ended").body.contains("may act again"));
}

#[test]
fn history_that_was_lost_is_no_fresh_budget_for_the_agent_after_the_next_either() {
    let scratch = Scratch::new();
    let text = settings(&scratch);
    used_up(&scratch, &text);
    fs::write(scratch.join("state/journal.db"), "torn".repeat(2_000)).expect("it is spoiled");
    for start in 1..=3 {
        let agent = Agent::start(&scratch, &text);
        let status = agent.status();
        assert_eq!(status["mode"], "observe", "start {start}: {status}");
        assert!(status["mode_reason"].to_string().contains("is torn"), "{status}");
        agent.await_check("marker", "down", LONG);
        kill(agent);
    }
    assert_eq!(scratch.lines("runs"), ATTEMPTS);
}

#[test]
fn a_fresh_try_that_was_ordered_outlives_the_agent_and_refunds_nothing() {
    let scratch = Scratch::new();
    let text = settings(&scratch);
    used_up(&scratch, &text);
    let agent = Agent::start(&scratch, &text);
    agent.await_check("marker", "down", LONG);
    // Held, so that nothing comes of the order before the agent ends.
    for order in [&["hold", "web", "--for", "1h", "--reason", "mending it"][..], &["reset", "web"]]
    {
        let obeyed = ask(order, agent.config());
        assert_eq!(obeyed.code, Some(0), "{obeyed:?}");
    }
    kill(agent);
    assert_eq!(scratch.lines("runs"), ATTEMPTS);
    let agent = Agent::start(&scratch, &text);
    agent.await_check("marker", "down", LONG);
    assert_eq!(ask(&["release", "web"], agent.config()).code, Some(0));
    // Three in an hour: one is left.
    until("it was tried again, and no further than the budget goes", LONG, || {
        agent.get("/api/events?kind=refused").body.contains("3 of 3 actions used")
    });
    assert_eq!(scratch.lines("runs"), ATTEMPTS + 1);
}

#[test]
fn a_hold_ends_by_itself_also_while_no_agent_runs() {
    let scratch = Scratch::new();
    let (text, agent) = healthy(&scratch);
    let order = ["hold", "web", "--for", "3s", "--reason", "a look at it"];
    assert_eq!(ask(&order, agent.config()).code, Some(0));
    let status = ask(&["status"], agent.config());
    assert!(status.stdout.contains("a look at it"), "{status:?}");
    kill(agent);
    until("its time is over", LONG, || {
        let why = ask(&["why", "web", "--json"], &scratch.join("settings.toml")).json();
        why["holds"].as_array().is_some_and(Vec::is_empty)
    });
    fs::remove_file(scratch.join("marker")).expect("it was there");
    let agent = Agent::start(&scratch, &text);
    until("what is held no more is acted on", LONG, || scratch.lines("runs") >= 1);
    assert!(agent.get("/api/events?kind=hold_ended").body.contains("ended by itself"));
    assert_eq!(agent.status()["holds"].as_array().map(Vec::len), Some(0));
}

/// Kills an agent at writes and waits of its start, which follows one that was killed while it acted.
#[test]
#[expect(clippy::print_stderr, reason = "where it was killed is what this test is for")]
fn an_agent_killed_anywhere_in_its_start_leaves_all_of_it_to_the_next() {
    if !is_root() || !installed("strace") {
        return;
    }
    let scratch = Scratch::new();
    // Long enough that no further attempt is due while this looks.
    let text = settings(&scratch).replace("700ms", "50s");
    // An action that its agent does not see the end of.
    let place = scratch.path().display();
    let wait = format!("while ! [ -e '{place}/end' ]; do sleep 0.1; done");
    scratch.script("act.sh", &format!("echo x >> '{place}/runs'\n{wait}"));
    let agent = Agent::start(&scratch, &text);
    agent.await_check("marker", "up", LONG);
    fs::remove_file(scratch.join("marker")).expect("it was there");
    until("the action runs", LONG, || scratch.lines("runs") == 1);
    kill(agent);
    scratch.file("end", "", 0o644);
    let config = scratch.join("settings.toml");
    let mut killed = 0;
    let calls = [("pwrite64", 5), ("fdatasync", 1), ("fsync", 1), ("ftruncate", 1)];
    for (call, stride) in calls {
        for number in (1..200).step_by(stride) {
            let kept = scratch.join("kept");
            if kept.exists() {
                fs::remove_dir_all(scratch.join("state")).expect("it was made anew");
                copy(&kept, &scratch.join("state"));
            } else {
                copy(&scratch.join("state"), &kept);
            }
            if !killed_in_its_start(&scratch, call, number) {
                break;
            }
            killed += 1;
            let case = format!("killed at {call} {number}");
            let agent = Agent::start(&scratch, &text);
            assert_eq!(agent.recovery("web")["phase"], "verifying", "{case}");
            assert_eq!(agent.status()["mode"], "enforce", "{case}");
            kill(agent);
            let why = ask(&["why", "1", "--json"], &config).json();
            assert_eq!(why["intents"].as_array().map(Vec::len), Some(1), "{case}: {why}");
            assert_eq!(why["intents"][0]["settled"]["outcome"], "unknown", "{case}: {why}");
            assert_eq!(scratch.lines("runs"), 1, "{case}");
        }
    }
    eprintln!("killed {killed} times in a start");
    assert!(killed >= 8, "killed {killed} times");
}

fn copy(from: &Path, to: &Path) {
    let copied = run("cp", ["-a".as_ref(), from.as_os_str(), to.as_os_str()], None);
    assert_eq!(copied.code, Some(0), "{copied:?}");
}

/// Starts an agent that is killed as it enters such a call for the n-th time; false if it comes through its start.
fn killed_in_its_start(scratch: &Scratch, call: &str, number: usize) -> bool {
    let inject = format!("inject={call}:signal=KILL:when={number}");
    let program = find_bin("evenkeel");
    let by = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
    let by: Vec<_> = by.iter().map(OsStr::new).chain([program.as_os_str()]).collect();
    let config = scratch.join("settings.toml");
    let mut agent = Agent::spawn_by(&by, scratch, &config, 0, &["--set", "agent.listen=off"]);
    let killed =
        until_some("it is killed, or takes questions", LONG, || match agent.daemon.ended() {
            Some(_) => Some(true),
            None => (ask(&["status"], &config).code != Some(3)).then_some(false),
        });
    if !killed {
        // Itself, and not the strace before it: whose process the lock names.
        let pid = fs::read_to_string(scratch.join("state/lock")).expect("it is locked");
        let pid = pid.trim().parse().expect("a process");
        nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it runs");
        agent.daemon.wait(LONG);
    }
    killed
}
