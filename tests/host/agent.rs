//! The agent on files and endpoints of its own.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_tests::{
    Agent, HangingEndpoint, LONG, Scratch, evenkeel, find_bin, installed, is_root, until,
    until_some,
};
use nix::sys::signal::Signal;

fn permissions(scratch: &Scratch) -> String {
    format!(
        r#"
[permissions.shared]
path = "{}"
directory_mode = "0755"
files = [{{ match = "*.hash", mode = "0644" }}]
watch = true
interval = "1h"
"#,
        scratch.join("shared").display()
    )
}

fn cleanup(scratch: &Scratch) -> String {
    format!(
        r#"
[cleanup.stale]
path = "{}"
match = ["*.hash"]
older_than = "7d"
age_by = "mtime"
action = "delete"
interval = "1h"
"#,
        scratch.join("shared").display()
    )
}

/// A check, each second, that a file is there.
fn file_check(scratch: &Scratch) -> String {
    let path = scratch.join("shared/a.hash");
    let path = path.display();
    format!(
        "[check.file]\nfile = {{ path = \"{path}\" }}\ntimeout = \"1s\"\nretries = 0\ninterval = \"1s\"\n"
    )
}

#[test]
fn drift_is_repaired_as_it_happens_and_counted() {
    let scratch = Scratch::new();
    scratch.folder("shared", 0o755);
    scratch.file("shared/a.hash", "x", 0o600);
    let agent = Agent::start(&scratch, &permissions(&scratch));
    until("the first sweep repaired the file", LONG, || scratch.mode("shared/a.hash") == 0o644);

    scratch.chmod("shared/a.hash", 0o777);
    until("the kernel's event led to a repair", LONG, || scratch.mode("shared/a.hash") == 0o644);
    scratch.chmod("shared", 0o700);
    until("the directory was repaired", LONG, || scratch.mode("shared") == 0o755);

    let repairs = || {
        agent
            .metrics()
            .sum("evenkeel_permission_repairs_total", &[("rule", "shared"), ("kind", "mode")])
    };
    until("the repairs are counted", LONG, || repairs() == Some(3.0));
    let repaired = || agent.events().iter().filter(|event| event["kind"] == "repaired").count();
    until("each is in the history", LONG, || repaired() == 3);
}

const OFFENDED: &str = "EVENKEEL_TEST_OFFENDED";

/// Run as a process of its own by the test below.
#[test]
#[ignore = "a part of another test"]
fn changes_a_mode_and_stays() {
    let Some(path) = std::env::var_os(OFFENDED) else { return };
    fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    // Until the test has seen enough.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn the_history_says_who_put_a_file_wrong_and_for_how_long() {
    if !is_root() {
        // Only root is told by the kernel.
        return;
    }
    let scratch = Scratch::new();
    scratch.folder("shared", 0o755);
    let file = scratch.file("shared/a.hash", "x", 0o644);
    let agent = Agent::start(&scratch, &permissions(&scratch));
    until("the rule is watched", LONG, || agent.rule("shared")["watched"] == "fanotify");
    let mut offender = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "agent::changes_a_mode_and_stays", "--ignored"])
        .env(OFFENDED, &file)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let repaired = until_some("the repair is in the history", LONG, || {
        agent.events().into_iter().find(|event| event["kind"] == "repaired")
    });
    drop(offender.stdin.take());
    assert!(offender.wait().unwrap().success());
    let message = repaired["message"].as_str().unwrap();
    let exe = std::env::current_exe().unwrap();
    let by = format!("by {} (pid {}, uid 0", exe.display(), offender.id());
    assert!(message.contains("0666 -> 0644, wrong for ") && message.contains(&by), "{message}");
    // On the disk it says the same, field by field.
    let config = agent.config().as_os_str().to_owned();
    let args = ["events", "--json", "--kind", "repaired", "--config"].map(OsStr::new);
    let events = evenkeel(args.into_iter().chain([config.as_os_str()]));
    let document: serde_json::Value = serde_json::from_str(&events.stdout).unwrap();
    let data = &document["events"][0]["data"];
    assert_eq!(data["by"]["pid"], offender.id(), "{document}");
    assert_eq!(data["by"]["uid"], 0);
    assert!(data["wrong_for"]["nanos"].as_u64().is_some_and(|nanos| nanos > 0));
}

#[test]
fn without_the_capability_drift_is_repaired_all_the_same_and_the_status_says_what_is_missing() {
    if !is_root() || !installed("setpriv") {
        return;
    }
    let scratch = Scratch::new();
    scratch.folder("shared", 0o755);
    scratch.file("shared/a.hash", "x", 0o644);
    let agent = Agent::start_without_fanotify(&scratch, &permissions(&scratch));
    until("the rule is watched", LONG, || agent.rule("shared")["watched"].is_string());
    let watched = agent.rule("shared")["watched"].as_str().unwrap().to_owned();
    assert!(watched.starts_with("inotify (no fanotify: "), "{watched}");
    assert!(watched.contains("nobody is named"), "{watched}");
    scratch.chmod("shared/a.hash", 0o666);
    until("the kernel's event led to a repair", LONG, || scratch.mode("shared/a.hash") == 0o644);
}

#[test]
fn who_fights_the_agent_is_named_counted_and_left_alone() {
    let scratch = Scratch::new();
    scratch.folder("shared", 0o755);
    scratch.file("shared/a.hash", "x", 0o644);
    let agent = Agent::start(&scratch, &permissions(&scratch));
    until("the first sweep is done", LONG, || agent.rule("shared")["ok"] == true);
    let fights = || agent.metrics().sum("evenkeel_permission_fights_total", &[("rule", "shared")]);
    assert_eq!(fights(), Some(0.0));
    until("it is a fight", LONG, || {
        scratch.chmod("shared/a.hash", 0o600);
        fights() == Some(1.0)
    });
    // Counted at once, written by a thread of its own.
    let fought = until_some("the fight is in the history", LONG, || {
        agent.events().into_iter().find(|event| event["kind"] == "fought")
    });
    let message = fought["message"].as_str().unwrap();
    assert!(message.contains("put right to 0644 5 times, and to 0600"), "{message}");
    scratch.chmod("shared/a.hash", 0o600);
    until("what is left is told", LONG, || agent.rule("shared")["ok"] == false);
    assert_eq!(scratch.mode("shared/a.hash"), 0o600);
}

#[test]
fn hanging_endpoints_delay_nothing_else() {
    let scratch = Scratch::new();
    scratch.folder("shared", 0o755);
    scratch.file("shared/a.hash", "x", 0o644);
    let endpoints = [HangingEndpoint::start(), HangingEndpoint::start(), HangingEndpoint::start()];
    let hanging = endpoints.iter().zip(["one", "two", "three"]).map(|(endpoint, name)| {
        let url = endpoint.url();
        format!("[check.{name}]\nhttp = {{ url = \"{url}\" }}\ntimeout = \"20s\"\nretries = 0\ninterval = \"30s\"\n")
    });
    let settings = [permissions(&scratch), file_check(&scratch)]
        .into_iter()
        .chain(hanging)
        .collect::<String>();
    let agent = Agent::start(&scratch, &settings);
    agent.await_check("file", "up", Duration::from_secs(10));
    assert_ne!(agent.check("one")["state"], "up");

    scratch.chmod("shared/a.hash", 0o777);
    let started = Instant::now();
    until("the file is repaired", LONG, || scratch.mode("shared/a.hash") == 0o644);
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "it took {:?} beside hanging endpoints",
        started.elapsed()
    );

    fs::remove_file(scratch.join("shared/a.hash")).unwrap();
    agent.await_check("file", "down", Duration::from_secs(10));
}

#[test]
fn observe_writes_nothing_and_says_what_it_would_do() {
    let scratch = Scratch::new();
    scratch.folder("shared", 0o700);
    scratch.file("shared/drifted.hash", "x", 0o600);
    scratch.file("shared/stale.hash", "x", 0o644);
    scratch.age("shared/stale.hash", 8);
    let before = scratch.snapshot("shared");
    let settings = permissions(&scratch) + &cleanup(&scratch);
    let agent = Agent::start_with(&scratch, "", &settings, &["--observe"]);

    let errors = || agent.metrics().sum("file_permission_errors", &[]);
    until("the drift is seen", LONG, || errors().is_some_and(|errors| errors >= 2.0));
    until("the stale file is seen", LONG, || agent.rule("stale")["ok"] == false);
    assert_eq!(agent.status()["mode"], "observe");
    assert_eq!(scratch.snapshot("shared"), before, "nothing was written");
    assert_eq!(agent.count("evenkeel_permission_repairs_total", &[]), 0);
    assert!(!scratch.join("state").exists(), "not even a history");
}

#[test]
fn a_stale_file_goes_and_a_young_one_stays() {
    let scratch = Scratch::new();
    scratch.folder("shared", 0o755);
    scratch.file("shared/stale.hash", "x", 0o644);
    scratch.age("shared/stale.hash", 8);
    scratch.file("shared/young.hash", "x", 0o644);
    scratch.age("shared/young.hash", 6);
    let agent = Agent::start(&scratch, &cleanup(&scratch));
    until("the stale file is gone", LONG, || !scratch.join("shared/stale.hash").exists());
    until("it is counted", LONG, || {
        agent.metrics().sum("evenkeel_cleanup_files_total", &[("rule", "stale")]) == Some(1.0)
    });
    assert!(scratch.join("shared/young.hash").exists());
}

#[test]
fn a_reload_with_a_bad_file_keeps_the_settings_and_a_good_one_replaces_them() {
    let scratch = Scratch::new();
    scratch.folder("shared", 0o755);
    scratch.file("shared/a.hash", "x", 0o644);
    let agent = Agent::start(&scratch, &permissions(&scratch));
    let good = fs::read_to_string(agent.config()).unwrap();

    fs::write(agent.config(), good.replace("directory_mode", "directory_moed")).unwrap();
    agent.daemon.signal(Signal::SIGHUP);
    until("the agent says what is wrong", LONG, || agent.daemon.log().contains("directory_moed"));
    let successful = || agent.metrics().sum("evenkeel_agent_config_last_reload_successful", &[]);
    until("the metrics say so too", LONG, || successful() == Some(0.0));
    scratch.chmod("shared/a.hash", 0o600);
    until("the old settings are in force", LONG, || scratch.mode("shared/a.hash") == 0o644);

    fs::write(agent.config(), good.replace("\"0644\"", "\"0640\"")).unwrap();
    agent.daemon.signal(Signal::SIGHUP);
    until("the new settings are in force", LONG, || scratch.mode("shared/a.hash") == 0o640);
    until("the metrics say so too", LONG, || successful() == Some(1.0));
}

#[test]
fn a_reload_of_a_file_that_is_just_being_written_takes_nothing_out_of_force() {
    let scratch = Scratch::new();
    scratch.folder("shared", 0o755);
    scratch.file("shared/a.hash", "x", 0o644);
    let agent = Agent::start(&scratch, &permissions(&scratch));
    let good = fs::read_to_string(agent.config()).unwrap();
    let (agent_alone, _) = good.split_once("[permissions").expect("rules come after `[agent]`");
    // What a write in place, such as by `cp`, leaves for a moment: nothing, then a part of the file.
    for cut in ["", agent_alone] {
        fs::write(agent.config(), cut).unwrap();
        let said = || agent.daemon.log().matches("name no check and no rule").count();
        let before = said();
        agent.daemon.signal(Signal::SIGHUP);
        until("the agent says that it keeps what it has", LONG, || said() == before + 1);
        scratch.chmod("shared/a.hash", 0o600);
        until("the old settings are in force", LONG, || scratch.mode("shared/a.hash") == 0o644);
    }
    let successful = agent.metrics().sum("evenkeel_agent_config_last_reload_successful", &[]);
    assert_eq!(successful, Some(0.0));
}

#[test]
fn sigterm_drains_also_while_a_probe_hangs() {
    let scratch = Scratch::new();
    let endpoint = HangingEndpoint::start();
    let settings = format!(
        "[check.hanging]\nhttp = {{ url = \"{}\" }}\ntimeout = \"50s\"\nretries = 0\ninterval = \"60s\"\n",
        endpoint.url()
    );
    let mut agent = Agent::start(&scratch, &settings);
    agent.daemon.signal(Signal::SIGTERM);
    let status = agent.daemon.wait(Duration::from_secs(15));
    assert_eq!(status.code(), Some(0), "{}", agent.daemon.log());
    assert!(!scratch.join("evenkeel.sock").exists(), "the control socket is taken away");
}

#[test]
fn health_is_503_while_something_does_not_hold() {
    let scratch = Scratch::new();
    scratch.folder("shared", 0o755);
    let file = scratch.file("shared/a.hash", "x", 0o644);
    let agent = Agent::start(&scratch, &file_check(&scratch));
    agent.await_check("file", "up", LONG);
    until("/health is 200", LONG, || agent.get("/health").status == 200);
    fs::remove_file(&file).unwrap();
    until("/health is 503", LONG, || agent.get("/health").status == 503);
    assert_eq!(agent.status()["healthy"], false);
    assert_eq!(agent.metrics().sum("evenkeel_check_up", &[("check", "file")]), Some(0.0));
}

#[test]
fn the_service_manager_hears_of_each_turn() {
    let scratch = Scratch::new();
    scratch.folder("shared", 0o755);
    let path = scratch.join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(LONG)).unwrap();
    // Every message until the wanted one; each wait has its deadline.
    let hear = |wanted: &str| {
        let mut buffer = [0; 4096];
        loop {
            let length =
                manager.recv(&mut buffer).unwrap_or_else(|error| panic!("no {wanted}: {error}"));
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.lines().any(|line| line == wanted) {
                return;
            }
        }
    };
    let notify = format!("NOTIFY_SOCKET={}", path.display());
    let program = find_bin("evenkeel");
    let by =
        ["env".as_ref(), notify.as_ref(), "WATCHDOG_USEC=1000000".as_ref(), program.as_os_str()];
    let (config, port) = Agent::settings_with(&scratch, "", &permissions(&scratch));
    let mut agent = Agent::spawn_by(&by, &scratch, &config, port, &[]);
    hear("READY=1");
    hear("WATCHDOG=1");
    agent.daemon.signal(Signal::SIGHUP);
    hear("RELOADING=1");
    hear("READY=1");
    agent.daemon.signal(Signal::SIGTERM);
    hear("STOPPING=1");
    assert!(agent.daemon.wait(LONG).success());
}
