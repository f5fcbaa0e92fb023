//! What actions do to a real host, and what is kept before they do it.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::Duration;

use evenkeel_tests::{
    Agent, Daemon, LONG, Program, Scratch, Supervisord, evenkeel, installed, run_within, until,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// A recovery that acts soon and may act often.
const SOON: &str = r#"
max_retries = 3
backoff = { initial = "500ms", multiplier = 1, max = "500ms", jitter = 0.0 }
budget = { per_target = "20/1h", per_host = "40/1h" }
verify_timeout = "20s"
stable_for = "1s"
"#;

/// The events of these kinds about one target, oldest first: kind and message.
fn events(agent: &Agent, target: &str, kinds: &[&str]) -> Vec<(String, String)> {
    let mut events = agent.events();
    events.sort_by_key(|event| event["id"].as_i64());
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    let about = events.iter().filter(|event| event["target"] == target);
    about
        .map(|event| (text(event, "kind"), text(event, "message")))
        .filter(|(kind, _)| kinds.contains(&kind.as_str()))
        .collect()
}

fn message(agent: &Agent, target: &str, kind: &str) -> String {
    agent.await_event(target, kind);
    let found = events(agent, target, &[kind]);
    found.first().unwrap_or_else(|| panic!("no {kind}: {:#?}", agent.events())).1.clone()
}

/// All that history has of a target, as one text.
fn why(agent: &Agent, target: &str) -> String {
    let config = agent.config().as_os_str().to_owned();
    let words = ["why", target, "--json", "--config"];
    let asked = evenkeel(words.iter().map(OsStr::new).chain([config.as_os_str()]));
    asked.stdout
}

fn workers(socket: &Path, steps: &str) -> String {
    format!(
        "[check.workers]\nsupervisor = {{ url = \"unix://{}\", programs = [\"*\"] }}\ntimeout = \"2s\"\nretries = 0\ninterval = \"2s\"\n\
         [recovery.workers]\nwhen = [\"workers\"]\nsteps = [{steps}]\n{SOON}",
        socket.display()
    )
}

#[test]
fn what_a_killed_program_wrote_last_is_kept_before_it_is_restarted() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let lines = "printf 'first line\\n\\033[31mred\\377\\n' >&2\n\
                 echo 'connect postgres://app:hunter2@db/x'\nexec sleep 100000";
    let supervisord = Supervisord::start(&scratch, &[Program::new("worker", lines)]);
    let worker = supervisord.await_running("worker");
    let settings = workers(supervisord.socket(), "{ action = \"supervisor.restart-program\" }");
    let agent = Agent::start(&scratch, &settings);
    agent.await_check("workers", "up", LONG);
    kill(Pid::from_raw(worker.cast_signed()), Signal::SIGKILL).unwrap();

    agent.await_event("workers/worker", "judged");
    assert_eq!(agent.actions("workers/worker", "recovered"), 1);
    let story = events(&agent, "workers/worker", &["intended", "evidence", "acted", "judged"]);
    let kinds: Vec<_> = story.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["intended", "evidence", "acted", "judged"], "{story:#?}");
    let kept = why(&agent, "workers/worker");
    assert!(kept.contains("postgres://app:***@db/x"), "{kept}");
    assert!(kept.contains("\\\\u{1b}[31mred"), "{kept}");
    assert!(!kept.contains("hunter2"), "{kept}");
}

#[test]
fn programs_of_a_group_that_failed_are_restarted_and_the_stopped_one_is_not() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let gate = scratch.join("gate");
    let picky = format!("[ -e '{}' ] || exit 3\nexec sleep 100000", gate.display());
    let programs = [Program::new("picky", &picky), Program::idle("steady"), Program::idle("idle")];
    let group = "[group:g]\nprograms=picky,steady,idle\n";
    let supervisord = Supervisord::start_with(&scratch, &programs, group, 0);
    supervisord.await_state("g:picky", "FATAL");
    let steady = supervisord.await_running("g:steady");
    supervisord.stop("g:idle");
    fs::write(&gate, "").unwrap();
    let agent = Agent::start(
        &scratch,
        &workers(supervisord.socket(), "{ action = \"supervisor.restart-group\" }"),
    );
    until("it is verified", LONG, || agent.actions("workers/g:picky", "recovered") >= 1);
    supervisord.await_running("g:picky");
    assert_ne!(supervisord.await_running("g:steady"), steady, "the whole group was restarted");
    assert_eq!(supervisord.state("g:idle").state, "STOPPED");
    let said = message(&agent, "workers/g:picky", "acted");
    assert!(said.contains("restarted group `g`: 2 of 2 run"), "{said}");
    assert!(said.contains("left as stopped: g:idle"), "{said}");
}

/// Ends the supervisord that a recovery started, which is nobody's child here.
struct Anew<'a>(&'a Path);

impl Drop for Anew<'_> {
    fn drop(&mut self) {
        let pid = fs::read_to_string(self.0).unwrap_or_default();
        if let Ok(pid) = pid.trim().parse() {
            // It stops its programs first.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
            let gone = || kill(Pid::from_raw(pid), None).is_err();
            for _ in 0..500 {
                if gone() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

#[test]
fn workers_of_a_killed_supervisord_run_once_after_it_was_started_anew() {
    is_started_anew(false);
}

#[test]
fn so_do_those_of_one_that_no_agent_ever_saw_answer() {
    is_started_anew(true);
}

/// A supervisord is killed, and before that perhaps frozen, already when the agent starts.
fn is_started_anew(is_frozen: bool) {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    // Each holds a lock for as long as it runs; a second one says that it could not get it.
    let worker = |name: &str| {
        let place = scratch.path().display();
        let lines = format!(
            "exec 9>'{place}/{name}.lock'\nflock -n 9 || echo x >> '{place}/twice'\n\
             echo $$ >> '{place}/{name}.starts'\ntrap '' TERM\nwhile :; do sleep 1; done"
        );
        Program::new(name, &lines).setting("stopwaitsecs=1")
    };
    let supervisord = Supervisord::start(&scratch, &[worker("one"), worker("two")]);
    let before = ["one", "two"].map(|name| supervisord.await_running(name));
    let (conf, pidfile) =
        (scratch.join("supervisor/supervisord.conf"), scratch.join("supervisor/s.pid"));
    let anew = scratch.script(
        "anew.sh",
        &format!(
            "setsid supervisord -c '{}' < /dev/null > '{}' 2>&1 &",
            conf.display(),
            scratch.join("anew.log").display()
        ),
    );
    let step = format!(
        "{{ action = \"exec\", command = [\"{}\"], end_left_overs = true, timeout = \"40s\" }}",
        anew.display()
    );
    // Ended after the agent, which would start it once more.
    let _anew = Anew(&pidfile);
    if is_frozen {
        supervisord.daemon.signal(Signal::SIGSTOP);
    }
    // Of one that is frozen only: nothing is done before it is killed, for its ladder would be used up by then.
    let grace: &[&str] = if is_frozen { &["--set", "agent.grace=8s"] } else { &[] };
    let settings = workers(supervisord.socket(), &step);
    let agent = Agent::start_with(&scratch, "", &settings, grace);
    agent.await_check("workers", if is_frozen { "down" } else { "up" }, LONG);
    let mut supervisord = supervisord;
    supervisord.daemon.signal(Signal::SIGKILL);
    supervisord.daemon.wait(LONG);

    until("it is verified", LONG, || agent.actions("workers", "recovered") >= 1);
    for (name, old) in ["one", "two"].into_iter().zip(before) {
        assert_ne!(supervisord.await_running(name), old);
        // One that nobody has waited for yet is listed, as a zombie: dead all the same.
        let stat = fs::read_to_string(format!("/proc/{old}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "the old `{name}` was ended: {stat}");
        let starts = fs::read_to_string(scratch.join(&format!("{name}.starts"))).unwrap();
        assert_eq!(starts.lines().count(), 2, "`{name}` was started once more");
    }
    assert!(!scratch.join("twice").exists(), "no worker ran twice at any time");
    let said = message(&agent, "workers", "acted");
    assert!(said.contains("ended ") && said.contains(" left over: "), "{said}");
    assert!(said.contains("had to be killed"), "they take no SIGTERM: {said}");
}

#[test]
fn a_supervisord_that_no_agent_ever_saw_answer_goes_on_where_it_was_frozen() {
    if !installed("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let supervisord = Supervisord::start(&scratch, &[Program::idle("worker")]);
    let worker = supervisord.await_running("worker");
    supervisord.daemon.signal(Signal::SIGSTOP);
    let settings = format!(
        "[check.daemon]\nprocess = {{ supervisor_daemon = true, url = \"unix://{}\" }}\n\
         conditions = [{{ field = \"state\", equals = \"stopped\" }}]\ntimeout = \"4s\"\nretries = 0\ninterval = \"4s\"\n\
         [recovery.daemon]\nwhen = [\"daemon\"]\nsteps = [{{ action = \"signal\", signal = \"CONT\" }}]\n{SOON}",
        supervisord.socket().display()
    );
    let agent = Agent::start(&scratch, &settings);
    until("it is verified", LONG, || agent.actions("daemon", "recovered") >= 1);
    let said = message(&agent, "daemon", "acted");
    let daemon = supervisord.daemon.pid();
    assert!(said.contains(&format!("sent SIGCONT to process {daemon}")), "{said}");
    assert_eq!(supervisord.await_running("worker"), worker, "its worker was not touched");
}

#[test]
fn a_signal_goes_to_the_process_that_the_check_named_after_its_state_was_kept() {
    let scratch = Scratch::new();
    let log = scratch.join("hung.log");
    let hung = Daemon::start("hung", "sh", ["-c", "kill -STOP $$; sleep 1000"], &log);
    scratch.file("hung.pid", &hung.pid().to_string(), 0o644);
    let settings = format!(
        "[check.hung]\nprocess = {{ pidfile = \"{}\" }}\nconditions = [{{ field = \"age_seconds\", above = 1 }}]\n\
         timeout = \"2s\"\nretries = 0\ninterval = \"2s\"\n\
         [recovery.hung]\nwhen = [\"hung\"]\nsteps = [{{ action = \"signal\", signal = \"KILL\" }}]\n{SOON}",
        scratch.join("hung.pid").display()
    );
    let mut hung = hung;
    let agent = Agent::start(&scratch, &settings);
    hung.wait(LONG);
    until("the end is told", LONG, || !events(&agent, "hung", &["acted"]).is_empty());
    let said = message(&agent, "hung", "acted");
    assert!(said.contains(&format!("sent SIGKILL to process {} (`sh`)", hung.pid())), "{said}");
    let seen = message(&agent, "hung", "evidence");
    assert!(seen.contains("is stopped"), "{seen}");
}

#[test]
fn a_notice_is_given_once_and_the_ladder_goes_on_though_it_fails() {
    let scratch = Scratch::new();
    let told = scratch.join("told");
    let tell = scratch.script(
        "tell.sh",
        &format!("echo \"$EVENKEEL_TARGET $EVENKEEL_CAUSE\" >> '{}'\nexit 1", told.display()),
    );
    let mend = scratch.script("mend.sh", &format!("touch '{}'", scratch.join("marker").display()));
    let settings = format!(
        "[check.marker]\nfile = {{ path = \"{}\" }}\ntimeout = \"1s\"\nretries = 0\ninterval = \"1s\"\n\
         [recovery.marker]\nwhen = [\"marker\"]\nsteps = [{{ action = \"notify\", command = [\"{}\"] }}, {{ action = \"exec\", command = [\"{}\"] }}]\n{}",
        scratch.join("marker").display(),
        tell.display(),
        mend.display(),
        SOON.replace("20/1h", "1/1h")
    );
    let agent = Agent::start(&scratch, &settings);
    until("it is verified", LONG, || agent.actions("marker", "recovered") >= 1);
    assert_eq!(fs::read_to_string(&told).unwrap(), "marker marker\n");
    let budget = agent.recovery("marker")["budget_remaining"].clone();
    assert_eq!((budget, agent.all_actions()), (0.into(), 1), "the notice was charged to nobody");
}

#[test]
fn a_step_repairs_by_a_permission_rule() {
    let scratch = Scratch::new();
    let state = scratch.folder("state", 0o755);
    let file = scratch.file("state/a.hash", "x", 0o644);
    // The rule looks once an hour and does not watch: what repairs in time is the step.
    let settings = format!(
        "[permissions.state]\npath = \"{}\"\nfiles = [{{ match = \"*.hash\", mode = \"0644\" }}]\nwatch = false\ninterval = \"1h\"\n\
         [check.readable]\nfile = {{ path = \"{}\" }}\nconditions = [{{ field = \"mode\", differs = \"0644\" }}]\ntimeout = \"1s\"\nretries = 0\ninterval = \"1s\"\n\
         [recovery.readable]\nwhen = [\"readable\"]\nsteps = [{{ action = \"permissions.repair\", rule = \"state\" }}]\n{SOON}",
        state.display(),
        file.display()
    );
    let agent = Agent::start(&scratch, &settings);
    agent.await_check("readable", "up", LONG);
    let chmod = run_within(LONG, "chmod", ["0600".as_ref(), file.as_os_str()], None);
    assert_eq!(chmod.code, Some(0));
    until("it is verified", LONG, || agent.actions("readable", "recovered") >= 1);
    assert_eq!(scratch.mode("state/a.hash"), 0o644);
    let said = message(&agent, "readable", "acted");
    assert!(said.contains("permission rule `state`: put 1 of 1 right"), "{said}");
}
