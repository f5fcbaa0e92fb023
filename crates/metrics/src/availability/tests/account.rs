use std::time::Duration;

use proptest::prelude::*;

use super::at;
use crate::availability::{Account, Counts, Promise, Slice, Verdict};

const LENGTH: i64 = 10;
const WINDOW: i64 = 50;

fn promise() -> Promise {
    Promise {
        objective: "0.9".parse().expect("a decimal"),
        window: Duration::from_secs((WINDOW * LENGTH).unsigned_abs()),
        slice: Duration::from_secs(LENGTH.unsigned_abs()),
        exclude_unknown_up_to: Promise::EXCLUDE_UNKNOWN_UP_TO,
        min_bad: Promise::MIN_BAD,
    }
}

/// Slices by their letters, from slice `first` on.
fn add(account: &mut Account, first: i64, letters: &str) {
    for (number, letter) in (first..).zip(letters.chars()) {
        let verdict = match letter {
            'g' => Verdict::Good,
            'B' => Verdict::Bad,
            'm' => Verdict::Maintenance,
            'u' => Verdict::Unknown,
            _ => continue,
        };
        let (from, until) = (at(number * LENGTH), at((number + 1) * LENGTH));
        account.add(Slice { verdict, from, until });
    }
}

fn figures(letters: &str) -> crate::availability::Figures {
    let mut account = Account::new(promise());
    add(&mut account, 0, letters);
    account.figures(account.until().expect("slices"), Duration::ZERO)
}

#[test]
fn availability_is_good_slices_of_those_that_count() {
    let figures = figures(&("g".repeat(36) + "BBBB" + &"m".repeat(10)));
    assert_eq!(figures.availability.expect("slices").to_string(), "0.9");
    assert_eq!(figures.coverage.expect("slices").to_string(), "1");
    assert_eq!(figures.budget, Duration::from_secs(50));
    assert_eq!(
        (figures.used, figures.budget_left()),
        (Duration::from_secs(40), Duration::from_secs(10))
    );
    assert!((figures.budget_remaining() - 0.2).abs() < 1e-9);
}

#[test]
fn unknown_slices_are_left_out_only_up_to_the_share_that_is_stated() {
    let few = figures(&("g".repeat(48) + "uu"));
    assert_eq!(
        (few.unknown_as_bad, few.availability.expect("slices").to_string()),
        (0, "1".to_owned())
    );
    assert_eq!(few.coverage.expect("slices").to_string(), "0.96");
    let many = figures(&("g".repeat(40) + &"u".repeat(10)));
    assert_eq!(many.unknown_as_bad, 8, "5 % of 50 are 2");
    assert_eq!(many.used, Duration::from_secs(80));
    assert_eq!(format!("{:.3}", many.availability.expect("slices")), "0.833");
}

#[test]
fn what_lies_before_the_promise_is_unknown_but_nobodys_fault() {
    let young = figures("gggB");
    assert_eq!((young.counts.unknown, young.unknown_as_bad), (46, 0));
    assert_eq!(young.availability.expect("slices").to_string(), "0.75");
    assert_eq!(young.coverage.expect("slices").to_string(), "0.08");
    let mut account = Account::new(promise());
    account.began(at(-100 * LENGTH));
    add(&mut account, 0, "gggB");
    let old = account.figures(at(4 * LENGTH), Duration::ZERO);
    assert_eq!(old.unknown_as_bad, 44);
}

#[test]
fn time_in_which_no_agent_ran_is_unknown_and_a_short_wait_for_settling_is_not() {
    let mut account = Account::new(promise());
    add(&mut account, 0, "gggg");
    let settles = Duration::from_secs(20);
    let soon = account.counts(promise().window, at(6 * LENGTH), settles);
    assert_eq!(soon, Counts { good: 4, unknown: 46, ..Counts::default() });
    let late = account.counts(Duration::from_secs(100), at(14 * LENGTH), settles);
    assert_eq!(late, Counts { unknown: 10, ..Counts::default() });
}

#[test]
fn what_is_said_later_of_the_same_time_wins() {
    let mut account = Account::new(promise());
    add(&mut account, 0, "gggggggggg");
    add(&mut account, 5, "BB");
    let counts = account.counts(Duration::from_secs(70), at(7 * LENGTH), Duration::ZERO);
    assert_eq!(counts, Counts { good: 5, bad: 2, ..Counts::default() });
}

#[test]
fn slices_of_a_shorter_interval_count_by_their_time_and_a_bad_one_never_less() {
    let mut account = Account::new(promise());
    account.add(Slice { verdict: Verdict::Good, from: at(0), until: at(57) });
    account.add(Slice { verdict: Verdict::Bad, from: at(57), until: at(58) });
    account.add(Slice { verdict: Verdict::Good, from: at(58), until: at(100) });
    let counts = account.counts(Duration::from_secs(100), at(100), Duration::ZERO);
    assert_eq!(counts, Counts { good: 9, bad: 1, ..Counts::default() });
}

#[test]
fn an_account_of_what_changes_all_the_time_stays_small_and_loses_no_bad_slice() {
    let mut account = Account::new(Promise { window: Duration::from_hours(24 * 365), ..promise() });
    for number in 0..20_000 {
        add(&mut account, 2 * number, "gB");
    }
    assert!(account.slices().count() <= 2048);
    let window = Duration::from_secs(400_000);
    let counts = account.counts(window, account.until().expect("slices"), Duration::ZERO);
    assert_eq!(counts, Counts { good: 20_000, bad: 20_000, ..Counts::default() });
}

proptest! {
    #[test]
    fn a_window_holds_what_somebody_counts_slice_by_slice(letters in "[gBum.]{1,120}", window in 1..60_i64) {
        let mut account = Account::new(promise());
        add(&mut account, 0, &letters);
        let count = i64::try_from(letters.len()).expect("short");
        let now = at(count * LENGTH);
        let window = window.min(WINDOW);
        let last: Vec<_> = letters.chars().rev().take(usize::try_from(window)?).collect();
        let of = |wanted| last.iter().filter(|letter| **letter == wanted).count() as u64;
        let counts = account.counts(Duration::from_secs((window * LENGTH).unsigned_abs()), now, Duration::ZERO);
        prop_assert_eq!((counts.good, counts.bad, counts.maintenance), (of('g'), of('B'), of('m')));
        prop_assert_eq!(counts.all(), window.unsigned_abs());
    }

    #[test]
    fn figures_are_those_of_a_count_by_seconds(letters in "[gBum.]{1,120}") {
        let mut account = Account::new(promise());
        add(&mut account, 0, &letters);
        let count = i64::try_from(letters.len()).expect("short");
        let figures = account.figures(at(count * LENGTH), Duration::ZERO);
        // One letter for each second of the window, from its begin on.
        let began = letters.find(|letter| letter != '.').map(|first| i64::try_from(first).expect("short"));
        let mut seconds = [0_u64; 4];
        for second in (count - WINDOW) * LENGTH..count * LENGTH {
            let slice = second.div_euclid(LENGTH);
            if began.is_none_or(|began| slice < began) {
                continue;
            }
            let letter = usize::try_from(slice).ok().and_then(|slice| letters.as_bytes().get(slice));
            seconds[match letter { Some(b'g') => 0, Some(b'B') => 1, Some(b'm') => 2, _ => 3 }] += 1;
        }
        let length = LENGTH.unsigned_abs();
        let [good, bad, held, unknown] = seconds.map(|seconds| seconds / length);
        let excused = (good + bad + unknown) * 5 / 100;
        let counted_bad = bad + unknown.saturating_sub(excused);
        prop_assert_eq!(figures.used, Duration::from_secs(counted_bad * length));
        prop_assert_eq!(figures.counts.maintenance, held);
        let share = |part: u64, whole: u64| part.checked_mul(1_000_000).and_then(|part| part.checked_div(whole));
        let found = figures.availability.map(|share| share.of(1_000_000));
        let expected = share(good, good + counted_bad);
        prop_assert_eq!(expected.is_some(), found.is_some());
        prop_assert!(expected.zip(found).is_none_or(|(one, other)| one.abs_diff(other) <= 1));
    }
}
