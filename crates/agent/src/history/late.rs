//! What a history that cannot be written, as on a full disk, is still to be told: an incident that was over meanwhile must not stay open.

use std::collections::VecDeque;

use evenkeel_engine::Record;
use evenkeel_journal::{Durability, Entry, Journal, JournalError, Stamp};
use jiff::Timestamp;

use super::kept::Kept;
use super::trouble::Trouble;
use super::{Note, writer};

/// Lines that are kept at most, some megabytes; of more, the oldest are lost.
const MOST: usize = 10_000;

/// What is owed to the journal, oldest first.
#[derive(Debug, Default)]
pub(super) struct Late {
    owed: VecDeque<Owed>,
    lines: usize,
    /// What was in force last, if that was not written.
    kept: Option<(Stamp, Kept)>,
}

/// Written whole or not at all.
#[derive(Debug)]
pub(super) enum Owed {
    Records { now: Stamp, records: Vec<Record> },
    Note { at: Timestamp, note: Note },
    Settled { intent: i64, at: Timestamp, detail: String },
}

impl Owed {
    fn lines(&self) -> usize {
        match self {
            Self::Records { records, .. } => records.len(),
            Self::Note { .. } | Self::Settled { .. } => 1,
        }
    }

    fn write(&self, journal: &mut Journal) -> Result<(), JournalError> {
        match self {
            Self::Records { now, records } => {
                let durability = writer::durability(records, false);
                journal.together(durability, |journal| {
                    records
                        .iter()
                        .try_for_each(|record| writer::append(journal, now, record).map(drop))
                })
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
    /// Fails with why the rest has to wait.
    pub(super) fn write(
        &mut self,
        journal: &mut Journal,
        written: &mut Kept,
        trouble: &mut Trouble,
    ) -> Result<(), String> {
        while let Some(owed) = self.owed.front() {
            match owed.write(journal) {
                Ok(()) => drop(self.forget_oldest()),
                Err(error) if error.may_pass() => return Err(trouble.fails(&error)),
                Err(error) => {
                    trouble.fails(&error);
                    trouble.lose(self.forget_oldest());
                }
            }
        }
        if let Some((now, kept)) = &self.kept {
            let result =
                journal.together(Durability::AtOnce, |journal| kept.write(written, journal, now));
            match result {
                Err(error) if error.may_pass() => return Err(trouble.fails(&error)),
                Err(error) => drop(trouble.fails(&error)),
                Ok(()) => {}
            }
        }
        // What was refused is told anew with the next change.
        if let Some((_, kept)) = self.kept.take() {
            *written = kept;
        }
        Ok(())
    }

    fn forget_oldest(&mut self) -> usize {
        let lines = self.owed.pop_front().map_or(0, |owed| owed.lines());
        self.lines -= lines;
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(intent: i64) -> Owed {
        Owed::Settled { intent, at: Timestamp::UNIX_EPOCH, detail: String::new() }
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
