//! The host boots anew.

use std::time::Duration;

use evenkeel_config::load_text;
use evenkeel_engine::Record;
use evenkeel_moment::Moment;
use evenkeel_simulator::{
    ActionModel, Event, Faults, Observer, Reboot, Span, Strike, Summary, View, What, When, run,
};
use jiff::{SignedDuration, Timestamp};

use crate::scene::{DAY, HOUR, Log, MINUTE, faults, play, scenario, services};

fn reboot(lasts: Duration, clock: SignedDuration) -> What {
    What::Reboot(Reboot { lasts: Span::of(lasts), clock })
}

#[test]
fn all_is_down_while_the_host_boots_and_up_again_without_an_action() {
    let faults = faults([
        ("boot", When::at([HOUR]), reboot(5 * MINUTE, SignedDuration::ZERO)),
        (
            "hang",
            When::at([59 * MINUTE + Duration::from_secs(50)]),
            What::Hang(Strike::on(["web-1"])),
        ),
    ]);
    let (summary, log) = play(&scenario(services(3, ""), faults, DAY));
    assert_eq!((summary.host.reboots, summary.host.agent_starts), (1, 2));
    assert_eq!(summary.host.agent_crashes, 0, "it was not the agent that crashed");
    assert_eq!(summary.totals.actions, 0, "{:?}", log.kinds());
    assert_eq!(summary.checks["web-2"].downtime_ms, 5 * 60_000);
    assert_eq!(summary.checks["web-1"].downtime_ms, 5 * 60_000 + 10_000);
    let hang = &summary.faults["hang"];
    assert_eq!((hang.healed, hang.ceased), (0, 1), "what hung was started anew");
}

#[test]
fn what_a_boot_does_not_cure_is_there_after_it() {
    let network = What::Network(Strike::on(["web-1"]).lasting(Span::of(20 * MINUTE)));
    let faults = faults([
        ("network", When::at([HOUR]), network),
        ("boot", When::at([HOUR + 5 * MINUTE]), reboot(MINUTE, SignedDuration::ZERO)),
    ]);
    let (summary, _) = play(&scenario(services(1, ""), faults, DAY));
    assert_eq!(summary.checks["web-1"].downtime_ms, 20 * 60_000);
}

/// When actions began, and what was open and unproved when an agent started.
#[derive(Default)]
struct Begun {
    at: Vec<Duration>,
    found_unproved: usize,
    booted: bool,
    cut: usize,
}

impl Observer for Begun {
    fn saw(&mut self, now: Moment, _: Timestamp, event: &Event<'_>, _: &View<'_>) {
        match event {
            Event::ActionBegan(_) => self.at.push(now.saturating_since(Moment::ORIGIN)),
            Event::AgentStarted { past, .. } => {
                self.found_unproved += past.open.iter().filter(|open| open.unproved).count();
            }
            Event::ActionEnded { orphan: true, .. } => {
                assert!(!self.booted, "no action outlives its host");
                self.cut += 1;
            }
            Event::HostWentDown => self.booted = true,
            _ => {}
        }
    }
}

/// A service that no action heals, over a boot at an hour and ten minutes that sets the clock.
fn hopeless(clock: SignedDuration) -> (Summary, Begun) {
    let settings = load_text(
        "test.toml",
        "[check.web]\ntcp = { address = \"127.0.0.1:1\" }\ninterval = \"10s\"\n\
         [recovery.web]\nwhen = [\"web\"]\nsteps = [{ action = \"exec\", command = [\"restart\"] }]\nslow_retry = \"1m\"\n\
         budget = { per_target = \"3/1h\" }\n",
    )
    .expect("settings of the test");
    let crash = Strike { cured_by: Some(vec!["tmux.kill".to_owned()]), ..Strike::on(["web"]) };
    let faults = Faults {
        actions: vec![ActionModel { heals: 0.0, ..ActionModel::default() }],
        ..faults([
            ("crash", When::at([HOUR]), What::Crash(crash)),
            ("boot", When::at([HOUR + 30 * MINUTE]), reboot(MINUTE, clock)),
        ])
    };
    let mut begun = Begun::default();
    let summary = run(&scenario(settings, faults, 6 * HOUR), &mut [&mut begun]);
    assert!(begun.at.len() > 6, "it is tried again and again: {:?}", begun.at);
    (summary, begun)
}

/// The most actions that began within one hour.
fn most_in_an_hour(at: &[Duration]) -> usize {
    let within = |first: Duration| at.iter().filter(move |at| (first..first + HOUR).contains(at));
    at.iter().map(|first| within(*first).count()).max().unwrap_or(0)
}

#[test]
fn a_boot_gives_no_budget_back() {
    let (_, begun) = hopeless(SignedDuration::ZERO);
    assert_eq!(most_in_an_hour(&begun.at), 3, "{:?}", begun.at);
}

#[test]
fn nor_does_a_clock_that_comes_up_in_the_past() {
    let (_, begun) = hopeless(SignedDuration::from_hours(-30));
    assert_eq!(most_in_an_hour(&begun.at), 3, "{:?}", begun.at);
}

#[test]
fn a_clock_that_comes_up_ahead_makes_charges_look_old_and_nothing_can_know_better() {
    let (_, begun) = hopeless(SignedDuration::from_hours(30));
    assert_eq!(most_in_an_hour(&begun.at), 6, "{:?}", begun.at);
}

#[test]
fn an_action_ends_with_its_host_and_its_attempt_is_used_up() {
    let crash = What::Crash(Strike::on(["web-1"]));
    let first = faults([("crash", When::at([HOUR]), crash)]);
    let slow =
        ActionModel { takes: Span::of(20 * Duration::from_secs(1)), ..ActionModel::default() };
    let mut faults = Faults { actions: vec![slow], ..first };
    let mut begun = Begun::default();
    run(&scenario(services(1, ""), faults.clone(), 2 * HOUR), &mut [&mut begun]);
    // The run begins an hour after the boot of the model.
    let at = (begun.at[0] + Duration::from_secs(5)).saturating_sub(HOUR);
    let boot = evenkeel_simulator::Fault {
        when: When::at([at]),
        what: reboot(MINUTE, SignedDuration::ZERO),
    };
    faults.faults.insert("boot".to_owned(), boot);
    let mut begun = Begun::default();
    let summary = run(&scenario(services(1, ""), faults, 2 * HOUR), &mut [&mut begun]);
    assert_eq!((begun.cut, begun.found_unproved), (1, 1));
    let target = &summary.targets["web-1"];
    assert_eq!(summary.totals.actions, 1, "the boot did what it was to do: {target:?}");
    assert_eq!((target.incidents, target.closed), (1, 1), "{target:?}");
    assert_eq!(target.outcomes.get("recovered"), Some(&1), "proved by the next agent: {target:?}");
}

/// How long a hold of two hours lasts that a boot with this clock lies in.
fn held(clock: SignedDuration) -> Duration {
    let order = What::Hold { targets: vec!["web-1".to_owned()], lasts: Some(Span::of(2 * HOUR)) };
    let faults = faults([
        ("hold", When::at([HOUR]), order),
        ("boot", When::at([2 * HOUR]), reboot(MINUTE, clock)),
    ]);
    let (_, Log(lines)) = play(&scenario(services(1, ""), faults, DAY));
    let begun = lines.iter().find(|(.., record)| matches!(record, Record::Held { .. }));
    let ended = lines.iter().find(|(.., record)| matches!(record, Record::HoldEnded { .. }));
    ended.expect("it ends").0.saturating_since(begun.expect("it begins").0)
}

#[test]
fn a_hold_outlives_a_boot_and_no_clock_makes_it_longer_than_it_was_ordered() {
    let close = |held: Duration, hours: u32| held.abs_diff(hours * HOUR) < MINUTE;
    assert!(close(held(SignedDuration::ZERO), 2));
    let back = held(SignedDuration::from_hours(-30));
    assert!(back > 2 * HOUR && back < 3 * HOUR + 2 * MINUTE, "two hours from the boot: {back:?}");
    let ahead = held(SignedDuration::from_hours(30));
    assert!(ahead < HOUR + 2 * MINUTE, "it is over by the time of day: {ahead:?}");
}
