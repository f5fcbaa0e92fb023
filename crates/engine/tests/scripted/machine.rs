//! The rules R1 to R17 through the whole engine, where `basics` and the others do not tell them.

use std::time::Duration;

use evenkeel_recovery::machine::Ended;

use crate::host::{MINUTE, ScriptedHost, WEB, bad, good};

const SECOND: Duration = Duration::from_secs(1);

fn web() -> ScriptedHost {
    ScriptedHost::new(&WEB.replace("success_threshold = 1", "success_threshold = 3"))
}

#[test]
fn an_action_is_proved_by_as_many_good_results_in_a_row_as_make_a_check_up() {
    let mut host = web();
    host.seen.insert(0, bad());
    host.run_for(20 * SECOND);
    assert_eq!(host.phase("web"), "verifying", "R6: the exit code never means healed");
    let looks = host.probes[&0].len();
    host.seen.insert(0, good());
    while host.phase("web") == "verifying" {
        host.run_for(SECOND / 10);
    }
    assert_eq!(host.phase("web"), "stabilizing", "R8");
    assert_eq!(host.probes[&0].len() - looks, 3);
}

#[test]
fn what_can_never_work_is_followed_by_the_next_step_at_once() {
    let steps = "steps = [{ action = \"exec\", command = [\"one\"] }, { action = \"exec\", command = [\"two\"] }]";
    let mut host = ScriptedHost::new(
        &WEB.replace("steps = [{ action = \"exec\", command = [\"restart-web\"] }]", steps),
    );
    host.ends = Ended::Impossible;
    host.seen.insert(0, bad());
    host.run_for(MINUTE);
    assert_eq!(host.acts.iter().map(|act| act.step).collect::<Vec<_>>(), [0, 1], "R7");
    assert_eq!(host.phase("web"), "exhausted", "R10");
}

#[test]
fn after_a_delay_a_target_is_looked_at_again_before_anything_is_done() {
    let mut host = ScriptedHost::new(WEB);
    host.seen.insert(0, bad());
    host.run_for(MINUTE);
    while host.phase("web") != "backoff" {
        host.run_for(SECOND);
    }
    host.seen.insert(0, good());
    host.run_for(MINUTE);
    assert_eq!((host.acts.len(), host.phase("web").as_str()), (1, "stabilizing"), "R11");
    let mut host = ScriptedHost::new(&WEB.replace("interval = \"30s\"", "interval = \"10m\""));
    host.seen.insert(0, bad());
    while host.acts.len() < 2 {
        host.run_for(SECOND);
    }
    let last = host.probes[&0].last().expect("looked at");
    assert!(host.now.saturating_since(*last) < 3 * SECOND, "though the next look was far away");
}

#[test]
fn a_relapse_goes_on_with_the_same_incident_and_is_no_fresh_start() {
    let mut host = ScriptedHost::new(WEB);
    host.seen.insert(0, bad());
    host.heals = Some(0);
    host.run_for(3 * MINUTE);
    assert_eq!(host.phase("web"), "stabilizing");
    host.seen.insert(0, bad());
    host.run_for(3 * MINUTE);
    assert_eq!(host.acts.len(), 2);
    assert_eq!(host.acts[0].incident, host.acts[1].incident, "R13");
    assert_eq!(host.acts[1].attempt, 1);
    host.run_for(12 * MINUTE);
    assert_eq!(host.phase("web"), "healthy", "R12");
    assert_eq!(host.engine.past(host.now, crate::host::WALL).charged.len(), 2, "not refunded");
}

#[test]
fn an_exhausted_target_that_comes_back_by_itself_is_healthy_after_a_while() {
    let mut host = ScriptedHost::new(WEB);
    host.seen.insert(0, bad());
    host.run_for(30 * MINUTE);
    assert_eq!(host.phase("web"), "exhausted");
    host.seen.insert(0, good());
    host.run_for(12 * MINUTE);
    assert_eq!(host.phase("web"), "healthy", "R14");
    assert_eq!(host.messages("incident_closed").len(), 1);
}

#[test]
fn a_hold_lets_a_running_action_end_and_be_judged() {
    let mut host = ScriptedHost::new(WEB);
    host.slow_actions = true;
    host.seen.insert(0, bad());
    while host.acts.is_empty() {
        host.run_for(SECOND);
    }
    let (target, reason, by) = ("web".to_owned(), "hands off".to_owned(), "ann".to_owned());
    host.order(evenkeel_engine::Order::Hold { target, until: None, reason, by });
    assert_eq!(host.phase("web"), "acting", "R16");
    host.end_actions();
    host.seen.insert(0, good());
    host.run_for(MINUTE);
    assert_eq!(host.messages("judged"), ["exec: recovered; verified by the same checks"]);
    assert_eq!(host.phase("web"), "maintenance");
    host.seen.insert(0, bad());
    host.run_for(60 * MINUTE);
    assert_eq!(host.acts.len(), 1);
}

#[test]
fn an_incident_of_a_target_that_the_settings_no_longer_name_is_closed() {
    let mut host = ScriptedHost::new(WEB);
    host.seen.insert(0, bad());
    host.run_for(MINUTE);
    let settings = evenkeel_config::load_text("x.toml", "[check.web]\nfile = { path = \"/x\" }\n");
    host.engine.reconfigure(host.now, 1, settings.expect("settings"));
    host.run_for(MINUTE);
    assert_eq!(host.messages("incident_closed").len(), 1);
}
