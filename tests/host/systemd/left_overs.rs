//! Workers that outlive a killed supervisord in its unit's cgroup.

use evenkeel_tests::{LONG, SystemdHost, until};

const SERVICE: &str = include_str!("../../../packaging/systemd/evenkeel.service");
const DROP_IN: &str = "[Service]\nExecStart=\nExecStart=/opt/evenkeel/evenkeel run\n";
/// As Debian has it: whoever stops it leaves the workers to supervisord, which may be dead.
const SUPERVISOR: &str =
    "[Service]\nExecStart=supervisord -n -c /etc/supervisor-test.conf\nKillMode=process\n";
const CONF: &str = "[unix_http_server]\nfile=/run/s.sock\n[supervisord]\nlogfile=/run/d.log\npidfile=/run/s.pid\n\
    [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\
    [program:worker]\ncommand=/usr/local/bin/worker\nstartsecs=1\nautorestart=false\n";
/// Holds a lock for as long as it runs, and takes no SIGTERM.
const WORKER: &str = "#!/bin/sh\nexec 9>/run/worker.lock\nflock -n 9 || echo x >> /run/twice\necho $$ >> /run/starts\n\
    trap '' TERM\nwhile :; do sleep 1; done\n";
const SETTINGS: &str = r#"
[agent]
grace = "0s"
[check.supervisor]
supervisor = { url = "unix:///run/s.sock", programs = ["*"] }
timeout = "2s"
interval = "2s"
[recovery.supervisor]
when = ["supervisor"]
steps = [{ action = "systemd.restart", unit = "supervisor", timeout = "40s" }]
backoff = { initial = "100ms", multiplier = 1, max = "100ms", jitter = 0.0 }
budget = { per_target = "3/1h", per_host = "100/1h" }
verify_timeout = "30s"
stable_for = "1s"
"#;

#[test]
fn a_worker_of_a_killed_supervisord_runs_once_though_its_unit_leaves_it() {
    let files = [
        ("etc/systemd/system/supervisor.service", SUPERVISOR, 0o644),
        ("etc/supervisor-test.conf", CONF, 0o600),
        ("usr/local/bin/worker", WORKER, 0o755),
        ("etc/systemd/system/evenkeel.service", SERVICE, 0o644),
        ("etc/systemd/system/evenkeel.service.d/test.conf", DROP_IN, 0o644),
        ("etc/evenkeel/evenkeel.toml", SETTINGS, 0o600),
    ];
    let Some(host) = SystemdHost::boot_with(&files) else { return };
    host.ok("systemctl start supervisor");
    until("the worker runs", LONG, || host.sh("test -s /run/starts").code == Some(0));
    let first = host.ok("cat /run/starts");
    host.ok("systemctl start evenkeel");
    let events = || host.sh("evenkeel events --json").stdout;
    let up = || host.sh("evenkeel status --json").stdout.contains("\"state\": \"up\"");
    until("the agent has seen it", LONG, || up() || events().contains("up"));

    host.ok("systemctl kill -s KILL --kill-whom=main supervisor");
    until("supervisord runs anew", LONG, || {
        host.sh("test $(wc -l < /run/starts) -ge 2").code == Some(0)
            && host.property("supervisor", "ActiveState") == "active"
    });
    until("it is verified", LONG, || events().contains("recovered"));
    assert_ne!(
        host.sh(&format!("kill -0 {}", first.trim())).code,
        Some(0),
        "the old one was ended"
    );
    assert_eq!(host.ok("wc -l < /run/starts").trim(), "2", "one start more");
    assert_ne!(host.sh("test -e /run/twice").code, Some(0), "it never ran twice");
    assert!(events().contains("left over: process"), "{}", events());
    assert!(events().contains("\"evidence\""), "{}", events());
}
