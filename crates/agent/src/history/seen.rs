//! What was seen, on its way to the journal: collected, and written a few seconds later in one go.
//!
//! Unlike lines of history it may be lost: with a kill what was not written yet, and under load what the journal cannot
//! keep up with. Then it is counted, and shown as what it is: time of which nothing is known.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use evenkeel_engine::Sampled;
use evenkeel_journal::{Durability, Journal, JournalError, Sample, Stretch};
use jiff::Timestamp;

/// Values and slices of time on their way at one time. With 64 bytes each it is what the agent can spare.
const MOST_ON_THEIR_WAY: usize = 20_000;

/// What one input showed.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) samples: Vec<Sampled>,
    pub(crate) stretches: Vec<Stretch>,
}

/// How much is on its way between the agent's loop and the journal.
#[derive(Debug, Clone, Default)]
pub(super) struct Load(Arc<AtomicUsize>);

/// What is to be written next.
#[derive(Debug, Default)]
pub(super) struct Collected {
    samples: Vec<(Timestamp, Sampled)>,
    /// Of each subject the stretch that goes on, so that a slice costs a write only where the verdict changes.
    open: BTreeMap<String, Stretch>,
    /// Those that ended since.
    closed: Vec<Stretch>,
    /// What of it counts as on its way.
    load: usize,
}

impl Seen {
    pub(crate) const fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.stretches.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.samples.iter().map(|sampled| sampled.values.len()).sum::<usize>()
            + self.stretches.len()
    }
}

impl Load {
    /// Takes so much more, unless that is too much.
    pub(super) fn take(&self, more: usize) -> bool {
        // Only the agent's loop adds: what others take away meanwhile makes it less.
        if self.0.load(Ordering::Relaxed) + more > MOST_ON_THEIR_WAY {
            return false;
        }
        self.0.fetch_add(more, Ordering::Relaxed);
        true
    }

    pub(super) fn leave(&self, less: usize) {
        self.0.fetch_sub(less, Ordering::Relaxed);
    }
}

impl Collected {
    pub(super) fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.open.is_empty() && self.closed.is_empty()
    }

    pub(super) fn add(&mut self, at: Timestamp, seen: Seen) {
        self.load += seen.len();
        self.samples.extend(seen.samples.into_iter().map(|sampled| (at, sampled)));
        for stretch in seen.stretches {
            match self.open.get_mut(&stretch.subject) {
                Some(open) if open.verdict == stretch.verdict && open.until == stretch.from => {
                    open.until = stretch.until;
                    open.slices = open.slices.saturating_add(stretch.slices);
                }
                _ => self.closed.extend(self.open.insert(stretch.subject.clone(), stretch)),
            }
        }
    }

    /// Writes all of it in one transaction, with a sign of life at `now`; the last one if the agent `ends`. What could not
    /// be written is lost: to keep it would let it grow for as long as the disk is full.
    pub(super) fn write(
        self,
        journal: &mut Journal,
        load: &Load,
        now: Timestamp,
        ends: bool,
    ) -> Result<(), JournalError> {
        load.leave(self.load);
        let samples: Vec<_> =
            self.samples.iter().flat_map(|(at, sampled)| of(*at, sampled)).collect();
        journal.together(Durability::Soon, |journal| {
            journal.observe(&samples)?;
            for stretch in self.closed.iter().chain(self.open.values()) {
                journal.extend(stretch)?;
            }
            journal.alive(now, ends)
        })
    }
}

fn of(at: Timestamp, sampled: &Sampled) -> impl Iterator<Item = Sample<'_>> {
    let subject = &*sampled.subject;
    sampled.values.iter().map(move |(field, value)| Sample { subject, field, at, value: *value })
}
