//! Any number of stretches in as little as a strip shows of them.

use std::ops::Range;

use jiff::Timestamp;

use crate::strip::{COLUMNS, Stretch, Verdict, place};

/// So many are kept as they are, whatever they are like.
const KEPT: usize = 4 * COLUMNS;

/// Takes in stretches one by one and holds a bounded number, which make the same [`strip`](crate::strip()) as all of them: the same
/// columns, and the same time for each verdict.
///
/// Beyond a number that few strips reach, what lies within one column is only summed up there. A target that changed every second for
/// a month has two and a half million stretches; a page must not take the memory of them all.
#[derive(Debug)]
pub struct Folded {
    span: Range<Timestamp>,
    kept: Vec<Stretch>,
    /// Milliseconds of each verdict that lie within each column, in the order of [`Verdict::ALL`].
    within: Vec<[i64; Verdict::ALL.len()]>,
}

impl Folded {
    /// Nothing yet, for a strip of `span`.
    pub const fn new(span: Range<Timestamp>) -> Self {
        Self { span, kept: Vec::new(), within: Vec::new() }
    }

    /// Takes in one more, in any order.
    pub fn add(&mut self, stretch: Stretch) {
        let columns = place(&self.span, &stretch);
        // One that reaches over columns is itself among few, unless clocks were set back again and again.
        if self.kept.len() < KEPT || columns.len() > 1 {
            self.kept.push(stretch);
        } else if !columns.is_empty() {
            self.within.resize(COLUMNS, [0; Verdict::ALL.len()]);
            let (from, until) =
                (stretch.from.max(self.span.start), stretch.until.min(self.span.end));
            let verdict = Verdict::ALL.iter().position(|verdict| *verdict == stretch.verdict);
            self.within[columns.start][verdict.unwrap_or_default()] +=
                until.as_millisecond() - from.as_millisecond();
        }
    }

    /// The stretches to draw.
    pub fn stretches(mut self) -> Vec<Stretch> {
        let start = self.span.start.as_millisecond();
        let whole = self.span.end.as_millisecond() - start;
        let count = i64::try_from(COLUMNS).unwrap_or(i64::MAX);
        for (column, verdicts) in (0_i64..).zip(std::mem::take(&mut self.within)) {
            // The first and the last moment that are this column's alone.
            let mut at = (column * whole + count - 1) / count;
            let end = (column + 1) * whole / count;
            for (verdict, lasted) in Verdict::ALL.into_iter().zip(verdicts) {
                let until = (at + lasted).min(end);
                let moment = |millis: i64| Timestamp::from_millisecond(start + millis);
                if let (true, Ok(from), Ok(until)) = (at < until, moment(at), moment(until)) {
                    self.kept.push(Stretch { from, until, verdict });
                }
                at = until;
            }
        }
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::strip::columns;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + millis).unwrap()
    }

    fn lasted(stretches: &[Stretch], span: &Range<Timestamp>) -> [i64; 4] {
        Verdict::ALL.map(|verdict| {
            let of = stretches.iter().filter(|stretch| stretch.verdict == verdict);
            let millis = |stretch: &Stretch| {
                let (from, until) = (stretch.from.max(span.start), stretch.until.min(span.end));
                (until.as_millisecond() - from.as_millisecond()).max(0)
            };
            of.map(millis).sum()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_folded_makes_the_same_strip_and_is_bounded(
            lengths in proptest::collection::vec((1..400_i64, 0..4_usize), 1..6000),
            hours in 1..30_i64,
        ) {
            let span = at(0)..at(hours * 60_000);
            let mut begins = -5_000;
            let all: Vec<_> = lengths
                .iter()
                .map(|(length, verdict)| {
                    let from = begins;
                    begins += length;
                    Stretch { from: at(from), until: at(begins), verdict: Verdict::ALL[*verdict] }
                })
                .collect();
            let mut folded = Folded::new(span.clone());
            for stretch in &all {
                folded.add(*stretch);
            }
            let folded = folded.stretches();
            prop_assert!(folded.len() <= KEPT + COLUMNS * 5, "{}", folded.len());
            prop_assert_eq!(columns(&span, &folded), columns(&span, &all));
            prop_assert_eq!(lasted(&folded, &span), lasted(&all, &span));
        }
    }
}
