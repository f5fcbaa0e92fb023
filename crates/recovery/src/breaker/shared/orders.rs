//! Every order of the steps of two threads, by loom: T8 with T9, and T12 against T13 and against a late result.

use std::time::Duration;

use evenkeel_moment::Moment;
use loom::sync::Arc;
use loom::thread;

use super::*;
use crate::breaker::{Draft, Window};

fn at(seconds: u64) -> Moment {
    Moment::since_origin(Duration::from_secs(seconds))
}

/// Opens at the second failure, for 30 s.
fn breaker(half_open_max_calls: u32) -> SharedBreaker {
    let draft = Draft {
        request_volume_threshold: 2,
        window: Window::Count { size: 4, max_age: None },
        half_open_max_calls,
        ..Draft::default()
    };
    SharedBreaker::new(Config::try_new(draft).unwrap(), at(0))
}

fn fail(breaker: &SharedBreaker, now: Moment) {
    breaker.try_acquire(now).unwrap().failure(now);
}

fn tripped(half_open_max_calls: u32) -> Arc<SharedBreaker> {
    let breaker = breaker(half_open_max_calls);
    fail(&breaker, at(0));
    fail(&breaker, at(0));
    Arc::new(breaker)
}

/// Runs both at once and returns what each gave.
fn race<A, B>(
    breaker: &Arc<SharedBreaker>,
    first: impl FnOnce(&SharedBreaker) -> A + 'static,
    second: impl FnOnce(&SharedBreaker) -> B,
) -> (A, B)
where
    A: 'static,
{
    let there = Arc::clone(breaker);
    let first = thread::spawn(move || first(&there));
    let second = second(breaker);
    (first.join().unwrap(), second)
}

#[test]
fn t8_and_t9_two_that_come_at_the_deadline_get_one_trial() {
    loom::model(|| {
        let breaker = tripped(1);
        // A permit is held until both have asked: neither may find the place free again.
        let ask =
            |breaker: &SharedBreaker| breaker.try_acquire(at(30)).map(std::mem::forget).is_ok();
        let (first, second) = race(&breaker, ask, ask);
        assert!(first != second, "{first} and {second}");
        assert_eq!(breaker.state(at(30)), BreakerState::HalfOpen);
        assert_eq!(breaker.trials(at(30)), 1);
    });
}

#[test]
fn t12_and_t13_the_first_of_two_trials_decides_and_the_other_is_late() {
    loom::model(|| {
        let breaker = tripped(2);
        let [good, bad] = [0; 2].map(|_| breaker.ticket(at(30)).unwrap());
        let end = |breaker: &SharedBreaker, permit, verdict| breaker.judge(permit, at(31), verdict);
        let (good, bad) = race(
            &breaker,
            move |breaker| end(breaker, good, Verdict::Success),
            |breaker| end(breaker, bad, Verdict::Failure),
        );
        assert!(good != bad, "{good} and {bad}");
        let expected = if good { BreakerState::Closed } else { BreakerState::Open };
        assert_eq!(breaker.state(at(31)), expected);
        assert_eq!(breaker.stale_results(), 1);
    });
}

#[test]
fn t5_a_late_success_beside_a_trial_that_closes_never_counts() {
    loom::model(|| {
        let breaker = breaker(1);
        let late = breaker.ticket(at(0)).unwrap();
        fail(&breaker, at(0));
        fail(&breaker, at(0));
        let trial = breaker.ticket(at(30)).unwrap();
        let breaker = Arc::new(breaker);
        let (late, closed) = race(
            &breaker,
            move |breaker| breaker.judge(late, at(31), Verdict::Success),
            |breaker| breaker.judge(trial, at(31), Verdict::Success),
        );
        assert!(!late && closed);
        assert_eq!(breaker.counts(at(31)), Counts::default());
    });
}

#[test]
fn t2_and_t3_a_success_beside_a_failure_is_counted_once() {
    loom::model(|| {
        let breaker = Arc::new(breaker(1));
        let (passed, failed) = [0; 2].map(|_| breaker.ticket(at(0)).unwrap()).into();
        let (good, bad) = race(
            &breaker,
            move |breaker| breaker.judge(passed, at(1), Verdict::Success),
            |breaker| breaker.judge(failed, at(1), Verdict::Failure),
        );
        assert!(good && bad);
        let counts = breaker.counts(at(1));
        match breaker.state(at(1)) {
            BreakerState::Closed => assert_eq!((counts.results, counts.failures), (2, 1)),
            // Success first, then one failure of two: that is half.
            state => assert_eq!((state, counts), (BreakerState::Open, Counts::default())),
        }
    });
}

#[test]
fn t4_no_result_of_the_state_that_is_left_is_in_the_next_one() {
    loom::model(|| {
        let breaker = breaker(1);
        fail(&breaker, at(0));
        let (passed, failed) = [0; 2].map(|_| breaker.ticket(at(0)).unwrap()).into();
        let breaker = Arc::new(breaker);
        race(
            &breaker,
            move |breaker| breaker.judge(passed, at(1), Verdict::Success),
            |breaker| breaker.judge(failed, at(1), Verdict::Failure),
        );
        assert_eq!(breaker.state(at(1)), BreakerState::Open);
        breaker.try_acquire(at(31)).unwrap().success(at(31));
        assert_eq!(breaker.state(at(31)), BreakerState::Closed);
        assert_eq!(breaker.counts(at(31)), Counts::default());
    });
}
