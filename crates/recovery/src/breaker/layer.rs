//! A breaker around any service of `tower` (feature `tower`).
//!
//! Leave is asked for when a request is sent, not when the service is polled for readiness: who polls may never send. A
//! response future that is dropped, by a timeout above or a caller that went away, takes the inner one with it, so that the
//! work ends too (B17), and says nothing of the peer; a timeout that is to count belongs below this layer.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Instant;
//!
//! use evenkeel_moment::Moment;
//! use evenkeel_recovery::breaker::layer::BreakerLayer;
//! use evenkeel_recovery::breaker::{Config, Draft, SharedBreaker};
//!
//! let start = Instant::now();
//! let clock = move || Moment::since_origin(start.elapsed());
//! let breaker = Arc::new(SharedBreaker::new(Config::try_new(Draft::default())?, clock()));
//! let layer = BreakerLayer::new(breaker, clock);
//! # let _ = layer;
//! # Ok::<(), evenkeel_recovery::breaker::ConfigError>(())
//! ```

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use evenkeel_moment::Moment;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::{Rejected, SharedBreaker, SharedPermit, Verdict};

/// Says what a result means for the breaker.
pub trait Judge<R, E> {
    /// Success, failure, or nothing.
    fn judge(&self, result: &Result<R, E>) -> Verdict;
}

/// Errors are failures, whatever they are, and responses successes.
#[derive(Debug, Clone, Copy, Default)]
pub struct ErrorsFail;

/// Puts a breaker around services; all of them share it.
#[derive(Debug, Clone)]
pub struct BreakerLayer<C, J = ErrorsFail> {
    breaker: Arc<SharedBreaker>,
    clock: C,
    judge: J,
}

/// A service behind a breaker.
#[derive(Debug, Clone)]
pub struct BreakerService<S, C, J = ErrorsFail> {
    inner: S,
    layer: BreakerLayer<C, J>,
}

/// Why there is no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// The breaker refused: the service was not asked.
    #[error("the service was not asked")]
    Rejected(#[source] Rejected),
    /// The service was asked, or was not ready to be.
    #[error("the service failed")]
    Inner(#[source] E),
}

pin_project! {
    /// The response of a [`BreakerService`].
    pub struct ResponseFuture<F, C, J> {
        #[pin]
        inner: Option<F>,
        leave: Option<Result<SharedPermit<Arc<SharedBreaker>>, Rejected>>,
        clock: C,
        judge: J,
    }
}

impl<R, E> Judge<R, E> for ErrorsFail {
    fn judge(&self, result: &Result<R, E>) -> Verdict {
        if result.is_ok() { Verdict::Success } else { Verdict::Failure }
    }
}

impl<R, E, F: Fn(&Result<R, E>) -> Verdict> Judge<R, E> for F {
    fn judge(&self, result: &Result<R, E>) -> Verdict {
        self(result)
    }
}

impl<C: Fn() -> Moment> BreakerLayer<C> {
    /// A layer that tells `breaker` of every response (success) and every error (failure). `clock` must not go back.
    pub const fn new(breaker: Arc<SharedBreaker>, clock: C) -> Self {
        Self { breaker, clock, judge: ErrorsFail }
    }
}

impl<C, J> BreakerLayer<C, J> {
    /// The same with another judge, such as a closure that takes a status of 500 for a failure.
    pub fn judged_by<K>(self, judge: K) -> BreakerLayer<C, K> {
        BreakerLayer { breaker: self.breaker, clock: self.clock, judge }
    }
}

impl<S, C: Clone, J: Clone> Layer<S> for BreakerLayer<C, J> {
    type Service = BreakerService<S, C, J>;

    fn layer(&self, inner: S) -> Self::Service {
        BreakerService { inner, layer: self.clone() }
    }
}

impl<S, Q, C, J> Service<Q> for BreakerService<S, C, J>
where
    S: Service<Q>,
    C: Fn() -> Moment + Clone,
    J: Judge<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = CallError<S::Error>;
    type Future = ResponseFuture<S::Future, C, J>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(CallError::Inner)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let BreakerLayer { breaker, clock, judge } = &self.layer;
        let leave = breaker.try_acquire_owned(clock());
        let inner = leave.is_ok().then(|| self.inner.call(request));
        ResponseFuture { inner, leave: Some(leave), clock: clock.clone(), judge: judge.clone() }
    }
}

impl<F, R, E, C, J> Future for ResponseFuture<F, C, J>
where
    F: Future<Output = Result<R, E>>,
    C: Fn() -> Moment,
    J: Judge<R, E>,
{
    type Output = Result<R, CallError<E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(inner) = this.inner.as_mut().as_pin_mut() {
            let result = ready!(inner.poll(context));
            // The work is over before its result counts: whoever gets the next leave does not meet its remains.
            this.inner.set(None);
            if let Some(Ok(permit)) = this.leave.take() {
                permit.end((this.clock)(), this.judge.judge(&result));
            }
            return Poll::Ready(result.map_err(CallError::Inner));
        }
        match this.leave.take() {
            Some(Err(rejected)) => Poll::Ready(Err(CallError::Rejected(rejected))),
            // Ready before: a future may do anything then, and waiting for ever is the least.
            Some(Ok(_)) | None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests;
