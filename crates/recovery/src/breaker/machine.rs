use std::collections::VecDeque;
use std::num::NonZeroU64;

use evenkeel_moment::Moment;

use super::config::{Compat, Config};
use super::permit::Permit;
use super::state::{BreakerState, Change, Reason, Rejected};
use super::window::{Counts, Outcome, Results};

/// Changes kept for [`Breaker::drain_changes`]; a caller that never asks loses the oldest.
const CHANGES_KEPT: usize = 16;

/// A circuit breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    config: Config,
    pub(super) mode: Mode,
    /// One more at every change of state, so that a result can be told from one of an earlier state.
    pub(super) generation: u64,
    pub(super) results: Results,
    /// Trials in a row that did not succeed; forgotten only after `reset_max` closed.
    pub(super) failed_trials: u32,
    closed_since: Moment,
    /// The latest moment seen: time never goes back here (T15).
    pub(super) last_seen: Moment,
    next_trial: NonZeroU64,
    stale_results: u64,
    changes: VecDeque<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    Closed,
    Open { until: Moment },
    HalfOpen { trials: Vec<Trial>, successes: u32 },
    Isolated,
    ForcedClosed,
    Disabled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trial {
    id: NonZeroU64,
    /// `None` for one that is waited for, for ever: only opossum does that (B2).
    lease_until: Option<Moment>,
}

impl Breaker {
    /// A closed breaker that has seen nothing.
    pub fn new(config: Config, now: Moment) -> Self {
        Self {
            results: Results::new(&config, now),
            config,
            mode: Mode::Closed,
            generation: 0,
            failed_trials: 0,
            closed_since: now,
            last_seen: now,
            next_trial: NonZeroU64::MIN,
            stale_results: 0,
            changes: VecDeque::new(),
        }
    }

    /// Asks for leave for one call (T1, T7 to T10).
    ///
    /// Fails while it is open, while all trials are out, and while it is isolated; a refused call counts for nothing.
    #[inline]
    pub fn try_acquire(&mut self, now: Moment) -> Result<Permit, Rejected> {
        let now = self.advance(now);
        if self.mode == Mode::Closed && self.config.compat == Compat::None {
            return Ok(Permit { generation: self.generation, trial: None, started: now });
        }
        // Taken apart, so that the parts of the common case need no memory.
        match self.try_acquire_with_care(now) {
            Ok(Permit { generation, trial, started }) => Ok(Permit { generation, trial, started }),
            Err(Rejected { retry_after, state }) => Err(Rejected { retry_after, state }),
        }
    }

    fn try_acquire_with_care(&mut self, now: Moment) -> Result<Permit, Rejected> {
        if self.config.compat == Compat::Opossum {
            self.begin_as_opossum(now);
        }
        let generation = self.generation;
        let rejected = |retry_after, state| Err(Rejected { retry_after, state });
        match &mut self.mode {
            Mode::Closed | Mode::ForcedClosed | Mode::Disabled => {
                Ok(Permit { generation, trial: None, started: now })
            }
            Mode::Open { until } => rejected(Some(until.saturating_since(now)), BreakerState::Open),
            Mode::Isolated => rejected(None, BreakerState::Isolated),
            Mode::HalfOpen { trials, .. } => {
                if trials.len() >= self.config.half_open_max_calls as usize {
                    let nearest = trials.iter().filter_map(|trial| trial.lease_until).min();
                    let retry_after = nearest.map(|lease| lease.saturating_since(now));
                    return rejected(retry_after, BreakerState::HalfOpen);
                }
                let id = self.next_trial;
                self.next_trial = id.saturating_add(1);
                let lease = (self.config.compat == Compat::None).then_some(self.config.trial_lease);
                trials.push(Trial { id, lease_until: lease.map(|lease| now + lease) });
                Ok(Permit { generation, trial: Some(id), started: now })
            }
        }
    }

    /// The call succeeded (T2, T12). A success never opens the breaker, unless it was slow and slow calls count.
    ///
    /// False if the result came too late to say anything of the present state (T5): nothing changed.
    #[expect(clippy::needless_pass_by_value, reason = "a permit is one verdict: it is used up")]
    #[inline]
    pub fn success(&mut self, permit: Permit, now: Moment) -> bool {
        self.judge(&permit, now, false)
    }

    /// The call failed (T3, T4, T13).
    ///
    /// False if the result came too late to say anything of the present state (T5): nothing changed.
    #[expect(clippy::needless_pass_by_value, reason = "a permit is one verdict: it is used up")]
    #[inline]
    pub fn failure(&mut self, permit: Permit, now: Moment) -> bool {
        self.judge(&permit, now, true)
    }

    /// The call says nothing of the peer, such as one that was cancelled or refused locally (T6): a trial's place is free
    /// again, and nothing is counted.
    ///
    /// False if the permit belongs to an earlier state (T5).
    #[expect(clippy::needless_pass_by_value, reason = "a permit is one verdict: it is used up")]
    pub fn ignore(&mut self, permit: Permit, now: Moment) -> bool {
        self.advance(now);
        if self.config.compat == Compat::Opossum {
            // A call that never settles: opossum has no other word for it.
            return true;
        }
        if !self.is_current(&permit) {
            return false;
        }
        if let (Mode::HalfOpen { trials, .. }, Some(id)) = (&mut self.mode, permit.trial) {
            trials.retain(|trial| trial.id != id);
        }
        true
    }

    /// The state at `now`, deadlines and leases that are over by then included. Looking changes nothing.
    pub fn state(&self, now: Moment) -> BreakerState {
        let now = now.max(self.last_seen);
        match self.next_by_time(now) {
            None => self.mode.state(),
            Some((_, Mode::Open { until }, _)) if until > now => BreakerState::Open,
            // An open time that is over, however it began.
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// Until when it is open; `None` if it is not.
    pub fn open_until(&self, now: Moment) -> Option<Moment> {
        let now = now.max(self.last_seen);
        let until = match (self.next_by_time(now), &self.mode) {
            (Some((_, Mode::Open { until }, _)), _) => until,
            (None, Mode::Open { until }) => *until,
            _ => return None,
        };
        (until > now).then_some(until)
    }

    /// What the window holds at `now`.
    pub fn counts(&self, now: Moment) -> Counts {
        self.results.counts(now.max(self.last_seen))
    }

    /// Trials that are under way.
    pub fn trials(&self, now: Moment) -> usize {
        match (&self.mode, self.next_by_time(now.max(self.last_seen))) {
            (Mode::HalfOpen { trials, .. }, None) => trials.len(),
            _ => 0,
        }
    }

    /// Results that came too late (T5).
    pub const fn stale_results(&self) -> u64 {
        self.stale_results
    }

    /// The settings it was made with.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Refuses all calls until another command (T14).
    pub fn force_open(&mut self, now: Moment) {
        self.command(now, Mode::Isolated);
    }

    /// Lets all calls pass until another command, whatever their results (T14).
    pub fn force_closed(&mut self, now: Moment) {
        self.command(now, Mode::ForcedClosed);
    }

    /// Is not used until another command (T14).
    pub fn disable(&mut self, now: Moment) {
        self.command(now, Mode::Disabled);
    }

    /// Closed, with an empty window and nothing held against the peer (T14).
    pub fn reset(&mut self, now: Moment) {
        self.command(now, Mode::Closed);
        self.failed_trials = 0;
    }

    /// The changes of state since the last call, oldest first; at most the last 16.
    pub fn drain_changes(&mut self) -> Vec<Change> {
        self.changes.drain(..).collect()
    }

    /// Takes in quick successes of the present state that came since `since`, in the same step of the window.
    pub(super) fn absorb(&mut self, since: Moment, successes: u64) {
        if self.mode == Mode::Closed {
            self.results.add_successes(since, successes);
        }
    }

    /// Until when successes that come from now on belong to the same step of the window.
    pub(super) fn step_end(&self) -> Moment {
        self.results.step_end(self.last_seen)
    }

    /// While it is half open and all trials are out: the nearest end of a lease.
    pub(super) fn full_until(&self) -> Option<Moment> {
        match &self.mode {
            Mode::HalfOpen { trials, .. }
                if trials.len() >= self.config.half_open_max_calls as usize =>
            {
                trials.iter().filter_map(|trial| trial.lease_until).min()
            }
            _ => None,
        }
    }

    /// Does what time has brought by `now` (T8, T11), each at its own deadline, so that it does not matter who looks when.
    #[inline]
    pub(super) fn advance(&mut self, now: Moment) -> Moment {
        self.last_seen = self.last_seen.max(now);
        let may_be_due = match &self.mode {
            Mode::Open { until } => *until <= self.last_seen,
            Mode::HalfOpen { .. } => true,
            _ => false,
        };
        if may_be_due {
            self.catch_up();
        }
        self.last_seen
    }

    #[inline(never)]
    fn catch_up(&mut self) {
        while let Some((at, mode, reason)) = self.next_by_time(self.last_seen) {
            if reason == Reason::LostTrial {
                self.failed_trials = self.failed_trials.saturating_add(1);
            }
            self.change(at, mode, reason);
        }
    }

    /// The next thing that time has brought by `now`.
    fn next_by_time(&self, now: Moment) -> Option<(Moment, Mode, Reason)> {
        match &self.mode {
            Mode::Open { until } if *until <= now => {
                Some((*until, Mode::HalfOpen { trials: Vec::new(), successes: 0 }, Reason::Due))
            }
            Mode::HalfOpen { trials, .. } => {
                let lease_until = trials.iter().filter_map(|trial| trial.lease_until).min()?;
                let failed_trials = self.failed_trials.saturating_add(1);
                let until = lease_until + self.config.open_for(failed_trials);
                (lease_until <= now).then_some((
                    lease_until,
                    Mode::Open { until },
                    Reason::LostTrial,
                ))
            }
            _ => None,
        }
    }

    #[inline]
    fn judge(&mut self, permit: &Permit, now: Moment, failed: bool) -> bool {
        let now = self.advance(now);
        if self.config.compat == Compat::Opossum {
            self.judge_as_opossum(now, failed);
            return true;
        }
        if !self.is_current(permit) {
            return false;
        }
        let took = now.saturating_since(permit.started);
        let slow = self.config.slow_call.is_some_and(|slow_call| took > slow_call.threshold);
        match (&mut self.mode, permit.trial) {
            (Mode::Closed, _) => {
                self.results.add(now, Outcome { failed, slow });
                if failed || slow {
                    self.trip_if_due(now);
                }
            }
            (Mode::HalfOpen { .. }, _) if failed => self.reopen(now, Reason::TrialFailed),
            (Mode::HalfOpen { .. }, _) if slow => self.reopen(now, Reason::TrialSlow),
            (Mode::HalfOpen { trials, successes }, Some(id)) => {
                trials.retain(|trial| trial.id != id);
                *successes += 1;
                if *successes >= self.config.half_open_successes {
                    self.change(now, Mode::Closed, Reason::Recovered);
                }
            }
            _ => {}
        }
        true
    }

    fn trip_if_due(&mut self, now: Moment) {
        let counts = self.results.counts(now);
        if counts.results < self.config.request_volume_threshold {
            return;
        }
        if counts.reach(self.config.error_threshold) {
            self.trip(now, Reason::Tripped(counts));
        } else if self.config.slow_call.is_some_and(|slow_call| counts.reach_slow(slow_call.rate)) {
            self.trip(now, Reason::TooSlow(counts));
        }
    }

    pub(super) fn trip(&mut self, now: Moment, reason: Reason) {
        if now.saturating_since(self.closed_since) >= self.config.reset_max {
            self.failed_trials = 0;
        }
        let until = now + self.config.open_for(self.failed_trials);
        self.change(now, Mode::Open { until }, reason);
    }

    pub(super) fn reopen(&mut self, now: Moment, reason: Reason) {
        self.failed_trials = self.failed_trials.saturating_add(1);
        let until = now + self.config.open_for(self.failed_trials);
        self.change(now, Mode::Open { until }, reason);
    }

    fn command(&mut self, now: Moment, mode: Mode) {
        let now = self.advance(now);
        self.change(now, mode, Reason::Command);
    }

    pub(super) fn change(&mut self, at: Moment, mode: Mode, reason: Reason) {
        let from = self.mode.state();
        self.mode = mode;
        self.generation += 1;
        // Failures of a state that is over must not help to make the next one (B13), as they do in opossum.
        if self.config.compat == Compat::None {
            self.results.clear();
        }
        if self.mode == Mode::Closed {
            self.closed_since = at;
        }
        if self.changes.len() == CHANGES_KEPT {
            self.changes.pop_front();
        }
        self.changes.push_back(Change { at, from, to: self.mode.state(), reason });
    }

    #[inline]
    fn is_current(&mut self, permit: &Permit) -> bool {
        let current = permit.generation == self.generation;
        if !current {
            self.stale_results = self.stale_results.saturating_add(1);
        }
        current
    }
}

impl Mode {
    /// Whether results count and time passes, which no longer holds after a command.
    pub(super) const fn is_automatic(&self) -> bool {
        matches!(self, Self::Closed | Self::Open { .. } | Self::HalfOpen { .. })
    }

    pub(super) const fn state(&self) -> BreakerState {
        match self {
            Self::Closed => BreakerState::Closed,
            Self::Open { .. } => BreakerState::Open,
            Self::HalfOpen { .. } => BreakerState::HalfOpen,
            Self::Isolated => BreakerState::Isolated,
            Self::ForcedClosed => BreakerState::ForcedClosed,
            Self::Disabled => BreakerState::Disabled,
        }
    }
}
