//! Metrics and rules before the real promtool and a real Prometheus.

use std::fs;
use std::path::{Path, PathBuf};

use evenkeel_tests::{
    Agent, Daemon, LONG, Prometheus, Scratch, find_bin, installed, is_root, promtool, run, until,
};

/// The plan's own rule looks for this path, and its own test must therefore use it: in a private mount namespace.
const PLAN_PATH: &str = "/tmp/tmux_supervisor_state";

/// The plan's permissions and memory limit, the limit on the process of a pid file.
fn plan(pidfile: &Path) -> String {
    format!(
        r#"
[permissions.tmux-state]
path = "{PLAN_PATH}"
create = true
directory_mode = "0755"
files = [{{ match = "*.hash", mode = "0644" }}]
watch = true
interval = "1h"

[check.supervisor-memory]
process = {{ pidfile = "{}" }}
conditions = [{{ field = "rss_bytes", above = "300MB", for = "5m" }}]
timeout = "1s"
retries = 0
interval = "1s"
"#,
        pidfile.display()
    )
}

/// The output of `evenkeel-metrics VERB` for a settings file, which must succeed.
fn generated(verb: &[&str], settings: &Path) -> String {
    let args = verb.iter().map(AsRef::as_ref).chain(["--config".as_ref(), settings.as_os_str()]);
    let finished = run(find_bin("evenkeel-metrics"), args, None);
    assert_eq!(finished.code, Some(0), "{verb:?}: {finished:?}");
    finished.stdout
}

#[test]
fn promtool_accepts_the_rules_and_their_tests_pass() {
    if !installed("promtool") {
        return;
    }
    let scratch = Scratch::new();
    let settings = scratch.file("settings.toml", &plan(&scratch.join("pid")), 0o644);
    let rules = generated(&["rules"], &settings);
    for exactly in [
        "alert: SupervisorHighMemoryUsage",
        "expr: process_resident_memory_bytes{job=\"supervisor\"} > 300000000",
        "for: 5m",
        "alert: TmuxPermissionError",
        "expr: file_permission_errors{path=\"/tmp/tmux_supervisor_state\"} > 0",
        "for: 1m",
    ] {
        assert!(rules.contains(exactly), "the plan's `{exactly}`:\n{rules}");
    }
    let path = scratch.file("rules.yml", &rules, 0o644);
    let checked = promtool(["check".as_ref(), "rules".as_ref(), path.as_os_str()]);
    assert_eq!(checked.code, Some(0), "{checked:?}");

    let tested = generated(&["rules", "--test"], &settings);
    assert!(tested.contains("SUCCESS"), "{tested}");
    let tests = generated(&["rules", "--print-tests", "rules.yml"], &settings);
    let path = scratch.file("tests.yml", &tests, 0o644);
    let tested = promtool(["test".as_ref(), "rules".as_ref(), path.as_os_str()]);
    assert_eq!(tested.code, Some(0), "{tested:?}\n{tests}");

    // The tests can fail: with another limit they do.
    scratch.file("rules.yml", &rules.replace("> 300000000", "> 400000000"), 0o644);
    let tested = promtool(["test".as_ref(), "rules".as_ref(), path.as_os_str()]);
    assert_ne!(tested.code, Some(0), "a wrong limit goes unnoticed");
}

#[test]
fn promtool_accepts_the_metrics_of_a_working_agent() {
    if !installed("promtool") {
        return;
    }
    let scratch = Scratch::new();
    scratch.file("shared/a.hash", "x", 0o600);
    let pidfile = scratch.file("pid", &std::process::id().to_string(), 0o644);
    let settings = plan(&pidfile).replace(PLAN_PATH, &scratch.join("shared").display().to_string());
    let agent = Agent::start(&scratch, &settings);
    agent.await_check("supervisor-memory", "up", LONG);
    until("a repair is counted", LONG, || {
        agent.metrics().sum("evenkeel_permission_repairs_total", &[]) >= Some(1.0)
    });
    for path in ["/metrics", "/metrics?process=supervisor-memory"] {
        let page = agent.get(path);
        assert_eq!(page.status, 200, "{path}: {page:?}");
        let file = scratch.file("page.txt", &page.body, 0o644);
        let checked =
            run("sh", ["-c", &format!("promtool check metrics < {}", file.display())], None);
        assert_eq!(checked.code, Some(0), "{path}: {checked:?}\n{}", page.body);
    }
    let own = agent.metrics().sum("process_resident_memory_bytes", &[]);
    assert_eq!(
        own, None,
        "the agent's own page does not carry the name that is for the watched process"
    );
    assert_eq!(agent.get("/metrics?process=no-such-process").status, 404);
}

#[test]
fn a_real_prometheus_fires_and_resolves_both_alerts_of_the_plan() {
    if !installed("prometheus") || !installed("python3") || !is_root() {
        return;
    }
    // Not below /tmp, which the agent sees as an empty one of its own.
    let scratch = Scratch::below(Path::new("/var/tmp"));
    let (pidfile, shrink) = (scratch.join("pid"), scratch.join("shrink"));
    let (config, port) =
        Agent::settings_with(&scratch, "hold_errors_for = \"12s\"", &plan(&pidfile));
    let agent = agent_in_namespace(&scratch, &config, port);
    // What the agent's own /tmp holds, seen from here.
    let state =
        Path::new("/proc").join(agent.daemon.pid().to_string()).join("root").join(&PLAN_PATH[1..]);
    until("the agent made the directory", LONG, || state.is_dir());

    let prometheus = Prometheus::start(&scratch, &prometheus_settings(&scratch, &config));
    let alerts = ["SupervisorHighMemoryUsage", "TmuxPermissionError"];
    // The repaired directory counts at first too: it was missing, and is held for a while.
    until("nothing fires", LONG, || {
        alerts.iter().all(|alert| prometheus.alert_state(alert) == "inactive")
    });

    let hog = Daemon::start(
        "a process that grows",
        "python3",
        ["-c", HOG, path(&shrink)],
        &scratch.join("hog.log"),
    );
    fs::write(&pidfile, hog.pid().to_string()).unwrap();
    fs::write(state.join("a.hash"), "x").unwrap();
    fs::set_permissions(state.join("a.hash"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();

    for alert in alerts {
        until(&format!("{alert} fires"), LONG, || prometheus.alert_state(alert) == "firing");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(state.join("a.hash")).unwrap().permissions(),
    );
    assert_eq!(
        mode & 0o7777,
        0o644,
        "it was repaired long before, and the alert tells of it all the same"
    );

    fs::write(&shrink, "").unwrap();
    for alert in alerts {
        until(&format!("{alert} is resolved"), LONG, || {
            prometheus.alert_state(alert) == "inactive"
        });
    }
}

/// Takes 400 MB until the file of its argument is there.
const HOG: &str = "
import os, sys, time
held = b'x' * 400_000_000
while not os.path.exists(sys.argv[1]): time.sleep(0.1)
del held
time.sleep(100000)
";

/// An agent whose /tmp is its own, so that the plan's path can be used as it stands.
fn agent_in_namespace(scratch: &Scratch, config: &Path, port: u16) -> Agent {
    // Root may mount; anyone else is root in a namespace of their own.
    // The work tree may be below /tmp.
    let program = scratch.join("evenkeel");
    fs::copy(find_bin("evenkeel"), &program).expect("the program can be copied");
    let own_tmp = "mount -t tmpfs tmpfs /tmp && exec \"$@\"";
    let unshare =
        ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", own_tmp, "sh"];
    let by: Vec<_> = unshare.iter().map(AsRef::as_ref).chain([program.as_os_str()]).collect();
    let mut agent = Agent::spawn_by(&by, scratch, config, port, &[]);
    agent.await_answer();
    agent
}

/// The scrape configuration and rules as evenkeel writes them, with only the times cut short.
fn prometheus_settings(scratch: &Scratch, config: &Path) -> PathBuf {
    let rules = generated(&["rules"], config);
    let cut = rules.replace("for: 5m", "for: 4s").replace("for: 1m", "for: 2s");
    assert_ne!(rules, cut);
    scratch.file("rules.yml", &cut, 0o644);
    let scrape = generated(&["scrape-config"], config);
    let head = "global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }\nrule_files: [rules.yml]\n";
    let settings = scratch.file("prometheus.yml", &format!("{head}{scrape}"), 0o644);
    let checked = promtool(["check".as_ref(), "config".as_ref(), settings.as_os_str()]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    settings
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of a test is UTF-8")
}
