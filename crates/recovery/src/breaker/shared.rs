//! A breaker for many threads.
//!
//! The rules are those of [`Breaker`], which is kept behind a lock; two words in front of it let the common calls pass
//! without it. The *gate* says in one word what a call meets: closed with a generation, or refused until a moment. The *live*
//! word counts the successes of the present step. Refusals and successes touch nothing else. What may change the state (a
//! failure, a slow call, a trial, a deadline, a new step of the window) takes the lock, hands the live successes to the
//! breaker first, and leaves a new gate behind. So a state and its deadline cannot be seen half written (B5), and there is
//! nothing that the two could disagree about.

mod gate;
mod live;
mod sync;

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use evenkeel_moment::Moment;

use self::gate::Gate;
use self::live::Live;
use self::sync::{AtomicU64, Mutex, MutexGuard, Ordering};
use super::machine::Breaker;
use super::snapshot::Snapshot;
use super::state::{BreakerState, Change, PermitKind, Rejected};
use super::window::Counts;
use super::{Compat, Config, machine};

/// A circuit breaker that threads share, by reference or in an [`Arc`].
///
/// It does what [`Breaker`] does, to the last step, as long as `now` does not go back. Of threads whose clocks differ, the
/// latest decides; an earlier `now` is never an earlier transition (T15). In a count window with `max_age`, a success may be
/// forgotten up to a sixteenth of that age early.
///
/// Passing, succeeding and being refused take no lock; a failure, a slow call and a trial do, for tens of nanoseconds. A
/// success that comes in at the very moment when the breaker leaves the closed state may be told that it counted.
///
/// ```
/// use evenkeel_moment::Moment;
/// use evenkeel_recovery::breaker::{Config, Draft, SharedBreaker};
///
/// let now = Moment::ORIGIN;
/// let breaker = SharedBreaker::new(Config::try_new(Draft::default())?, now);
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| {
///             let permit = breaker.try_acquire(now).expect("it is closed");
///             permit.success(now);
///         });
///     }
/// });
/// assert_eq!(breaker.counts(now).results, 4);
/// # Ok::<(), evenkeel_recovery::breaker::ConfigError>(())
/// ```
pub struct SharedBreaker {
    gate: Gate,
    live: Live,
    core: Mutex<Breaker>,
    /// Late results that were seen without the lock; the others are counted in the core.
    stale_results: AtomicU64,
    /// A success that took longer has to be judged by the core.
    slow_after_nanos: u64,
}

/// Leave for one call of a [`SharedBreaker`]: by reference, or with an [`Arc`] for a call that outlives its caller's frame.
///
/// A permit that is dropped without a verdict, such as by a future that is cancelled, says nothing of the peer: a trial's place
/// is free again at once (T6).
#[must_use = "a permit is given back with `success`, `failure` or `ignore`; dropped, it is ignored"]
pub struct SharedPermit<B: Borrow<SharedBreaker>> {
    breaker: B,
    leave: Option<Leave>,
}

/// What was given.
#[derive(Debug)]
enum Leave {
    /// Through an open gate; the core has never heard of it.
    Passed { gate: u64, started: Moment },
    /// By the core.
    Given(machine::Permit),
}

impl SharedBreaker {
    /// A closed breaker that has seen nothing.
    pub fn new(config: Config, now: Moment) -> Self {
        Self::around(Breaker::new(config, now))
    }

    /// A breaker as it was saved (T16); see [`Breaker::restore`].
    pub fn restore(config: Config, snapshot: &Snapshot, now: Moment, wall_ms: i64) -> Self {
        Self::around(Breaker::restore(config, snapshot, now, wall_ms))
    }

    fn around(core: Breaker) -> Self {
        let config = core.config();
        // Opossum counts what begins and what is refused: nothing passes without the core.
        let slow_after_nanos = match (config.compat(), config.slow_call()) {
            (Compat::None, Some(slow_call)) => {
                u64::try_from(slow_call.threshold.as_nanos()).unwrap_or(u64::MAX)
            }
            _ => u64::MAX,
        };
        Self {
            gate: Gate::of(&core),
            live: Live::of(&core),
            core: Mutex::new(core),
            stale_results: AtomicU64::new(0),
            slow_after_nanos,
        }
    }

    /// Asks for leave for one call (T1, T7 to T10).
    ///
    /// Fails while it is open, while all trials are out, and while it is isolated; a refused call counts for nothing.
    pub fn try_acquire(&self, now: Moment) -> Result<SharedPermit<&Self>, Rejected> {
        Ok(SharedPermit { breaker: self, leave: Some(self.leave(now)?) })
    }

    /// The same, for a call that outlives the reference.
    pub fn try_acquire_owned(
        self: &Arc<Self>,
        now: Moment,
    ) -> Result<SharedPermit<Arc<Self>>, Rejected> {
        let leave = self.leave(now)?;
        Ok(SharedPermit { breaker: Arc::clone(self), leave: Some(leave) })
    }

    #[inline]
    fn leave(&self, now: Moment) -> Result<Leave, Rejected> {
        let gate = self.gate.load();
        if gate::lets_pass(gate) {
            return Ok(Leave::Passed { gate, started: now });
        }
        match gate::refusal(gate, now) {
            Some(rejected) => Err(rejected),
            None => self.with(now, |core| core.try_acquire(now)).map(Leave::Given),
        }
    }

    #[inline]
    fn judge(&self, leave: Leave, now: Moment, verdict: Verdict) -> bool {
        if let (&Leave::Passed { gate, started }, Verdict::Success) = (&leave, verdict) {
            let took = now.as_nanos().saturating_sub(started.as_nanos());
            if took <= self.slow_after_nanos {
                match self.live.add(&self.gate, gate, now) {
                    live::Added::Counted => return true,
                    live::Added::Late => {
                        self.stale_results.fetch_add(1, Ordering::Relaxed);
                        return false;
                    }
                    live::Added::NewStep => {}
                }
            }
        }
        self.judge_by_core(leave, now, verdict)
    }

    #[cold]
    fn judge_by_core(&self, leave: Leave, now: Moment, verdict: Verdict) -> bool {
        self.with(now, |core| {
            let permit = match leave {
                Leave::Passed { gate, started } => {
                    machine::Permit::normal(gate::generation(gate), started)
                }
                Leave::Given(permit) => permit,
            };
            match verdict {
                Verdict::Success => core.success(permit, now),
                Verdict::Failure => core.failure(permit, now),
                Verdict::Ignore => core.ignore(permit, now),
            }
        })
    }

    /// Runs `work` on the core with all that is known so far, and publishes what comes of it.
    fn with<T>(&self, now: Moment, work: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut core = self.lock();
        self.live.hand_over(&mut core);
        let done = work(&mut core);
        core.advance(now);
        // First the gate: whoever still has the old live word then sees that it is too late.
        if self.gate.publish(&core) {
            self.live.discard();
        }
        self.live.renew(&core);
        done
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        // Nothing panics while it is held; if that is ever untrue, each change is still a whole one.
        self.core.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What is read needs what the live word still has.
    fn read<T>(&self, look: impl FnOnce(&Breaker) -> T) -> T {
        let mut core = self.lock();
        self.live.hand_over(&mut core);
        look(&core)
    }

    /// The state at `now`, deadlines and leases that are over by then included. Looking changes nothing.
    pub fn state(&self, now: Moment) -> BreakerState {
        self.read(|core| core.state(now))
    }

    /// Until when it is open; `None` if it is not.
    pub fn open_until(&self, now: Moment) -> Option<Moment> {
        self.read(|core| core.open_until(now))
    }

    /// What the window holds at `now`.
    pub fn counts(&self, now: Moment) -> Counts {
        self.read(|core| core.counts(now))
    }

    /// Trials that are under way.
    pub fn trials(&self, now: Moment) -> usize {
        self.read(|core| core.trials(now))
    }

    /// Results that came too late (T5).
    pub fn stale_results(&self) -> u64 {
        self.read(Breaker::stale_results) + self.stale_results.load(Ordering::Relaxed)
    }

    /// What is to be kept; see [`Breaker::snapshot`].
    pub fn snapshot(&self, now: Moment, wall_ms: i64) -> Snapshot {
        self.read(|core| core.snapshot(now, wall_ms))
    }

    /// The changes of state since the last call, oldest first; at most the last 16.
    pub fn drain_changes(&self) -> Vec<Change> {
        self.lock().drain_changes()
    }

    /// Refuses all calls until another command (T14).
    pub fn force_open(&self, now: Moment) {
        self.with(now, |core| core.force_open(now));
    }

    /// Lets all calls pass until another command, whatever their results (T14).
    pub fn force_closed(&self, now: Moment) {
        self.with(now, |core| core.force_closed(now));
    }

    /// Is not used until another command (T14).
    pub fn disable(&self, now: Moment) {
        self.with(now, |core| core.disable(now));
    }

    /// Closed, with an empty window and nothing held against the peer (T14).
    pub fn reset(&self, now: Moment) {
        self.with(now, |core| core.reset(now));
    }
}

impl fmt::Debug for SharedBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = self.lock();
        f.debug_struct("SharedBreaker").field("core", &*core).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Success,
    Failure,
    Ignore,
}

impl<B: Borrow<SharedBreaker>> SharedPermit<B> {
    /// What the permit is for.
    pub fn kind(&self) -> PermitKind {
        match &self.leave {
            Some(Leave::Given(permit)) => permit.kind(),
            Some(Leave::Passed { .. }) | None => PermitKind::Normal,
        }
    }

    /// The call succeeded; see [`Breaker::success`].
    #[inline]
    pub fn success(self, now: Moment) -> bool {
        self.end(now, Verdict::Success)
    }

    /// The call failed; see [`Breaker::failure`].
    #[inline]
    pub fn failure(self, now: Moment) -> bool {
        self.end(now, Verdict::Failure)
    }

    /// The call says nothing of the peer; see [`Breaker::ignore`].
    pub fn ignore(self, now: Moment) -> bool {
        self.end(now, Verdict::Ignore)
    }

    #[inline]
    fn end(mut self, now: Moment, verdict: Verdict) -> bool {
        let leave = self.leave.take();
        leave.is_some_and(|leave| self.breaker.borrow().judge(leave, now, verdict))
    }
}

impl<B: Borrow<SharedBreaker>> Drop for SharedPermit<B> {
    #[inline]
    fn drop(&mut self) {
        if let Some(leave @ Leave::Given(_)) = self.leave.take() {
            // No clock here, so at the latest moment that the core has seen: a trial that comes back after its lease, before
            // anyone has noticed, was not lost after all.
            self.breaker.borrow().judge_by_core(leave, Moment::ORIGIN, Verdict::Ignore);
        }
    }
}

impl<B: Borrow<SharedBreaker>> fmt::Debug for SharedPermit<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedPermit").field("leave", &self.leave).finish_non_exhaustive()
    }
}

#[cfg(all(test, evenkeel_loom))]
mod orders;
