//! What history is told of a breaker.

use std::time::Duration;

use evenkeel_engine::Record;
use evenkeel_probe::{FailureClass, Measurement, Outcome};

use crate::host::{ScriptedHost, WEB, good, measurement};

fn failing(detail: &str) -> Measurement {
    measurement(Outcome::bad(FailureClass::Status, detail.to_owned()), Vec::new())
}

fn look_once(host: &mut ScriptedHost) {
    let looks = |host: &ScriptedHost| host.probes.get(&0).map_or(0, Vec::len);
    let before = looks(host);
    while looks(host) == before {
        host.run_for(Duration::from_millis(100));
    }
}

#[test]
fn a_breaker_that_opens_tells_its_first_and_its_last_cause() {
    let breaker = "[check.web]\nbreaker = { error_threshold = 75, request_volume_threshold = 4, reset_timeout = \"5m\", \
                   window = { kind = \"count\", size = 4, max_age = \"10m\" } }\n";
    let settings = WEB.replace("[check.web]\n", breaker).replace("\nretries = 1", "\nretries = 0");
    let settings = settings.replace("failures = 2, within = 2", "failures = 9, within = 9");
    let mut host = ScriptedHost::new(&settings);
    // The first of these has left the window by the time it opens.
    for seen in [failing("long ago"), good(), good(), good(), failing("status 500")] {
        host.seen.insert(0, seen);
        look_once(&mut host);
    }
    host.seen.insert(0, failing("status 503"));
    look_once(&mut host);
    assert!(host.messages("breaker_changed").is_empty(), "two of four");
    look_once(&mut host);
    let causes = host.records.iter().find_map(|record| match record {
        Record::BreakerChanged { causes, .. } => causes.clone(),
        _ => None,
    });
    let causes = causes.unwrap_or_else(|| panic!("{:?}", host.records));
    assert_eq!((causes.first.as_str(), causes.last.as_str()), ("status 500", "status 503"));
    let said = &host.messages("breaker_changed")[0];
    assert!(said.starts_with("breaker closed -> open: "), "{said}");
    assert!(said.ends_with("; first: status 500; last: status 503"), "{said}");
}

#[test]
fn a_call_is_slow_by_how_long_it_took_and_not_by_how_long_nobody_came_to_its_answer() {
    let slow = "[check.web]\nbreaker = { request_volume_threshold = 1, slow_call = { threshold = \"500ms\", rate = 1 } }\n";
    let mut host = ScriptedHost::new(&WEB.replace("[check.web]\n", slow));
    host.hanging.push(0);
    host.run_for(Duration::from_mins(1));
    // Nobody calls the engine for a while: the host slept. The answer had come by then.
    host.now = host.at(Duration::from_mins(2));
    host.answer_late(0, good());
    assert!(host.messages("breaker_changed").is_empty(), "{:?}", host.records);
    // A little late, and that is no starvation yet: the answer had come in time all the same.
    host.run_for(Duration::from_mins(1));
    host.now = host.now + Duration::from_millis(900);
    host.answer_late(0, good());
    assert!(host.messages("breaker_changed").is_empty(), "{:?}", host.records);
    assert!(host.messages("starved").len() == 1, "{:?}", host.records);
    // One that took too long is slow.
    host.run_for(Duration::from_mins(1));
    host.answer_late(0, Measurement { took: Duration::from_millis(501), ..good() });
    assert_eq!(host.messages("breaker_changed").len(), 1, "{:?}", host.records);
}
