//! What was seen, on its way to the journal: collected, and written a few seconds later in one go.
//!
//! Unlike lines of history it may be lost: with a kill what was not written yet, and under load what the journal cannot
//! keep up with. Then it is counted, and shown as what it is: time of which nothing is known.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// What is to be written next, shared by the agent's loop, which adds to it, and the thread that writes: nobody is woken for what
/// is only added.
#[derive(Debug, Clone, Default)]
pub(super) struct Sightings(Arc<Mutex<Collected>>);

/// What came of it to add something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// There was nothing before: whoever writes is to be told.
    First,
    /// It will be written with what was there before.
    More,
    /// Nothing: there is more than the journal can keep up with.
    TooMuch,
}

/// What is to be written next.
#[derive(Debug, Default)]
pub(super) struct Collected {
    samples: Vec<(Timestamp, Sampled)>,
    /// Of each subject the stretch that goes on, so that a slice costs a write only where the verdict changes.
    open: BTreeMap<String, Stretch>,
    /// Those that ended since.
    closed: Vec<Stretch>,
    /// How many values and slices it is.
    count: usize,
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

impl Sightings {
    pub(super) fn add(&self, at: Timestamp, seen: Seen) -> Added {
        let mut collected = self.lock();
        let was_empty = collected.is_empty();
        if collected.count + seen.len() > MOST_ON_THEIR_WAY {
            return Added::TooMuch;
        }
        collected.add(at, seen);
        if was_empty { Added::First } else { Added::More }
    }

    pub(super) fn take(&self) -> Collected {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        // Whoever panicked while it held this left whole values behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collected {
    fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.open.is_empty() && self.closed.is_empty()
    }

    fn add(&mut self, at: Timestamp, seen: Seen) {
        self.count += seen.len();
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
        now: Timestamp,
        ends: bool,
    ) -> Result<(), JournalError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(values: usize) -> Seen {
        let values = vec![("latency_ms".into(), 1.0); values];
        Seen { samples: vec![Sampled { subject: "web".into(), values }], stretches: Vec::new() }
    }

    #[test]
    fn whoever_writes_is_told_once_and_takes_all_of_it() {
        let sightings = Sightings::default();
        let add = |values| sightings.add(Timestamp::UNIX_EPOCH, seen(values));
        assert_eq!([add(1), add(2), add(3)], [Added::First, Added::More, Added::More]);
        assert_eq!(sightings.take().count, 6);
        assert_eq!(add(1), Added::First, "nothing is left of what was taken");
    }

    #[test]
    fn what_the_journal_cannot_keep_up_with_is_not_taken() {
        let sightings = Sightings::default();
        let add = |values| sightings.add(Timestamp::UNIX_EPOCH, seen(values));
        assert_eq!(add(MOST_ON_THEIR_WAY), Added::First);
        assert_eq!(add(1), Added::TooMuch);
        assert_eq!(sightings.take().count, MOST_ON_THEIR_WAY);
        assert_eq!(add(1), Added::First);
    }
}
