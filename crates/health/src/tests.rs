use std::time::Duration;

use evenkeel_moment::Moment;
use proptest::prelude::*;

use crate::{Hard, Health, Policy, Sample, State, Threshold, Transition};

const STALE_AFTER: Duration = Duration::from_secs(90);

fn at(seconds: u64) -> Moment {
    Moment::since_origin(Duration::from_secs(seconds))
}

fn policy(failures: u32, within: u32, successes: u32, grace: u64) -> Policy {
    let threshold = Threshold { failures, within };
    Policy::try_new(threshold, successes, Duration::from_secs(grace), STALE_AFTER).unwrap()
}

/// Runs samples written as letters, one each second, and gives the state after each as a letter:
/// `g`ood `d`egraded `b`ad `!` bad for sure `?` unknown; `U`nknown `+` up `S`uspect `D`own `R`ecovering `~` degraded.
fn states(policy: Policy, samples: &str) -> String {
    let mut health = Health::new(policy, at(0));
    let mut states = String::new();
    for (second, sample) in (1..).zip(samples.chars()) {
        let sample = match sample {
            'g' => Sample::Good,
            'd' => Sample::Degraded,
            'b' => Sample::Bad,
            '!' => Sample::BadForSure,
            _ => Sample::Unknown,
        };
        health.record(at(second), sample);
        states.push(match health.state(at(second)) {
            State::Unknown => 'U',
            State::Up => '+',
            State::Suspect { .. } => 'S',
            State::Down => 'D',
            State::Recovering { .. } => 'R',
            State::Degraded => '~',
        });
    }
    states
}

#[test]
fn three_failures_of_five_make_it_down_and_two_successes_in_a_row_make_it_up() {
    assert_eq!(states(policy(3, 5, 2, 0), "ggbbbgbgg"), "U+SSDRDR+");
}

#[test]
fn failures_that_are_not_in_a_row_are_found_too() {
    assert_eq!(states(policy(3, 5, 2, 0), "ggbgbgb"), "U+S+S+D");
}

#[test]
fn equal_numbers_mean_in_a_row() {
    assert_eq!(states(policy(3, 3, 1, 0), "gbgbbgbbb"), "+S+SS+SSD");
}

#[test]
fn one_of_one_needs_no_second_look() {
    assert_eq!(states(policy(1, 1, 1, 0), "gbgb"), "+D+D");
}

#[test]
fn a_degraded_result_is_good_for_thresholds_and_is_shown() {
    assert_eq!(states(policy(3, 5, 2, 0), "gddgbbbdd"), "U~~+SSDR~");
}

#[test]
fn unknown_results_count_for_nothing_and_reset_no_streak() {
    assert_eq!(states(policy(3, 3, 2, 0), "g?gb?b?b?g?g"), "UU+SSSSDDRR+");
}

#[test]
fn bad_for_sure_needs_no_counting() {
    assert_eq!(states(policy(3, 5, 1, 0), "g!!g"), "+DD+");
}

#[test]
fn failures_of_an_outage_that_is_over_do_not_help_to_make_the_next() {
    assert_eq!(states(policy(3, 5, 2, 0), "bbbggbbb"), "SSDR+SSD");
}

#[test]
fn within_the_grace_nothing_is_down_and_the_first_failure_after_it_is_enough_if_it_never_worked() {
    assert_eq!(states(policy(3, 5, 2, 5), "bbbbbb"), "SSSSDD");
    assert_eq!(states(policy(1, 1, 1, 3), "!!!!"), "SSDD");
}

#[test]
fn the_first_success_ends_the_grace() {
    assert_eq!(states(policy(2, 2, 1, 60), "bbgbb"), "SS+SD");
}

#[test]
fn up_takes_as_many_successes_after_a_start_as_after_an_outage() {
    assert_eq!(states(policy(3, 5, 3, 0), "gggbgg"), "UU+S++");
}

#[test]
fn without_a_result_for_the_stale_time_nothing_is_known_and_the_next_result_goes_on() {
    let mut health = Health::new(policy(1, 1, 1, 0), at(0));
    health.record(at(10), Sample::Bad);
    assert_eq!(health.hard(at(99)), Hard::Down);
    assert_eq!(health.next_stale(), at(100));
    assert_eq!((health.hard(at(100)), health.state(at(100))), (Hard::Unknown, State::Unknown));
    let stale = Transition { from: State::Down, to: State::Unknown };
    assert_eq!(health.poll(at(99)), None);
    assert_eq!(health.poll(at(100)), Some(stale));
    assert_eq!(health.poll(at(101)), None);
    let down = Transition { from: State::Unknown, to: State::Down };
    assert_eq!(health.record(at(200), Sample::Bad), Some(down));
}

#[test]
fn a_run_of_unknown_results_goes_stale_too() {
    let mut health = Health::new(policy(1, 1, 1, 0), at(0));
    health.record(at(0), Sample::Good);
    for second in [30, 60] {
        assert_eq!(health.record(at(second), Sample::Unknown), None);
    }
    let stale = Transition { from: State::Up, to: State::Unknown };
    assert_eq!(health.record(at(90), Sample::Unknown), Some(stale));
}

#[test]
fn probes_skipped_on_purpose_let_nothing_go_stale() {
    let mut health = Health::new(policy(1, 1, 1, 0), at(0));
    health.record(at(0), Sample::Bad);
    for skip in 1..100 {
        health.touch(at(skip * 30));
        assert_eq!(health.hard(at(skip * 30)), Hard::Down);
    }
    assert_eq!(health.next_stale(), at(99 * 30 + 90));
}

#[test]
fn a_skip_is_no_result_it_neither_refreshes_what_is_unknown_nor_revives_what_is_stale() {
    let mut health = Health::new(policy(1, 1, 1, 0), at(0));
    health.record(at(0), Sample::Good);
    // Half of the time unknown: only that half counts.
    for round in 0..3 {
        health.record(at(round * 60 + 30), Sample::Unknown);
        assert_eq!(health.hard(at(round * 60 + 30)) == Hard::Unknown, round == 2);
        health.touch(at(round * 60 + 60));
    }
    assert_eq!(health.hard(at(180)), Hard::Unknown);
}

#[test]
fn a_clock_that_steps_back_makes_nothing_stale_nor_panics() {
    let mut health = Health::new(policy(1, 1, 1, 0), at(1_000));
    health.record(at(1_000), Sample::Good);
    assert_eq!(health.record(at(0), Sample::Good), None);
    assert_eq!(health.state(at(0)), State::Up);
    assert_eq!(health.next_stale(), at(1_090));
}

#[test]
fn counts_are_told_with_the_state() {
    let mut health = Health::new(policy(3, 5, 2, 0), at(0));
    let told: Vec<State> = [Sample::Bad, Sample::Bad, Sample::Bad, Sample::Good]
        .into_iter()
        .zip(1..)
        .filter_map(|(sample, second)| health.record(at(second), sample))
        .map(|transition| transition.to)
        .collect();
    let suspect = |failures| State::Suspect { failures };
    assert_eq!(told, [suspect(1), suspect(2), State::Down, State::Recovering { successes: 1 }]);
}

fn samples() -> impl Strategy<Value = Vec<(u64, Sample)>> {
    let sample = prop_oneof![
        3 => Just(Sample::Good),
        1 => Just(Sample::Degraded),
        4 => Just(Sample::Bad),
        2 => Just(Sample::Unknown),
    ];
    prop::collection::vec((0..120u64, sample), 0..100)
}

fn policies() -> impl Strategy<Value = Policy> {
    (1..8u32, 0..8u32, 1..5u32, 0..300u64).prop_map(|(failures, more, successes, grace)| {
        policy(failures, failures + more, successes, grace)
    })
}

proptest! {
    #[test]
    fn it_only_goes_down_with_enough_failures_among_the_last_results(policy in policies(), samples in samples()) {
        let Threshold { failures, within } = policy.failure_threshold();
        let mut health = Health::new(policy, at(0));
        let (mut now, mut known) = (0, Vec::new());
        for (wait, sample) in samples {
            now += wait;
            // Of a stale state, the one underneath.
            let before = health.hard(Moment::ORIGIN);
            health.record(at(now), sample);
            if sample != Sample::Unknown { known.push(sample == Sample::Bad); }
            let bad = known.iter().rev().take(within as usize).filter(|bad| **bad).count();
            if health.hard(Moment::ORIGIN) == Hard::Down && before != Hard::Down {
                prop_assert!(bad >= failures as usize);
            }
            if bad == 0 && sample != Sample::Unknown && known.len() > within as usize {
                prop_assert_ne!(health.state(at(now)), State::Down);
            }
        }
    }

    #[test]
    fn a_good_result_never_makes_it_down_and_a_bad_one_never_up(policy in policies(), samples in samples()) {
        let mut health = Health::new(policy, at(0));
        let mut now = 0;
        for (wait, sample) in samples {
            now += wait;
            let before = health.clone();
            health.record(at(now), sample);
            // A stale state may come to light again with any result: what counts is the one underneath.
            let (before, after) = (before.hard(Moment::ORIGIN), health.hard(Moment::ORIGIN));
            match sample {
                Sample::Good | Sample::Degraded => prop_assert!(after != Hard::Down || before == Hard::Down),
                Sample::Bad | Sample::BadForSure => prop_assert!(after != Hard::Up || before == Hard::Up),
                Sample::Unknown => prop_assert_eq!(before, after),
            }
        }
    }

    #[test]
    fn what_is_stale_is_neither_down_nor_up(policy in policies(), samples in samples(), later in 0..1_000u64) {
        let mut health = Health::new(policy, at(0));
        let mut now = 0;
        for (wait, sample) in samples {
            now += wait;
            health.record(at(now), sample);
        }
        let later = health.next_stale() + Duration::from_secs(later);
        prop_assert_eq!((health.hard(later), health.state(later)), (Hard::Unknown, State::Unknown));
    }

    #[test]
    fn nothing_is_down_within_the_grace_before_it_was_ever_good(
        grace in 1..300u64, waits in prop::collection::vec(0..30u64, 0..50), sure: bool,
    ) {
        let mut health = Health::new(policy(1, 1, 1, grace), at(0));
        let mut now = 0;
        for wait in waits {
            now += wait;
            health.record(at(now), if sure { Sample::BadForSure } else { Sample::Bad });
            prop_assert_eq!(health.hard(at(now)) == Hard::Down, now >= grace);
        }
    }

    #[test]
    fn up_takes_its_successes_in_a_row(policy in policies(), samples in samples()) {
        let needed = policy.success_threshold();
        let mut health = Health::new(policy, at(0));
        let (mut now, mut row) = (0, 0);
        for (wait, sample) in samples {
            now += wait;
            let before = health.hard(Moment::ORIGIN);
            health.record(at(now), sample);
            match sample {
                Sample::Good | Sample::Degraded => row += 1,
                Sample::Bad | Sample::BadForSure => row = 0,
                Sample::Unknown => {}
            }
            if before != Hard::Up && health.hard(Moment::ORIGIN) == Hard::Up {
                prop_assert!(row >= needed);
            }
        }
    }

    #[test]
    fn soft_and_hard_states_agree_and_every_change_is_told(policy in policies(), samples in samples()) {
        let mut health = Health::new(policy, at(0));
        let (mut now, mut told) = (0, State::Unknown);
        for (wait, sample) in samples {
            now += wait;
            if let Some(transition) = health.record(at(now), sample) {
                prop_assert_eq!(transition.from, told);
                told = transition.to;
            }
            prop_assert_eq!(health.state(at(now)), told);
            let fits = match told {
                State::Unknown => health.hard(at(now)) == Hard::Unknown,
                State::Up | State::Degraded => health.hard(at(now)) == Hard::Up,
                State::Down | State::Recovering { .. } => health.hard(at(now)) == Hard::Down,
                State::Suspect { failures } => failures > 0 && health.hard(at(now)) != Hard::Down,
            };
            prop_assert!(fits);
        }
    }

    #[test]
    fn the_same_samples_give_the_same_health(policy in policies(), samples in samples()) {
        let run = || {
            let mut health = Health::new(policy.clone(), at(0));
            let mut now = 0;
            let told: Vec<_> = samples
                .iter()
                .map(|(wait, sample)| { now += wait; health.record(at(now), *sample) })
                .collect();
            (health, told)
        };
        prop_assert_eq!(run(), run());
    }
}
