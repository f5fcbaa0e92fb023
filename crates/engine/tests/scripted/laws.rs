//! Laws of the whole engine, over random hosts.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_engine::{Order, Past, Record};
use evenkeel_moment::Moment;
use evenkeel_recovery::machine::Ended;
use proptest::prelude::*;

use crate::host::{ScriptedHost, WALL, bad, good, services, timeout, unknown};

#[derive(Debug, Clone)]
enum Event {
    Sees(usize, u8),
    Heals(Option<usize>),
    Impossible(bool),
    Hold(usize, u64),
    Release(usize),
    Reset(usize),
    EndActions,
    Wait(u64),
    /// The agent ends between two inputs and starts again with what it kept.
    Restart,
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => (0..4usize, 0..5u8).prop_map(|(check, what)| Event::Sees(check, what)),
        2 => proptest::option::of(0..4usize).prop_map(Event::Heals),
        1 => any::<bool>().prop_map(Event::Impossible),
        1 => (0..4usize, 60..3_000u64).prop_map(|(target, seconds)| Event::Hold(target, seconds)),
        1 => (0..4usize).prop_map(Event::Release),
        1 => (0..5usize).prop_map(Event::Reset),
        3 => Just(Event::EndActions),
        8 => (1..900u64).prop_map(Event::Wait),
        1 => Just(Event::Restart),
    ];
    proptest::collection::vec(event, 1..40)
}

/// Four services: `a` depends on `b`; `c` and `d` share a group; storms are on.
fn settings() -> String {
    let settings = services(4, "").replace("storm = false\n", "");
    let settings = settings.replace("[check.a]\n", "[check.a]\ndepends_on = \"b\"\n");
    ["c", "d"].iter().fold(settings, |settings, name| {
        let rule = format!("[recovery.{name}]\n");
        let with = format!(
            "{rule}group = \"pair\"\nbudget = {{ per_group = \"4/1h\", per_host = \"7/1h\" }}\n"
        );
        settings.replace(&rule, &with)
    })
}

struct Play {
    host: ScriptedHost,
    /// When each action started, and on what.
    starts: Vec<(Moment, String)>,
}

impl Play {
    fn new() -> Self {
        let mut host = ScriptedHost::new(&settings());
        host.slow_actions = true;
        Self { host, starts: Vec::new() }
    }

    fn play(&mut self, event: &Event) {
        let host = &mut self.host;
        let target = |index: usize| NAMES.get(index).copied().unwrap_or("*").to_owned();
        let by = || "ann".to_owned();
        match event {
            Event::Sees(check, what) => {
                let measurement =
                    [good(), bad(), bad(), unknown(), timeout()][usize::from(*what)].clone();
                host.sees(NAMES[*check], measurement);
            }
            Event::Heals(check) => host.heals = check.map(|check| host.place(NAMES[check])),
            Event::Impossible(is) => host.ends = if *is { Ended::Impossible } else { Ended::Ran },
            Event::Hold(index, seconds) => {
                let until = Some(host.at(Duration::from_secs(*seconds)));
                host.order(Order::Hold {
                    target: target(*index),
                    until,
                    reason: "x".to_owned(),
                    by: by(),
                });
            }
            Event::Release(index) => {
                host.order(Order::Release { target: target(*index), by: by() });
            }
            Event::Reset(index) => host.order(Order::Reset { target: target(*index), by: by() }),
            Event::EndActions => host.end_actions(),
            Event::Wait(seconds) => host.run_for(Duration::from_secs(*seconds)),
            Event::Restart => {
                let past = host.engine.past(host.now, WALL);
                let kept = serde_json::to_string(&past).expect("plain data");
                let past: Past = serde_json::from_str(&kept).expect("what was written");
                host.restart(past);
            }
        }
        for (at, act) in self.host.acts_at.drain(..) {
            self.starts.push((at, act));
        }
    }
}

fn most(starts: &[&Moment], window: Duration) -> usize {
    let within = |first: &Moment| {
        starts.iter().filter(|at| **at >= first && at.saturating_since(*first) < window).count()
    };
    starts.iter().map(|first| within(first)).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_window_holds_more_actions_than_any_budget(events in events()) {
        let mut play = Play::new();
        for event in &events { play.play(event); }
        let hour = Duration::from_hours(1);
        let of = |names: &[&str]| {
            play.starts.iter().filter(|(_, id)| names.contains(&id.as_str())).map(|(at, _)| at).collect::<Vec<_>>()
        };
        for name in NAMES {
            prop_assert!(most(&of(&[name]), hour) <= 3, "{name}: {:?}", play.starts);
        }
        prop_assert!(most(&of(&["c", "d"]), hour) <= 4, "{:?}", play.starts);
        prop_assert!(most(&of(&NAMES), hour) <= 10, "{:?}", play.starts);
    }

    #[test]
    fn one_action_at_a_time_and_none_on_what_is_held_blocked_or_unknown(events in events()) {
        let mut play = Play::new();
        for event in &events {
            play.play(event);
            prop_assert!(play.host.running() <= 1);
        }
        prop_assert!(play.host.faults.is_empty(), "{:?}", play.host.faults);
    }

    #[test]
    fn every_incident_comes_to_its_end_once_all_is_well(events in events()) {
        let mut play = Play::new();
        for event in &events { play.play(event); }
        play.host.ends = Ended::Ran;
        for name in NAMES { play.host.sees(name, good()); }
        for _ in 0..20 {
            play.play(&Event::EndActions);
            play.play(&Event::Wait(600));
        }
        let mut open = BTreeMap::new();
        for record in &play.host.records {
            match record {
                Record::IncidentOpened { incident, target, .. } => { open.insert(*incident, target.clone()); }
                Record::IncidentClosed { incident, .. } => { open.remove(incident); }
                _ => {}
            }
        }
        prop_assert!(open.is_empty(), "{open:?}");
        prop_assert!(play.host.engine.status(play.host.now, WALL).healthy);
    }
}

proptest! {
    // Each case runs for hours of virtual time.
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn nothing_that_stays_down_is_dead_for_ever(events in events()) {
        let mut play = Play::new();
        for event in &events { play.play(event); }
        play.host.ends = Ended::Ran;
        play.host.heals = None;
        for name in NAMES { play.host.sees(name, good()); }
        play.host.sees("c", bad());
        // Holds end, flapping calms down, budgets get room: within hours there is an attempt again, and again.
        let before = play.starts.len();
        for _ in 0..60 {
            play.play(&Event::EndActions);
            play.play(&Event::Wait(300));
        }
        let later = play.starts[before..].iter().filter(|(_, id)| id == "c").count();
        prop_assert!(later >= 2, "{later}: {}", play.host.phase("c"));
    }
}
