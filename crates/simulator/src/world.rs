//! The truth about the host: what its checks look at ([`Unit`]), what is wrong with it ([`Ailment`]), and what a check therefore
//! sees ([`sight`]).

mod ailment;
mod facts;
mod files;
mod sight;
mod units;

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_config::Settings;
use evenkeel_engine::Act;
use evenkeel_moment::Moment;
use evenkeel_probe::Target;
use evenkeel_recovery::actions::Action;

pub(crate) use self::ailment::{Ailment, AilmentId, Symptom, restarts};
use self::facts::Healthy;
pub(crate) use self::files::{Cleaned, Files, Kept};
pub(crate) use self::sight::{Sight, started};
pub(crate) use self::units::{Unit, UnitId, parts_of as parts};
use crate::chance::Chance;
use crate::faults::{Faults, Pace, What};

/// What is so, whether anybody sees it or not.
#[derive(Debug)]
pub(crate) struct World {
    /// What the checks look at, by their places in the settings; then the parts of those that have any.
    pub(crate) units: Vec<Unit>,
    pub(crate) ailments: BTreeMap<AilmentId, Ailment>,
    pub(crate) files: Files,
    /// What went down or came up since somebody last took these, in order.
    pub(crate) turns: Vec<(UnitId, bool)>,
    next_ailment: AilmentId,
    names: BTreeMap<String, UnitId>,
    /// What each recovery target acts on.
    targets: BTreeMap<String, Vec<UnitId>>,
    /// The parts of each check.
    parts: Vec<Vec<UnitId>>,
    healthy: Vec<Healthy>,
    answers: Vec<Chance>,
    pace: Pace,
}

impl World {
    /// A host on which all is well.
    pub(crate) fn new(settings: &Settings, faults: &Faults, seed: u64, now: Moment) -> Self {
        let mut units: Vec<Unit> = settings
            .checks
            .iter()
            .enumerate()
            .map(|(place, check)| Unit::of_check(check, place, now))
            .collect();
        let mut parts = Vec::new();
        for (place, check) in settings.checks.iter().enumerate() {
            let names = units::parts_of(check, faults.parts.get(&check.name));
            let first = units.len();
            units.extend(names.iter().map(|part| Unit::of_part(check, place, part, now)));
            parts.push((first..units.len()).collect());
        }
        let names = units.iter().enumerate().map(|(id, unit)| (unit.name.clone(), id)).collect();
        let mut world = Self {
            targets: units::targets(settings, &units),
            healthy: settings.checks.iter().map(Healthy::of).collect(),
            answers: settings
                .checks
                .iter()
                .map(|check| Chance::new(seed, &format!("answers of {}", check.name)))
                .collect(),
            files: Files::new(settings),
            ailments: BTreeMap::new(),
            turns: Vec::new(),
            next_ailment: 1,
            pace: faults.pace,
            units,
            names,
            parts,
        };
        world.join(settings, faults);
        world
    }

    /// Takes in who is down because of whom.
    fn join(&mut self, settings: &Settings, faults: &Faults) {
        for check in &settings.checks {
            for needed in &check.depends_on {
                let (unit, needed) = (self.unit_named(&check.name), self.unit_named(needed));
                self.depends(unit.as_slice(), needed.as_slice());
            }
        }
        for fault in faults.faults.values() {
            let What::Depends { targets, on } = &fault.what else { continue };
            for target in targets {
                for needed in on {
                    self.depends(&self.struck_by(target), &self.struck_by(needed));
                }
            }
        }
    }

    fn depends(&mut self, units: &[UnitId], needed: &[UnitId]) {
        for unit in units.iter().copied() {
            for needed in needed.iter().copied().filter(|needed| *needed != unit) {
                self.units[unit].needs.push(needed);
                self.units[needed].needed_by.push(unit);
            }
        }
    }

    /// The names that faults of targets may give.
    pub(crate) fn names(settings: &Settings, faults: &Faults) -> Vec<String> {
        let world = Self::new(settings, faults, 0, Moment::ORIGIN);
        let mut names: Vec<_> = world.targets.into_keys().chain(world.names.into_keys()).collect();
        names.sort();
        names.dedup();
        names
    }

    pub(crate) fn unit_named(&self, name: &str) -> Option<UnitId> {
        self.names.get(name).copied()
    }

    /// Whether these are settings of the same host: the same checks and rules, in the same places.
    pub(crate) fn is_of(&self, settings: &Settings) -> bool {
        let units = self.units[..self.parts.len()].iter().map(|unit| &unit.name);
        let kept = self.files.permissions.iter().map(|rule| &rule.name);
        let cleaned = self.files.cleanups.iter().map(|rule| &rule.name);
        units.eq(settings.checks.iter().map(|check| &check.name))
            && kept.eq(settings.permissions.iter().map(|rule| &rule.name))
            && cleaned.eq(settings.cleanup.iter().map(|rule| &rule.name))
    }

    /// What a recovery target acts on.
    pub(crate) fn units_of_target(&self, target: &str) -> &[UnitId] {
        self.targets.get(target).map_or(&[], Vec::as_slice)
    }

    /// What a fault of that name strikes at once: all that a recovery looks at, one of its parts, or one check.
    pub(crate) fn struck_by(&self, name: &str) -> Vec<UnitId> {
        if let Some(units) = self.targets.get(name) {
            // A program is not dead because its supervisor is.
            let whole = !name.contains('/');
            let units = units.iter().copied();
            return units.filter(|unit| !whole || self.units[*unit].part.is_none()).collect();
        }
        self.names.get(name).copied().into_iter().collect()
    }

    /// Each name that `*` stands for.
    pub(crate) fn all_targets(&self) -> Vec<String> {
        let in_targets = |unit: &UnitId| self.targets.values().any(|units| units.contains(unit));
        let alone = (0..self.units.len()).filter(|unit| !in_targets(unit));
        let mut names: Vec<_> = self.targets.keys().cloned().collect();
        names.extend(alone.map(|unit| self.units[unit].name.clone()));
        names
    }

    /// What an action changes on the host.
    pub(crate) fn covered_by(&self, act: &Act) -> Vec<UnitId> {
        let mut units = self.units_of_target(&act.target).to_vec();
        let (named, socket) = match &act.action {
            Action::SupervisorRestartProgram { program, socket }
            | Action::SupervisorSignal { program, socket, .. } => (program.as_deref(), socket),
            Action::SupervisorRestartGroup { group, socket } => (group.as_deref(), socket),
            _ => return units,
        };
        let Some(named) = named else { return units };
        let group = format!("{named}:");
        let is_named = |unit: &Unit| {
            unit.socket.as_ref() == Some(socket)
                && unit
                    .part
                    .as_deref()
                    .is_some_and(|part| part == named || part.starts_with(&group))
        };
        // Whoever restarts a program restarts neither its supervisor nor its neighbours.
        units.retain(|unit| !self.units[*unit].is_supervisor && self.units[*unit].part.is_none());
        units.extend((0..self.units.len()).filter(|unit| is_named(&self.units[*unit])));
        units
    }

    pub(crate) fn is_down(&self, unit: UnitId) -> bool {
        self.units[unit].down_since.is_some()
    }

    /// Whether something is wrong with it that an action could end.
    pub(crate) fn is_ill(&self, unit: UnitId) -> bool {
        let unit = &self.units[unit];
        unit.stopped || unit.ailments.iter().any(|id| self.ailments[id].is_its_own())
    }

    /// Whether a look at it tells nothing, whatever it is like.
    pub(crate) fn is_unseen(&self, unit: UnitId) -> bool {
        let ailments = &self.units[unit].ailments;
        ailments.iter().any(|id| matches!(self.ailments[id].symptom, Symptom::Unseen))
    }

    /// Works out anew whether it is down, and who is because of it.
    pub(crate) fn refresh(&mut self, unit: UnitId, now: Moment) {
        let one = &self.units[unit];
        let down = one.restarting > 0
            || one.stopped
            || one.ailments.iter().any(|id| self.ailments[id].puts_down(one))
            || one.needs.iter().any(|needed| self.is_down(*needed));
        if down == one.down_since.is_some() {
            return;
        }
        self.turns.push((unit, down));
        let one = &mut self.units[unit];
        match one.down_since.take() {
            Some(since) => one.down_for += now.saturating_since(since),
            None => (one.down_since, one.downs) = (Some(now), one.downs + 1),
        }
        for dependent in self.units[unit].needed_by.clone() {
            self.refresh(dependent, now);
        }
    }

    /// How long it was down until `now`.
    pub(crate) fn down_for(&self, unit: UnitId, now: Moment) -> Duration {
        let unit = &self.units[unit];
        unit.down_for + unit.down_since.map_or(Duration::ZERO, |since| now.saturating_since(since))
    }

    /// Something begins to be wrong.
    pub(crate) fn fall_ill(&mut self, ailment: Ailment, now: Moment) -> AilmentId {
        let id = self.next_ailment;
        self.next_ailment += 1;
        let units = ailment.units.clone();
        self.ailments.insert(id, ailment);
        for unit in units {
            self.units[unit].ailments.push(id);
            self.refresh(unit, now);
        }
        id
    }

    /// It is over.
    pub(crate) fn get_well(&mut self, id: AilmentId, now: Moment) -> Option<Ailment> {
        let ailment = self.ailments.remove(&id)?;
        for unit in &ailment.units {
            self.units[*unit].ailments.retain(|other| *other != id);
        }
        for unit in ailment.units.clone() {
            self.refresh(unit, now);
        }
        Some(ailment)
    }

    /// Whether a check's kind is looked at over the network.
    pub(crate) fn is_remote(target: &Target) -> bool {
        matches!(target, Target::Http(_) | Target::Tcp(_) | Target::Dns(_))
    }
}
