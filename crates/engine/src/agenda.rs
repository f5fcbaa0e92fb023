//! The checks, with what each has to do next, so that a tick looks at those that are due and not at all of them: with every check
//! looked at for each result of any, the work would grow with the square of their number.

use std::collections::BTreeSet;
use std::ops::{Deref, Index, IndexMut};

use evenkeel_moment::Moment;

use crate::check::CheckCore;

/// All checks, in the order of the settings. Whoever may change one has it noted, and its deadline is asked for again by
/// [`Agenda::settle`].
#[derive(Debug)]
pub(crate) struct Agenda {
    checks: Vec<CheckCore>,
    /// By deadline, one entry for each check that is not touched.
    queue: BTreeSet<(Moment, usize)>,
    /// The entry of each check in the queue.
    entries: Vec<Option<Moment>>,
    /// Those that may have changed since their deadline was asked for.
    touched: Vec<usize>,
}

impl Agenda {
    pub(crate) fn new(checks: Vec<CheckCore>) -> Self {
        let touched = (0..checks.len()).collect();
        Self { entries: vec![None; checks.len()], queue: BTreeSet::new(), checks, touched }
    }

    /// Asks those that were touched for their deadline, and returns them.
    pub(crate) fn settle(&mut self, now: Moment) -> Vec<usize> {
        let touched = std::mem::take(&mut self.touched);
        for place in &touched {
            let deadline = self.checks[*place].deadline(now);
            if let Some(before) = self.entries[*place].replace(deadline) {
                self.queue.remove(&(before, *place));
            }
            self.queue.insert((deadline, *place));
        }
        touched
    }

    /// Those whose deadline has come. What was touched must be settled.
    pub(crate) fn due(&self, now: Moment) -> BTreeSet<usize> {
        self.queue.range(..=(now, usize::MAX)).map(|(_, place)| *place).collect()
    }

    /// When the first has something to do.
    pub(crate) fn deadline(&self, now: Moment) -> Option<Moment> {
        let queued = self.queue.first().map(|(deadline, _)| *deadline);
        let touched = self.touched.iter().map(|place| self.checks[*place].deadline(now));
        touched.chain(queued).min()
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut CheckCore> {
        let check = self.checks.get_mut(place)?;
        self.touched.push(place);
        Some(check)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut CheckCore> {
        self.touched = (0..self.checks.len()).collect();
        self.checks.iter_mut()
    }
}

/// To look only.
impl Deref for Agenda {
    type Target = [CheckCore];

    fn deref(&self) -> &[CheckCore] {
        &self.checks
    }
}

impl Index<usize> for Agenda {
    type Output = CheckCore;

    fn index(&self, place: usize) -> &CheckCore {
        &self.checks[place]
    }
}

impl IndexMut<usize> for Agenda {
    fn index_mut(&mut self, place: usize) -> &mut CheckCore {
        self.touched.push(place);
        &mut self.checks[place]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Moment = Moment::from_nanos(1_000_000_000_000);

    /// So many checks each 10 s, of which each is due a second after the one before.
    fn agenda(count: u32) -> Agenda {
        let check = |index| {
            format!(
                "[check.c{index}]\ntcp = {{ address = \"127.0.0.1:80\" }}\ninterval = \"10s\"\n"
            )
        };
        let text: String = (0..count).map(check).collect();
        let specs = evenkeel_config::load_text("test.toml", &text).unwrap().checks;
        let phases = (0..count).map(|index| Duration::from_secs(index.into()));
        let cores = specs.into_iter().enumerate().zip(phases);
        let core = |((index, spec), phase)| CheckCore::new(spec, index, START, phase);
        Agenda::new(cores.map(core).collect())
    }

    #[test]
    fn only_those_are_due_whose_time_has_come() {
        let mut agenda = agenda(5);
        assert_eq!(agenda.settle(START), [0, 1, 2, 3, 4]);
        let at = START + Duration::from_secs(2);
        assert_eq!(agenda.due(at).into_iter().collect::<Vec<_>>(), [0, 1, 2]);
        for place in agenda.due(at) {
            agenda[place].poll(at, &mut Vec::new());
        }
        assert_eq!(agenda.settle(at), [0, 1, 2]);
        assert_eq!(agenda.due(at), BTreeSet::new());
        assert_eq!(agenda.deadline(at), Some(START + Duration::from_secs(3)));
    }

    #[test]
    fn whoever_was_touched_is_asked_again_also_before_that_is_settled() {
        let mut agenda = agenda(3);
        agenda.settle(START);
        let at = START + Duration::from_millis(500);
        agenda.get_mut(2).unwrap().look_now(at);
        assert_eq!(agenda.deadline(START), Some(START), "the first is due");
        agenda[0].poll(START, &mut Vec::new());
        assert_eq!(agenda.deadline(START), Some(START), "what is queued is not forgotten");
        agenda.settle(START);
        assert_eq!(agenda.deadline(START), Some(at));
        assert!(agenda.get_mut(3).is_none());
    }
}
