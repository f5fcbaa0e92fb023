//! `slow_call`: calls that take too long.

use super::*;

const THRESHOLD: Duration = Duration::from_secs(2);

/// Opens when half of at least 4 calls took more than 2 s.
fn watched() -> Draft {
    Draft { slow_call: Some(SlowCall { threshold: THRESHOLD, rate: 50 }), ..draft() }
}

fn succeed_after(breaker: &mut Breaker, start: u64, took: Duration) {
    let permit = breaker.try_acquire(at(start)).unwrap();
    assert!(breaker.success(permit, at(start) + took));
}

#[test]
fn slow_successes_open_it_exactly_at_their_share_and_the_volume() {
    let mut breaker = breaker(watched());
    let slow = THRESHOLD + Duration::from_nanos(1);
    succeed_after(&mut breaker, 0, slow);
    succeed_after(&mut breaker, 10, THRESHOLD);
    succeed_after(&mut breaker, 20, THRESHOLD);
    assert_eq!(breaker.state(at(30)), BreakerState::Closed);
    succeed_after(&mut breaker, 30, slow);
    assert_eq!(breaker.state(at(33)), BreakerState::Open);
    let counts = Counts { results: 4, failures: 0, slow: 2 };
    assert_eq!(breaker.drain_changes()[0].reason, Reason::TooSlow(counts));
}

#[test]
fn a_quick_success_does_not_open_it_even_when_it_completes_the_volume() {
    let mut breaker = breaker(watched());
    for start in [0, 10, 20] {
        succeed_after(&mut breaker, start, THRESHOLD * 2);
    }
    succeed_after(&mut breaker, 30, Duration::ZERO);
    assert_eq!(breaker.state(at(30)), BreakerState::Closed);
}

#[test]
fn a_slow_failure_counts_as_both() {
    let mut breaker = breaker(watched());
    let permit = breaker.try_acquire(at(0)).unwrap();
    assert!(breaker.failure(permit, at(3)));
    assert_eq!(breaker.counts(at(3)), Counts { results: 1, failures: 1, slow: 1 });
}

#[test]
fn a_slow_trial_opens_it_again() {
    let mut breaker = tripped(watched());
    succeed_after(&mut breaker, 30, THRESHOLD * 2);
    assert_eq!(breaker.open_until(at(34)), Some(at(64)));
    let last = breaker.drain_changes().pop().unwrap();
    assert_eq!((last.to, last.reason), (BreakerState::Open, Reason::TrialSlow));
    succeed_after(&mut breaker, 64, THRESHOLD);
    assert_eq!(breaker.state(at(66)), BreakerState::Closed);
}

#[test]
fn without_the_setting_nothing_is_slow() {
    let mut breaker = breaker(draft());
    for start in 0..10 {
        succeed_after(&mut breaker, start * 1_000, Duration::from_mins(15));
    }
    assert_eq!(breaker.counts(at(10_000)), Counts { results: 10, failures: 0, slow: 0 });
}

#[test]
fn its_share_and_threshold_have_bounds() {
    for (key, slow_call) in [
        ("slow_call.rate", SlowCall { threshold: THRESHOLD, rate: 0 }),
        ("slow_call.rate", SlowCall { threshold: THRESHOLD, rate: 101 }),
        ("slow_call.threshold", SlowCall { threshold: Duration::ZERO, rate: 50 }),
    ] {
        let refused = Config::try_new(Draft { slow_call: Some(slow_call), ..draft() });
        assert_eq!(refused.unwrap_err().key, key);
    }
}

#[test]
fn a_call_counts_by_its_own_clock_where_its_result_had_to_wait() {
    let mut breaker = breaker(Draft { request_volume_threshold: 1, ..watched() });
    let permit = breaker.try_acquire(at(0)).unwrap();
    assert!(breaker.success(permit.that_took(THRESHOLD, at(60)), at(60)));
    assert_eq!(breaker.state(at(60)), BreakerState::Closed);
    let permit = breaker.try_acquire(at(60)).unwrap();
    let slow = THRESHOLD + Duration::from_nanos(1);
    assert!(breaker.success(permit.that_took(slow, at(61)), at(61)));
    assert_eq!(breaker.state(at(61)), BreakerState::Open);
}
