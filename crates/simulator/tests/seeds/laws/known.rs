//! What anybody could know who sees all that goes in and out of an engine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evenkeel_config::{Check, Recovery, Settings};
use evenkeel_engine::{Effect, Input, Order, Record};
use evenkeel_health::{DailyWindows, State};
use evenkeel_moment::{Moment, Stamp};
use evenkeel_probe::{Measurement, Outcome, Target};
use evenkeel_recovery::actions::StoppedProgram;
use evenkeel_recovery::breaker::BreakerState;
use evenkeel_simulator::{Event, View};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::sight::{self, Sight};

/// Who holds a check in its maintenance windows.
pub(crate) const BY_SETTINGS: &str = "the settings";

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) started: Moment,
    /// Whether the agent was told to write nothing.
    pub(crate) withheld: bool,
    pub(crate) checks: BTreeMap<String, OfCheck>,
    pub(crate) holds: Vec<HoldKnown>,
    /// The checks that are held because a maintenance window of theirs is open, by what history was told.
    in_maintenance: BTreeSet<String>,
    /// The checks whose hold an operator ended within their window.
    let_go: BTreeSet<String>,
    /// Whether a storm rages.
    pub(crate) storm: bool,
    /// The incident that is open for each target.
    pub(crate) open: BTreeMap<String, u64>,
    /// The target and the recovery's checks of each intent of this agent.
    pub(crate) intents: BTreeMap<u64, String>,
    /// Programs that restarts were about to stop, and that were not seen to run since: nobody stopped them on purpose.
    our_stops: Vec<OurStop>,
}

#[derive(Debug, Clone)]
pub(crate) struct HoldKnown {
    pub(crate) target: String,
    pub(crate) until: Option<Moment>,
    /// The same by both clocks, as they were when it was ordered.
    ends: Option<Stamp<u32>>,
}

/// A program that a restart of ours was about to stop, and the checks that see it run.
#[derive(Debug)]
struct OurStop {
    program: String,
    checks: Vec<String>,
}

fn our_stops(target: &str, programs: &[StoppedProgram], settings: &Settings) -> Vec<OurStop> {
    let when = recovery_of(settings, target).map_or(&[][..], |recovery| &recovery.when);
    // A session of tmux may have the same name, and is not what was stopped.
    let checks = settings.checks.iter().filter(|check| {
        when.contains(&check.name) && matches!(check.target, Target::Supervisor(_))
    });
    let checks: Vec<_> = checks.map(|check| check.name.clone()).collect();
    let stop = |program: &StoppedProgram| OurStop {
        program: program.name.clone(),
        checks: checks.clone(),
    };
    programs.iter().map(stop).collect()
}

/// What is known of one check since its core began.
#[derive(Debug, Default)]
pub(crate) struct OfCheck {
    /// The states that history was told, of the check (`None`) and its parts.
    pub(crate) states: BTreeMap<Option<String>, State>,
    pub(crate) flapping: BTreeSet<Option<String>>,
    /// What the newest attempt said that counts.
    pub(crate) newest: BTreeMap<Option<String>, Sight>,
    /// The run whose attempts are under way, and how many of it have failed.
    failed: (u64, u32),
    /// Good looks in a row since the last action that may have changed it.
    pub(crate) goods: BTreeMap<Option<String>, u32>,
    pub(crate) under_way: Option<UnderWay>,
    /// Where its breaker stands, and since when, if that was told.
    pub(crate) breaker: Option<BreakerState>,
    pub(crate) breaker_since: Option<Moment>,
    /// Whether the attempt that ended last began before the host was changed.
    pub(crate) was_void: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct UnderWay {
    pub(crate) run: u64,
    /// The host was changed meanwhile.
    pub(crate) void: bool,
}

impl OfCheck {
    /// The state that history was told last.
    pub(crate) fn is_down(&self, part: Option<&str>) -> bool {
        let state = self.states.get(&part.map(str::to_owned));
        state.is_some_and(|state| matches!(state, State::Down | State::Recovering { .. }))
    }

    /// Whether it, or a part of it, is down by what history was told.
    pub(crate) fn fails(&self) -> bool {
        let down = |state: &State| matches!(state, State::Down | State::Recovering { .. });
        self.states.values().any(down)
    }
}

impl Known {
    pub(crate) fn check(&self, name: &str) -> Option<&OfCheck> {
        self.checks.get(name)
    }

    /// Whether an operator holds that target, or the settings one of its checks.
    pub(crate) fn is_held(&self, now: Moment, recovery: &Recovery, target: &str) -> bool {
        let ordered = self.holds.iter().filter(|hold| hold.until.is_none_or(|until| now < until));
        let held = ordered.map(|hold| &hold.target).chain(&self.in_maintenance);
        held.into_iter().any(|held| {
            held == "*" || held == target || *held == recovery.name || recovery.when.contains(held)
        })
    }

    /// Whether a check has to be held by its windows, as the time of day has it.
    pub(crate) fn has_open_window(&self, wall: Timestamp, check: &Check) -> bool {
        let is_open = |windows: &DailyWindows| windows.contains(wall, &TimeZone::UTC);
        check.maintenance.as_ref().is_some_and(is_open) && !self.let_go.contains(&check.name)
    }

    /// Whether an operator ended the hold of that check within its window.
    pub(crate) fn was_let_go(&self, check: &str) -> bool {
        self.let_go.contains(check)
    }

    /// Whether a restart of ours stopped that program, which that check looks at.
    pub(crate) fn stopped_by_us(&self, check: &str, program: &str) -> bool {
        let is_it = |stop: &OurStop| {
            stop.program == program && stop.checks.iter().any(|known| known == check)
        };
        self.our_stops.iter().any(is_it)
    }

    /// Takes in what laws have to know before they judge: what is told.
    pub(super) fn before(&mut self, now: Stamp<u32>, event: &Event<'_>, host: &View<'_>) {
        let checks = &host.settings().checks;
        self.let_go.retain(|name| {
            let check = checks.iter().find(|check| check.name == *name);
            let windows = check.and_then(|check| check.maintenance.as_ref());
            windows.is_some_and(|windows| windows.contains(now.wall, &TimeZone::UTC))
        });
        match event {
            Event::AgentStarted { withheld, past, .. } => {
                for hold in &mut self.holds {
                    hold.learn(&now);
                }
                *self = Self {
                    started: now.boottime,
                    withheld: withheld.is_some(),
                    open: past
                        .open
                        .iter()
                        .map(|open| (open.target.clone(), open.incident))
                        .collect(),
                    holds: std::mem::take(&mut self.holds),
                    in_maintenance: past
                        .holds
                        .iter()
                        .filter(|hold| hold.by == BY_SETTINGS)
                        .map(|hold| hold.target.clone())
                        .collect(),
                    our_stops: past
                        .open
                        .iter()
                        .flat_map(|open| our_stops(&open.target, &open.stopped, host.settings()))
                        .collect(),
                    ..Self::default()
                };
            }
            Event::Reloaded(_) => {
                self.checks.clear();
                self.storm = false;
                // A time of only observing ends in the same way.
                self.withheld &=
                    host.engine().is_some_and(|engine| engine.observe_only().is_some());
            }
            Event::Input(input) => self.told(&now, input, host.settings()),
            Event::Effect(effect) => self.asked(effect, host.settings()),
            _ => {}
        }
    }

    /// Forgets what only laws had to see.
    pub(super) fn after(&mut self, event: &Event<'_>) {
        match event {
            Event::AgentStarted { past, .. } => {
                // An order that was not on disk yet is lost, and whoever gave it was not answered.
                let kept = past.holds.iter().filter(|kept| kept.by != BY_SETTINGS);
                self.holds.retain(|hold| kept.clone().any(|kept| kept.target == hold.target));
            }
            event if let Some(Record::IncidentClosed { target, .. }) = event.record() => {
                self.open.remove(target);
            }
            event if let Some(Record::BreakerChanged { check, change, .. }) = event.record() => {
                let of = self.checks.entry(check.clone()).or_default();
                (of.breaker, of.breaker_since) = (Some(change.to), Some(change.at));
            }
            _ => {}
        }
    }

    fn told(&mut self, now: &Stamp<u32>, input: &Input, settings: &Settings) {
        match input {
            Input::Measured { check, run, measurement } => {
                let Some(spec) = settings.checks.get(*check) else { return };
                let of = self.checks.entry(spec.name.clone()).or_default();
                let Some(under_way) = of.under_way.take_if(|under_way| under_way.run == *run)
                else {
                    return;
                };
                of.was_void = under_way.void;
                if !under_way.void {
                    of.saw(spec, *run, measurement);
                }
                for part in &measurement.parts {
                    if part.outcome == Outcome::Good {
                        self.our_stops.retain(|stop| {
                            stop.program != part.name || !stop.checks.contains(&spec.name)
                        });
                    }
                }
            }
            Input::Stopping { intent, programs } => {
                if let Some(target) = self.intents.get(intent) {
                    self.our_stops.extend(our_stops(target, programs, settings));
                }
            }
            Input::Acted { intent, .. } => {
                let Some(target) = self.intents.get(intent) else { return };
                let Some(recovery) = recovery_of(settings, target) else { return };
                for check in &recovery.when {
                    let of = self.checks.entry(check.clone()).or_default();
                    of.goods.clear();
                    if let Some(under_way) = &mut of.under_way {
                        under_way.void = true;
                    }
                }
            }
            Input::Order(Order::Hold { target, until, .. }) => {
                self.holds.retain(|hold| hold.target != *target);
                let (target, until) = (target.clone(), *until);
                let ends = until.map(|until| now.at(until));
                self.holds.push(HoldKnown { target, until, ends });
            }
            Input::Order(Order::Release { target, .. }) => {
                self.holds.retain(|hold| hold.target != *target);
            }
            Input::Order(Order::Reset { target, .. }) if target == "*" => self.storm = false,
            _ => {}
        }
    }

    fn asked(&mut self, effect: &Effect, settings: &Settings) {
        match effect {
            Effect::Probe { check, run } => {
                let Some(spec) = settings.checks.get(*check) else { return };
                let of = self.checks.entry(spec.name.clone()).or_default();
                of.under_way = Some(UnderWay { run: *run, void: false });
            }
            Effect::Act(act) => drop(self.intents.insert(act.intent, act.target.clone())),
            Effect::Record(record) => self.recorded(record),
            _ => {}
        }
    }

    fn recorded(&mut self, record: &Record) {
        match record {
            Record::CheckChanged { check, part, to, .. } => {
                let of = self.checks.entry(check.clone()).or_default();
                of.states.insert(part.clone(), *to);
            }
            Record::FlappingStarted { check, part, .. } => {
                self.checks.entry(check.clone()).or_default().flapping.insert(part.clone());
            }
            Record::FlappingEnded { check, part, .. } => {
                self.checks.entry(check.clone()).or_default().flapping.remove(part);
            }
            Record::Held { target, by, .. } if by == BY_SETTINGS => {
                self.in_maintenance.insert(target.clone());
            }
            // Who holds it himself takes the place of the settings.
            Record::Held { target, .. } | Record::HoldEnded { target, .. } => {
                self.in_maintenance.remove(target);
            }
            Record::Released { target, .. } if self.in_maintenance.remove(target) => {
                self.let_go.insert(target.clone());
            }
            Record::StormBegan { .. } => self.storm = true,
            Record::StormEnded { .. } => self.storm = false,
            Record::IncidentOpened { incident, target, .. } => {
                self.open.insert(target.clone(), *incident);
            }
            _ => {}
        }
    }
}

impl OfCheck {
    fn saw(&mut self, spec: &Check, run: u64, measurement: &Measurement) {
        let sight = sight::of_check(spec, measurement);
        let goods = self.goods.get(&None).copied().unwrap_or_default();
        self.note(None, sight);
        let failed = if self.failed.0 == run { self.failed.1 } else { 0 };
        self.failed = (run, failed + u32::from(sight == Sight::Bad));
        // A failed attempt that is made again is no look yet, and breaks no series of them.
        if sight == Sight::Bad && self.failed.1 <= spec.retries {
            self.goods.insert(None, goods);
            return;
        }
        let listed = matches!(measurement.outcome, Outcome::Good);
        if listed {
            let named = |part: &Option<String>| {
                let is = |name: &String| measurement.parts.iter().any(|part| part.name == *name);
                part.as_ref().is_none_or(is)
            };
            self.newest.retain(|part, _| named(part));
            self.goods.retain(|part, _| named(part));
            self.states.retain(|part, _| named(part));
            self.flapping.retain(|part| named(part));
        } else {
            let parts = self.newest.iter_mut().filter(|(part, _)| part.is_some());
            parts.for_each(|(_, newest)| *newest = Sight::Nothing);
        }
        for part in &measurement.parts {
            self.note(Some(part.name.clone()), sight::of_part(spec, part));
        }
    }

    fn note(&mut self, part: Option<String>, sight: Sight) {
        match sight {
            Sight::Good | Sight::Depends => *self.goods.entry(part.clone()).or_default() += 1,
            Sight::Bad => drop(self.goods.insert(part.clone(), 0)),
            Sight::Nothing => {}
        }
        self.newest.insert(part, sight);
    }
}

impl HoldKnown {
    /// After a boot the end is known by the time of day alone: a clock that was set ahead makes it come sooner, one that was set
    /// back never later than in as long as it was to last.
    fn learn(&mut self, now: &Stamp<u32>) {
        if let Some(ends) = self.ends.filter(|ends| ends.boot_id != now.boot_id) {
            let known = now.boottime + ends.left(now, Duration::MAX);
            self.until = self.until.map(|until| until.min(known));
            self.ends = self.until.map(|until| now.at(until));
        }
    }
}

/// The recovery that a target belongs to.
pub(super) fn recovery_of<'a>(settings: &'a Settings, target: &str) -> Option<&'a Recovery> {
    let name = target.split('/').next()?;
    settings.recoveries.iter().find(|recovery| recovery.name == name)
}

/// The part that a target names, if it is one of a part.
pub(super) fn part_of(target: &str) -> Option<&str> {
    target.split_once('/').map(|(_, part)| part)
}

/// The checks without which one cannot be up, near and far.
pub(super) fn dependencies<'a>(settings: &'a Settings, check: &str) -> BTreeSet<&'a str> {
    let mut all = BTreeSet::new();
    let mut next: Vec<&str> = vec![check];
    while let Some(name) = next.pop() {
        let spec = settings.checks.iter().find(|spec| spec.name == name);
        for needed in spec.iter().flat_map(|spec| &spec.depends_on) {
            if all.insert(needed.as_str()) {
                next.push(needed);
            }
        }
    }
    all
}
