//! When faults strike, and what they do then.

use std::time::Duration;

use evenkeel_engine::Order;

use super::{Host, Plan, rules};
use crate::chance::Chance;
use crate::faults::{CrashAt, Fault, Strike, What};
use crate::observer::Event;
use crate::world::{Ailment, AilmentId, Symptom, UnitId};

/// The arrivals of one fault.
#[derive(Debug)]
pub(super) struct Arrivals {
    fault: String,
    slots: Vec<Slot>,
}

/// What is struck at the same time, and the chance that says when.
#[derive(Debug)]
struct Slot {
    /// When it strikes.
    arrives: Chance,
    /// What is drawn of it once it has: how often it could must not move when it does next.
    chance: Chance,
    /// What falls ill together, each group by itself.
    groups: Vec<Vec<UnitId>>,
    /// The names that the fault's file has for it.
    names: Vec<String>,
}

/// An operator of the model.
const OPERATOR: &str = "operator";

impl Host<'_, '_> {
    /// Plans when each fault strikes first.
    pub(super) fn plan_strikes(&mut self) {
        for (name, fault) in &self.faults.faults {
            if matches!(fault.what, What::Depends { .. }) {
                continue;
            }
            let slots = self.slots(name, fault);
            let arrivals = self.arrivals.len();
            for slot in 0..slots.len() {
                for at in &fault.when.at {
                    let strike = Plan::Strike { arrivals, slot, again: false };
                    self.queue.plan(self.now + *at, strike);
                }
            }
            self.arrivals.push(Arrivals { fault: name.clone(), slots });
            for slot in 0..self.arrivals[arrivals].slots.len() {
                self.plan_next(arrivals, slot);
            }
        }
    }

    fn plan_next(&mut self, arrivals: usize, slot: usize) {
        let of = &mut self.arrivals[arrivals];
        let Some(every) = self.faults.faults.get(&of.fault).and_then(|fault| fault.when.every)
        else {
            return;
        };
        let at = self.now + of.slots[slot].arrives.wait(every);
        self.queue.plan(at, Plan::Strike { arrivals, slot, again: true });
    }

    /// Whom a fault strikes. Each has a chance of its own, by its name: what other faults there are moves nothing.
    fn slots(&self, fault: &str, what: &Fault) -> Vec<Slot> {
        let slot = |names: Vec<String>, groups: Vec<Vec<UnitId>>| {
            let purpose = format!("{fault} of {}", names.join(", "));
            let arrives = Chance::new(self.seed, &purpose);
            let chance = Chance::new(self.seed, &format!("how {purpose}"));
            Slot { arrives, chance, groups, names }
        };
        let named = match &what.what {
            What::Drift(drift) => self.rules_named(&drift.rules, rules::Kind::Permissions),
            What::Due(due) => self.rules_named(&due.rules, rules::Kind::Cleanup),
            What::Fill(fill) => fill.checks.clone(),
            other => match other.strike() {
                Some(strike) => self.targets_of(strike),
                None => return vec![slot(Vec::new(), Vec::new())],
            },
        };
        let of_checks = matches!(what.what, What::Fill(_))
            || what.what.strike().is_some_and(|strike| strike.checks_alone);
        let struck = |name: &String| {
            if of_checks {
                self.world.unit_named(name).into_iter().collect()
            } else {
                self.world.struck_by(name)
            }
        };
        let groups = named.iter().map(struck).collect();
        if what.what.strike().is_some_and(|strike| strike.together) {
            return vec![slot(named, groups)];
        }
        named.into_iter().zip(groups).map(|(name, group)| slot(vec![name], vec![group])).collect()
    }

    fn targets_of(&self, strike: &Strike) -> Vec<String> {
        let each = |name: &String| match name.as_str() {
            "*" => self.world.all_targets(),
            _ => vec![name.clone()],
        };
        let mut names: Vec<_> = strike.targets.iter().flat_map(each).collect();
        names.sort();
        names.dedup();
        names
    }

    pub(super) fn strike(&mut self, arrivals: usize, slot: usize, again: bool) {
        if again {
            self.plan_next(arrivals, slot);
        }
        let of = &self.arrivals[arrivals];
        let (name, groups) = (of.fault.clone(), of.slots[slot].groups.clone());
        let names = of.slots[slot].names.clone();
        let faults = self.faults;
        let Some(fault) = faults.faults.get(&name) else { return };
        match &fault.what {
            What::Crash(strike) => self.fall_ill(&name, slot, groups, strike, &Symptom::Dead),
            What::Hang(strike) => self.fall_ill(&name, slot, groups, strike, &Symptom::Hung),
            What::Slow(strike, span) => {
                self.fall_ill(&name, slot, groups, strike, &Symptom::Slow(*span));
            }
            What::Leak(strike, leak) => {
                self.fall_ill(&name, slot, groups, strike, &Symptom::Leaking(leak.clone()));
            }
            What::Flap(strike, flap) => {
                let symptom = Symptom::Flapping { flap: *flap, down: true };
                self.fall_ill(&name, slot, groups, strike, &symptom);
            }
            What::Network(strike) => {
                self.fall_ill(&name, slot, groups, strike, &Symptom::Unreached);
            }
            What::Blind(strike) => self.fall_ill(&name, slot, groups, strike, &Symptom::Unseen),
            What::Fill(fill) => {
                let strike = Strike::default();
                let symptom =
                    Symptom::Filling { from: fill.from, per_hour: fill.per_hour, since: self.now };
                self.fall_ill(&name, slot, groups, &strike, &symptom);
            }
            What::Drift(drift) => self.drift(&name, &names, drift),
            What::Due(due) => self.fall_due(&name, &names, due),
            other => self.happen_to_the_host(&name, other),
        }
    }

    fn happen_to_the_host(&mut self, name: &str, what: &What) {
        self.tally.struck(name, false);
        self.show(&Event::FaultBegan { fault: name, places: &[] });
        match what {
            What::AgentCrash(crash) if crash.when == CrashAt::Once => self.kill(crash.action),
            What::AgentCrash(crash) => self.crash = Some((crash.when, crash.action)),
            What::JournalFull(span) => {
                self.disk.full = true;
                let until = self.now + self.chance.within(*span);
                self.full_until = self.full_until.max(until);
                self.queue.plan(until, Plan::Room);
            }
            What::ClockStep(by) => self.step_clock(*by),
            What::Reboot(reboot) => self.reboot(*reboot),
            What::Suspend(span) | What::Starve(span) => {
                let until = self.now + self.chance.within(*span);
                self.frozen_until = self.frozen_until.max(until);
            }
            What::Hold { targets, lasts } => {
                for target in targets {
                    let until = lasts.map(|span| self.now + self.chance.within(span));
                    let (reason, by) = (name.to_owned(), OPERATOR.to_owned());
                    self.plan_order(Order::Hold { target: target.clone(), until, reason, by });
                }
            }
            What::Release(targets) => {
                for target in targets {
                    let (target, by) = (target.clone(), OPERATOR.to_owned());
                    self.plan_order(Order::Release { target, by });
                }
            }
            What::Reset(targets) => {
                for target in targets {
                    let (target, by) = (target.clone(), OPERATOR.to_owned());
                    self.plan_order(Order::Reset { target, by });
                }
            }
            What::Reload(settings) => {
                let settings = settings.as_deref().unwrap_or(&self.settings).clone();
                if self.world.is_of(&settings) {
                    self.queue.plan(self.now, Plan::Reload(Box::new(settings)));
                }
            }
            _ => {}
        }
    }

    fn plan_order(&mut self, order: Order) {
        self.queue.plan(self.now, Plan::Order(Box::new(order)));
    }

    fn fall_ill(
        &mut self,
        fault: &str,
        slot: usize,
        groups: Vec<Vec<UnitId>>,
        strike: &Strike,
        symptom: &Symptom,
    ) {
        for units in groups.into_iter().filter(|units| !units.is_empty()) {
            let again = |ailment: &Ailment| ailment.fault == fault && ailment.units == units;
            if self.world.ailments.values().any(again) {
                continue;
            }
            let ailment = Ailment {
                fault: fault.to_owned(),
                slot,
                units,
                began: self.now,
                symptom: symptom.clone(),
                cured_by: strike.cured_by.clone(),
                hurts_since: None,
                detected_after: None,
                foreseen: false,
            };
            let id = self.world.fall_ill(ailment, self.now);
            self.tally.struck(fault, true);
            self.watch(id);
            if let Some(span) = strike.lasts {
                let slot = &mut self.arrivals_of(fault).slots[slot];
                let lasts = slot.chance.within(span);
                self.queue.plan(self.now + lasts, Plan::Cease { ailment: id });
            }
            self.plan_turn(id);
            self.show_fault(id, true);
        }
    }

    fn arrivals_of(&mut self, fault: &str) -> &mut Arrivals {
        let place = self.arrivals.iter().position(|arrivals| arrivals.fault == fault);
        &mut self.arrivals[place.expect("what strikes has arrivals")]
    }

    /// Notes what a change of a fault means to those who are hurt by it.
    fn watch(&mut self, id: AilmentId) {
        let Some(ailment) = self.world.ailments.get_mut(&id) else { return };
        let hurts = match &ailment.symptom {
            Symptom::Flapping { .. } => true,
            _ => ailment.units.iter().any(|unit| ailment.puts_down(&self.world.units[*unit])),
        };
        if hurts && ailment.hurts_since.is_none() {
            ailment.hurts_since = Some(self.now);
            let told = ailment.units.iter().any(|unit| self.world.units[*unit].told_down);
            if told {
                ailment.detected_after = Some(Duration::ZERO);
            }
        }
    }

    /// Plans when a fault shows otherwise.
    fn plan_turn(&mut self, id: AilmentId) {
        let Some(ailment) = self.world.ailments.get(&id) else { return };
        let after = match &ailment.symptom {
            Symptom::Leaking(leak) if leak.per_hour > 0.0 => {
                let hours = (leak.until - leak.from).max(0.0) / leak.per_hour;
                Duration::try_from_secs_f64(hours * 3_600.0).ok()
            }
            Symptom::Flapping { flap, down } => {
                let span = if *down { flap.down } else { flap.up };
                let (fault, slot) = (ailment.fault.clone(), ailment.slot);
                Some(self.arrivals_of(&fault).slots[slot].chance.within(span))
            }
            _ => None,
        };
        if let Some(after) = after {
            self.queue.plan(self.now + after, Plan::Turn { ailment: id });
        }
    }

    /// A leak reaches its limit, or what flaps changes.
    pub(super) fn turn(&mut self, id: AilmentId) {
        let Some(ailment) = self.world.ailments.get_mut(&id) else { return };
        ailment.symptom = match &ailment.symptom {
            Symptom::Leaking(_) => Symptom::Dead,
            Symptom::Flapping { flap, down } => Symptom::Flapping { flap: *flap, down: !down },
            other => other.clone(),
        };
        for unit in ailment.units.clone() {
            if matches!(self.world.ailments[&id].symptom, Symptom::Flapping { down: false, .. }) {
                self.world.units[unit].restarted(self.now);
            }
            self.world.refresh(unit, self.now);
        }
        self.watch(id);
        self.plan_turn(id);
    }

    /// A fault ends by itself.
    pub(super) fn cease(&mut self, id: AilmentId) {
        self.heal(id, false);
    }

    /// A fault is over.
    pub(super) fn heal(&mut self, id: AilmentId, by_action: bool) {
        self.show_fault(id, false);
        if let Some(ailment) = self.world.get_well(id, self.now) {
            self.tally.over(&ailment, self.now, by_action);
        }
    }

    /// Something is done about these before it hurts.
    pub(super) fn foresee(&mut self, units: &[UnitId]) {
        for ailment in self.world.ailments.values_mut() {
            let is_meant = ailment.units.iter().any(|unit| units.contains(unit));
            if is_meant && ailment.hurts_since.is_none() {
                ailment.foreseen = true;
            }
        }
    }

    fn show_fault(&mut self, id: AilmentId, begins: bool) {
        if self.observers.is_empty() {
            return;
        }
        let Some(ailment) = self.world.ailments.get(&id) else { return };
        let units = ailment.units.iter().map(|unit| self.world.units[*unit].name.clone());
        let (fault, places) = (ailment.fault.clone(), units.collect::<Vec<_>>());
        let (fault, places) = (fault.as_str(), places.as_slice());
        self.show(&if begins {
            Event::FaultBegan { fault, places }
        } else {
            Event::FaultEnded { fault, places }
        });
    }
}
