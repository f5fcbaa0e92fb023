//! The breaker for threads beside the pure one, and what only threads can do to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use proptest::prelude::*;

use super::laws::{Step, drafts, steps};
use super::*;

fn shared(draft: Draft) -> SharedBreaker {
    SharedBreaker::new(Config::try_new(draft).unwrap(), at(0))
}

fn shared_tripped(draft: Draft) -> SharedBreaker {
    let volume = draft.request_volume_threshold;
    let breaker = shared(draft);
    for _ in 0..volume {
        assert!(breaker.try_acquire(at(0)).unwrap().failure(at(0)));
    }
    assert_eq!(breaker.state(at(0)), BreakerState::Open);
    breaker
}

proptest! {
    #[test]
    fn it_does_step_by_step_what_the_pure_one_does(draft in drafts(), steps in steps()) {
        // An age is kept more coarsely here.
        let window = match draft.window {
            Window::Count { size, .. } => Window::Count { size, max_age: None },
            time @ Window::Time { .. } => time,
        };
        let draft = Draft { window, ..draft };
        let mut pure = breaker(draft.clone());
        let shared = shared(draft);
        let mut now = at(0);
        let mut permits = Vec::new();
        // Whether the time went by with a success that was told without the lock: the shared one has not seen it yet.
        let mut unseen = false;
        for step in steps {
            unseen = match step {
                Step::Success(_) => true,
                Step::Acquire | Step::Failure(_) | Step::Ignore(_) => false,
                Step::Lose(_) | Step::Wait(_) | Step::GoBack(_) => unseen,
            };
            let take = |permits: &mut Vec<_>, place: usize| {
                (!permits.is_empty()).then(|| permits.remove(place % permits.len()))
            };
            match step {
                Step::Acquire => match (pure.try_acquire(now), shared.try_acquire(now)) {
                    (Ok(ours), Ok(theirs)) => {
                        prop_assert_eq!(ours.kind(), theirs.kind());
                        permits.push((ours, theirs));
                    }
                    (Err(ours), Err(theirs)) => prop_assert_eq!(ours, theirs),
                    (ours, theirs) => prop_assert!(false, "{ours:?} and {theirs:?}"),
                },
                Step::Success(place) => if let Some((ours, theirs)) = take(&mut permits, place) {
                    prop_assert_eq!(pure.success(ours, now), theirs.success(now));
                },
                Step::Failure(place) => if let Some((ours, theirs)) = take(&mut permits, place) {
                    prop_assert_eq!(pure.failure(ours, now), theirs.failure(now));
                },
                Step::Ignore(place) => if let Some((ours, theirs)) = take(&mut permits, place) {
                    prop_assert_eq!(pure.ignore(ours, now), theirs.ignore(now));
                },
                // The pure one cannot notice a permit that is dropped; here that is the same as to ignore a trial
                // at the latest moment seen.
                Step::Lose(place) => if let Some((ours, theirs)) = take(&mut permits, place) {
                    match ours.kind() {
                        PermitKind::Normal => drop((ours, theirs)),
                        PermitKind::Trial if unseen => {
                            prop_assert_eq!(pure.ignore(ours, now), theirs.ignore(now));
                        }
                        PermitKind::Trial => {
                            pure.ignore(ours, pure.last_seen);
                            drop(theirs);
                        }
                    }
                },
                Step::Wait(millis) | Step::GoBack(millis) => {
                    now = now + Duration::from_millis(millis);
                }
            }
            prop_assert_eq!(pure.state(now), shared.state(now));
            prop_assert_eq!(pure.counts(now), shared.counts(now));
            prop_assert_eq!(pure.open_until(now), shared.open_until(now));
            prop_assert_eq!(pure.trials(now), shared.trials(now));
            prop_assert_eq!(pure.snapshot(now, 0), shared.snapshot(now, 0));
        }
        prop_assert_eq!(pure.stale_results(), shared.stale_results());
        // A late success is told so without the lock, so that what time has brought is noticed only by the next who asks.
        prop_assert_eq!(pure.try_acquire(now).is_ok(), shared.try_acquire(now).is_ok());
        let seen = |changes: Vec<Change>| changes.iter().map(|change| (change.at, change.to, change.reason)).collect::<Vec<_>>();
        prop_assert_eq!(seen(pure.drain_changes()), seen(shared.drain_changes()));
    }
}

#[test]
fn b1_of_many_threads_only_as_many_as_allowed_pass_while_it_is_half_open() {
    for most in [1, 3] {
        let breaker = shared_tripped(Draft {
            half_open_max_calls: most,
            half_open_successes: most,
            ..draft()
        });
        let (passed, start) = (AtomicUsize::new(0), Barrier::new(8));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    let permits: Vec<_> =
                        (0..100).filter_map(|_| breaker.try_acquire(at(30)).ok()).collect();
                    passed.fetch_add(permits.len(), Ordering::Relaxed);
                    // Not one ends before all have asked.
                    start.wait();
                });
            }
        });
        assert_eq!(passed.into_inner(), most as usize);
    }
}

#[test]
fn b5_no_thread_sees_a_state_with_the_deadline_of_another() {
    // It opens for 30 s at each of many moments; whoever is refused must be told a wait of the opening that refused it.
    let breaker = shared(Draft { request_volume_threshold: 1, ..draft() });
    let rounds = 2_000_u64;
    let clock = std::sync::atomic::AtomicU64::new(1_000);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let second = clock.load(Ordering::SeqCst);
                    if second >= 1_000 + rounds * 100 {
                        break;
                    }
                    let rejected =
                        breaker.try_acquire(at(second)).map(|permit| permit.ignore(at(second)));
                    if let Err(Rejected { retry_after, state }) = rejected {
                        assert_ne!(state, BreakerState::Isolated);
                        // The clock may have gone on by whole rounds since it was read.
                        let left = retry_after.unwrap();
                        assert!(left.as_secs().is_multiple_of(10) && !left.is_zero(), "{left:?}");
                        assert!(at(second) + left <= at(clock.load(Ordering::SeqCst) + 130));
                    }
                }
            });
        }
        for _ in 0..rounds {
            let second = clock.load(Ordering::SeqCst);
            if let Ok(permit) = breaker.try_acquire(at(second)) {
                permit.failure(at(second));
            }
            if let Ok(trial) = breaker.try_acquire(at(second + 60)) {
                trial.success(at(second + 60));
            }
            clock.fetch_add(100, Ordering::SeqCst);
        }
    });
}

#[test]
fn b12_no_success_of_many_threads_is_lost_or_counted_twice() {
    for window in
        [Window::Count { size: 10_000, max_age: None }, Window::Time { length: RESET, buckets: 10 }]
    {
        let breaker = shared(Draft { window, ..draft() });
        let threads = 4;
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for call in 0..2_000 {
                        let permit = breaker.try_acquire(at(1)).unwrap();
                        if call % 10 == 9 {
                            permit.failure(at(1));
                        } else {
                            permit.success(at(1));
                        }
                    }
                });
            }
        });
        let counts = Counts { results: threads * 2_000, failures: threads * 200, slow: 0 };
        assert_eq!(breaker.counts(at(1)), counts);
    }
}

#[test]
fn b2_a_trial_that_is_dropped_gives_its_place_back_at_once() {
    let breaker = Arc::new(shared_tripped(draft()));
    let cancelled = breaker.try_acquire_owned(at(30)).unwrap();
    assert_eq!(cancelled.kind(), PermitKind::Trial);
    assert!(breaker.try_acquire(at(30)).is_err());
    drop(cancelled);
    assert!(breaker.try_acquire(at(30)).unwrap().success(at(30)));
    assert_eq!(breaker.state(at(30)), BreakerState::Closed);
}

#[test]
fn b3_a_late_success_of_another_thread_is_told_so() {
    let breaker = shared(draft());
    let late = breaker.try_acquire(at(0)).unwrap();
    for _ in 0..4 {
        breaker.try_acquire(at(0)).unwrap().failure(at(0));
    }
    let trial = breaker.try_acquire(at(30)).unwrap();
    assert!(trial.success(at(30)));
    assert!(!late.success(at(31)));
    assert_eq!(breaker.stale_results(), 1);
    assert_eq!(breaker.counts(at(31)), Counts::default());
}

#[test]
fn with_compat_it_does_what_opossum_does_too() {
    let window = Window::Time { length: RESET, buckets: 10 };
    let breaker = shared(Draft { compat: Compat::Opossum, window, ..draft() });
    let begun: Vec<_> = (0..8).map(|_| breaker.try_acquire(at(0)).unwrap()).collect();
    // B12: eight have begun, so that the fourth failure is only half of them, and not more.
    for (number, permit) in begun.into_iter().enumerate().take(5) {
        assert_eq!(breaker.state(at(0)), BreakerState::Closed, "before failure {number}");
        permit.failure(at(0));
    }
    assert_eq!(breaker.state(at(0)), BreakerState::Open);
}

#[test]
fn commands_hold_for_all_threads_and_a_snapshot_survives() {
    let breaker = shared(draft());
    let early = breaker.try_acquire(at(0)).unwrap();
    breaker.force_open(at(0));
    assert_eq!(breaker.try_acquire(at(9_000)).unwrap_err().retry_after, None);
    assert!(!early.success(at(9_000)));
    breaker.force_closed(at(9_000));
    for _ in 0..20 {
        assert!(breaker.try_acquire(at(9_000)).unwrap().failure(at(9_000)));
        assert!(breaker.try_acquire(at(9_000)).unwrap().success(at(9_000)));
    }
    assert_eq!(breaker.state(at(9_000)), BreakerState::ForcedClosed);
    breaker.disable(at(9_000));
    assert_eq!(breaker.state(at(9_000)), BreakerState::Disabled);
    let config = Config::try_new(draft()).unwrap();
    let restored = SharedBreaker::restore(config, &breaker.snapshot(at(9_000), 0), at(0), 0);
    assert_eq!(restored.state(at(0)), BreakerState::Disabled);
    restored.reset(at(0));
    assert_eq!(restored.counts(at(0)), Counts::default());
    assert_eq!(restored.state(at(0)), BreakerState::Closed);
}
