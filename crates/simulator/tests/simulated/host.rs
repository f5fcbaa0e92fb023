//! Faults of the host and of the agent.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_engine::{Effect, Record};
use evenkeel_moment::Moment;
use evenkeel_simulator::{
    AgentCrash, CrashAt, Event, Observer, Orphan, Scenario, Span, Strike, View, What, When, run,
};
use jiff::{SignedDuration, Timestamp};

use crate::scene::{DAY, HOUR, Log, MINUTE, faults, play, scenario, services};

#[test]
fn when_most_are_down_together_nobody_is_restarted() {
    let outage = Strike::on(["*"]).together().lasting(Span::of(20 * MINUTE));
    let faults = faults([("outage", When::at([HOUR]), What::Network(outage))]);
    let (summary, log) = play(&scenario(services(10, ""), faults, DAY));
    assert_eq!(summary.host.storms, 1, "{:?}", log.kinds());
    assert_eq!((summary.totals.actions, summary.totals.false_actions), (0, 0));
    assert!(log.kinds().contains(&"storm_ended"));
    assert_eq!(summary.checks["web-1"].downtime_ms, 20 * 60_000, "though it was well itself");
}

#[test]
fn a_victim_is_left_alone_and_what_it_depends_on_is_restarted() {
    let settings = services(3, "");
    let mut text = settings.clone();
    text.checks[0].depends_on = vec!["web-2".to_owned()];
    let crash = What::Crash(Strike::on(["web-2"]));
    let faults = faults([("crash", When::at([HOUR]), crash)]);
    let (summary, log) = play(&scenario(text, faults, DAY));
    assert_eq!(summary.targets["web-2"].actions["exec"], 1, "{:?}", log.kinds());
    assert!(summary.targets["web-1"].actions.is_empty());
    assert!(summary.checks["web-1"].downtime_ms > 0, "it was down with the other");
}

/// What must not happen around a crash: an action without its intent on disk, and two of one intent.
#[derive(Default)]
struct Order {
    /// Intents on disk whose action has not begun, by the agent's number of it.
    on_disk: Vec<u64>,
    begun: BTreeMap<u64, u32>,
    agent: u32,
    crashes: u32,
    found_unproved: usize,
    faults: Vec<String>,
}

impl Observer for Order {
    fn saw(&mut self, now: Moment, _: Timestamp, event: &Event<'_>, _: &View<'_>) {
        match event {
            Event::AgentStarted { agent, past, .. } => {
                self.agent = *agent;
                self.on_disk.clear();
                self.begun.clear();
                self.found_unproved += past.open.iter().filter(|open| open.unproved).count();
            }
            Event::AgentCrashed { .. } => self.crashes += 1,
            Event::Written { intent: Some(act) } => self.on_disk.push(act.intent),
            Event::ActionBegan(act) => {
                if !self.on_disk.contains(&act.intent) {
                    self.faults.push(format!("{now:?}: {} began without a trace", act.target));
                }
                *self.begun.entry(act.intent).or_default() += 1;
                if self.begun[&act.intent] > 1 {
                    self.faults.push(format!("{now:?}: intent {} ran twice", act.intent));
                }
            }
            _ => {}
        }
    }
}

fn crash_of_the_agent(when: CrashAt, action: Orphan) -> (evenkeel_simulator::Summary, Order) {
    let crash = What::Crash(Strike::on(["web-1"]));
    let kill = What::AgentCrash(AgentCrash { when, action });
    let faults =
        faults([("crash", When::at([HOUR]), crash), ("kill", When::at([30 * MINUTE]), kill)]);
    let mut order = Order::default();
    let scenario = scenario(services(3, ""), faults, DAY);
    let summary = run(&scenario, &mut [&mut order]);
    assert_eq!(order.faults, [] as [&str; 0]);
    assert_eq!(order.crashes, 1);
    (summary, order)
}

#[test]
fn an_intent_that_was_not_on_disk_is_decided_on_anew() {
    let (summary, order) = crash_of_the_agent(CrashAt::BeforeIntent, Orphan::GoesOn);
    assert_eq!(order.found_unproved, 0);
    assert_eq!(summary.totals.actions, 1, "the first never began");
    assert_eq!(summary.targets["web-1"].outcomes.get("recovered"), Some(&1));
}

#[test]
fn an_intent_on_disk_whose_action_never_began_is_verified_and_not_run_again() {
    let (summary, order) = crash_of_the_agent(CrashAt::BeforeAction, Orphan::GoesOn);
    assert_eq!(order.found_unproved, 1);
    // It proved nothing, so the next attempt follows: the ladder goes on where it was.
    let target = &summary.targets["web-1"];
    assert_eq!(summary.totals.actions, 1, "{target:?}");
    assert_eq!(target.outcomes.get("failed"), Some(&1), "{target:?}");
    assert_eq!(target.outcomes.get("recovered"), Some(&1), "{target:?}");
    assert_eq!(target.incidents, 1, "of one incident");
}

#[test]
fn an_action_that_outlives_its_agent_is_proved_by_the_next_one() {
    let (summary, order) = crash_of_the_agent(CrashAt::InAction, Orphan::GoesOn);
    assert_eq!(order.found_unproved, 1);
    let target = &summary.targets["web-1"];
    assert_eq!(summary.totals.actions, 1, "{target:?}");
    assert_eq!(target.outcomes.get("recovered"), Some(&1), "{target:?}");
}

#[test]
fn an_agent_that_crashes_again_and_again_only_observes() {
    let kills = (0..8).map(|minute| HOUR + minute * MINUTE);
    let kill = What::AgentCrash(AgentCrash { when: CrashAt::Once, action: Orphan::Either });
    let crash = What::Crash(Strike::on(["web-1"]));
    let faults =
        faults([("kill", When::at(kills), kill), ("crash", When::at([HOUR + 9 * MINUTE]), crash)]);
    let (summary, log) = play(&scenario(services(3, ""), faults, DAY));
    assert!(summary.host.observing_starts >= 1, "{:?}", summary.host);
    let target = &summary.targets["web-1"];
    assert!(target.refused.contains_key("observe_only"), "{target:?}");
    let acted = log.0.iter().find(|(_, _, record)| matches!(record, Record::Intended { .. }));
    let (at, ..) = acted.expect("an hour later it acts");
    let since = at.saturating_since(Moment::ORIGIN + HOUR + HOUR);
    assert!(since > HOUR && since < HOUR + 20 * MINUTE, "{since:?}");
}

#[test]
fn while_the_disk_is_full_no_action_starts_and_afterwards_one_does() {
    let full = What::JournalFull(Span::of(30 * MINUTE));
    let crash = What::Crash(Strike::on(["web-1"]));
    let faults =
        faults([("crash", When::at([HOUR]), crash), ("full", When::at([59 * MINUTE]), full)]);
    let mut order = Order::default();
    let scenario = scenario(services(3, ""), faults, DAY);
    let summary = run(&scenario, &mut [&mut order]);
    assert_eq!(order.faults, [] as [&str; 0]);
    assert!(summary.host.intents_lost >= 1, "{:?}", summary.host);
    let target = &summary.targets["web-1"];
    assert_eq!(target.outcomes.get("recovered"), Some(&1), "{target:?}");
    assert!(summary.checks["web-1"].downtime_ms >= 29 * 60_000, "{:?}", summary.checks["web-1"]);
    assert!(target.most_in_window <= target.budget, "{target:?}");
}

#[test]
fn a_disk_that_two_things_fill_is_full_until_both_are_gone() {
    let full = |minutes| What::JournalFull(Span::of(minutes * MINUTE));
    let crash = What::Crash(Strike::on(["web-1"]));
    let faults = faults([
        ("crash", When::at([70 * MINUTE]), crash),
        ("long", When::at([HOUR]), full(60)),
        ("short", When::at([61 * MINUTE]), full(1)),
    ]);
    let (summary, _) = play(&scenario(services(3, ""), faults, DAY));
    assert!(summary.checks["web-1"].downtime_ms >= 50 * 60_000, "{:?}", summary.checks["web-1"]);
    assert_eq!(summary.targets["web-1"].outcomes.get("recovered"), Some(&1));
}

#[test]
fn no_step_of_the_clock_refunds_a_budget_or_acts_on_what_is_well() {
    let crash = What::Crash(Strike::on(["web-1"]));
    for hours in [-48, -1, 1, 48] {
        let step = What::ClockStep(SignedDuration::from_hours(hours));
        let steps = (0..20).map(|number| HOUR + number * 7 * MINUTE);
        let mut faults =
            faults([("crash", When::at([HOUR]), crash.clone()), ("step", When::at(steps), step)]);
        let lie = evenkeel_simulator::ActionModel { heals: 0.0, ..Default::default() };
        faults.actions = vec![lie];
        let (summary, _) = play(&scenario(services(3, ""), faults, DAY));
        let target = &summary.targets["web-1"];
        assert!(target.actions["exec"] > 1, "{target:?}");
        assert!(target.most_in_window <= target.budget, "{hours}: {target:?}");
        assert_eq!(summary.totals.false_actions, 0);
    }
}

#[test]
fn a_host_that_slept_and_an_agent_that_starved_restart_nobody() {
    let faults = faults([
        ("sleep", When::at([HOUR]), What::Suspend(Span::of(8 * HOUR))),
        ("starve", When::at([12 * HOUR]), What::Starve(Span::of(5 * MINUTE))),
    ]);
    let (summary, _) = play(&scenario(services(10, ""), faults, DAY));
    assert_eq!(summary.totals.actions, 0, "{:?}", summary.totals);
    assert_eq!(summary.host.starved, 2, "{:?}", summary.host);
}

#[test]
fn what_an_operator_holds_is_left_alone_until_he_releases_it() {
    let crash = What::Crash(Strike::on(["web-1"]));
    let hold = What::Hold { targets: vec!["web-1".into()], lasts: None };
    let faults = faults([
        ("hold", When::at([59 * MINUTE]), hold),
        ("crash", When::at([HOUR]), crash),
        ("release", When::at([3 * HOUR]), What::Release(vec!["web-1".into()])),
    ]);
    let (summary, log) = play(&scenario(services(3, ""), faults, DAY));
    let kinds = log.kinds();
    assert!(kinds.contains(&"held") && kinds.contains(&"released"), "{kinds:?}");
    assert_eq!(summary.totals.actions, 1);
    assert!(summary.checks["web-1"].downtime_ms >= 2 * 3_600_000);
    let slices = summary.checks["web-1"].slices.as_ref().expect("of a check");
    assert!(slices.maintenance >= 230, "what was declared is not held against it: {slices:?}");
}

#[test]
fn settings_that_are_read_again_lose_no_budget_and_no_incident() {
    let reload = (0..10).map(|number| HOUR + number * 10 * MINUTE);
    let mut faults = faults([
        ("crash", When::at([HOUR]), What::Crash(Strike::on(["web-1"]))),
        ("reload", When::at(reload), What::Reload(None)),
    ]);
    faults.actions = vec![evenkeel_simulator::ActionModel { heals: 0.0, ..Default::default() }];
    let (summary, _) = play(&scenario(services(3, ""), faults, DAY));
    assert!(summary.host.reloads >= 9, "{:?}", summary.host);
    let target = &summary.targets["web-1"];
    assert_eq!(target.incidents, 1, "{target:?}");
    assert!(target.most_in_window <= target.budget, "{target:?}");
}

#[test]
fn two_days_of_everything_at_once_are_survived() {
    let settings = services(8, "");
    let mut all = evenkeel_simulator::Faults::usual(&settings);
    for fault in all.faults.values_mut() {
        fault.when.every = fault.when.every.map(|every| every / 30);
    }
    let scenario = Scenario {
        faults: all,
        ..scenario(settings, evenkeel_simulator::Faults::default(), 2 * DAY)
    };
    let mut order = Order::default();
    let mut records = Records::default();
    let summary = run(&scenario, &mut [&mut order, &mut records]);
    assert_eq!(order.faults, [] as [&str; 0]);
    assert!(records.0 > 100 && summary.totals.actions > 10, "{:?}", summary.totals);
    for (name, target) in &summary.targets {
        assert!(target.most_in_window <= target.budget, "{name}: {target:?}");
    }
    let downtime = Duration::from_millis(summary.totals.downtime_ms);
    assert!(downtime > Duration::ZERO && downtime < 8 * 2 * DAY);
}

/// Counts lines of history.
#[derive(Default)]
struct Records(u64);

impl Observer for Records {
    fn saw(&mut self, _: Moment, _: Timestamp, event: &Event<'_>, _: &View<'_>) {
        self.0 += u64::from(matches!(event, Event::Effect(Effect::Record(_))));
    }
}

/// Has no use for what each look brings; told of it all the same only if somebody else has.
#[derive(Default)]
struct Aloof(Log);

impl Observer for Aloof {
    fn saw(&mut self, now: Moment, wall: Timestamp, event: &Event<'_>, host: &View<'_>) {
        assert!(!event.is_of_a_look(), "{event:?}");
        self.0.saw(now, wall, event, host);
    }

    fn wants_looks(&self) -> bool {
        false
    }
}

#[test]
fn whoever_looks_on_and_whatever_he_wants_to_see_the_run_is_the_same() {
    let settings = services(12, "");
    let usual = evenkeel_simulator::Faults::usual(&settings);
    let scenario = scenario(settings.clone(), usual, 20 * DAY);
    let (summary, log) = play(&scenario);
    assert_eq!(run(&scenario, &mut []), summary);
    let mut aloof = Aloof::default();
    assert_eq!(run(&scenario, &mut [&mut aloof]), summary);
    assert!(log.0.len() > 100, "{:?}", log.kinds());
    assert_eq!(format!("{:?}", aloof.0.0), format!("{:?}", log.0));
}
