//! The recovery state machine of one target (docs/semantics.md, 5, R1 to R17): pure, `now` is an argument.
//!
//! A [`Machine`] is told what health says ([`Machine::see`]), how an action ended ([`Machine::acted`]) and that time went
//! by ([`Machine::tick`]). It never acts by itself: while it is at the [`Phase::Gate`], the caller asks its budget, its
//! mode and its lock, and answers with [`Machine::act`], [`Machine::stop`], [`Machine::exhaust`], or by asking again later.

mod phase;

pub use phase::{Change, Earlier, Ended, Phase, Policy, Seen, Stop};

use std::time::Duration;

use evenkeel_moment::Moment;

/// The recovery of one target.
#[derive(Debug, Clone)]
pub struct Machine {
    policy: Policy,
    phase: Phase,
    /// What health said last.
    seen: Seen,
    step: u32,
    attempt: u32,
    /// Whether this incident has had an action whose effect is still to be proved.
    unproved: bool,
    /// The step and attempt of this incident's last action.
    used: Option<(u32, u32)>,
    /// Whether the ladder was used up in this incident: from then on there are slow retries alone.
    used_up: bool,
    /// When the next attempt may start, whatever lies between: neither a hold nor a storm shortens a delay.
    not_before: Option<Moment>,
    in_incident: bool,
}

impl Machine {
    /// A machine that knows nothing yet (R1: observe first).
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            phase: Phase::Unknown,
            seen: Seen::Unknown,
            step: 0,
            attempt: 0,
            unproved: false,
            used: None,
            used_up: false,
            not_before: None,
            in_incident: false,
        }
    }

    /// A machine whose incident was open when the agent ended.
    ///
    /// One whose action was cut off goes to verification and never runs the same attempt again. Any other observes first
    /// (R1), and its ladder goes on where it stood: a restart of the agent grants no fresh attempts and shortens no delay,
    /// nor does a clock make one longer than it can be.
    pub fn resume(policy: Policy, earlier: Earlier, now: Moment) -> Self {
        let Earlier { used, unproved, exhausted, again_at } = earlier;
        let mut machine = Self { in_incident: true, used, used_up: exhausted, ..Self::new(policy) };
        let Some((step, attempt)) = used else { return machine };
        (machine.step, machine.attempt) = (step, attempt);
        if unproved {
            machine.unproved = true;
            machine.verify(now);
            return machine;
        }
        match machine.policy.retry.next(attempt, 0.0) {
            Some(_) if !exhausted => machine.attempt += 1,
            _ => drop(machine.escalate(now)),
        }
        let longest = if machine.used_up {
            machine.policy.slow_retry.unwrap_or_default()
        } else {
            machine.policy.retry.cap()
        };
        if let Some(again_at) = again_at {
            machine.not_before = Some(again_at.min(now + longest));
        }
        machine.phase = Phase::Unknown;
        machine
    }

    /// Where the recovery stands.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// The step of the ladder that the next action takes, from 0.
    pub const fn step(&self) -> u32 {
        self.step
    }

    /// The attempt at that step that the next action is, from 0.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The step and attempt of this incident's last action, if it has had one.
    pub const fn last_used(&self) -> Option<(u32, u32)> {
        self.used
    }

    /// Whether nobody knows yet whether the last action helped.
    pub const fn is_unproved(&self) -> bool {
        self.unproved
    }

    /// Whether the ladder was used up, rather than only the budget for the time being.
    pub const fn is_used_up(&self) -> bool {
        self.used_up
    }

    /// When the next attempt may start, while one waits for its time.
    pub const fn again_at(&self) -> Option<Moment> {
        self.not_before
    }

    /// Whether an incident is open.
    pub const fn in_incident(&self) -> bool {
        self.in_incident
    }

    /// Whether the target waits for leave and health is sure, now, that it is down.
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Gate && self.seen == Seen::Down
    }

    /// Whether it is healthy and was seen so last: to be told that once more changes nothing.
    pub fn is_at_rest(&self) -> bool {
        self.phase == Phase::Healthy && self.seen == Seen::Up
    }

    /// Whether the target should be looked at more often than usual.
    pub const fn wants_a_closer_look(&self) -> bool {
        matches!(self.phase, Phase::Suspect | Phase::Verifying { .. })
    }

    /// When [`Machine::tick`] has something to do.
    pub const fn deadline(&self) -> Option<Moment> {
        match self.phase {
            Phase::Verifying { until }
            | Phase::Backoff { until }
            | Phase::Stabilizing { until } => Some(until),
            Phase::Exhausted { until, healthy_at } => match (healthy_at, until) {
                (Some(at), _) | (None, Some(at)) => Some(at),
                (None, None) => None,
            },
            _ => None,
        }
    }

    /// Takes in what health says now.
    pub fn see(&mut self, now: Moment, seen: Seen) -> Option<Change> {
        self.seen = seen;
        match (self.phase, seen) {
            (
                Phase::Unknown
                | Phase::Suspect
                | Phase::Stopped { by: Stop::Blocked | Stop::Withheld },
                Seen::Up,
            ) if !self.in_incident => {
                self.phase = Phase::Healthy;
                None
            }
            (
                Phase::Unknown
                | Phase::Suspect
                | Phase::Gate
                | Phase::Verifying { .. }
                | Phase::Backoff { .. }
                | Phase::Stopped { by: Stop::Blocked | Stop::Withheld },
                Seen::Up,
            ) => {
                self.phase = Phase::Stabilizing { until: now + self.policy.stable_for };
                let proved = std::mem::take(&mut self.unproved);
                Some(if proved { Change::Verified } else { Change::CameBack })
            }
            (Phase::Unknown | Phase::Suspect, Seen::Down) if self.in_incident => {
                // R13 holds through a hold: what was recovered before it and is down behind it has had that attempt.
                let had_it = self.used == Some((self.step, self.attempt));
                // Where the ladder came to its end before, nothing was recovered that could relapse.
                let at_the_end = self.used_up && self.policy.slow_retry.is_none();
                if had_it && self.not_before.is_none() && !at_the_end {
                    return Some(self.relapse(now));
                }
                self.queue(now);
                None
            }
            (Phase::Healthy, Seen::Suspect) => {
                self.phase = Phase::Suspect;
                None
            }
            (Phase::Unknown | Phase::Healthy | Phase::Suspect, Seen::Down) => {
                self.phase = Phase::Gate;
                self.in_incident = true;
                Some(Change::Opened)
            }
            (Phase::Stabilizing { .. }, Seen::Down) => Some(self.relapse(now)),
            (Phase::Exhausted { until, healthy_at: None }, Seen::Up) => {
                let healthy_at = Some(now + self.policy.stable_for);
                self.phase = Phase::Exhausted { until, healthy_at };
                None
            }
            (Phase::Exhausted { until, healthy_at: Some(_) }, Seen::Down) => {
                self.phase = Phase::Exhausted { until, healthy_at: None };
                None
            }
            _ => None,
        }
    }

    /// Starts the action that the gate let through (R5). The caller has written the intent and charged the budget.
    ///
    /// Does nothing, and says so, unless [`Machine::is_ready`]: nothing acts on what may not be down.
    #[must_use]
    pub fn act(&mut self) -> bool {
        if !self.is_ready() {
            return false;
        }
        self.phase = Phase::Acting;
        self.unproved = true;
        self.not_before = None;
        self.used = Some((self.step, self.attempt));
        true
    }

    /// Something keeps the target from being acted on (R4, R16). True if that is news.
    ///
    /// A hold takes effect in every phase but two: an action that runs ends and is proved or not, since a verdict costs
    /// nobody anything. All others take effect where an action waits for leave; and what is a victim is not even suspected.
    pub fn stop(&mut self, by: Stop) -> bool {
        let stops = match (self.phase, by) {
            (Phase::Stopped { by: earlier }, _) => earlier != by && earlier != Stop::Maintenance,
            (Phase::Acting | Phase::Verifying { .. }, _) => false,
            (_, Stop::Maintenance)
            | (Phase::Gate, _)
            | (Phase::Unknown | Phase::Healthy | Phase::Suspect, Stop::Blocked) => true,
            _ => false,
        };
        if stops {
            self.phase = Phase::Stopped { by };
        }
        stops
    }

    /// What kept the target is over (R15 to R17): it is looked at afresh before anything is done. True if it was kept.
    pub fn release(&mut self) -> bool {
        let Phase::Stopped { by } = self.phase else { return false };
        self.phase = if by == Stop::FlapHold { Phase::Suspect } else { Phase::Unknown };
        // What was known belongs to the time before.
        self.seen = Seen::Unknown;
        true
    }

    /// The gate found the budget empty (R4); room is there again at `until`.
    pub fn exhaust(&mut self, until: Moment) -> Option<Change> {
        if self.phase != Phase::Gate {
            return None;
        }
        self.phase = Phase::Exhausted { until: Some(until), healthy_at: None };
        Some(Change::Exhausted)
    }

    /// An operator gives the target a fresh try (R14): its ladder starts at its foot, after a fresh look. An action that
    /// runs, or waits for its proof, is seen to its end; a hold stays.
    pub fn reset(&mut self) {
        (self.step, self.attempt) = (0, 0);
        (self.used_up, self.not_before) = (false, None);
        match self.phase {
            Phase::Stopped { by: Stop::Maintenance } => self.used = None,
            Phase::Gate
            | Phase::Backoff { .. }
            | Phase::Exhausted { .. }
            | Phase::Stopped { .. } => {
                self.used = None;
                self.phase = Phase::Unknown;
                self.seen = Seen::Unknown;
            }
            _ => {}
        }
    }

    /// The verdict on the last action comes later by so much, because nobody could look meanwhile.
    pub fn postpone_verdict(&mut self, by: Duration) {
        if let Phase::Verifying { until } = &mut self.phase {
            *until = *until + by;
        }
    }

    /// The step that waits at the gate cannot be taken here: the next one is, and nothing was attempted (R4).
    pub fn skip(&mut self, now: Moment) -> Option<Change> {
        (self.phase == Phase::Gate).then(|| self.escalate(now))
    }

    /// The last action came to its end only now: its proof begins, for as long as that of any.
    pub fn verify_afresh(&mut self, now: Moment) {
        if matches!(self.phase, Phase::Verifying { .. }) {
            self.verify(now);
        }
    }

    /// Takes in how the running action ended.
    pub fn acted(&mut self, now: Moment, ended: Ended) -> Option<Change> {
        if self.phase != Phase::Acting {
            return None;
        }
        match ended {
            Ended::Ran | Ended::CutOff => {
                self.verify(now);
                None
            }
            Ended::Impossible | Ended::Told => {
                self.unproved = false;
                Some(self.escalate(now))
            }
        }
    }

    /// Does what time brings. `unit` in `0.0..1.0` is chance, for the jitter of a delay.
    pub fn tick(&mut self, now: Moment, unit: f64) -> Option<Change> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        match self.phase {
            Phase::Verifying { .. } => {
                self.unproved = false;
                let retry = self.policy.retry.next(self.attempt, unit);
                Some(match retry.filter(|_| !self.used_up) {
                    Some(after) => {
                        self.attempt += 1;
                        self.back_off(now, after);
                        Change::Retrying { after }
                    }
                    None => self.escalate(now),
                })
            }
            Phase::Backoff { .. } => {
                // R11: what was seen before the delay is old; the caller looks again before it lets anything act.
                self.phase = Phase::Gate;
                None
            }
            // Nobody can tell: it has to be seen to be up for as long once more.
            Phase::Stabilizing { .. } if self.seen != Seen::Up => {
                self.phase = Phase::Stabilizing { until: now + self.policy.stable_for };
                None
            }
            Phase::Exhausted { until, healthy_at: Some(_) } if self.seen != Seen::Up => {
                let healthy_at = Some(now + self.policy.stable_for);
                self.phase = Phase::Exhausted { until, healthy_at };
                None
            }
            Phase::Stabilizing { .. } | Phase::Exhausted { healthy_at: Some(_), .. } => {
                Some(self.close())
            }
            Phase::Exhausted { healthy_at: None, .. } => {
                self.phase = Phase::Gate;
                Some(Change::Resumed)
            }
            _ => None,
        }
    }

    /// To the gate, or to what is left of a delay that a hold or the end of an agent interrupted.
    fn queue(&mut self, now: Moment) {
        self.phase = match self.not_before {
            _ if self.used_up && self.policy.slow_retry.is_none() => {
                Phase::Exhausted { until: None, healthy_at: None }
            }
            Some(until) if now < until && self.used_up => {
                Phase::Exhausted { until: Some(until), healthy_at: None }
            }
            Some(until) if now < until => Phase::Backoff { until },
            _ => Phase::Gate,
        };
    }

    fn verify(&mut self, now: Moment) {
        self.phase = Phase::Verifying { until: now + self.policy.verify_timeout };
    }

    fn back_off(&mut self, now: Moment, after: Duration) {
        let until = now + after;
        self.not_before = Some(until);
        self.phase = Phase::Backoff { until };
    }

    /// R13: the same incident, and the attempts go on: one good minute forgives nothing.
    fn relapse(&mut self, now: Moment) -> Change {
        if self.used.is_none() {
            self.queue(now);
            return Change::Relapsed;
        }
        match self.policy.retry.next(self.attempt, 0.0).filter(|_| !self.used_up) {
            Some(after) => {
                self.attempt += 1;
                self.back_off(now, after);
            }
            None => drop(self.escalate(now)),
        }
        Change::Relapsed
    }

    /// R10: the next step; behind the last one, slow retries, which take the steps of the ladder in turn.
    fn escalate(&mut self, now: Moment) -> Change {
        self.attempt = 0;
        if !self.used_up && self.step + 1 < self.policy.steps {
            self.step += 1;
            self.phase = Phase::Gate;
            return Change::Escalated { step: self.step };
        }
        self.used_up = true;
        self.step = (self.step + 1) % self.policy.steps.max(1);
        self.not_before = self.policy.slow_retry.map(|period| now + period);
        self.phase = Phase::Exhausted { until: self.not_before, healthy_at: None };
        Change::Exhausted
    }

    fn close(&mut self) -> Change {
        let policy = self.policy.clone();
        *self = Self { phase: Phase::Healthy, seen: self.seen, ..Self::new(policy) };
        Change::Closed
    }
}

#[cfg(test)]
mod tests;
