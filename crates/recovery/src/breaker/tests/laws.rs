//! The invariants of docs/semantics.md, 2.2, over any settings and any sequence of calls.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Acquire,
    /// Ends the permit at this place among those that are out.
    Success(usize),
    Failure(usize),
    Ignore(usize),
    Lose(usize),
    Wait(u64),
    GoBack(u64),
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Acquire),
        2 => (0..8usize).prop_map(Step::Success),
        4 => (0..8usize).prop_map(Step::Failure),
        1 => (0..8usize).prop_map(Step::Ignore),
        1 => (0..8usize).prop_map(Step::Lose),
        2 => (0..40_000u64).prop_map(Step::Wait),
        1 => (0..40_000u64).prop_map(Step::GoBack),
    ];
    prop::collection::vec(step, 0..150)
}

pub(super) fn drafts() -> impl Strategy<Value = Draft> {
    let count = (10..30u32, prop::option::of(1..100u64)).prop_map(|(size, max_age)| {
        Window::Count { size, max_age: max_age.map(Duration::from_secs) }
    });
    let time = (1..100u64, 1..20u32).prop_map(|(length, buckets)| Window::Time {
        length: Duration::from_secs(length),
        buckets,
    });
    let window = prop_oneof![count, time];
    let slow_call = prop::option::of((1..20u64, 1..=100u32)).prop_map(|given| {
        given.map(|(threshold, rate)| SlowCall { threshold: Duration::from_secs(threshold), rate })
    });
    (1..=100u32, 1..10u32, 1..60u64, window, 1..4u32, 1..4u32, 1..60u64, 1..3u32, slow_call)
        .prop_map(
            |(
                error_threshold,
                volume,
                reset,
                window,
                max_calls,
                successes,
                lease,
                multiplier,
                slow_call,
            )| Draft {
                error_threshold,
                request_volume_threshold: volume,
                reset_timeout: Duration::from_secs(reset),
                window,
                half_open_max_calls: max_calls,
                half_open_successes: successes,
                trial_lease: Some(Duration::from_secs(lease)),
                call_timeout: Duration::ZERO,
                reset_multiplier: multiplier,
                reset_max: Duration::from_secs(100),
                slow_call,
                compat: Compat::None,
            },
        )
}

/// What a run of steps leaves, and what could be seen on the way.
struct Run {
    breaker: Breaker,
    now: Moment,
    trace: Vec<(BreakerState, bool)>,
}

/// What a clock does that is set back.
#[derive(Clone, Copy, PartialEq)]
enum Clock {
    StepsBack,
    /// Until it is as late again as the breaker has seen it.
    StandsStill,
}

fn run(
    draft: Draft,
    steps: &[Step],
    look: impl FnMut(&Breaker, &Breaker, Step, Moment, bool),
) -> Run {
    run_on(Clock::StepsBack, draft, steps, look)
}

/// Runs the steps; `look` sees the breaker before and after each, and whether the step was admitted or taken as current.
fn run_on(
    clock: Clock,
    draft: Draft,
    steps: &[Step],
    mut look: impl FnMut(&Breaker, &Breaker, Step, Moment, bool),
) -> Run {
    let mut breaker = breaker(draft);
    let mut stepping = at(1_000);
    let mut now = stepping;
    let mut permits = Vec::new();
    let mut trace = Vec::new();
    for step in steps.iter().copied() {
        let before = breaker.clone();
        let take = |permits: &mut Vec<Permit>, place: usize| {
            (!permits.is_empty()).then(|| permits.remove(place % permits.len()))
        };
        let took = match step {
            Step::Acquire => breaker.try_acquire(now).map(|permit| permits.push(permit)).is_ok(),
            Step::Success(place) => {
                take(&mut permits, place).is_some_and(|permit| breaker.success(permit, now))
            }
            Step::Failure(place) => {
                take(&mut permits, place).is_some_and(|permit| breaker.failure(permit, now))
            }
            Step::Ignore(place) => {
                take(&mut permits, place).is_some_and(|permit| breaker.ignore(permit, now))
            }
            Step::Lose(place) => take(&mut permits, place).is_some(),
            Step::Wait(millis) => {
                stepping = stepping + Duration::from_millis(millis);
                true
            }
            Step::GoBack(millis) => {
                stepping =
                    Moment::from_nanos(stepping.as_nanos().saturating_sub(millis * 1_000_000));
                true
            }
        };
        now = if clock == Clock::StandsStill { stepping.max(breaker.last_seen) } else { stepping };
        look(&before, &breaker, step, now, took);
        trace.push((breaker.state(now), took));
    }
    Run { breaker, now, trace }
}

/// All that decides what the breaker does next, at `now`.
fn essence(breaker: &Breaker, now: Moment) -> (BreakerState, Option<Moment>, Counts, usize, u32) {
    let failed_trials = breaker.snapshot(now, 0).failed_trials;
    (
        breaker.state(now),
        breaker.open_until(now),
        breaker.counts(now),
        breaker.trials(now),
        failed_trials,
    )
}

proptest! {
    #[test]
    fn trials_out_never_exceed_their_places(draft in drafts(), steps in steps()) {
        let most = draft.half_open_max_calls as usize;
        run(draft, &steps, |_, after, _, now, _| assert!(after.trials(now) <= most));
    }

    #[test]
    fn it_is_never_open_for_longer_than_the_longest_wait(draft in drafts(), steps in steps()) {
        let longest = draft.reset_max;
        run(draft, &steps, |_, after, _, now, _| {
            let now = now.max(after.last_seen);
            if let Some(until) = after.open_until(now) {
                assert!(until <= now + longest);
            }
        });
    }

    #[test]
    fn if_all_calls_succeed_it_closes_within_the_longest_wait_and_a_lease(draft in drafts(), steps in steps()) {
        let config = Config::try_new(draft.clone()).unwrap();
        let Run { mut breaker, now, .. } = run(draft, &steps, |_, _, _, _, _| ());
        let now = now.max(breaker.last_seen);
        let deadline = now + config.reset_max() + config.trial_lease();
        // Trials that the steps left out are lost; then each call that is admitted succeeds at once.
        let mut at = now;
        while breaker.state(at) != BreakerState::Closed && at < deadline {
            at = match breaker.try_acquire(at) {
                Ok(permit) => { breaker.success(permit, at); at }
                Err(rejected) => at + rejected.retry_after.unwrap(),
            };
        }
        while breaker.state(at) == BreakerState::HalfOpen && at == deadline {
            let permit = breaker.try_acquire(at).unwrap();
            breaker.success(permit, at);
        }
        prop_assert!(at <= deadline);
        prop_assert_eq!(breaker.state(at), BreakerState::Closed);
    }

    #[test]
    fn a_success_never_opens_it(draft in drafts(), steps in steps()) {
        // A slow one may: that is what `slow_call` is for.
        let draft = Draft { slow_call: None, ..draft };
        run(draft, &steps, |before, after, step, now, _| {
            if matches!(step, Step::Success(_)) && before.state(now) != BreakerState::Open {
                assert_ne!(after.state(now), BreakerState::Open);
            }
        });
    }

    #[test]
    fn too_few_results_never_open_it(draft in drafts(), steps in steps()) {
        let volume = draft.request_volume_threshold;
        run(draft, &steps, |before, after, step, now, _| {
            let closed = before.state(now) == BreakerState::Closed;
            if closed && matches!(step, Step::Failure(_) | Step::Success(_)) && before.counts(now).results + 1 < volume {
                assert_eq!(after.state(now), BreakerState::Closed);
            }
        });
    }

    #[test]
    fn a_refused_call_and_a_late_result_change_nothing(draft in drafts(), steps in steps()) {
        run(draft, &steps, |before, after, step, now, took| {
            if !took && !matches!(step, Step::Wait(_) | Step::GoBack(_)) {
                assert_eq!(essence(before, now), essence(after, now));
            }
        });
    }

    #[test]
    fn a_clock_that_steps_back_is_a_clock_that_stands_still(draft in drafts(), steps in steps()) {
        let standing = run_on(Clock::StandsStill, draft.clone(), &steps, |_, _, _, _, _| ());
        let stepping = run(draft, &steps, |_, _, _, _, _| ());
        prop_assert_eq!(standing.trace, stepping.trace);
        prop_assert_eq!(standing.breaker, stepping.breaker);
    }

    #[test]
    fn it_opens_only_by_enough_of_what_its_reason_names(draft in drafts(), steps in steps()) {
        let (volume, percent) = (draft.request_volume_threshold, draft.error_threshold);
        let slow_call = draft.slow_call;
        let mut breaker = run(draft, &steps, |_, _, _, _, _| ()).breaker;
        for change in breaker.drain_changes() {
            match change.reason {
                Reason::Tripped(counts) => prop_assert!(counts.results >= volume && counts.reach(percent)),
                Reason::TooSlow(counts) => {
                    prop_assert!(counts.results >= volume && counts.reach_slow(slow_call.unwrap().rate));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn looking_changes_nothing_that_follows(draft in drafts(), steps in steps(), looks in prop::collection::vec(0..100_000u64, 0..5)) {
        // Who asks, and how often, must not matter: an attempt that is refused is the most that a look can be.
        let Run { mut breaker, now, .. } = run(draft, &steps, |_, _, _, _, _| ());
        let unseen = breaker.clone();
        let mut now = now.max(breaker.last_seen);
        for look in looks {
            now = now + Duration::from_millis(look);
            if breaker.state(now) == BreakerState::Open {
                prop_assert!(breaker.try_acquire(now).is_err());
            }
            prop_assert_eq!(essence(&breaker, now), essence(&unseen, now));
        }
    }

    #[test]
    fn a_window_that_was_idle_for_its_length_is_empty(draft in drafts(), steps in steps()) {
        let length = match draft.window {
            Window::Count { max_age, .. } => max_age,
            Window::Time { length, .. } => Some(length),
        };
        let Run { breaker, now, .. } = run(draft, &steps, |_, _, _, _, _| ());
        if let Some(length) = length {
            let now = now.max(breaker.last_seen);
            prop_assert_eq!(breaker.counts(now + length), Counts::default());
        }
    }

    #[test]
    fn the_same_steps_leave_the_same_trace(draft in drafts(), steps in steps()) {
        let first = run(draft.clone(), &steps, |_, _, _, _, _| ());
        let second = run(draft, &steps, |_, _, _, _, _| ());
        prop_assert_eq!(first.trace, second.trace);
        prop_assert_eq!(first.breaker, second.breaker);
    }

    #[test]
    fn a_restored_breaker_waits_neither_shorter_nor_beyond_the_longest_wait(
        draft in drafts(), steps in steps(), wall in any::<i32>(), away in any::<i32>(),
    ) {
        let longest = draft.reset_max;
        let Run { breaker, now, .. } = run(draft, &steps, |_, _, _, _, _| ());
        let (wall, away) = (i64::from(wall), i64::from(away));
        let snapshot = breaker.snapshot(now, wall);
        let restored = Breaker::restore(breaker.config().clone(), &snapshot, at(0), wall + away);
        if let Some(until) = restored.open_until(at(0)) {
            prop_assert!(until <= at(0) + longest);
        }
        let now = now.max(breaker.last_seen);
        if let (Some(until), 0) = (breaker.open_until(now), away) {
            prop_assert!(restored.open_until(at(0)).unwrap().saturating_since(at(0)) >= until.saturating_since(now));
        }
    }

    #[test]
    fn the_time_window_holds_what_is_younger_than_its_length_less_a_step_and_nothing_older(
        results in prop::collection::vec((0..3_000u64, any::<bool>()), 0..60),
        buckets in 1..20u32,
    ) {
        let length = Duration::from_secs(10);
        let window = Window::Time { length, buckets };
        let mut breaker = breaker(Draft { window, request_volume_threshold: 1_000, ..draft() });
        let mut now = at(5);
        let mut all = Vec::new();
        for (wait, failed) in results {
            now = now + Duration::from_millis(wait);
            if failed { fail(&mut breaker, now) } else { succeed(&mut breaker, now) }
            all.push(now);
        }
        let step = length / buckets;
        let younger = |age: Duration| all.iter().filter(|at| now.saturating_since(**at) < age).count();
        let counted = breaker.counts(now).results as usize;
        prop_assert!(younger(length.saturating_sub(step)) <= counted && counted <= younger(length));
    }
}
