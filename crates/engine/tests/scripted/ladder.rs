//! What a step costs, and when it is no step for a target.

use std::time::Duration;

use evenkeel_engine::Refusal;
use evenkeel_probe::{FailureClass, Measurement, Outcome};
use evenkeel_recovery::machine::Ended;
use evenkeel_shown::said::UnitCode;

use crate::host::{MINUTE, ScriptedHost, WEB, bad, good, measurement, unknown};

const UNIT: &str = r#"
[agent]
grace = "0s"
[check.unit]
systemd = { unit = "web" }
interval = "10s"
timeout = "1s"
failure_threshold = 1
success_threshold = 1
[recovery.unit]
when = ["unit"]
steps = [{ action = "systemd.restart", unit = "web" }, { action = "exec", command = ["repair"] }]
max_retries = 1
backoff = { initial = "10s", multiplier = 1, max = "10s", jitter = 0.0 }
budget = { per_target = "3/1h", per_host = "10/1h" }
verify_timeout = "60s"
"#;

fn failed(result: &str) -> Measurement {
    let mut seen = measurement(Outcome::bad(FailureClass::Exit, "`web` failed"), Vec::new());
    seen.facts.set("result", result);
    seen
}

#[test]
fn a_unit_at_its_start_limit_is_reset_and_started_for_two_and_only_if_there_is_room_for_both() {
    let mut host = ScriptedHost::new(UNIT);
    host.seen.insert(0, failed("start-limit-hit"));
    host.run_for(MINUTE * 10);
    assert_eq!(
        host.acts.len(),
        1,
        "the second attempt needs two, and one is left: {:?}",
        host.records
    );
    assert_eq!(host.acts[0].charges, ["systemd.reset-failed", "systemd.restart web.service"]);
    let past = host.engine.past(host.now, crate::host::WALL);
    assert_eq!(past.charged.len(), 2);
    let refused = host.refusals();
    assert!(matches!(refused[..], [Refusal::Budget { needs: 2, left: 1, .. }]), "{refused:?}");
    let said = refused[0].to_string();
    assert!(
        said.starts_with("to reset the start limit and to start are 2 actions, and the budget per target of 3/1h has room for 1; room for both in "),
        "{said}"
    );
    host.run_for(Duration::from_hours(1));
    assert!(host.acts.len() >= 2, "an hour later there is room: {:?}", host.messages("refused"));
}

#[test]
fn a_unit_that_failed_otherwise_is_restarted_for_one() {
    let mut host = ScriptedHost::new(UNIT);
    host.seen.insert(0, failed("exit-code"));
    host.run_for(MINUTE * 10);
    assert_eq!(host.acts.len(), 3, "{:?}", host.records);
    assert_eq!(host.acts[0].charges, ["systemd.restart web.service"]);
}

#[test]
fn a_step_for_a_unit_that_does_not_exist_is_skipped_and_costs_nothing() {
    let mut host = ScriptedHost::new(UNIT);
    let missing = Outcome::bad(FailureClass::Missing, "systemd knows no unit `web.service`");
    host.seen.insert(0, measurement(missing, Vec::new()));
    host.run_for(MINUTE * 10);
    assert_eq!(host.acts.iter().map(|act| act.step).collect::<Vec<_>>(), [1, 1]);
    let said =
        "systemd.restart web.service: step 1 is skipped: systemd knows no unit `web.service`";
    assert_eq!(host.messages("skipped"), [said]);
    assert_eq!(host.engine.past(host.now, crate::host::WALL).charged.len(), 2);
    assert_eq!(host.messages("judged").len(), 2, "one for each attempt: {:?}", host.records);
}

#[test]
fn a_signal_without_a_process_is_skipped_and_a_ladder_of_nothing_else_is_used_up() {
    let mut host = ScriptedHost::new(
        r#"
[agent]
grace = "0s"
[check.unit]
process = { name = "web" }
interval = "10s"
timeout = "1s"
[recovery.unit]
when = ["unit"]
steps = [{ action = "signal", signal = "HUP" }]
"#,
    );
    host.seen.insert(0, bad());
    host.run_for(MINUTE * 10);
    assert!(host.acts.is_empty());
    assert_eq!(host.messages("skipped").len(), 1);
    assert_eq!(host.phase("unit"), "exhausted");
}

/// As when a supervisord is frozen, and the process behind it cannot be looked at meanwhile.
#[test]
fn a_check_that_can_never_be_asked_does_not_keep_another_ones_incident_from_its_next_attempt() {
    let beside =
        "\n[check.process]\nprocess = { name = \"web\" }\ninterval = \"30s\"\ntimeout = \"1s\"\n";
    let settings = WEB.replace("when = [\"web\"]", "when = [\"web\", \"process\"]") + beside;
    let mut host = ScriptedHost::new(&settings);
    host.sees("web", bad());
    host.sees("process", unknown());
    host.run_for(MINUTE * 30);
    assert_eq!(host.acts.len(), 2, "one action and one further attempt: {:?}", host.records);
    host.sees("web", unknown());
    let asked = host.acts.len();
    host.run_for(MINUTE * 120);
    assert_eq!(host.acts.len(), asked, "and nothing is done where neither can be asked");
}

const PORT: &str = r#"
[agent]
grace = "0s"
[check.unit]
systemd = { unit = "web" }
interval = "10s"
timeout = "1s"
[check.port]
tcp = { address = "127.0.0.1:1" }
interval = "10s"
timeout = "1s"
failure_threshold = 1
[recovery.web]
when = ["unit", "port"]
steps = [{ action = "systemd.restart", unit = "web" }]
max_retries = 1
backoff = { initial = "10s", multiplier = 1, max = "10s", jitter = 0.0 }
verify_timeout = "60s"
"#;

fn rests(code: UnitCode) -> Measurement {
    measurement(Outcome::unknown(FailureClass::Missing, code), Vec::new())
}

#[test]
fn a_unit_that_was_stopped_on_purpose_is_left_alone_although_its_port_is_down() {
    let mut host = ScriptedHost::new(PORT);
    host.sees("unit", rests(UnitCode::Inactive { unit: "web.service".into() }));
    host.sees("port", bad());
    host.run_for(MINUTE * 10);
    assert_eq!(host.acts.len(), 0, "{:?}", host.records);
    let said = "`web.service` is left alone: `web.service` is inactive, as on purpose";
    let refused: Vec<_> = host.refusals().iter().map(ToString::to_string).collect();
    assert!(refused.iter().any(|refusal| refusal == said), "{refused:?}");
    let (done, of) = host.engine.settled(host.now);
    assert_eq!(done, of, "one pass does not wait for whoever stopped it");
    // Nobody stopped this one.
    host.sees("unit", rests(UnitCode::Ended { unit: "web.service".into() }));
    host.run_for(MINUTE);
    assert_eq!(host.acts.len(), 1, "{:?}", host.records);
    assert!(!host.acts[0].occasion.unit_is_wanted);
    // What it is now may be what the first attempt left.
    host.sees("unit", rests(UnitCode::Inactive { unit: "web.service".into() }));
    host.run_for(MINUTE * 3);
    assert_eq!(host.acts.len(), 2, "{:?}", host.records);
    assert!(host.acts[1].occasion.unit_is_wanted);
}

#[test]
fn a_unit_whose_check_judges_its_state_by_a_condition_has_to_run() {
    let by_state = PORT.replace(
        "systemd = { unit = \"web\" }",
        "systemd = { unit = \"web\" }\nconditions = [{ field = \"active_state\", differs = \"active\" }]",
    );
    let mut host = ScriptedHost::new(&by_state);
    host.sees("unit", good());
    host.sees("port", bad());
    host.run_for(MINUTE);
    assert!(host.acts[0].occasion.unit_is_wanted, "{:?}", host.acts);
}

#[test]
fn an_attempt_that_refused_a_stopped_unit_leaves_it_alone_the_next_time_too() {
    let mut host =
        ScriptedHost::new(&PORT.replace("when = [\"unit\", \"port\"]", "when = [\"port\"]"));
    host.sees("unit", good());
    host.sees("port", bad());
    host.ends = Ended::Impossible;
    host.run_for(MINUTE * 60 * 3);
    assert!(host.acts.len() >= 2, "a slow retry: {:?}", host.records);
    assert!(host.acts.iter().all(|act| !act.occasion.unit_is_wanted), "{:?}", host.acts);
}
