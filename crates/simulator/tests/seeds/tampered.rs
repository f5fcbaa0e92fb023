//! Whether the laws bite: a host that misbehaves in one way, as the laws would see it, is found out within few seeds.
//!
//! What a law sees is what was told, asked for and done. So a tamper stands between a run and one law, and leaves out, adds or changes
//! what the law is shown, as a host or an engine would that has the defect.

use std::time::Duration;

use evenkeel_engine::{Act, Effect, Input, Order, Record, SLO_SUBJECT};
use evenkeel_metrics::availability::Verdict;
use evenkeel_moment::Moment;
use evenkeel_probe::Outcome as Answer;
use evenkeel_recovery::breaker::BreakerState;
use evenkeel_recovery::machine::Ended;
use evenkeel_simulator::{Event, Observer, Scenario, View, What, run};
use jiff::Timestamp;

use crate::generate;
use crate::laws::{BY_SETTINGS, Laws};

/// So many seeds at most until a defect is found.
const WITHIN: usize = 400;

/// Shows a law what happens, or something else.
type Show<'a> = dyn FnMut(&Event<'_>) + 'a;

struct Tampered<Tamper> {
    laws: Laws,
    tamper: Tamper,
}

impl<Tamper: FnMut(&Event<'_>, &mut Show<'_>)> Observer for Tampered<Tamper> {
    fn saw(&mut self, now: Moment, wall: Timestamp, event: &Event<'_>, host: &View<'_>) {
        let Self { laws, tamper } = self;
        tamper(event, &mut |event| laws.saw(now, wall, event, host));
    }
}

/// Fails unless a law is broken within some seeds by a defect, of which there is a fresh one for each run.
#[track_caller]
fn check<Tamper: FnMut(&Event<'_>, &mut Show<'_>)>(law: &str, defect: impl Fn() -> Tamper) {
    check_where(law, |_| true, defect);
}

/// The same, where a defect can only show in some of the cases.
#[track_caller]
fn check_where<Tamper: FnMut(&Event<'_>, &mut Show<'_>)>(
    law: &str,
    can_show: impl Fn(&Scenario) -> bool,
    defect: impl Fn() -> Tamper,
) {
    let cases = (1..).map(|seed| {
        let scenario = generate::case(seed).scenario().expect("valid settings");
        (seed, scenario)
    });
    for (seed, scenario) in cases.filter(|(_, one)| can_show(one)).take(WITHIN) {
        let mut tampered = Tampered { laws: Laws::only(law), tamper: defect() };
        run(&scenario, &mut [&mut tampered]);
        if let Some(broken) = tampered.laws.broken {
            println!("{law}: seed {seed}: {}", broken.why);
            return;
        }
    }
    panic!("the law of {law} was not broken within {WITHIN} seeds");
}

#[test]
fn an_action_that_was_not_charged_is_found() {
    // The same again, under a new intent: as after a crash at which a charge was forgotten.
    check("budgets", || {
        |event: &Event<'_>, show: &mut Show<'_>| {
            show(event);
            if let Event::ActionEnded { act, orphan: false, .. } = event {
                let again = Act { intent: act.intent + 1_000_000, ..(*act).clone() };
                show(&Event::Effect(&Effect::Act(Box::new(again.clone()))));
                show(&Event::ActionBegan(&again));
                let (ended, healed) = (Ended::Ran, false);
                show(&Event::ActionEnded { act: &again, ended, healed, orphan: false });
            }
        }
    });
}

#[test]
fn a_second_action_at_the_same_time_is_found() {
    check("budgets", || {
        |event: &Event<'_>, show: &mut Show<'_>| {
            // The end of an action is missed.
            if !matches!(event, Event::ActionEnded { .. }) {
                show(event);
            }
        }
    });
}

/// Fails unless actions are found that come after something was shown, of the target of each incident that opens, which forbids
/// them.
#[track_caller]
fn check_forbidden(forbid: impl Fn(&str, &mut Show<'_>)) {
    check("leave", || {
        |event: &Event<'_>, show: &mut Show<'_>| {
            show(event);
            if let Some(Record::IncidentOpened { target, .. }) = event.record() {
                forbid(target, show);
            }
        }
    });
}

#[test]
fn an_action_on_what_is_held_is_found() {
    check_forbidden(|target, show| {
        let (target, reason, by) = (target.to_owned(), String::new(), String::new());
        let order = Order::Hold { target, until: None, reason, by };
        show(&Event::Input(&Input::Order(order)));
    });
}

#[test]
fn an_action_in_a_maintenance_window_is_found() {
    check_forbidden(|target, show| {
        let (target, reason, by) = (target.to_owned(), String::new(), BY_SETTINGS.to_owned());
        let held = Record::Held { target, until: None, reason, by };
        show(&Event::Effect(&Effect::from(held)));
    });
}

#[test]
fn an_action_in_a_storm_is_found() {
    check_forbidden(|target, show| {
        let storm = Record::StormBegan {
            targets: vec![target.to_owned()],
            down: 3,
            of: 3,
            within: Duration::ZERO,
            of_timeouts: false,
        };
        show(&Event::Effect(&Effect::from(storm)));
    });
}

#[test]
fn an_action_on_what_was_seen_to_be_good_is_found() {
    check("leave", || {
        |event: &Event<'_>, show: &mut Show<'_>| {
            if let Event::Input(Input::Measured { check, run, measurement }) = event {
                let mut measurement = measurement.clone();
                measurement.outcome = Answer::Good;
                measurement.parts.iter_mut().for_each(|part| part.outcome = Answer::Good);
                let (check, run) = (*check, *run);
                show(&Event::Input(&Input::Measured { check, run, measurement }));
            } else {
                show(event);
            }
        }
    });
}

#[test]
fn an_action_on_what_flaps_is_found() {
    check("leave", || {
        |event: &Event<'_>, show: &mut Show<'_>| {
            show(event);
            if let Some(Record::CheckChanged { check, part, .. }) = event.record() {
                let (check, part) = (check.clone(), part.clone());
                let flaps = Record::FlappingStarted { check, part, percent: 50.0 };
                show(&Event::Effect(&Effect::from(flaps)));
            }
        }
    });
}

#[test]
fn an_action_before_its_intent_is_on_disk_is_found() {
    check("intents", || {
        |event: &Event<'_>, show: &mut Show<'_>| {
            if !matches!(event, Event::Written { .. }) {
                show(event);
            }
        }
    });
}

#[test]
fn an_intent_that_runs_twice_is_found() {
    check("intents", || {
        |event: &Event<'_>, show: &mut Show<'_>| {
            show(event);
            if matches!(event, Event::ActionBegan(_)) {
                show(event);
            }
        }
    });
}

#[test]
fn an_attempt_that_a_new_agent_makes_again_is_found() {
    check("intents", || {
        let mut last: Option<Act> = None;
        move |event: &Event<'_>, show: &mut Show<'_>| {
            show(event);
            match event {
                Event::ActionBegan(act) => last = Some((*act).clone()),
                Event::AgentStarted { .. } => {
                    let Some(act) = last.take() else { return };
                    show(&Event::Written { intent: Some(&act) });
                    show(&Event::ActionBegan(&act));
                }
                _ => {}
            }
        }
    });
}

#[test]
fn an_incident_that_ends_twice_is_found() {
    check("incidents", || {
        |event: &Event<'_>, show: &mut Show<'_>| {
            show(event);
            if matches!(event.record(), Some(Record::IncidentClosed { .. })) {
                show(event);
            }
        }
    });
}

#[test]
fn an_incident_that_stays_open_for_ever_is_found() {
    // A hold of which nobody was told: nothing that can be seen keeps the incident open.
    let holds = |scenario: &Scenario| {
        scenario.faults.faults.values().any(|fault| matches!(fault.what, What::Hold { .. }))
    };
    check_where("incidents", holds, || {
        |event: &Event<'_>, show: &mut Show<'_>| {
            if !matches!(event, Event::Input(Input::Order(Order::Hold { .. }))) {
                show(event);
            }
        }
    });
}

#[test]
fn a_recovery_that_nobody_proved_is_found() {
    check("proofs", || {
        // Nobody looked since the action.
        let mut acted = false;
        move |event: &Event<'_>, show: &mut Show<'_>| {
            acted |= matches!(event, Event::Input(Input::Acted { .. }));
            if !(acted && matches!(event, Event::Input(Input::Measured { .. }))) {
                show(event);
            }
        }
    });
}

#[test]
fn a_call_through_an_open_breaker_is_found() {
    check("breakers", || {
        |event: &Event<'_>, show: &mut Show<'_>| {
            let half_opens = matches!(
                event.record(),
                Some(Record::BreakerChanged { change, .. }) if change.to == BreakerState::HalfOpen
            );
            if !half_opens {
                show(event);
            }
        }
    });
}

#[test]
fn a_breaker_that_a_success_trips_is_found() {
    check("breakers", || {
        |event: &Event<'_>, show: &mut Show<'_>| {
            if let Event::Input(Input::Measured { check, run, measurement }) = event {
                let mut measurement = measurement.clone();
                measurement.outcome = Answer::Good;
                let (check, run) = (*check, *run);
                show(&Event::Input(&Input::Measured { check, run, measurement }));
            } else {
                show(event);
            }
        }
    });
}

#[test]
fn a_slice_with_a_wrong_verdict_is_found() {
    check("availability", || {
        |event: &Event<'_>, show: &mut Show<'_>| match event {
            Event::Effect(Effect::Slice(slice)) if slice.verdict == Verdict::Bad => {
                let slice = evenkeel_engine::Slice { verdict: Verdict::Good, ..slice.clone() };
                if slice.subject.starts_with(SLO_SUBJECT) {
                    show(&Event::Effect(&Effect::Slice(slice)));
                } else {
                    show(event);
                }
            }
            _ => show(event),
        }
    });
}

#[test]
fn slices_that_overlap_are_found() {
    check("availability", || {
        |event: &Event<'_>, show: &mut Show<'_>| {
            show(event);
            if matches!(event, Event::Effect(Effect::Slice(_))) {
                show(event);
            }
        }
    });
}

#[test]
fn a_cleanup_that_takes_more_than_it_may_is_found() {
    check("files", || {
        |event: &Event<'_>, show: &mut Show<'_>| match event {
            Event::Input(Input::Cleaned { rule, result: Ok(outcome) }) => {
                let mut outcome = outcome.clone();
                outcome.taken.extend((0..1_000).map(|entry| format!("more-{entry}").into()));
                show(&Event::Input(&Input::Cleaned { rule: *rule, result: Ok(outcome) }));
            }
            _ => show(event),
        }
    });
}

#[test]
fn a_loop_without_a_pause_is_found() {
    check("calls", || {
        |event: &Event<'_>, show: &mut Show<'_>| {
            let times = if matches!(event, Event::Input(Input::Tick)) { 60 } else { 1 };
            (0..times).for_each(|_| show(event));
        }
    });
}
