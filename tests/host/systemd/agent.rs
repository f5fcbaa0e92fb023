//! The agent as a service of a real systemd: it brings units back over D-Bus, proves it, and is brought back itself.

use evenkeel_tests::{LONG, SystemdHost, until, until_some};
use serde_json::Value;

const SERVICE: &str = include_str!("../../../packaging/systemd/evenkeel.service");
/// For tests: where the programs are, and less patience.
const DROP_IN: &str = "[Service]\nExecStart=\nExecStart=/opt/evenkeel/evenkeel run\nWatchdogSec=2s\nRestartSec=100ms\n";
const SETTINGS: &str = r#"
[agent]
grace = "0s"
[check.web]
systemd = { unit = "web" }
timeout = "900ms"
interval = "1s"
failure_threshold = { failures = 2, within = 2 }
[recovery.web]
when = ["web"]
steps = [{ action = "systemd.restart", unit = "web", timeout = "20s" }]
backoff = { initial = "100ms", multiplier = 1, max = "100ms", jitter = 0.0 }
budget = { per_target = "3/1h", per_host = "100/1h" }
verify_timeout = "10s"
stable_for = "1s"
"#;

const WEB: &str = "[Service]\nExecStart=sleep 1000000\n";

/// A host with the unit `web` and an agent, both of them not started.
fn boot_with(web: &str, settings: &str) -> Option<SystemdHost> {
    SystemdHost::boot_with(&[
        ("etc/systemd/system/web.service", web, 0o644),
        ("etc/systemd/system/evenkeel.service", SERVICE, 0o644),
        ("etc/systemd/system/evenkeel.service.d/test.conf", DROP_IN, 0o644),
        ("etc/evenkeel/evenkeel.toml", settings, 0o600),
    ])
}

/// A host with the unit `web` and an agent that is to keep it, both started.
fn boot(web: &str) -> Option<SystemdHost> {
    let host = boot_with(web, SETTINGS)?;
    host.ok("systemctl start web evenkeel");
    await_check(&host, "up");
    Some(host)
}

fn status(host: &SystemdHost) -> Option<Value> {
    serde_json::from_str(&host.sh("evenkeel status --json").stdout).ok()
}

#[track_caller]
fn await_check(host: &SystemdHost, state: &str) -> Value {
    until_some(&format!("the check is {state}"), LONG, || {
        let status = status(host)?;
        let check =
            status["checks"].as_array()?.iter().find(|check| check["name"] == "web")?.clone();
        (check["state"] == state).then_some(check)
    })
}

/// Waits until the unit runs as another run than `before` and the recovery is through.
#[track_caller]
fn await_recovered(host: &SystemdHost, before: &str) -> Vec<String> {
    until("another run is active", LONG, || {
        host.property("web", "ActiveState") == "active"
            && host.property("web", "InvocationID") != before
    });
    until("the recovery is through", LONG, || {
        let phase = |status: Value| status["recoveries"][0]["phase"].as_str().map(str::to_owned);
        status(host).and_then(phase).as_deref() == Some("healthy")
    });
    let events: Value = serde_json::from_str(&host.ok("evenkeel events --json")).unwrap();
    let events = events["events"].as_array().unwrap_or_else(|| panic!("{events}")).clone();
    events.iter().filter_map(|event| event["message"].as_str()).map(str::to_owned).collect()
}

#[track_caller]
fn assert_said(events: &[String], words: &str) {
    assert!(events.iter().any(|event| event.contains(words)), "`{words}` is not in {events:#?}");
}

#[test]
fn a_unit_that_was_killed_is_restarted_over_the_bus_and_that_is_proved() {
    let Some(host) = boot(WEB) else { return };
    let before = host.property("web", "InvocationID");
    host.ok("systemctl kill -s KILL web");
    let events = await_recovered(&host, &before);
    assert_said(&events, "`web.service` failed: signal");
    assert_said(&events, "restarted unit `web.service`");
    assert_eq!(host.property("web", "NRestarts"), "0", "it was not systemd");
}

#[test]
fn a_unit_that_systemd_gave_up_is_reset_and_started_once() {
    let limited = format!("[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2\n{WEB}");
    let Some(host) = boot(&limited) else { return };
    let before = host.property("web", "InvocationID");
    // The agent is the third to start it: by then systemd starts it no more.
    host.ok("systemctl stop evenkeel; systemctl restart web; systemctl restart web || true");
    host.await_property("web", "Result", "start-limit-hit");
    host.ok("systemctl start evenkeel");
    let events = await_recovered(&host, &before);
    assert_said(&events, "start-limit-hit");
    assert_said(&events, "reset its start limit and started unit `web.service`");
}

#[test]
fn a_unit_that_hangs_is_seen_and_restarted() {
    let Some(host) = boot(WEB) else { return };
    let before = host.property("web", "InvocationID");
    host.ok("kill -s STOP $(systemctl show --value -p MainPID web)");
    let events = await_recovered(&host, &before);
    assert_said(&events, "was stopped by a signal");

    let before = host.property("web", "InvocationID");
    host.ok("systemctl freeze web");
    let events = await_recovered(&host, &before);
    assert_said(&events, "`web.service` is frozen");
}

#[test]
fn a_unit_that_a_person_stops_or_restarts_is_left_alone() {
    let Some(host) = boot(WEB) else { return };
    let before = host.property("web", "InvocationID");
    host.ok("systemctl restart web");
    let now = host.property("web", "InvocationID");
    assert_ne!(before, now);
    until("the new run is seen", LONG, || {
        let seen = host.run(["evenkeel-probe", "systemd", "web", "--json"]).json();
        seen["facts"]["incarnation"] == now
    });
    host.ok("systemctl stop web");
    let check = await_check(&host, "unknown");
    assert!(check.to_string().contains("as on purpose"), "{check}");
    assert_eq!(host.property("web", "ActiveState"), "inactive");
    assert_eq!(status(&host).unwrap()["recoveries"][0]["phase"], "healthy");
}

/// The recovery listens to the port alone: what became of the unit it finds out when it is about to restart it.
const PORT: &str = r#"
[agent]
grace = "0s"
[check.port]
exec = { command = ["test", "-e", "/run/answers"] }
timeout = "900ms"
interval = "1s"
failure_threshold = { failures = 2, within = 2 }
[recovery.web]
when = ["port"]
steps = [{ action = "systemd.restart", unit = "web", timeout = "20s" }]
max_retries = 0
verify_timeout = "10s"
"#;

#[test]
fn a_restart_leaves_a_unit_alone_that_a_person_stopped_but_not_one_that_ended_by_itself() {
    let web = "[Service]\nType=simple\nExecStart=sh -c 'trap \"exit 0\" TERM; while :; do sleep 0.1; done'\n[Install]\nWantedBy=multi-user.target\n";
    let Some(host) = boot_with(web, PORT) else { return };
    // Of a unit that nothing wants, systemd keeps nothing once it is inactive.
    host.ok("touch /run/answers; systemctl enable -q web; systemctl start web evenkeel");
    let phase = |phase: &str| {
        until(&format!("the recovery is {phase}"), LONG, || {
            status(&host).is_some_and(|status| status["recoveries"][0]["phase"] == phase)
        });
    };
    phase("healthy");
    host.ok("systemctl stop web; rm /run/answers");
    phase("exhausted");
    let events = host.ok("evenkeel events --json");
    let said = "cannot restart unit `web.service`: `web.service` is inactive, as on purpose";
    assert!(events.contains(said), "{events}");
    assert_eq!(host.property("web", "ActiveState"), "inactive");

    host.ok("touch /run/answers; systemctl stop evenkeel; rm -r /var/lib/evenkeel");
    host.ok("systemctl start web evenkeel");
    phase("healthy");
    let before = host.property("web", "InvocationID");
    host.ok("kill $(systemctl show --value -p MainPID web)");
    host.await_property("web", "ActiveState", "inactive");
    host.ok("rm /run/answers");
    until("it runs again", LONG, || {
        host.property("web", "ActiveState") == "active"
            && host.property("web", "InvocationID") != before
    });
}

#[test]
fn a_restart_does_not_cut_in_on_a_stop_that_takes_its_time() {
    let web = "[Service]\nExecStart=sh -c 'trap \"sleep 6; exit 0\" TERM; while :; do sleep 0.1; done'\n[Install]\nWantedBy=multi-user.target\n";
    let Some(host) = boot_with(web, PORT) else { return };
    host.ok("touch /run/answers; systemctl enable -q web; systemctl start web evenkeel");
    until("the check is up", LONG, || {
        status(&host).is_some_and(|status| status["checks"][0]["state"] == "up")
    });
    let before = host.property("web", "InvocationID");
    host.ok("systemctl stop --no-block web; rm /run/answers");
    let said = "cannot restart unit `web.service`: `web.service` is being stopped, as on purpose";
    until("it is refused", LONG, || host.ok("evenkeel events --json").contains(said));
    host.await_property("web", "ActiveState", "inactive");
    assert_eq!(host.property("web", "InvocationID"), before, "it was not started anew");
}

#[test]
fn an_agent_that_hangs_is_ended_by_its_watchdog_and_started_anew() {
    let Some(host) = boot(WEB) else { return };
    let before = host.property("evenkeel", "InvocationID");
    host.ok("kill -s STOP $(systemctl show --value -p MainPID evenkeel)");
    until("another run of the agent is active", LONG, || {
        host.property("evenkeel", "ActiveState") == "active"
            && host.property("evenkeel", "InvocationID") != before
    });
    assert!(host.journal("evenkeel").contains("Watchdog timeout"), "{}", host.journal("evenkeel"));
    await_check(&host, "up");
    // And it takes new settings as systemd hands them on.
    host.ok("systemctl reload evenkeel");
    await_check(&host, "up");
    host.ok("systemctl stop evenkeel");
    assert_eq!(host.property("evenkeel", "Result"), "success");
}

/// Resident memory of the agent, in KiB.
fn resident(host: &SystemdHost) -> u64 {
    let line = host.ok("grep VmRSS /proc/$(systemctl show --value -p MainPID evenkeel)/status");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("proc(5) has it")
}

#[test]
#[expect(clippy::print_stderr, reason = "the figures are for whoever asks what it costs")]
fn an_agent_that_asks_systemd_stays_small() {
    let Some(host) = boot(WEB) else { return };
    let seen = resident(&host);
    let other = r#"printf '[check.web]\nfile = { path = "/" }\ntimeout = "900ms"\ninterval = "1s"\n' > /etc/evenkeel/evenkeel.toml"#;
    host.ok(&format!("{other}; systemctl restart evenkeel"));
    until("the agent answers", LONG, || status(&host).is_some());
    let without = resident(&host);
    eprintln!(
        "resident memory of the agent: {without} KiB without a unit to ask for, {seen} KiB while it asks each second"
    );
    assert!(seen.saturating_sub(without) < 4 * 1024, "{seen} KiB instead of {without}");
}

/// What the journal has of one number, in fields: nobody has to search texts.
#[test]
fn the_journal_can_be_asked_for_an_incident() {
    let settings = SETTINGS.replace("[agent]\n", "[agent]\nlog = { format = \"journald\" }\n");
    let files = [
        ("etc/systemd/system/web.service", WEB, 0o644),
        ("etc/systemd/system/evenkeel.service", SERVICE, 0o644),
        ("etc/systemd/system/evenkeel.service.d/test.conf", DROP_IN, 0o644),
        ("etc/evenkeel/evenkeel.toml", settings.as_str(), 0o600),
    ];
    let Some(host) = SystemdHost::boot_with(&files) else { return };
    host.ok("systemctl start web evenkeel");
    await_check(&host, "up");
    host.ok("systemctl kill -s KILL web");
    let asked = "journalctl -q --no-pager -o json EVENKEEL_KIND=acted EVENKEEL_TARGET=web";
    let acted: Value = until_some("the action is in the journal", LONG, || {
        serde_json::from_str(host.sh(asked).stdout.lines().next()?).ok()
    });
    assert_eq!(acted["SYSLOG_IDENTIFIER"], "evenkeel", "{acted}");
    assert_eq!(acted["EVENKEEL_ACTION"], "systemd.restart", "{acted}");
    let (incident, intent) = (&acted["EVENKEEL_INCIDENT"], &acted["EVENKEEL_INTENT"]);
    let (incident, intent) =
        (incident.as_str().expect("a number"), intent.as_str().expect("a number"));
    let kinds = host.ok(&format!(
        "journalctl -q --no-pager -o json EVENKEEL_INCIDENT={incident} --output-fields=EVENKEEL_KIND,EVENKEEL_TARGET"
    ));
    for kind in ["incident_opened", "intended", "evidence", "acted"] {
        assert!(kinds.contains(&format!("\"{kind}\"")), "{kind}: {kinds}");
    }
    // The same numbers as in the history.
    let why: Value = serde_json::from_str(&host.ok("evenkeel why web --json")).expect("JSON");
    assert_eq!(why["incident"]["id"].to_string(), incident, "{why}");
    assert_eq!(why["intents"][0]["id"].to_string(), intent, "{why}");
}
