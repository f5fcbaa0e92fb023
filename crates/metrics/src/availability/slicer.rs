use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::slice::{Grid, Slice, Verdict};

/// As many results as a threshold may look back on; in a start-up grace there may be more, and the first ones matter.
const MOST_SUSPECTS: usize = 64;

/// What a look at a check says of it, all results until then taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The result was good, and it is not down.
    Good,
    /// The result was bad, but there were not enough of them to be sure.
    Suspect,
    /// Down for sure, or not yet up again for sure.
    Down,
    /// The look told nothing, and it is not down.
    Nothing,
}

/// How many of how many results make a check down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// Bad results needed.
    pub failures: u32,
    /// Results looked back on.
    pub within: u32,
}

/// Cuts the results of one check into slices, and settles each as soon as it is sure how it was.
///
/// A slice is as long as the check's interval and has the verdict of the looks that began in it. A look that is late by up to
/// a quarter of an interval counts for the slice in which it was due; a slice without a look is unknown, unless the check was
/// down before and is not known to be up. A suspicion waits: the slices from the first failed result on are bad if the check
/// goes down, and good if it does not. Who keeps the time of day tells it with each call; it must not go back.
#[derive(Debug, Clone)]
pub struct Slicer {
    grid: Grid,
    threshold: Threshold,
    /// The slice that looks are counted for.
    current: i64,
    marks: Marks,
    /// How it stood when it was last heard of.
    stands: Stands,
    /// Failed results that may still prove to be the first ones of an outage, oldest first.
    suspects: VecDeque<Suspect>,
    /// Slices that are over, oldest first, as far as a suspicion keeps them from being settled.
    waiting: VecDeque<Run>,
}

/// What was seen in the slice that is not over.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "any of them may have been seen, in any order")]
struct Marks {
    looked: bool,
    bad: bool,
    suspect: bool,
    held: bool,
    good: bool,
}

#[derive(Debug, Clone, Copy)]
struct Stands {
    down: bool,
    held: bool,
    /// When that was so.
    at: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Suspect {
    slice: i64,
    /// Results since, itself included; the good ones among them.
    results: u32,
    goods: u32,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    /// `None`: what a suspicion says, good unless it comes true.
    verdict: Option<Verdict>,
    first: i64,
    end: i64,
}

impl Slicer {
    /// Slices of `interval`, from the one that `now` lies in.
    pub fn new(interval: Duration, threshold: Threshold, now: Timestamp) -> Self {
        let grid = Grid::new(interval);
        Self {
            grid,
            threshold,
            current: grid.number(now),
            marks: Marks::default(),
            stands: Stands { down: false, held: false, at: now },
            suspects: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Takes in a look that began at `began`; `held`: whether it was declared by then that the check may be down.
    ///
    /// Settled slices are added to `settled`, oldest first.
    pub fn look(&mut self, began: Timestamp, seen: Seen, held: bool, settled: &mut Vec<Slice>) {
        let number = self.slice_of(began);
        if seen == Seen::Good && !held && number == self.current + 1 && self.is_plainly_good() {
            // As nearly all looks are: what comes below would come to the same.
            let (from, until) = (self.grid.begin(self.current), self.grid.begin(number));
            self.current = number;
            self.hear(Stands { down: false, held, at: began });
            add(settled, Slice { verdict: Verdict::Good, from, until });
            return;
        }
        self.pass_to(number);
        let within = self.threshold.within;
        let spare = within.saturating_sub(self.threshold.failures);
        if matches!(seen, Seen::Good | Seen::Suspect) {
            for suspect in &mut self.suspects {
                suspect.results += 1;
                suspect.goods += u32::from(seen == Seen::Good);
            }
            // A failure that no good result has followed yet belongs to what comes, however long a start-up grace makes it wait.
            self.suspects.retain(|suspect| {
                suspect.goods == 0 || (suspect.results < within && suspect.goods <= spare)
            });
        }
        self.marks.looked = true;
        self.marks.held |= held;
        match seen {
            Seen::Good => self.marks.good = true,
            Seen::Suspect if !held => {
                self.marks.suspect = true;
                if self.suspects.len() < MOST_SUSPECTS {
                    self.suspects.push_back(Suspect { slice: self.current, results: 1, goods: 0 });
                }
            }
            Seen::Down => self.goes_down(held),
            Seen::Suspect | Seen::Nothing => {}
        }
        self.hear(Stands { down: seen == Seen::Down, held, at: began });
        self.settle(settled);
    }

    /// Takes in that it is `now`, how the check stands, and whether it is declared that it may be down.
    ///
    /// Settles what no look can change any more: a look takes less than an interval, so each slice that ended so long ago.
    pub fn advance(&mut self, now: Timestamp, stands: Seen, held: bool, settled: &mut Vec<Slice>) {
        self.pass_to(self.grid.number(now) - 1);
        if stands == Seen::Nothing {
            self.forget_suspicions();
        }
        self.hear(Stands { down: stands == Seen::Down, held, at: now });
        self.settle(settled);
    }

    /// Until when [`Slicer::advance`] changes nothing, as long as what it is told is neither down nor declared; `None`: it
    /// may at any time. For whoever has many and asks them often.
    pub fn rests_until(&self) -> Option<Timestamp> {
        let rests = !self.stands.down && !self.stands.held && self.suspects.is_empty();
        (rests && self.waiting.is_empty()).then(|| self.grid.begin(self.current + 2))
    }

    /// Settles every slice that is over at `now`, because nobody will look any more; whether a suspicion would have come
    /// true is unknown.
    pub fn end(&mut self, now: Timestamp, settled: &mut Vec<Slice>) {
        self.pass_to(self.grid.number(now));
        self.forget_suspicions();
        self.settle(settled);
    }

    /// Whether the current slice was good so far and nothing else, and nothing before it waits to be settled.
    fn is_plainly_good(&self) -> bool {
        let Marks { looked, bad, suspect, held, good } = self.marks;
        looked
            && good
            && !(bad || suspect || held)
            && self.suspects.is_empty()
            && self.waiting.is_empty()
    }

    fn hear(&mut self, stands: Stands) {
        let at = stands.at.max(self.stands.at);
        self.stands = Stands { at, ..stands };
    }

    fn slice_of(&self, began: Timestamp) -> i64 {
        let number = self.grid.number(began);
        let before = number - 1;
        let nothing_before =
            before > self.current || (before == self.current && !self.marks.looked);
        let is_late =
            nothing_before && self.grid.lasted(began).saturating_mul(4) < self.grid.length();
        if is_late { before } else { number }
    }

    /// Ends the current slice and those without a look up to `number`, which becomes the current one.
    fn pass_to(&mut self, number: i64) {
        if number <= self.current {
            return;
        }
        let marks = std::mem::take(&mut self.marks);
        let first = self.current;
        self.current = number;
        let verdict = match marks {
            Marks { bad: true, .. } => Some(Verdict::Bad),
            Marks { suspect: true, .. } => None,
            Marks { held: true, .. } => Some(Verdict::Maintenance),
            Marks { good: true, .. } => Some(Verdict::Good),
            _ => return self.pass_unseen(first, number),
        };
        self.push(Run { verdict, first, end: first + 1 });
        self.pass_unseen(first + 1, number);
    }

    /// Slices of which no look told anything: they are as it stood, as far as that was heard of.
    fn pass_unseen(&mut self, first: i64, end: i64) {
        if first >= end {
            return;
        }
        let Stands { down, held, at } = self.stands;
        let heard = at.checked_add(SignedDuration::from_millis(self.grid.length()));
        let known = heard.map_or(end, |heard| self.grid.number(heard) + 1).clamp(first, end);
        let stood = match (held, down) {
            (true, _) => Verdict::Maintenance,
            (false, true) => Verdict::Bad,
            (false, false) => Verdict::Unknown,
        };
        self.push(Run { verdict: Some(stood), first, end: known });
        self.push(Run { verdict: Some(Verdict::Unknown), first: known, end });
    }

    fn push(&mut self, run: Run) {
        if run.first >= run.end {
            return;
        }
        match self.waiting.back_mut().filter(|last| last.verdict == run.verdict) {
            Some(last) => last.end = run.end,
            None => self.waiting.push_back(run),
        }
    }

    /// Everything from the first failed result on was bad, but for what was declared.
    fn goes_down(&mut self, held: bool) {
        self.marks.bad |= !held;
        let Some(first) = self.suspects.front().map(|suspect| suspect.slice) else { return };
        self.suspects.clear();
        // What failed in this slice was not declared, even if the proof of it came in a time that was.
        self.marks.bad |= self.marks.suspect;
        for run in std::mem::take(&mut self.waiting) {
            let is_bad = run.verdict != Some(Verdict::Maintenance);
            let split = if is_bad { first.clamp(run.first, run.end) } else { run.end };
            self.push(Run { end: split, ..run });
            self.push(Run { verdict: Some(Verdict::Bad), first: split, end: run.end });
        }
    }

    /// Nobody will ever know whether it went down.
    fn forget_suspicions(&mut self) {
        let Some(first) = self.suspects.front().map(|suspect| suspect.slice) else { return };
        self.suspects.clear();
        self.marks.suspect = false;
        for run in std::mem::take(&mut self.waiting) {
            let unknown = run.verdict.is_none() && run.first >= first;
            let verdict = if unknown { Some(Verdict::Unknown) } else { run.verdict };
            self.push(Run { verdict, ..run });
        }
    }

    fn settle(&mut self, settled: &mut Vec<Slice>) {
        let limit = self.suspects.front().map_or(i64::MAX, |suspect| suspect.slice);
        while let Some(run) = self.waiting.front_mut().filter(|run| run.first < limit) {
            let end = run.end.min(limit);
            let (from, until) = (self.grid.begin(run.first), self.grid.begin(end));
            let verdict = run.verdict.unwrap_or(Verdict::Good);
            run.first = end;
            if run.first == run.end {
                self.waiting.pop_front();
            }
            add(settled, Slice { verdict, from, until });
        }
    }
}

/// Adds one to those that are settled, or makes the last of them longer.
fn add(settled: &mut Vec<Slice>, slice: Slice) {
    match settled
        .last_mut()
        .filter(|last| last.verdict == slice.verdict && last.until == slice.from)
    {
        Some(last) => last.until = slice.until,
        None => settled.push(slice),
    }
}
