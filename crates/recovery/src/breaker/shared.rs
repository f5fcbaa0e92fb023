//! A breaker for many threads.
//!
//! The rules are those of [`Breaker`], which is kept behind a lock; two words in front of it let the common calls pass
//! without it. The *gate* says in one word what a call meets: closed with a generation, or refused until a moment. The *live*
//! words count the successes of the present step. Refusals and successes touch nothing else. What may change the state (a
//! failure, a slow call, a trial, a deadline, a new step of the window) takes the lock, hands the live successes to the
//! breaker first, and leaves a new gate behind. So a state and its deadline cannot be seen half written (B5), and there is
//! nothing that the two could disagree about.

mod gate;
mod live;
mod sync;

use std::borrow::Borrow;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_moment::Moment;

use self::gate::Gate;
use self::live::Live;
use self::sync::{AtomicU64, Mutex, MutexGuard, Ordering};
use super::machine::Breaker;
use super::permit::Permit;
use super::snapshot::Snapshot;
use super::state::{BreakerState, Change, PermitKind, Rejected};
use super::window::Counts;
use super::{Compat, Config};

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
    ticket: Ticket,
}

/// What a permit remembers, flat so that it stays in registers.
#[derive(Debug, Clone, Copy)]
struct Ticket {
    /// The gate that it passed, or the generation in which the core gave it.
    gate: u64,
    trial: Option<NonZeroU64>,
    started: Moment,
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
    #[inline]
    pub fn try_acquire(&self, now: Moment) -> Result<SharedPermit<&Self>, Rejected> {
        Ok(SharedPermit { breaker: self, ticket: self.ticket(now)? })
    }

    /// The same, for a call that outlives the reference.
    #[inline]
    pub fn try_acquire_owned(
        self: &Arc<Self>,
        now: Moment,
    ) -> Result<SharedPermit<Arc<Self>>, Rejected> {
        let ticket = self.ticket(now)?;
        Ok(SharedPermit { breaker: Arc::clone(self), ticket })
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a permit that is passed in memory costs as much as all the rest"
    )]
    fn ticket(&self, now: Moment) -> Result<Ticket, Rejected> {
        let gate = self.gate.load();
        if gate::lets_pass(gate) {
            return Ok(Ticket { gate, trial: None, started: now });
        }
        if let Some((until, state)) = gate::refused_until(gate, now) {
            let retry_after = Some(Duration::from_nanos(until - now.as_nanos()));
            return Err(Rejected { retry_after, state });
        }
        // Taken apart, so that the parts of the common cases need no memory.
        match self.ticket_of_core(now) {
            Ok(Ticket { gate, trial, started }) => Ok(Ticket { gate, trial, started }),
            Err(Rejected { retry_after, state }) => Err(Rejected { retry_after, state }),
        }
    }

    #[cold]
    fn ticket_of_core(&self, now: Moment) -> Result<Ticket, Rejected> {
        let permit = self.with(now, |core| core.try_acquire(now))?;
        Ok(Ticket {
            gate: gate::given(permit.generation),
            trial: permit.trial,
            started: permit.started,
        })
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a permit that is passed in memory costs as much as all the rest"
    )]
    fn judge(&self, ticket: Ticket, now: Moment, verdict: Verdict) -> bool {
        let took = now.as_nanos().saturating_sub(ticket.started.as_nanos());
        if verdict == Verdict::Success
            && gate::lets_pass(ticket.gate)
            && took <= self.slow_after_nanos
        {
            match self.live.add(&self.gate, ticket.gate, now) {
                live::Added::Counted => return true,
                live::Added::Late => {
                    self.stale_results.fetch_add(1, Ordering::Relaxed);
                    return false;
                }
                live::Added::NewStep => {}
            }
        }
        self.judge_by_core(ticket.gate, ticket.trial, ticket.started, now, verdict)
    }

    #[cold]
    fn judge_by_core(
        &self,
        gate: u64,
        trial: Option<NonZeroU64>,
        started: Moment,
        now: Moment,
        verdict: Verdict,
    ) -> bool {
        let permit = Permit { generation: gate::generation(gate), trial, started };
        self.with(now, |core| match verdict {
            Verdict::Success => core.success(permit, now),
            Verdict::Failure => core.failure(permit, now),
            Verdict::Ignore => core.ignore(permit, now),
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

/// How a call ended, as far as its breaker cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The peer did what was asked.
    Success,
    /// The peer is to blame.
    Failure,
    /// It says nothing of the peer, such as a request that was wrong in itself.
    Ignore,
}

impl<B: Borrow<SharedBreaker>> SharedPermit<B> {
    /// What the permit is for.
    pub const fn kind(&self) -> PermitKind {
        if self.ticket.trial.is_none() { PermitKind::Normal } else { PermitKind::Trial }
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

    /// The call ended with `verdict`. False if it came too late to count (T5).
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a permit that is passed in memory costs as much as all the rest"
    )]
    pub fn end(mut self, now: Moment, verdict: Verdict) -> bool {
        let ticket = self.ticket;
        // It is used up: what is dropped at the end of this is no trial any more.
        self.ticket.trial = None;
        self.breaker.borrow().judge(ticket, now, verdict)
    }
}

impl<B: Borrow<SharedBreaker>> Drop for SharedPermit<B> {
    #[inline]
    fn drop(&mut self) {
        let Ticket { gate, trial, started } = self.ticket;
        if trial.is_some() {
            // No clock here, so at the latest moment that the core has seen: a trial that comes back after its lease, before
            // anyone has noticed, was not lost after all.
            let latest = Moment::ORIGIN;
            self.breaker.borrow().judge_by_core(gate, trial, started, latest, Verdict::Ignore);
        }
    }
}

impl<B: Borrow<SharedBreaker>> fmt::Debug for SharedPermit<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedPermit").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

#[cfg(all(test, evenkeel_loom))]
mod orders;
