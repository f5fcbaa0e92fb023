use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::slice::{Grid, Slice, Verdict};

/// Joins the slices of several checks into those of what needs all of them.
///
/// Its slices are as long as the shortest of the checks': of each check the worst counts that touches it. Bad outweighs
/// unknown, which outweighs maintenance, which outweighs good. A slice is settled when those of all checks are.
#[derive(Debug, Clone)]
pub struct Join {
    grid: Grid,
    /// The next slice to be settled.
    next: i64,
    checks: Vec<Told>,
}

/// What is settled of one check, as far as it is still needed.
#[derive(Debug, Clone)]
struct Told {
    slices: VecDeque<Slice>,
    until: Timestamp,
}

impl Join {
    /// Joins checks of these intervals, from the slice that `now` lies in.
    ///
    /// The length of its slices is the shortest of the intervals, which is what a caller gives to whoever counts them.
    pub fn new(intervals: &[Duration], now: Timestamp) -> Self {
        let grid = Grid::new(intervals.iter().min().copied().unwrap_or(Duration::from_secs(1)));
        let told = Told { slices: VecDeque::new(), until: Timestamp::MIN };
        Self { grid, next: grid.number(now), checks: vec![told; intervals.len()] }
    }

    /// Takes in a slice of the check at that place, and adds what is settled by it to `settled`.
    pub fn add(&mut self, check: usize, slice: Slice, settled: &mut Vec<Slice>) {
        let Some(told) = self.checks.get_mut(check) else { return };
        let from = slice.from.max(told.until);
        if from < slice.until {
            told.slices.push_back(Slice { from, ..slice });
            told.until = slice.until;
        }
        let until = self.checks.iter().map(|told| told.until).min().unwrap_or(Timestamp::MIN);
        while self.grid.begin(self.next + 1) <= until {
            let (from, until) = (self.grid.begin(self.next), self.grid.begin(self.next + 1));
            let verdicts = self.checks.iter_mut().map(|told| told.verdict(from, until));
            let verdict = verdicts.fold(Verdict::Good, Verdict::and);
            self.next += 1;
            match settled.last_mut().filter(|last| last.verdict == verdict && last.until == from) {
                Some(last) => last.until = until,
                None => settled.push(Slice { verdict, from, until }),
            }
        }
    }
}

impl Told {
    /// The worst that touches this time; unknown if nothing does. What lies before it is not needed any more.
    fn verdict(&mut self, from: Timestamp, until: Timestamp) -> Verdict {
        while self.slices.front().is_some_and(|slice| slice.until <= from) {
            self.slices.pop_front();
        }
        let touching = self.slices.iter().take_while(|slice| slice.from < until);
        touching.map(|slice| slice.verdict).reduce(Verdict::and).unwrap_or(Verdict::Unknown)
    }
}
