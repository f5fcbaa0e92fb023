//! Which recoveries stand so that something may follow without anything new: so that whoever asks need not look at all of them.

use std::collections::BTreeSet;

use evenkeel_recovery::machine::Phase;

use crate::recovery::RecoveryCore;

/// Recoveries by how they stand, and by their places.
#[derive(Debug)]
pub(crate) struct Standing {
    /// Those with a target that waits for leave, or that something keeps from asking for it.
    pub(crate) waiting: BTreeSet<usize>,
    /// Those with a target that fails.
    pub(crate) failing: BTreeSet<usize>,
    /// Those with a restart that was cut off.
    pub(crate) unfinished: BTreeSet<usize>,
    /// How many targets each has.
    targets: Vec<usize>,
    /// How many targets there are.
    pub(crate) total: usize,
}

impl Standing {
    pub(crate) fn new(recoveries: usize) -> Self {
        Self {
            waiting: BTreeSet::new(),
            failing: BTreeSet::new(),
            unfinished: BTreeSet::new(),
            targets: vec![0; recoveries],
            total: 0,
        }
    }

    /// How many targets fail at most: as if all of a recovery did that has one which does.
    pub(crate) fn most_failing(&self) -> usize {
        self.failing.iter().map(|place| self.targets[*place]).sum()
    }

    /// Takes in how a recovery stands.
    pub(crate) fn note(&mut self, place: usize, recovery: &RecoveryCore) {
        let (mut waits, mut fails, mut unfinished, mut targets) = (false, false, false, 0);
        for target in recovery.targets() {
            waits |= matches!(target.machine.phase(), Phase::Gate | Phase::Stopped { .. });
            fails |= target.failing_since.is_some();
            unfinished |= target.unfinished;
            targets += 1;
        }
        put(&mut self.waiting, place, waits);
        put(&mut self.failing, place, fails);
        put(&mut self.unfinished, place, unfinished);
        self.total = self.total + targets - self.targets[place];
        self.targets[place] = targets;
    }
}

fn put(places: &mut BTreeSet<usize>, place: usize, is_in: bool) {
    if is_in {
        places.insert(place);
    } else {
        places.remove(&place);
    }
}
