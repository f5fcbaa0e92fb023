use std::collections::BTreeMap;

use evenkeel_config::Recovery;
use evenkeel_health::Hard;
use evenkeel_moment::Moment;
use evenkeel_recovery::machine::Phase;

use crate::agenda::Due;
use crate::check::CheckCore;
use crate::event::Effect;
use crate::past::OpenIncident;
use crate::target::Target;

/// One recovery of the settings: the target that its checks speak of as a whole, and one target for each part.
#[derive(Debug)]
pub(crate) struct RecoveryCore {
    pub(crate) spec: Recovery,
    /// The checks it listens to, by their place in the settings.
    pub(crate) checks: Vec<usize>,
    /// The checks that these depend on.
    pub(crate) dependencies: Vec<usize>,
    pub(crate) whole: Target,
    pub(crate) parts: BTreeMap<String, Target>,
}

impl Due for RecoveryCore {
    fn due(&self) -> Option<Moment> {
        self.targets().filter_map(|target| target.machine.deadline()).min()
    }
}

impl RecoveryCore {
    pub(crate) fn new(spec: Recovery, checks: &[CheckCore]) -> Self {
        let indices = spec
            .when
            .iter()
            .filter_map(|name| checks.iter().position(|check| check.spec.name == *name))
            .collect();
        let indices: Vec<usize> = indices;
        let depends_on = indices.iter().flat_map(|index| checks[*index].dependencies.clone());
        let dependencies = depends_on.filter(|index| !indices.contains(index)).collect();
        let whole = Target::new(spec.name.clone(), &spec, None);
        Self { spec, checks: indices, dependencies, whole, parts: BTreeMap::new() }
    }

    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.parts.values().chain([&self.whole])
    }

    pub(crate) fn targets_mut(&mut self) -> impl Iterator<Item = &mut Target> {
        self.parts.values_mut().chain([&mut self.whole])
    }

    /// Goes on with an incident that was open when the agent ended, if its target is of this recovery.
    pub(crate) fn resume(&mut self, open: &OpenIncident, now: Moment) {
        let spec = self.spec.clone();
        if let Some(target) = self.target_by_id(&open.target) {
            target.resume(&spec, open, now);
        }
    }

    /// Whether a target of that id is of this recovery.
    pub(crate) fn is_mine(&self, id: &str) -> bool {
        let rest = id.strip_prefix(&self.spec.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether another word that its checks are up, which have no parts, would change nothing.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.parts.is_empty() && self.whole.is_at_rest()
    }

    /// The target by its id.
    pub(crate) fn target(&self, id: &str) -> Option<&Target> {
        self.targets().find(|target| target.id == id)
    }

    /// The target by its id, made if it is a part that has not been seen yet.
    pub(crate) fn target_by_id(&mut self, id: &str) -> Option<&mut Target> {
        if id == self.spec.name {
            return Some(&mut self.whole);
        }
        let part = id.strip_prefix(&self.spec.name)?.strip_prefix('/')?;
        let (spec, part) = (&self.spec, part.to_owned());
        Some(
            self.parts
                .entry(part)
                .or_insert_with_key(|part| Target::new(id.to_owned(), spec, Some(part))),
        )
    }

    /// Takes in what the checks say now. Gives the checks that must be looked at before it is clear what it means.
    pub(crate) fn see(
        &mut self,
        now: Moment,
        checks: &[CheckCore],
        incidents: &mut u64,
        effects: &mut Vec<Effect>,
    ) -> Vec<usize> {
        let mine = self.checks.iter().filter_map(|index| checks.get(*index));
        let sources: Vec<_> = mine.map(|check| (check, &check.own)).collect();
        let mut wanted = self.whole.see(now, &sources, checks, incidents, effects);
        if self.parts.is_empty() && sources.iter().all(|(check, _)| check.parts.is_empty()) {
            return wanted;
        }
        let mine: Vec<_> = sources.iter().map(|(check, _)| *check).collect();
        let mut gone: Vec<_> = self.parts.keys().cloned().collect();
        // Of a part that several checks tell of, all of them speak at once: each is part of the proof.
        let mut told = BTreeMap::<&String, Vec<_>>::new();
        for check in &mine {
            for (part, subject) in &check.parts {
                told.entry(part).or_default().push((*check, subject));
            }
        }
        // Who has not looked yet may speak of it too: until then nobody knows that it is up.
        let silent = |check: &&&CheckCore| check.concluded.is_none() && check.lists_parts;
        let silent: Vec<_> = mine.iter().filter(silent).map(|check| (*check, &check.own)).collect();
        for (part, mut sources) in told {
            sources.extend(&silent);
            gone.retain(|name| name != part);
            if !self.parts.contains_key(part) {
                let id = format!("{}/{part}", self.spec.name);
                self.parts.insert(part.clone(), Target::new(id, &self.spec, Some(part)));
            }
            let Some(target) = self.parts.get_mut(part) else { continue };
            wanted.extend(target.see(now, &sources, checks, incidents, effects));
        }
        // Whether a part is gone is known once every check that could speak of it has spoken.
        let all_spoke = mine.iter().all(|check| check.own.hard(now) == Hard::Up);
        for part in gone {
            let Some(target) = self.parts.get_mut(&part) else { continue };
            if !target.machine.in_incident() {
                self.parts.remove(&part);
            } else if all_spoke {
                // Nobody runs it any more, so nothing is wrong with it: its incident ends as one that passed.
                target.gone(now, effects);
            }
        }
        wanted
    }

    /// A part that is being recovered: the whole waits, since its failure may be the part's.
    pub(crate) fn part_under_recovery(&self) -> Option<&str> {
        self.parts
            .values()
            .find(|part| {
                matches!(
                    part.machine.phase(),
                    Phase::Gate | Phase::Acting | Phase::Verifying { .. } | Phase::Backoff { .. }
                )
            })
            .map(|part| part.id.as_str())
    }
}
