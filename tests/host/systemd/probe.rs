//! What the programs say of units, on a host that a real systemd has booted.

use evenkeel_tests::SystemdHost;
use serde_json::Value;

const WEB: &str = "[Service]\nExecStart=sleep 1000000\n";
const BACK: &str = "[Service]\nExecStart=false\nRestart=always\nRestartSec=1h\n";

fn probe(host: &SystemdHost, words: &str) -> Value {
    host.sh(&format!("evenkeel-probe systemd {words} --json")).json()
}

#[track_caller]
fn check(host: &SystemdHost, words: &str, verdict: &str, class: &str, reason: &str) -> Value {
    let seen = probe(host, words);
    assert_eq!(seen["verdict"], verdict, "{seen}");
    assert_eq!(seen["outcome"]["failure"]["class"].as_str().unwrap_or_default(), class, "{seen}");
    assert!(seen["reasons"].to_string().contains(reason), "{seen}");
    seen
}

#[test]
fn each_state_of_a_unit_has_its_own_answer() {
    let Some(host) = SystemdHost::boot(&[("web.service", WEB), ("back.service", BACK)]) else {
        return;
    };
    host.ok("systemctl start web; systemctl mask -q held.service; systemctl start --no-block back");
    host.await_property("back", "SubState", "auto-restart");
    let up = check(&host, "web", "up", "", "");
    assert_eq!(
        up["facts"]["invocation_id"].as_str(),
        Some(host.property("web", "InvocationID").as_str())
    );
    assert_eq!(up["facts"]["incarnation"], up["facts"]["invocation_id"]);
    check(&host, "back", "unknown", "missing", "systemd itself restarts it");
    check(&host, "held", "unknown", "missing", "is masked");
    check(&host, "wbe", "down", "missing", "like it: `web.service`");
    host.ok("systemctl kill -s KILL web");
    host.await_property("web", "ActiveState", "failed");
    check(&host, "web", "down", "exit", "failed: signal");
    host.ok("systemctl reset-failed web");
    check(&host, "web", "unknown", "missing", "as on purpose");
    // Whoever says what state is wanted is not told that another one is on purpose.
    check(&host, "web --expect active_state=active", "down", "", "active_state");
    check(&host, "web --expect 'active_state!=failed'", "up", "", "");
    // The kernel here accounts no memory for units: that is no reason to restart one.
    host.ok("systemctl start web");
    if probe(&host, "web")["facts"]["memory_bytes"].is_null() {
        check(&host, "web --expect 'memory_bytes<1GB'", "unknown", "missing", "is not accounted");
    }
    host.ok("systemctl stop dbus.socket dbus");
    check(&host, "web", "unknown", "refused", "D-Bus daemon does not answer");
}

#[test]
fn settings_about_a_unit_that_this_host_does_not_have_are_told_so() {
    let settings = "[check.web]\nsystemd = { unit = \"wbe\" }\n[recovery.web]\nwhen = \"web\"\nsteps = [{ action = \"systemd.restart\", unit = \"nothing-like-it\" }]\n";
    let files = [
        ("etc/systemd/system/web.service", WEB, 0o644),
        ("etc/evenkeel/evenkeel.toml", settings, 0o600),
    ];
    let Some(host) = SystemdHost::boot_with(&files) else { return };
    let checked = host.sh("evenkeel config check");
    let said = format!("{}{}", checked.stdout, checked.stderr);
    assert!(said.contains("this host's systemd knows no unit `wbe.service`"), "{checked:?}");
    assert!(said.contains("did you mean `web.service`?"), "{checked:?}");
    assert!(said.contains("nothing-like-it.service"), "{checked:?}");
}
