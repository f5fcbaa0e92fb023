use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::figures::Figures;
use super::promise::Promise;
use super::slice::{Grid, Slice, Verdict, count, millis};

/// So many runs are kept apart; beyond that the oldest are put together, two and two.
const MOST_RUNS: usize = 2048;

/// How many slices there were of each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Every check was good.
    pub good: u64,
    /// A check was bad.
    pub bad: u64,
    /// It is not known how it was, or nobody looked.
    pub unknown: u64,
    /// It was declared that the checks may be bad.
    pub maintenance: u64,
}

/// What is known of a promise's window: slices, as runs of the same verdict.
///
/// Bounded: of an objective that changes with every slice for weeks, the oldest slices are only known as sums over some time.
/// Where the begin of a window falls into such a time, its bad slices are taken to lie in the window.
#[derive(Debug, Clone)]
pub struct Account {
    promise: Promise,
    grid: Grid,
    runs: VecDeque<Run>,
    /// The first slice of which anything was ever told.
    began: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    first: i64,
    end: i64,
    counts: Counts,
}

impl Counts {
    /// Good and bad: those a share is taken of.
    pub const fn counted(&self) -> u64 {
        self.good + self.bad
    }

    /// All of them.
    pub const fn all(&self) -> u64 {
        self.counted() + self.unknown + self.maintenance
    }

    fn of(verdict: Verdict, slices: u64) -> Self {
        let mut counts = Self::default();
        *counts.of_verdict(verdict) += slices;
        counts
    }

    fn of_verdict(&mut self, verdict: Verdict) -> &mut u64 {
        match verdict {
            Verdict::Good => &mut self.good,
            Verdict::Bad => &mut self.bad,
            Verdict::Unknown => &mut self.unknown,
            Verdict::Maintenance => &mut self.maintenance,
        }
    }

    fn add(&mut self, other: &Self) {
        self.good += other.good;
        self.bad += other.bad;
        self.unknown += other.unknown;
        self.maintenance += other.maintenance;
    }

    /// Without so many slices; those that harm least are taken away first.
    fn without(mut self, mut slices: u64) -> Self {
        for verdict in [Verdict::Good, Verdict::Maintenance, Verdict::Unknown, Verdict::Bad] {
            let there = self.of_verdict(verdict);
            let taken = slices.min(*there);
            *there -= taken;
            slices -= taken;
        }
        self
    }
}

impl Run {
    fn is_all(&self, verdict: Verdict) -> bool {
        let mut counts = self.counts;
        *counts.of_verdict(verdict) == counts.all()
    }
}

impl Account {
    /// An account of which nothing is known yet.
    pub fn new(promise: Promise) -> Self {
        let grid = Grid::new(promise.slice);
        Self { promise, grid, runs: VecDeque::new(), began: None }
    }

    /// What is promised.
    pub const fn promise(&self) -> &Promise {
        &self.promise
    }

    /// From when on the promise has been measured, if that is earlier than what is added: what is not known after it is
    /// unknown, and what lies before it is not held against anyone.
    pub fn began(&mut self, at: Timestamp) {
        let number = self.grid.number(at);
        self.began = Some(self.began.map_or(number, |began| began.min(number)));
    }

    /// Takes in settled slices. What is said later of the same time wins, as after a clock that was set back.
    ///
    /// Slices of another length, from before an interval was changed, are counted by the time they took: bad ones never less.
    pub fn add(&mut self, slice: Slice) {
        let (first, end) = match slice.verdict {
            Verdict::Bad => (self.grid.number(slice.from), self.grid.number_from(slice.until)),
            _ => (self.grid.number_from(slice.from), self.grid.number(slice.until)),
        };
        if first >= end {
            return;
        }
        self.began = Some(self.began.map_or(first, |began| began.min(first)));
        self.forget_from(first);
        let slices = count(end - first);
        let counts = Counts::of(slice.verdict, slices);
        match self.runs.back_mut().filter(|last| last.end == first && last.is_all(slice.verdict)) {
            Some(last) => {
                last.end = end;
                last.counts.add(&counts);
            }
            None => self.runs.push_back(Run { first, end, counts }),
        }
        let oldest = end.saturating_sub(i64::try_from(self.promise.slices()).unwrap_or(i64::MAX));
        while self.runs.front().is_some_and(|run| run.end <= oldest) {
            self.runs.pop_front();
        }
        if self.runs.len() > MOST_RUNS {
            self.compact();
        }
    }

    /// Where what is known ends; `None`: nothing is.
    pub fn until(&self) -> Option<Timestamp> {
        self.runs.back().map(|run| self.grid.begin(run.end))
    }

    /// The slices of the time of `window` that ends with what is known, or at `now` if that ends long before.
    ///
    /// Slices are settled late, by an interval or as long as a suspicion lasts: a gap of up to `settles_within` at the end is
    /// no gap.
    pub fn counts(&self, window: Duration, now: Timestamp, settles_within: Duration) -> Counts {
        let end = self.end(now, settles_within);
        let slices = millis(window) / self.grid.length();
        self.between(end.saturating_sub(slices), end)
    }

    /// What the window comes to.
    pub fn figures(&self, now: Timestamp, settles_within: Duration) -> Figures {
        let end = self.end(now, settles_within);
        let first = end.saturating_sub(i64::try_from(self.promise.slices()).unwrap_or(i64::MAX));
        let counts = self.between(first, end);
        let measured = count(end - self.began.unwrap_or(end).clamp(first, end));
        let span = self.grid.begin(first)..self.grid.begin(end);
        Figures::new(&self.promise, span, counts, measured)
    }

    /// The runs of one verdict, or of several, in the window, oldest first: what a picture of it needs.
    pub fn slices(&self) -> impl Iterator<Item = Slice> + '_ {
        self.runs.iter().map(|run| {
            let mut counts = run.counts;
            let worst = [Verdict::Bad, Verdict::Unknown, Verdict::Maintenance];
            let verdict = worst.into_iter().find(|verdict| *counts.of_verdict(*verdict) > 0);
            Slice {
                verdict: verdict.unwrap_or(Verdict::Good),
                from: self.grid.begin(run.first),
                until: self.grid.begin(run.end),
            }
        })
    }

    fn end(&self, now: Timestamp, settles_within: Duration) -> i64 {
        let now_at = self.grid.number(now);
        let Some(last) = self.runs.back() else { return now_at };
        let settles = SignedDuration::from_millis(millis(settles_within));
        let is_recent = now.duration_since(self.grid.begin(last.end)) <= settles;
        if is_recent { last.end } else { now_at }
    }

    /// Slices from `first` to before `end`; those of which nothing was told are unknown.
    fn between(&self, first: i64, end: i64) -> Counts {
        let mut counts = Counts::default();
        for run in self.runs.iter().rev().take_while(|run| run.end > first) {
            let inside = run.end.min(end) - run.first.max(first);
            if inside > 0 {
                counts.add(&run.counts.without(count(run.end - run.first - inside)));
            }
        }
        counts.unknown += count(end - first).saturating_sub(counts.all());
        counts
    }

    fn forget_from(&mut self, first: i64) {
        while let Some(last) = self.runs.back_mut().filter(|last| last.end > first) {
            if last.first >= first {
                self.runs.pop_back();
            } else {
                last.counts = last.counts.without(count(last.end - first));
                last.end = first;
            }
        }
    }

    /// Puts the older half together, two and two; a gap between two is unknown.
    fn compact(&mut self) {
        let newer = self.runs.split_off(self.runs.len() / 2);
        let mut older = std::mem::take(&mut self.runs).into_iter();
        while let Some(mut run) = older.next() {
            if let Some(next) = older.next() {
                run.counts.unknown += count(next.first - run.end);
                run.counts.add(&next.counts);
                run.end = next.end;
            }
            self.runs.push_back(run);
        }
        self.runs.extend(newer);
    }
}
