//! tmux: a real server, its panes and its socket.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

use evenkeel_tests::{
    Agent, Daemon, LONG, Scratch, TmuxServer, find_bin, installed, is_root, run, until, until_some,
};
use nix::sys::signal::Signal;
use serde_json::Value;

const IDLE: &str = "exec sleep 1000000";
/// Writes something again and again.
const BUSY: &str = "while :; do date +%N; sleep 0.1; done";

fn probe(words: &[&str]) -> Value {
    run(find_bin("evenkeel-probe"), [&["tmux", "--json"], words].concat(), None).json()
}

fn probe_of(server: &TmuxServer, more: &[&str]) -> Value {
    probe(&[&[server.socket().to_str().unwrap()], more].concat())
}

#[track_caller]
fn assert_down(seen: &Value, class: &str, reason: &str) {
    assert_eq!(seen["verdict"], "down", "{seen}");
    assert_eq!(seen["outcome"]["failure"]["class"], class, "{seen}");
    assert!(seen["reasons"].to_string().contains(reason), "{seen}");
}

fn part<'a>(seen: &'a Value, name: &str) -> Option<&'a Value> {
    seen["parts"].as_array()?.iter().find(|part| part["name"] == name)
}

#[test]
fn a_dead_pane_is_told_with_its_status_or_its_signal() {
    if !installed("tmux") {
        return;
    }
    let scratch = Scratch::new();
    let server = TmuxServer::start(&scratch, "web", IDLE);
    let up = probe_of(&server, &["--session", "w*"]);
    assert_eq!(
        (up["verdict"].as_str(), up["facts"]["panes"].as_f64()),
        (Some("up"), Some(1.0)),
        "{up}"
    );
    assert!(part(&up, "web:0.0").unwrap()["facts"]["incarnation"].is_string(), "{up}");
    assert_eq!(up["facts"]["server_pid"].as_f64(), Some(f64::from(server.pid())));
    server.ok(&["split-window", "-t", "web", "exit 7"]);
    server.ok(&["split-window", "-t", "web", "kill -SEGV $$"]);
    server.ok(&["split-window", "-t", "web", "exit 0"]);
    let seen = until_some("three panes are dead, and waited for", LONG, || {
        // tmux 3.3a misses the end of a process now and then, until another one ends.
        server.ok(&["run-shell", "true"]);
        let seen = probe_of(&server, &[]);
        let told = seen["reasons"].as_array().is_some_and(|reasons| reasons.len() == 2);
        let done = seen.to_string().contains("exited with 0");
        (told && done).then_some(seen)
    });
    assert_eq!(seen["facts"]["dead"].as_f64(), Some(3.0), "{seen}");
    assert_eq!(part(&seen, "web:0.0").unwrap()["facts"]["state"], "ok");
    let text = seen["reasons"].to_string();
    assert!(text.contains("exited with 7") && text.contains("was ended by signal 11"), "{text}");
    assert_down(
        &probe_of(&server, &["--session", "web", "--session", "job-*"]),
        "missing",
        "no session `job-*`",
    );
}

#[test]
fn a_frozen_a_dead_and_an_absent_server_and_a_deleted_socket_are_four_answers() {
    if !installed("tmux") {
        return;
    }
    let scratch = Scratch::new();
    let server = TmuxServer::start(&scratch, "web", IDLE);
    server.signal(Signal::SIGSTOP);
    assert_down(&probe_of(&server, &["--timeout", "1s"]), "timeout", "frozen or overloaded");
    server.signal(Signal::SIGCONT);
    assert_eq!(probe_of(&server, &[])["verdict"], "up");
    fs::remove_file(server.socket()).unwrap();
    let pid = format!("lives (process {})", server.pid());
    assert_down(&probe_of(&server, &[]), "missing", &pid);
    server.signal(Signal::SIGUSR1);
    until("the socket is back", LONG, || server.socket().exists());
    assert_eq!(probe_of(&server, &[])["verdict"], "up");
    server.end();
    assert_down(&probe_of(&server, &[]), "refused", "is dead: nobody listens");
    fs::remove_file(server.socket()).unwrap();
    assert_down(&probe_of(&server, &[]), "missing", "there is no tmux server");
}

#[test]
fn a_server_within_other_mounts_is_not_taken_for_ours() {
    if !is_root() || !installed("tmux") {
        return;
    }
    let scratch = Scratch::new();
    let folder = scratch.folder("run", 0o755);
    let socket = folder.join("s.sock");
    // As a container with the network of the host: its socket stands in the same list of the kernel.
    let serves = format!(
        "mount -t tmpfs none '{}' && exec tmux -D -f /dev/null -S '{}'",
        folder.display(),
        socket.display()
    );
    let args = ["--mount", "--propagation", "private", "sh", "-c", &serves];
    let other = Daemon::start("other", "unshare", args, &scratch.join("other.log"));
    let listed = || {
        let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
        table.contains(&socket.display().to_string())
    };
    until("the other one listens", LONG, listed);
    let name = fs::read_to_string(format!("/proc/{}/comm", other.pid())).unwrap();
    assert!(name.starts_with("tmux: server"), "{name}");
    assert_down(&probe(&[socket.to_str().unwrap()]), "missing", "there is no tmux server");
}

/// The folder that tmux makes for a user that nobody else is, removed with the test.
struct UserFolder {
    uid: u32,
    path: PathBuf,
}

impl UserFolder {
    fn new() -> Self {
        let uid = 61_000 + std::process::id() % 4_000;
        let path = PathBuf::from(format!("/tmp/tmux-{uid}"));
        fs::create_dir(&path).unwrap();
        chown(&path, Some(uid), Some(uid)).unwrap();
        let folder = Self { uid, path };
        folder.set_mode(0o700);
        folder
    }

    fn set_mode(&self, mode: u32) {
        fs::set_permissions(&self.path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

impl Drop for UserFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[test]
fn a_socket_folder_that_tmux_refuses_is_its_own_answer_and_a_rule_repairs_it() {
    if !installed("tmux") || !is_root() {
        return;
    }
    let scratch = Scratch::new();
    scratch.chmod(".", 0o755);
    let folder = UserFolder::new();
    let uid = folder.uid.to_string();
    let by = ["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups", "--"];
    let _server = TmuxServer::start_by(&by, &scratch, &folder.path.join("ek"), "web", IDLE);
    let words = ["ek", "--user", &uid];
    assert_eq!(probe(&words)["verdict"], "up");
    folder.set_mode(0o755);
    assert_down(&probe(&words), "denied", "its mode is 0755, and must be 0700");
    // tmux itself agrees.
    let listed = run(by[0], [&by[1..], &["tmux", "-L", "ek", "ls"]].concat(), None);
    assert!(listed.code != Some(0) && listed.stderr.contains("unsafe permissions"), "{listed:?}");

    let agent = Agent::start(
        &scratch,
        &format!(
            "[permissions.tmux]\npath = \"{}\"\nowner = \"{uid}\"\ndirectory_mode = \"0700\"\nwatch = false\ninterval = \"1h\"\n\
             [check.tmux]\ntmux = {{ socket_name = \"ek\", user = \"{uid}\" }}\ninterval = \"5s\"\n",
            folder.path.display()
        ),
    );
    agent.await_check("tmux", "up", LONG);
    assert_eq!(fs::metadata(&folder.path).unwrap().permissions().mode() & 0o7777, 0o700);
}

/// Settings of a check of this server, with more of it, and a recovery with these steps.
fn settings(server: &TmuxServer, more: &str, steps: &str) -> String {
    format!(
        "[check.tmux]\ntmux = {{ socket_path = \"{}\"{more} }}\ntimeout = \"900ms\"\ninterval = \"1s\"\nstartup_grace = \"0s\"\n\
         failure_threshold = {{ failures = 2, within = 2 }}\n\
         [recovery.tmux]\nwhen = \"tmux\"\nsteps = [{steps}]\n\
         backoff = {{ initial = \"100ms\", multiplier = 1, max = \"100ms\", jitter = 0.0 }}\n\
         verify_timeout = \"20s\"\nstable_for = \"1s\"\n",
        server.socket().display()
    )
}

fn pane_pid(server: &TmuxServer, pane: &str) -> String {
    server.ok(&["display-message", "-p", "-t", pane, "#{pane_pid}"])
}

#[test]
fn a_pane_that_died_is_respawned_and_that_is_proved() {
    if !installed("tmux") {
        return;
    }
    let scratch = Scratch::new();
    let server = TmuxServer::start(&scratch, "web", IDLE);
    server.ok(&["new-window", "-t", "web", IDLE]);
    let agent =
        Agent::start(&scratch, &settings(&server, "", "{ action = \"tmux.respawn-pane\" }"));
    agent.await_check("tmux", "up", LONG);
    let (first, other) = (pane_pid(&server, "web:0.0"), pane_pid(&server, "web:1.0"));
    run("kill", ["-s", "KILL", first.trim()], None);
    until("the pane was recovered", LONG, || agent.actions("tmux/web:0.0", "recovered") == 1);
    assert_ne!(pane_pid(&server, "web:0.0"), first);
    assert_eq!(pane_pid(&server, "web:1.0"), other, "the pane beside was left alone");
    agent.await_check("tmux", "up", LONG);
}

#[test]
fn a_pane_that_shows_the_same_for_too_long_is_stalled_beside_one_that_does_not() {
    if !installed("tmux") {
        return;
    }
    let scratch = Scratch::new();
    let server = TmuxServer::start(&scratch, "web", BUSY);
    // Works until it is told to hang, once.
    let hang = scratch.join("hang");
    let script = format!(
        "while [ ! -e '{0}' ]; do date +%N; sleep 0.1; done; rm '{0}'; exec sleep 1000000",
        hang.display()
    );
    server.ok(&["split-window", "-t", "web", &script]);
    let agent = Agent::start(
        &scratch,
        &settings(&server, ", stalled_after = \"3s\"", "{ action = \"tmux.respawn-pane\" }"),
    );
    agent.await_check("tmux", "up", LONG);
    let (busy, stalls) = (pane_pid(&server, "web:0.0"), pane_pid(&server, "web:0.1"));
    fs::write(&hang, "").unwrap();
    until("the stalled pane was recovered", LONG, || {
        agent.actions("tmux/web:0.1", "recovered") == 1
    });
    assert_ne!(pane_pid(&server, "web:0.1"), stalls);
    assert_eq!(pane_pid(&server, "web:0.0"), busy, "the pane that works was left alone");
    let events = serde_json::to_string(&agent.events()).unwrap();
    assert!(events.contains("stalled"), "{events}");
}

#[test]
fn a_deleted_socket_of_a_server_that_lives_is_brought_back() {
    if !installed("tmux") {
        return;
    }
    let scratch = Scratch::new();
    let server = TmuxServer::start(&scratch, "web", IDLE);
    let agent =
        Agent::start(&scratch, &settings(&server, "", "{ action = \"tmux.recreate-socket\" }"));
    agent.await_check("tmux", "up", LONG);
    let pane = pane_pid(&server, "web:0.0");
    fs::remove_file(server.socket()).unwrap();
    until("the socket was brought back", LONG, || agent.actions("tmux", "recovered") == 1);
    assert_eq!(pane_pid(&server, "web:0.0"), pane, "nothing that ran was touched");
    agent.await_check("tmux", "up", LONG);
}
