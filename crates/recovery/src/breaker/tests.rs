use std::time::Duration;

use evenkeel_moment::Moment;

use super::*;

mod defects;
mod laws;
mod opossum;
mod shared;
mod slow;
mod transitions;

pub(super) const RESET: Duration = Duration::from_secs(30);

pub(super) fn at(seconds: u64) -> Moment {
    Moment::since_origin(Duration::from_secs(seconds))
}

/// Opens at 50 % of at least 4 results among the last 10, for 30 s; one trial of at most 30 s.
pub(super) fn draft() -> Draft {
    Draft {
        request_volume_threshold: 4,
        window: Window::Count { size: 10, max_age: None },
        ..Draft::default()
    }
}

pub(super) fn breaker(draft: Draft) -> Breaker {
    Breaker::new(Config::try_new(draft).unwrap(), at(0))
}

pub(super) fn succeed(breaker: &mut Breaker, now: Moment) {
    let permit = breaker.try_acquire(now).unwrap();
    assert!(breaker.success(permit, now));
}

pub(super) fn fail(breaker: &mut Breaker, now: Moment) {
    let permit = breaker.try_acquire(now).unwrap();
    assert!(breaker.failure(permit, now));
}

/// A breaker that tripped at second 0, with `draft`'s settings.
pub(super) fn tripped(draft: Draft) -> Breaker {
    let volume = draft.request_volume_threshold;
    let mut breaker = breaker(draft);
    for _ in 0..volume {
        fail(&mut breaker, at(0));
    }
    assert_eq!(breaker.state(at(0)), BreakerState::Open);
    breaker
}
