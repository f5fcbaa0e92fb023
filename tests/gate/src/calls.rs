//! What is done for each call, delay, result and reading.

use std::hint::black_box;
use std::time::Duration;

use ::failsafe::CircuitBreaker as _;
use evenkeel_health::{Direction, Forecast, Health, Policy, Sample, Threshold};
use evenkeel_moment::Moment;
use evenkeel_recovery::backoff::RetryPlan;
use evenkeel_recovery::breaker::{Config, Draft, SharedBreaker};

use crate::counted_by_callgrind;

/// So far apart that steps of windows end now and then.
const PACE: Duration = Duration::from_micros(10);

fn moments(count: u32) -> impl Iterator<Item = Moment> {
    (0..count).map(|index| Moment::ORIGIN + PACE * index)
}

fn shared() -> SharedBreaker {
    let config = Config::try_new(Draft::default()).expect("the defaults are within bounds");
    SharedBreaker::new(config, Moment::ORIGIN)
}

pub(crate) fn breaker(calls: u32) {
    let breaker = shared();
    counted_by_callgrind(|| {
        for now in moments(calls) {
            let permit = black_box(&breaker).try_acquire(now).expect("it is closed");
            black_box(permit.success(now));
        }
    });
}

pub(crate) fn refusal(calls: u32) {
    let breaker = shared();
    while let Ok(permit) = breaker.try_acquire(Moment::ORIGIN) {
        permit.failure(Moment::ORIGIN);
    }
    counted_by_callgrind(|| {
        for now in moments(calls) {
            assert!(black_box(&breaker).try_acquire(now).is_err());
        }
    });
}

pub(crate) fn failsafe(calls: u32) {
    let backoff = failsafe::backoff::constant(Duration::from_hours(1));
    let policy = failsafe::failure_policy::consecutive_failures(10, backoff);
    let breaker = failsafe::Config::new().failure_policy(policy).build();
    counted_by_callgrind(|| {
        for _ in 0..calls {
            let _ = black_box(black_box(&breaker).call(|| Ok::<(), ()>(())));
        }
    });
}

pub(crate) fn recloser(calls: u32) {
    let breaker = recloser::Recloser::custom().closed_len(100).build();
    counted_by_callgrind(|| {
        for _ in 0..calls {
            let _ = black_box(black_box(&breaker).call(|| Ok::<(), ()>(())));
        }
    });
}

pub(crate) fn backoff(delays: u32) {
    let [initial, cap, floor] = [10, 300, 1].map(Duration::from_secs);
    let plan = RetryPlan::try_new(initial, 2.0, cap, 0.1, 8, floor).expect("within bounds");
    counted_by_callgrind(|| {
        for index in 0..delays {
            black_box(black_box(&plan).next(index % 8, 0.5));
        }
    });
}

/// Mostly good results, and every tenth time two bad ones in a row, so that states change.
pub(crate) fn health(results: u32) {
    let threshold = Threshold { failures: 2, within: 3 };
    let stale_after = Duration::from_mins(5);
    let policy = Policy::try_new(threshold, 2, Duration::ZERO, stale_after).expect("within bounds");
    let mut health = Health::new(policy, Moment::ORIGIN);
    counted_by_callgrind(|| {
        for (index, now) in moments(results).enumerate() {
            let sample = if index % 20 < 2 { Sample::Bad } else { Sample::Good };
            black_box(health.record(now, sample));
            black_box(health.state(now));
        }
    });
}

/// A level that goes up and down, as memory does that does not leak: no trend, which the agent finds nearly always.
pub(crate) fn forecast(readings: u32) {
    let window = Duration::from_hours(2);
    let mut forecast = Forecast::new(1e12, window, Direction::Rising);
    let at = |index: u32| Moment::ORIGIN + Duration::from_secs(10) * index;
    let value = |index: u32| 1e8 + 1e5 * f64::from(index % 40);
    for index in 0..1_000 {
        forecast.observe(at(index), value(index), None);
    }
    counted_by_callgrind(|| {
        for index in 1_000..1_000 + readings {
            black_box(forecast.observe(at(index), value(index), None));
        }
    });
}
