use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::at;
use crate::availability::{Seen, Slice, Slicer, Threshold, Verdict};

const INTERVAL: i64 = 30;

/// Looks at these seconds, then the end; a letter for each slice from the first on: good, BAD, unknown, maintenance.
fn slices(threshold: (u32, u32), looks: &[(i64, Seen)], end: i64) -> String {
    let held = |_| false;
    told(&run(threshold, looks, held, end), end / INTERVAL)
}

fn run(
    (failures, within): (u32, u32),
    looks: &[(i64, Seen)],
    held: impl Fn(i64) -> bool,
    end: i64,
) -> Vec<Slice> {
    let threshold = Threshold { failures, within };
    let mut slicer = Slicer::new(Duration::from_secs(INTERVAL.unsigned_abs()), threshold, at(0));
    let mut settled = Vec::new();
    let mut looks = looks.iter().peekable();
    let mut stands = Seen::Nothing;
    for second in 0..end {
        while let Some((_, seen)) = looks.next_if(|(began, _)| *began <= second) {
            stands = if *seen == Seen::Nothing { stands } else { *seen };
            slicer.look(at(second), *seen, held(second), &mut settled);
        }
        slicer.advance(at(second), stands, held(second), &mut settled);
    }
    slicer.end(at(end), &mut settled);
    settled
}

/// A letter for each slice; `.` where nothing was told.
fn told(settled: &[Slice], slices: i64) -> String {
    (0..slices)
        .map(|slice| {
            let (from, until) = (at(slice * INTERVAL), at((slice + 1) * INTERVAL));
            let mut here = settled.iter().filter(|one| one.from <= from && until <= one.until);
            let letter = here.next().map_or('.', |one| letter(one.verdict));
            assert!(here.next().is_none(), "told twice: {settled:?}");
            letter
        })
        .collect()
}

const fn letter(verdict: Verdict) -> char {
    match verdict {
        Verdict::Good => 'g',
        Verdict::Bad => 'B',
        Verdict::Unknown => 'u',
        Verdict::Maintenance => 'm',
    }
}

use Seen::{Down as D, Good as G, Nothing as N, Suspect as S};

#[test]
fn an_outage_counts_from_its_first_failed_result() {
    let looks = [(5, G), (35, S), (65, S), (95, D), (125, G), (155, G)];
    assert_eq!(slices((3, 3), &looks, 180), "gBBBgg");
}

#[test]
fn a_suspicion_that_does_not_come_true_was_good() {
    assert_eq!(slices((3, 3), &[(5, G), (35, S), (65, S), (95, G), (125, G)], 150), "ggggg");
}

#[test]
fn results_that_alternate_are_one_outage_from_the_first_that_counted_on() {
    // Down by three of five: the first failure is still among the last five results when the third comes.
    assert_eq!(slices((3, 5), &[(5, S), (35, G), (65, S), (95, G), (125, D)], 150), "BBBBB");
    // Three good ones among the last five: with the first failure it could not be three of five any more.
    let looks = [(5, S), (35, G), (65, G), (95, G), (125, S), (155, S), (185, D)];
    assert_eq!(slices((3, 5), &looks, 210), "ggggBBB");
}

#[test]
fn looks_that_come_closer_do_not_make_more_slices() {
    let looks = [(5, G), (35, S), (38, S), (41, D), (65, D), (68, D), (71, G), (95, G)];
    assert_eq!(slices((3, 3), &looks, 120), "gBBg");
}

#[test]
fn a_look_that_tells_nothing_is_unknown_and_a_missing_one_too() {
    assert_eq!(slices((3, 3), &[(10, G), (40, N), (70, G), (130, G)], 150), "gugug");
}

#[test]
fn what_is_down_stays_bad_until_it_is_known_to_be_up() {
    assert_eq!(slices((1, 1), &[(10, G), (40, D), (70, N), (160, G)], 180), "gBBBBg");
}

#[test]
fn a_look_that_is_late_by_a_quarter_of_an_interval_counts_for_the_slice_it_was_due_in() {
    assert_eq!(slices((1, 1), &[(29, G), (62, G), (91, G), (121, G)], 130), "gggg");
    assert_eq!(slices((1, 1), &[(29, G), (68, G), (99, G)], 120), "gugg");
}

#[test]
fn what_was_declared_is_maintenance_and_what_failed_before_it_is_not() {
    let held = |second| (70..130).contains(&second);
    let looks = [(5, G), (35, G), (75, D), (95, D), (125, D), (155, G)];
    assert_eq!(told(&run((1, 1), &looks, held, 180), 6), "ggmmmg");
    let looks = [(5, G), (35, S), (65, S), (95, D), (125, D), (155, G)];
    assert_eq!(
        told(&run((3, 3), &looks, held, 180), 6),
        "gBBmmg",
        "it had failed before it was declared"
    );
    let looks = [(5, G), (35, G), (75, D), (95, D), (125, D), (155, D)];
    assert_eq!(told(&run((1, 1), &looks, held, 180), 6), "ggmmmB", "the declared time is over");
}

#[test]
fn while_the_agent_sleeps_nothing_is_known_even_of_what_was_down() {
    let threshold = Threshold { failures: 1, within: 1 };
    let mut slicer = Slicer::new(Duration::from_secs(30), threshold, at(0));
    let mut settled = Vec::new();
    slicer.look(at(5), D, false, &mut settled);
    slicer.advance(at(6), D, false, &mut settled);
    // An hour later, without a word in between.
    slicer.look(at(3610), D, false, &mut settled);
    slicer.end(at(3630), &mut settled);
    let letters = told(&settled, 121);
    assert_eq!(letters.matches('B').count(), 3, "{letters}");
    assert_eq!(letters.matches('u').count(), 118, "{letters}");
}

#[test]
fn a_suspicion_that_nobody_can_look_into_is_unknown() {
    let threshold = Threshold { failures: 3, within: 3 };
    let mut slicer = Slicer::new(Duration::from_secs(30), threshold, at(0));
    let mut settled = Vec::new();
    slicer.look(at(5), G, false, &mut settled);
    slicer.look(at(35), S, false, &mut settled);
    slicer.advance(at(100), S, false, &mut settled);
    assert_eq!(told(&settled, 4), "g...");
    slicer.advance(at(150), N, false, &mut settled);
    assert_eq!(told(&settled, 4), "guuu");
}

/// The same by hand: every look knows what came after it.
fn model(
    (failures, within): (u32, u32),
    looks: &[(i64, Seen)],
    held: impl Fn(i64) -> bool,
    end: i64,
) -> String {
    let slice_count = end / INTERVAL;
    let mut verdicts = Vec::new();
    for slice in 0..slice_count {
        let here: Vec<_> = looks.iter().filter(|(began, _)| began / INTERVAL == slice).collect();
        let any = |wanted: &dyn Fn(&&&(i64, Seen)) -> bool| here.iter().any(|look| wanted(&look));
        verdicts.push(if any(&|(began, seen)| *seen == D && !held(*began)) {
            'B'
        } else if any(&|(began, seen)| *seen == S && !held(*began)) {
            'g'
        } else if any(&|(began, _)| held(*began)) {
            'm'
        } else if any(&|(_, seen)| *seen == G) {
            'g'
        } else {
            'u'
        });
    }
    for (place, (began, seen)) in looks.iter().enumerate() {
        if *seen != S || held(*began) {
            continue;
        }
        let (mut results, mut goods) = (1, 0);
        for (later, seen) in &looks[place + 1..] {
            match seen {
                D => {
                    for slice in began / INTERVAL..=later / INTERVAL {
                        let verdict = &mut verdicts[usize::try_from(slice).expect("not negative")];
                        let touched = slice == began / INTERVAL || *verdict != 'm';
                        if touched
                            && (slice < later / INTERVAL
                                || !held(*later)
                                || slice == began / INTERVAL)
                        {
                            *verdict = 'B';
                        }
                    }
                    break;
                }
                N => continue,
                S => results += 1,
                G => (results, goods) = (results + 1, goods + 1),
            }
            if goods > 0 && (results >= within || goods > within - failures) {
                break;
            }
        }
    }
    verdicts.into_iter().collect()
}

fn looks() -> impl Strategy<Value = Vec<(i64, Seen)>> {
    let seen = prop_oneof![4 => Just(G), 3 => Just(S), 2 => Just(D), 1 => Just(N)];
    // One look in each slice, not late, and sometimes a closer one.
    let in_a_slice = proptest::collection::vec((8..30_i64, seen), 1..3);
    proptest::collection::vec(in_a_slice, 1..40).prop_map(|slices| {
        let mut looks = Vec::new();
        for (slice, mut here) in (0..).zip(slices) {
            here.sort_by_key(|(offset, _)| *offset);
            here.dedup_by_key(|(offset, _)| *offset);
            looks.extend(here.into_iter().map(|(offset, seen)| (slice * INTERVAL + offset, seen)));
        }
        looks
    })
}

proptest! {
    #[test]
    fn slices_are_those_that_somebody_who_knows_the_future_would_count(
        looks in looks(),
        failures in 1..5_u32,
        more in 0..4_u32,
        held_from in 0..1200_i64,
        held_for in prop_oneof![Just(0), 1..200_i64],
    ) {
        let threshold = (failures, failures + more);
        let held = |second| (held_from..held_from + held_for).contains(&second);
        let slice_count = looks.last().map_or(0, |(began, _)| began / INTERVAL + 1);
        let (mut looks, end) = (end_well(looks, slice_count), (slice_count + 1) * INTERVAL);
        // A slice of which no look tells anything is as it stood; of what was held the model does not know that.
        for (_, seen) in looks.iter_mut().filter(|(_, seen)| *seen == N && held_for > 0) {
            *seen = G;
        }
        let settled = run(threshold, &looks, held, end);
        let expected = model(threshold, &looks, held, end);
        // Likewise of what was down.
        let (settled, expected): (String, String) = told(&settled, slice_count + 1)
            .chars()
            .zip(expected.chars())
            .filter(|(_, expected)| *expected != 'u')
            .unzip();
        prop_assert_eq!(settled, expected);
    }

    #[test]
    fn slices_follow_each_other_without_a_gap_and_never_twice(looks in looks(), end in 60..1500_i64) {
        let looks: Vec<_> = looks.into_iter().filter(|(began, _)| *began < end).collect();
        let settled = run((2, 3), &looks, |_| false, end);
        let mut until: Timestamp = at(0);
        for slice in &settled {
            prop_assert_eq!(slice.from, until);
            prop_assert!(slice.from < slice.until);
            until = slice.until;
        }
        prop_assert_eq!(until, at(end / INTERVAL * INTERVAL));
    }
}

/// With a last look that leaves no suspicion.
fn end_well(mut looks: Vec<(i64, Seen)>, slices: i64) -> Vec<(i64, Seen)> {
    looks.push((slices * INTERVAL + 10, D));
    looks
}
