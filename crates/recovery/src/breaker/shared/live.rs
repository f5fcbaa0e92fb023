//! Successes that the core has not heard of yet.

use evenkeel_moment::Moment;

use super::super::machine::{Breaker, Mode};
use super::gate::{self, Gate};
use super::sync::{AtomicU64, Ordering, STRIPES, stripe};

const COUNT_BITS: u32 = 40;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const EPOCH: u64 = 1 << COUNT_BITS;

/// Successes in the order of nothing: within a step of the window they are all alike.
pub(super) struct Live {
    /// The end of the step of the window in which the batch began: a later success belongs to another batch.
    until: AtomicU64,
    /// When the batch began. Only under the core's lock.
    since: AtomicU64,
    stripes: [Stripe; STRIPES],
}

/// An epoch in the upper bits, which tells one batch from another, and successes of this one; on a cache line of its own, and
/// of the one that is fetched with it.
#[repr(align(128))]
struct Stripe(AtomicU64);

pub(super) enum Added {
    Counted,
    /// The gate has changed since the call passed.
    Late,
    /// It belongs to another batch.
    NewStep,
}

impl Live {
    pub(super) fn of(core: &Breaker) -> Self {
        let live = Self {
            until: AtomicU64::new(0),
            since: AtomicU64::new(0),
            stripes: std::array::from_fn(|_| Stripe(AtomicU64::new(0))),
        };
        live.renew(core);
        live
    }

    /// Counts the success of a call that passed `passed`.
    #[inline]
    pub(super) fn add(&self, gate: &Gate, passed: u64, now: Moment) -> Added {
        let stripe = &self.stripes[stripe() % STRIPES].0;
        let mut batch = stripe.load(Ordering::Acquire);
        loop {
            // After the batch: the gate changes before the batch does, so an old batch with an old gate is still one state.
            if gate.load() != passed {
                return Added::Late;
            }
            if !gate::counts(passed) {
                return Added::Counted;
            }
            if now.as_nanos() >= self.until.load(Ordering::Acquire) {
                return Added::NewStep;
            }
            match stripe.compare_exchange_weak(
                batch,
                batch + 1,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Added::Counted,
                Err(other) => batch = other,
            }
        }
    }

    /// Gives the batch to the core and begins another. Only under the core's lock.
    pub(super) fn hand_over(&self, core: &mut Breaker) {
        let counted =
            self.stripes.iter().filter(|stripe| stripe.0.load(Ordering::Relaxed) & COUNT_MASK > 0);
        let successes: u64 = counted.map(Stripe::take).sum();
        if successes > 0 {
            core.absorb(Moment::from_nanos(self.since.load(Ordering::Relaxed)), successes);
        }
    }

    /// Forgets what came in for a state that is over. Only under the core's lock.
    pub(super) fn discard(&self) {
        for stripe in &self.stripes {
            stripe.take();
        }
    }

    /// Sets where the batch begins and ends, which must follow the end of the one before. Only under the core's lock.
    pub(super) fn renew(&self, core: &Breaker) {
        if core.mode == Mode::Closed {
            self.since.store(core.last_seen.as_nanos(), Ordering::Relaxed);
            self.until.store(core.step_end().as_nanos(), Ordering::Release);
        }
    }
}

impl Stripe {
    /// Begins a new epoch, also where nothing was counted: someone may be about to.
    fn take(&self) -> u64 {
        let mut batch = self.0.load(Ordering::Relaxed);
        loop {
            let next = (batch & !COUNT_MASK).wrapping_add(EPOCH);
            match self.0.compare_exchange_weak(batch, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(taken) => return taken & COUNT_MASK,
                Err(other) => batch = other,
            }
        }
    }
}
