//! How often what survives is gathered, when many checks change their states at once.
//!
//! It holds something of every check, so gathering it for each change would take the square of their number, and what waits for the
//! history would grow without end while 10,000 checks go up. What is in force (incidents, holds, actions) is never late.

use std::time::Duration;

use evenkeel_moment::Moment;

use crate::history::Batch;

/// The pause between two gatherings is so long for each check: 10 ms for a hundred, a second for 10,000.
const PAUSE_A_CHECK: Duration = Duration::from_micros(100);

/// When what is remembered of checks was gathered last, and whether that is out of date.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Not before then once more; `None`: it was not gathered yet.
    pause_ends: Option<Moment>,
    is_owed: bool,
}

impl Memory {
    /// Whether what survives is to be written with this batch, in an agent with so many checks. What is put off is owed, and due by
    /// [`Memory::owed`].
    pub(super) fn is_due(&mut self, batch: &Batch, checks: usize) -> bool {
        let now = batch.now.boottime;
        self.is_owed |= batch.changes_what_survives();
        let pauses = self.pause_ends.is_some_and(|end| now < end);
        if !self.is_owed || (pauses && !batch.changes_what_is_in_force()) {
            return false;
        }
        self.is_owed = false;
        let pause = PAUSE_A_CHECK * u32::try_from(checks).unwrap_or(u32::MAX);
        self.pause_ends = Some(now + pause);
        true
    }

    /// When what was put off is due; `None`: nothing was.
    pub(super) fn owed(&self) -> Option<Moment> {
        self.pause_ends.filter(|_| self.is_owed)
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_engine::Record;
    use evenkeel_health::State;
    use evenkeel_journal::Stamp;
    use jiff::Timestamp;

    use super::*;

    fn batch(millis: u64, records: Vec<Record>) -> Batch {
        let boottime = Moment::ORIGIN + Duration::from_millis(millis);
        let now = Stamp { boot_id: "boot".to_owned(), boottime, wall: Timestamp::UNIX_EPOCH };
        Batch { records, ..Batch::at(now) }
    }

    fn went_up() -> Vec<Record> {
        vec![Record::CheckChanged {
            check: "web".to_owned(),
            part: None,
            from: State::Unknown,
            to: State::Up,
            reason: None,
            reason_code: None,
        }]
    }

    fn starved() -> Vec<Record> {
        vec![Record::Starved { late: Duration::from_secs(9) }]
    }

    #[test]
    fn changes_of_many_checks_are_gathered_and_the_last_is_not_forgotten() {
        let mut memory = Memory::default();
        assert!(!memory.is_due(&batch(0, Vec::new()), 10_000), "nothing changed");
        assert!(memory.is_due(&batch(0, went_up()), 10_000), "the first is written at once");
        assert_eq!(memory.owed(), None);
        assert!(!memory.is_due(&batch(1, went_up()), 10_000));
        assert_eq!(memory.owed(), Some(Moment::ORIGIN + Duration::from_secs(1)));
        assert!(!memory.is_due(&batch(999, Vec::new()), 10_000));
        assert!(memory.is_due(&batch(1_000, Vec::new()), 10_000), "a tick pays what is owed");
        assert!(!memory.is_due(&batch(1_001, Vec::new()), 10_000), "once");
    }

    #[test]
    fn what_is_in_force_is_never_late() {
        let mut memory = Memory::default();
        assert!(memory.is_due(&batch(0, went_up()), 10_000));
        assert!(memory.is_due(&batch(1, starved()), 10_000));
    }
}
