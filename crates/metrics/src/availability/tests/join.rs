use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use crate::availability::{Join, Slice, Verdict};

const VERDICTS: [Verdict; 4] =
    [Verdict::Good, Verdict::Bad, Verdict::Unknown, Verdict::Maintenance];

/// Whole multiples of every length lie at 0.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("a time of day")
}

fn slice(verdict: Verdict, from: i64, until: i64) -> Slice {
    Slice { verdict, from: at(from), until: at(until) }
}

#[test]
fn one_bad_check_is_enough_and_a_slice_waits_for_all() {
    let intervals = [Duration::from_secs(30), Duration::from_mins(1)];
    let mut join = Join::new(&intervals, at(0));
    let mut settled = Vec::new();
    join.add(0, slice(Verdict::Good, 0, 120), &mut settled);
    assert_eq!(settled, []);
    join.add(1, slice(Verdict::Good, 0, 60), &mut settled);
    assert_eq!(settled, [slice(Verdict::Good, 0, 60)]);
    join.add(1, slice(Verdict::Bad, 60, 120), &mut settled);
    assert_eq!(settled, [slice(Verdict::Good, 0, 60), slice(Verdict::Bad, 60, 120)]);
}

#[test]
fn what_is_not_told_of_a_check_is_unknown() {
    let mut join = Join::new(&[Duration::from_secs(30)], at(0));
    let mut settled = Vec::new();
    join.add(0, slice(Verdict::Good, 60, 90), &mut settled);
    assert_eq!(settled, [slice(Verdict::Unknown, 0, 60), slice(Verdict::Good, 60, 90)]);
}

proptest! {
    #[test]
    fn each_slice_has_the_worst_verdict_of_the_seconds_in_it(
        intervals in proptest::collection::vec(1..12_u64, 1..4),
        lots in proptest::collection::vec(proptest::collection::vec(0..4_usize, 400), 4),
    ) {
        let end = 240_i64;
        let mut join = Join::new(&intervals.iter().copied().map(Duration::from_secs).collect::<Vec<_>>(), at(0));
        let mut seconds = vec![Verdict::Good; 240];
        let mut settled = Vec::new();
        for (check, (interval, lots)) in intervals.iter().zip(&lots).enumerate() {
            let length = i64::try_from(*interval).expect("short");
            for (number, lot) in (0..).zip(lots) {
                let (from, until) = (number * length, (number + 1) * length);
                if until > end {
                    break;
                }
                join.add(check, slice(VERDICTS[*lot], from, until), &mut settled);
                for second in &mut seconds[usize::try_from(from)?..usize::try_from(until)?] {
                    *second = second.and(VERDICTS[*lot]);
                }
            }
        }
        let length = i64::try_from(*intervals.iter().min().expect("some")).expect("short");
        let told: i64 = intervals.iter().map(|length| 240 / length * length).min().expect("some").try_into()?;
        for number in 0..told / length {
            let (from, until) = (number * length, (number + 1) * length);
            let worst = seconds[usize::try_from(from)?..usize::try_from(until)?].iter().copied().reduce(Verdict::and);
            let found = settled.iter().find(|slice| slice.from <= at(from) && at(until) <= slice.until);
            prop_assert_eq!(found.map(|slice| slice.verdict), worst, "slice {}", number);
        }
    }
}
