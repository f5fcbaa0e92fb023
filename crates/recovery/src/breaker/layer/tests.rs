use std::cell::Cell;
use std::future::{Pending, Ready, pending, ready};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use super::super::{BreakerState, Config, Draft};
use super::*;

/// Answers at once what it was asked to.
struct Echo;

impl Service<Result<u32, &'static str>> for Echo {
    type Response = u32;
    type Error = &'static str;
    type Future = Ready<Result<u32, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, answer: Result<u32, &'static str>) -> Self::Future {
        ready(answer)
    }
}

/// Never answers; says whether its work is still there.
struct Stuck(Rc<()>);

struct Work {
    _alive: Rc<()>,
    never: Pending<Result<u32, &'static str>>,
}

impl Future for Work {
    type Output = Result<u32, &'static str>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.never).poll(context)
    }
}

impl Service<()> for Stuck {
    type Response = u32;
    type Error = &'static str;
    type Future = Work;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Err("not ready"))
    }

    fn call(&mut self, (): ()) -> Work {
        Work { _alive: Rc::clone(&self.0), never: pending() }
    }
}

/// Opens at the second failure, for 30 s.
fn breaker() -> Arc<SharedBreaker> {
    let config =
        Config::try_new(Draft { request_volume_threshold: 2, ..Draft::default() }).unwrap();
    Arc::new(SharedBreaker::new(config, Moment::ORIGIN))
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn answer<S, Q>(service: &mut S, request: Q) -> Result<S::Response, S::Error>
where
    S: Service<Q>,
{
    match poll(std::pin::pin!(service.call(request))) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("no answer"),
    }
}

#[test]
fn errors_open_it_and_a_good_trial_closes_it() {
    let now = Rc::new(Cell::new(Moment::ORIGIN));
    let clock = {
        let now = Rc::clone(&now);
        move || now.get()
    };
    let breaker = breaker();
    let mut service = BreakerLayer::new(Arc::clone(&breaker), clock).layer(Echo);
    assert_eq!(answer(&mut service, Ok(7)), Ok(7));
    assert_eq!(answer(&mut service, Err("bad")), Err(CallError::Inner("bad")));
    let refused = answer(&mut service, Ok(8)).unwrap_err();
    let wait = Duration::from_secs(30);
    let rejected = Rejected { retry_after: Some(wait), state: BreakerState::Open };
    assert_eq!(refused, CallError::Rejected(rejected));
    now.set(Moment::ORIGIN + wait);
    assert_eq!(answer(&mut service, Ok(9)), Ok(9));
    assert_eq!(breaker.state(now.get()), BreakerState::Closed);
}

#[test]
fn a_judge_of_ones_own_decides_what_fails() {
    let breaker = breaker();
    let judge = |result: &Result<u32, &'static str>| match result {
        Ok(status) if *status >= 500 => Verdict::Failure,
        Ok(_) => Verdict::Success,
        Err(_) => Verdict::Ignore,
    };
    let layer = BreakerLayer::new(Arc::clone(&breaker), || Moment::ORIGIN).judged_by(judge);
    let mut service = layer.layer(Echo);
    for request in [Err("cancelled"), Ok(200), Ok(503), Err("cancelled")] {
        let _ = answer(&mut service, request);
    }
    assert_eq!(breaker.state(Moment::ORIGIN), BreakerState::Open);
}

#[test]
fn b17_a_call_that_is_given_up_ends_its_work_and_frees_its_trial() {
    let breaker = breaker();
    for _ in 0..2 {
        breaker.try_acquire(Moment::ORIGIN).unwrap().failure(Moment::ORIGIN);
    }
    let due = Moment::ORIGIN + Duration::from_secs(30);
    let alive = Rc::new(());
    let mut service =
        BreakerLayer::new(Arc::clone(&breaker), move || due).layer(Stuck(Rc::clone(&alive)));
    let mut given_up = Box::pin(service.call(()));
    assert!(poll(given_up.as_mut()).is_pending());
    assert_eq!((Rc::strong_count(&alive), breaker.trials(due)), (3, 1));
    drop(given_up);
    assert_eq!((Rc::strong_count(&alive), breaker.trials(due)), (2, 0));
    assert_eq!(breaker.state(due), BreakerState::HalfOpen);
}

#[test]
fn b16_a_service_that_is_not_ready_uses_no_leave() {
    let breaker = breaker();
    let mut service =
        BreakerLayer::new(Arc::clone(&breaker), || Moment::ORIGIN).layer(Stuck(Rc::new(())));
    let readiness = service.poll_ready(&mut Context::from_waker(Waker::noop()));
    assert_eq!(readiness, Poll::Ready(Err(CallError::Inner("not ready"))));
    assert_eq!(breaker.counts(Moment::ORIGIN).results, 0);
}
