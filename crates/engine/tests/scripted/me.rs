//! Is it them, or is it me?

use std::time::Duration;

use evenkeel_engine::{Effect, Input};

use crate::host::{MINUTE, ScriptedHost, WEB, bad, good};

#[test]
fn what_fails_while_the_agent_itself_is_starved_is_unknown() {
    let settings = WEB
        .replace("failure_threshold = { failures = 2, within = 2 }", "failure_threshold = 1")
        .replace("\nretries = 1", "");
    let mut host = ScriptedHost::new(&settings);
    host.run_for(5 * MINUTE);
    // A probe starts, and then nothing runs for two minutes: its deadline passed without anybody looking.
    host.hanging.push(0);
    let before = host.probes[&0].len();
    while host.probes[&0].len() == before {
        host.run_for(Duration::from_secs(1));
    }
    let run = host.probes[&0].len() as u64;
    host.now = host.now + 2 * MINUTE;
    let effects =
        host.engine.handle(host.now, Input::Measured { check: 0, run, measurement: bad() });
    let starved = effects.iter().any(|effect| match effect {
        Effect::Record(record) => record.kind() == "starved",
        _ => false,
    });
    assert!(starved, "{effects:?}");
    host.hanging.clear();
    host.seen.insert(0, good());
    host.run_for(10 * MINUTE);
    assert!(host.acts.is_empty());
    assert!(host.messages("incident_opened").is_empty());
}

#[test]
fn the_same_failure_without_starvation_is_a_failure() {
    let settings = WEB
        .replace("failure_threshold = { failures = 2, within = 2 }", "failure_threshold = 1")
        .replace("\nretries = 1", "");
    let mut host = ScriptedHost::new(&settings);
    host.run_for(5 * MINUTE);
    host.seen.insert(0, bad());
    host.run_for(MINUTE);
    assert_eq!(host.acts.len(), 1);
}

#[test]
fn what_time_alone_brings_is_not_lost_where_something_else_touches_the_check_first() {
    let settings = "[agent]\ngrace = \"0s\"\n[check.web]\nhttp = { url = \"http://127.0.0.1:1/\" }\ninterval = \"30s\"\ntimeout = \"10s\"\nretries = 0\n";
    let mut host = ScriptedHost::new(settings);
    host.run_for(MINUTE * 2);
    host.hanging.push(0);
    host.run_for(Duration::from_secs(30));
    let began = *host.probes[&0].last().expect("it was looked at");
    // The answer takes five seconds, so that it is stale between two looks.
    host.now = began + Duration::from_secs(5);
    let run = u64::try_from(host.probes[&0].len()).expect("few");
    host.feed(Input::Measured { check: 0, run, measurement: good() });
    let stale = host.now + Duration::from_secs(90);
    host.run_for(Duration::from_secs(89));
    let before = host.messages("check_changed").len();
    // Nobody called for longer than the agent may be late: every check is touched for that.
    host.now = stale + Duration::from_secs(11);
    host.feed(Input::Tick);
    let changes = host.messages("check_changed");
    assert_eq!(changes.len(), before + 1, "{changes:?} {:?}", host.kinds());
}
