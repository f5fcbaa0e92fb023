//! What a history that cannot be written, as on a full disk, is still to be told: an incident that was over meanwhile must not stay open.

use std::collections::VecDeque;
use std::time::Duration;

use evenkeel_engine::Record;
use evenkeel_journal::{Durability, Entry, Journal, JournalError, Stamp};
use evenkeel_moment::Moment;
use jiff::Timestamp;

use super::kept::Kept;
use super::trouble::Trouble;
use super::{Note, writer};
use crate::clock::HostClock;

/// Lines that are kept at most, some megabytes; of more, the oldest are lost.
const MOST: usize = 10_000;
/// Entries of one transaction: each transaction waits for the disk.
const PORTION: usize = 500;
/// The time between two tries.
const PAUSE: Duration = Duration::from_secs(5);

/// What is owed to the journal, oldest first.
#[derive(Debug, Default)]
pub(super) struct Late {
    owed: VecDeque<Owed>,
    lines: usize,
    /// What was in force last, if that was not written.
    kept: Option<(Stamp, Kept)>,
    /// Until when nothing is tried, and why.
    waits: Option<(Moment, String)>,
}

/// Written whole or not at all.
#[derive(Debug)]
pub(super) enum Owed {
    Records { now: Stamp, records: Vec<Record> },
    Note { at: Timestamp, note: Note },
    Settled { intent: i64, at: Timestamp, detail: String },
}

impl Owed {
    pub(super) fn lines(&self) -> usize {
        match self {
            Self::Records { records, .. } => records.len(),
            Self::Note { .. } | Self::Settled { .. } => 1,
        }
    }

    fn write(&self, journal: &mut Journal) -> Result<(), JournalError> {
        match self {
            Self::Records { now, records } => {
                let mut records = records.iter();
                records.try_for_each(|record| writer::append(journal, now, record).map(drop))
            }
            Self::Note { at, note } => journal.append(*at, &entry(note)).map(drop),
            Self::Settled { intent, at, detail } => {
                journal.settle(*intent, *at, "ended", detail).map(drop)
            }
        }
    }
}

/// A note as the journal takes it.
pub(super) fn entry(note: &Note) -> Entry<'_> {
    let Note { kind, target, message, data } = note;
    Entry { kind, target, incident: None, message, data: data.clone() }
}

impl Late {
    /// Adds what could not be written. Gives the number of older lines that are lost for it.
    pub(super) fn owe(&mut self, owed: Owed) -> usize {
        if owed.lines() == 0 {
            return 0;
        }
        self.lines += owed.lines();
        self.owed.push_back(owed);
        let mut lost = 0;
        while self.lines - lost > MOST
            && let Some(oldest) = self.owed.pop_front()
        {
            lost += oldest.lines();
        }
        self.lines -= lost;
        lost
    }

    /// What is in force could not be written: what was before it need not be any more.
    pub(super) fn owe_kept(&mut self, now: Stamp, kept: Kept) {
        self.kept = Some((now, kept));
    }

    /// Writes all of it, in order, and what is in force in the place of `written`. What is refused for what it is, is lost.
    ///
    /// Fails with why the rest has to wait; then nothing is tried for [`PAUSE`], since a try may take as long as a lock is waited for.
    pub(super) fn write(
        &mut self,
        journal: &mut Journal,
        written: &mut Kept,
        trouble: &mut Trouble,
    ) -> Result<(), String> {
        if let Some((until, why)) = &self.waits
            && HostClock.now() < *until
        {
            return Err(why.clone());
        }
        let result = self.write_now(journal, written, trouble);
        self.waits = result.as_ref().err().map(|why| (HostClock.now() + PAUSE, why.clone()));
        result
    }

    /// As [`Late::write`], however short ago the last try was.
    pub(super) fn write_now(
        &mut self,
        journal: &mut Journal,
        written: &mut Kept,
        trouble: &mut Trouble,
    ) -> Result<(), String> {
        let mut portion = PORTION;
        while !self.owed.is_empty() || self.kept.is_some() {
            let entries = portion.min(self.owed.len());
            // What is in force goes with what led to it.
            let is_last = entries == self.owed.len();
            let kept = self.kept.as_ref().filter(|_| is_last);
            let result = journal.together(Durability::AtOnce, |journal| {
                self.owed.iter().take(entries).try_for_each(|owed| owed.write(journal))?;
                kept.map_or(Ok(()), |(now, kept)| kept.write(written, journal, now))
            });
            match result {
                Ok(()) => {
                    if let Some((_, kept)) = self.kept.take_if(|_| is_last) {
                        *written = kept;
                    }
                    self.forget(entries);
                }
                Err(error) if error.may_pass() => return Err(trouble.fails(&error)),
                // Which of them it is, is found one by one.
                Err(_) if entries > 1 => portion = 1,
                Err(error) => {
                    trouble.fails(&error);
                    // What is in force is told anew with the next change; a line is not.
                    if self.kept.take_if(|_| is_last).is_none() {
                        trouble.lose(self.forget(entries));
                        portion = PORTION;
                    }
                }
            }
        }
        Ok(())
    }

    /// Forgets the oldest entries; gives the number of their lines.
    fn forget(&mut self, entries: usize) -> usize {
        let lines = self.owed.drain(..entries).map(|owed| owed.lines()).sum();
        self.lines -= lines;
        lines
    }

    /// Lines that are still owed.
    pub(super) const fn lines(&self) -> usize {
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use evenkeel_journal::{Filter, Reader};
    use evenkeel_metrics::Metrics;

    use super::*;

    fn settled(intent: i64) -> Owed {
        Owed::Settled { intent, at: Timestamp::UNIX_EPOCH, detail: String::new() }
    }

    #[test]
    fn all_of_it_is_written_in_order_but_for_what_the_journal_refuses() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let state_dir = scratch.path().join("state");
        let (mut journal, _) = Journal::open(&state_dir, Timestamp::UNIX_EPOCH).expect("a journal");
        let mut late = Late::default();
        let note = |number: usize| Owed::Note {
            at: Timestamp::UNIX_EPOCH,
            note: Note {
                kind: "held",
                target: "web".to_owned(),
                message: number.to_string(),
                data: serde_json::Value::Null,
            },
        };
        // The number of an incident is there once.
        let opened = || Owed::Records {
            now: Stamp {
                boot_id: "b".to_owned(),
                boottime: Moment::ORIGIN,
                wall: Timestamp::UNIX_EPOCH,
            },
            records: vec![Record::IncidentOpened {
                incident: 1,
                target: "web".to_owned(),
                cause: "check".to_owned(),
                evidence: "status 500".to_owned(),
                evidence_code: None,
            }],
        };
        let (first, second) = (PORTION + 20, 2 * PORTION);
        (0..first).for_each(|number| assert_eq!(late.owe(note(number)), 0));
        assert_eq!((late.owe(opened()), late.owe(opened())), (0, 0));
        (first..second).for_each(|number| assert_eq!(late.owe(note(number)), 0));

        let metrics = Arc::new(Metrics::new("0", SystemTime::UNIX_EPOCH));
        let mut trouble = Trouble::new(metrics);
        late.write(&mut journal, &mut Kept::default(), &mut trouble).expect("there is room");
        assert_eq!((late.lines(), trouble.lost()), (0, 1));
        let reader = Reader::open(&state_dir).expect("a history");
        let events = reader.events(&Filter::default()).expect("they are read").into_iter();
        let events = events.map(|event| event.message);
        let (opened, notes): (Vec<_>, Vec<_>) =
            events.partition(|line| line.parse::<usize>().is_err());
        assert_eq!(opened.len(), 1, "{opened:?}");
        assert!(notes.into_iter().eq((0..second).map(|number| number.to_string())));
    }

    #[test]
    fn of_more_than_can_be_kept_the_oldest_are_lost() {
        let mut late = Late::default();
        let most = i64::try_from(MOST).unwrap();
        assert!((0..most).all(|intent| late.owe(settled(intent)) == 0));
        assert_eq!(late.owe(settled(most)), 1);
        assert_eq!((late.lines, late.owed.len()), (MOST, MOST));
        assert!(matches!(late.owed.front(), Some(Owed::Settled { intent: 1, .. })));
    }
}
