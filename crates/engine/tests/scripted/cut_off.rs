//! A restart of a program that is cut off between the stop and the start.

use std::time::Duration;

use evenkeel_engine::{Input, Order, Past};
use evenkeel_probe::{Facts, FailureClass, Measurement, Outcome, Part};
use evenkeel_recovery::actions::{Action, StoppedProgram};
use evenkeel_recovery::machine::Ended;

use crate::host::{MINUTE, PROGRAMS, ScriptedHost, fatal, good};

/// When the program was started that the restart stops.
const LIFE: u64 = 1_000;

/// A look at a supervisord with one program.
fn web(state: &str, outcome: Outcome, started: u64) -> Measurement {
    let mut part = Part { name: "web".into(), outcome, facts: Facts::default() };
    part.facts.set("state", state);
    part.facts.set("started", started);
    Measurement { parts: vec![part], ..good() }
}

fn failed() -> Measurement {
    web("FATAL", fatal(), LIFE)
}

fn stopped(started: u64) -> Measurement {
    let on_purpose = Outcome::unknown(FailureClass::Missing, "`web` is stopped, as on purpose");
    web("STOPPED", on_purpose, started)
}

fn runs() -> Measurement {
    web("RUNNING", Outcome::Good, LIFE + 500)
}

/// A host whose restart of `web` has said what it is about to stop, and has not ended.
fn restarting() -> ScriptedHost {
    let mut host = ScriptedHost::new(PROGRAMS);
    host.slow_actions = true;
    host.seen.insert(0, failed());
    host.run_for(MINUTE);
    assert_eq!(host.acts.len(), 1, "{:?}", host.records);
    let programs = vec![StoppedProgram { name: "web".into(), started: LIFE }];
    host.feed(Input::Stopping { intent: host.acts[0].intent, programs });
    host
}

/// The next agent, which finds what the one before has kept.
fn after_a_kill(host: &mut ScriptedHost, held: bool) -> Past {
    let past = host.engine.past(host.now, crate::host::WALL);
    if held {
        host.order(Order::Hold {
            target: "supervisor".into(),
            until: None,
            reason: "a look".into(),
            by: "root".into(),
        });
        return host.engine.past(host.now, crate::host::WALL);
    }
    past
}

fn finishing(host: &ScriptedHost) -> Vec<&Action> {
    let finishes = |action: &&Action| matches!(action, Action::SupervisorFinishRestart { .. });
    host.acts.iter().map(|act| &act.action).filter(finishes).collect()
}

#[test]
fn the_next_agent_brings_it_to_its_end_and_charges_nothing_for_it() {
    let mut host = restarting();
    let past = after_a_kill(&mut host, false);
    let charged = past.charged.len();
    host.restart(past);
    host.seen.insert(0, stopped(LIFE));
    host.run_for(Duration::from_secs(1));
    let expected = [StoppedProgram { name: "web".into(), started: LIFE }];
    assert!(
        matches!(finishing(&host).as_slice(),
            [Action::SupervisorFinishRestart { stopped, .. }] if *stopped == expected),
        "{:?}",
        host.acts
    );
    host.seen.insert(0, runs());
    host.end_actions();
    host.run_for(MINUTE);
    assert_eq!(host.phase("supervisor/web"), "stabilizing", "{:?}", host.records);
    assert_eq!(host.acts.len(), 2, "the restart, and its second half");
    let past = host.engine.past(host.now, crate::host::WALL);
    assert_eq!(past.charged.len(), charged);
    assert!(past.open[0].stopped.is_empty(), "what came to its end is not begun again");
}

#[test]
fn one_that_its_deadline_cuts_off_is_brought_to_its_end_by_the_same_agent() {
    let mut host = restarting();
    host.ends = Ended::CutOff;
    host.seen.insert(0, stopped(LIFE));
    host.end_actions();
    host.run_for(Duration::from_secs(1));
    assert_eq!(finishing(&host).len(), 1, "{:?}", host.records);
    assert_eq!(host.phase("supervisor/web"), "verifying");
    assert_eq!(host.running(), 1);
}

#[test]
fn one_that_came_to_its_end_is_not_begun_again_however_the_program_fares() {
    let mut host = restarting();
    host.seen.insert(0, stopped(LIFE + 500));
    host.end_actions();
    host.run_for(MINUTE * 5);
    assert_eq!(host.acts.len(), 1, "somebody stopped it on purpose: {:?}", host.records);
}

#[test]
fn what_it_stopped_is_down_and_not_stopped_on_purpose_so_that_the_ladder_goes_on() {
    let mut host = restarting();
    let past = after_a_kill(&mut host, false);
    host.restart(past);
    host.seen.insert(0, stopped(LIFE));
    host.ends = Ended::CutOff;
    host.slow_actions = false;
    host.run_for(MINUTE * 30);
    assert_eq!(finishing(&host).len(), 2, "once for each time that it was cut off");
    let steps: Vec<_> = host.acts.iter().map(|act| (act.step, act.attempt)).collect();
    assert_eq!(steps, [(0, 0), (0, 0), (0, 1), (0, 1), (1, 0)], "three of them are charged");
    let said = host.messages("check_changed").join("; ");
    assert!(said.contains("was stopped by a restart of evenkeel's"), "{said}");
}

#[test]
fn neither_a_hold_nor_observing_lets_it_be_brought_to_its_end() {
    let mut host = restarting();
    let past = after_a_kill(&mut host, true);
    host.restart(past);
    host.seen.insert(0, stopped(LIFE));
    host.run_for(MINUTE * 5);
    assert_eq!(finishing(&host).len(), 0, "held");

    let mut host = restarting();
    let past = after_a_kill(&mut host, false);
    host.observe_only = Some("told to".into());
    host.restart(past);
    host.seen.insert(0, stopped(LIFE));
    host.run_for(MINUTE * 5);
    assert_eq!(finishing(&host).len(), 0, "observing");
}
