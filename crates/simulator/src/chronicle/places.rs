use std::collections::{BTreeMap, BTreeSet};

use evenkeel_config::Settings;

/// Which target looks at what.
#[derive(Debug)]
pub(super) struct Places {
    /// The recoveries that listen to each check.
    recoveries: BTreeMap<String, Vec<String>>,
    /// The parts that were told of, as `check/part`.
    parts: BTreeSet<String>,
}

impl Places {
    pub(super) fn new(settings: &Settings) -> Self {
        let listen = |check: &str| {
            let listens = settings
                .recoveries
                .iter()
                .filter(|recovery| recovery.when.iter().any(|when| when == check));
            listens.map(|recovery| recovery.name.clone()).collect()
        };
        let checks = settings.checks.iter();
        let recoveries = checks.map(|check| (check.name.clone(), listen(&check.name))).collect();
        Self { recoveries, parts: BTreeSet::new() }
    }

    /// The targets that look at a check, or at a part of one; its own name, if no recovery listens.
    pub(super) fn whose(&mut self, place: &str) -> Vec<String> {
        if place.contains('/') && !self.parts.contains(place) {
            self.parts.insert(place.to_owned());
        }
        self.targets_of(place)
    }

    fn targets_of(&self, place: &str) -> Vec<String> {
        let (check, part) = match place.split_once('/') {
            Some((check, part)) => (check, Some(part)),
            None => (place, None),
        };
        let listen = self.recoveries.get(check).map_or(&[][..], Vec::as_slice);
        match part {
            _ if listen.is_empty() => vec![place.to_owned()],
            Some(part) => listen.iter().map(|recovery| format!("{recovery}/{part}")).collect(),
            None => listen.to_vec(),
        }
    }

    /// All targets, those too that nothing happened to; of parts those that were told of.
    pub(super) fn targets(&self) -> BTreeSet<String> {
        self.places().flat_map(|place| self.targets_of(place)).collect()
    }

    /// What a target looks at.
    pub(super) fn of_target(&self, target: &str) -> Vec<String> {
        let looks = |place: &&str| self.targets_of(place).iter().any(|one| one == target);
        self.places().filter(looks).map(str::to_owned).collect()
    }

    fn places(&self) -> impl Iterator<Item = &str> {
        self.recoveries.keys().chain(&self.parts).map(String::as_str)
    }
}
