//! The recovery state machine of one target (docs/semantics.md, 5, R1 to R14): pure, `now` is an argument.
//!
//! A [`Machine`] is told what health says ([`Machine::see`]), how an action ended ([`Machine::acted`]) and that time went
//! by ([`Machine::tick`]). It never acts by itself: while it is at the [`Phase::Gate`], the caller asks its budget, its
//! mode and its lock, and answers with [`Machine::act`], [`Machine::exhaust`], or by asking again later.

use std::time::Duration;

use evenkeel_moment::Moment;
use serde::Serialize;

use crate::backoff::RetryPlan;

/// What a target's recovery is bound by.
#[derive(Debug, Clone)]
pub struct Policy {
    /// How many steps the ladder has for this target; 0 means that nothing can be done for it.
    pub steps: u32,
    /// Delays between the attempts of one step, and how many there are.
    pub retry: RetryPlan,
    /// How long after an action the same checks may take to say that it helped.
    pub verify_timeout: Duration,
    /// How long a target must stay up before the incident is over and the ladder starts at its foot again.
    pub stable_for: Duration,
}

/// What health says of the target, all its checks taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Cannot be told: never a reason to act, never a proof that an action helped.
    Unknown,
    /// Everything holds.
    Up,
    /// Something failed, but not often enough to be sure.
    Suspect,
    /// Something is down for sure.
    Down,
}

/// Where the recovery of a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum Phase {
    /// Nothing is known yet.
    Unknown,
    /// Up; nothing to do.
    Healthy,
    /// A soft failure; look closer.
    Suspect,
    /// Down; an action waits for leave.
    Gate,
    /// An action runs.
    Acting,
    /// The action has ended; the same checks must prove before `until` that it helped.
    Verifying {
        /// The proof's deadline.
        until: Moment,
    },
    /// The action did not help; the next attempt starts at `until`.
    Backoff {
        /// When the next attempt may start.
        until: Moment,
    },
    /// Up again; the incident ends at `until` if it stays so.
    Stabilizing {
        /// The end of the incident.
        until: Moment,
    },
    /// Nothing more may be done by itself.
    Exhausted {
        /// When a fresh try is due; `None`: only an operator, or the target by itself, can end this.
        until: Option<Moment>,
        /// When the target, up by itself, counts as healthy again.
        healthy_at: Option<Moment>,
    },
}

impl Phase {
    /// The phase's name, as people and journals have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Suspect => "suspect",
            Self::Gate => "gate",
            Self::Acting => "acting",
            Self::Verifying { .. } => "verifying",
            Self::Backoff { .. } => "backoff",
            Self::Stabilizing { .. } => "stabilizing",
            Self::Exhausted { .. } => "exhausted",
        }
    }
}

/// How an action ended. Its success is not among the answers: only a check can tell (R6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It ran, or failed in a way that another try may mend, or its time was up.
    Ran,
    /// It can never work: there is no such program, or it is not permitted (R7).
    Impossible,
    /// It was not to heal anything, as a notice is: the next step follows, and nothing is proved or disproved.
    Told,
}

/// What happened to a target; the caller records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// An incident began: the target is down for sure.
    Opened,
    /// The checks proved that the last action helped.
    Verified,
    /// The target came back without an action of ours.
    CameBack,
    /// Down again before the incident was over.
    Relapsed,
    /// The last action did not help in time; another attempt of the same step follows.
    Retrying {
        /// How long until that attempt.
        after: Duration,
    },
    /// The step's attempts are used up, or it cannot work; the next step follows.
    Escalated {
        /// The step that follows, counted from 0.
        step: u32,
    },
    /// The ladder is used up.
    Exhausted,
    /// A fresh try after exhaustion.
    Resumed,
    /// Up for long enough: the incident is over.
    Closed,
}

/// The recovery of one target.
#[derive(Debug, Clone)]
pub struct Machine {
    policy: Policy,
    phase: Phase,
    step: u32,
    attempt: u32,
    /// Whether this incident has had an action whose effect is still to be proved.
    unproved: bool,
    /// The step and attempt of this incident's last action.
    used: Option<(u32, u32)>,
    in_incident: bool,
}

impl Machine {
    /// A machine that knows nothing yet (R1: observe first).
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            phase: Phase::Unknown,
            step: 0,
            attempt: 0,
            unproved: false,
            used: None,
            in_incident: false,
        }
    }

    /// A machine whose action was cut off by the end of the agent: the attempt is used up, its outcome unknown.
    ///
    /// It goes to verification and never runs the same attempt again.
    pub fn after_lost_action(policy: Policy, step: u32, attempt: u32, now: Moment) -> Self {
        let until = now + policy.verify_timeout;
        Self {
            policy,
            phase: Phase::Verifying { until },
            step,
            attempt,
            unproved: true,
            used: Some((step, attempt)),
            in_incident: true,
        }
    }

    /// A machine whose incident was open when the agent ended; `used` is the step and attempt of its last action.
    ///
    /// It observes first (R1), and its ladder goes on where it stood: a restart of the agent grants no fresh attempts.
    pub fn in_open_incident(policy: Policy, used: Option<(u32, u32)>) -> Self {
        let mut machine = Self { in_incident: true, ..Self::new(policy) };
        if let Some((step, attempt)) = used {
            (machine.step, machine.attempt, machine.used) = (step, attempt, used);
            if machine.policy.retry.next(attempt, 0.0).is_some() {
                machine.attempt += 1;
            } else {
                machine.escalate();
                if machine.phase == Phase::Gate {
                    machine.phase = Phase::Unknown;
                }
            }
        }
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

    /// Whether an incident is open.
    pub const fn in_incident(&self) -> bool {
        self.in_incident
    }

    /// Whether the ladder is used up, rather than only the budget for the time being.
    pub const fn is_used_up(&self) -> bool {
        matches!(self.phase, Phase::Exhausted { until: None, .. })
    }

    /// An operator gives the target a fresh try: the ladder starts at its foot, after a fresh look. An action that runs, or
    /// waits for its proof, is seen to its end.
    pub fn reset(&mut self, _now: Moment) {
        (self.step, self.attempt) = (0, 0);
        if let Phase::Gate | Phase::Backoff { .. } | Phase::Exhausted { .. } = self.phase {
            self.phase = Phase::Unknown;
        }
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
        match (self.phase, seen) {
            (Phase::Unknown, Seen::Up) if self.in_incident => {
                self.phase = Phase::Stabilizing { until: now + self.policy.stable_for };
                Some(Change::CameBack)
            }
            (Phase::Unknown, Seen::Down) if self.in_incident => {
                self.phase = Phase::Gate;
                None
            }
            (Phase::Unknown | Phase::Suspect, Seen::Up) => {
                self.phase = Phase::Healthy;
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
            (Phase::Gate | Phase::Verifying { .. } | Phase::Backoff { .. }, Seen::Up) => {
                self.phase = Phase::Stabilizing { until: now + self.policy.stable_for };
                let proved = std::mem::take(&mut self.unproved);
                Some(if proved { Change::Verified } else { Change::CameBack })
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
    /// Does nothing outside the gate.
    pub fn act(&mut self) {
        if self.phase == Phase::Gate {
            self.phase = Phase::Acting;
            self.unproved = true;
            self.used = Some((self.step, self.attempt));
        }
    }

    /// The gate found the budget empty (R4); room is there again at `until`.
    pub fn exhaust(&mut self, until: Option<Moment>) -> Option<Change> {
        if self.phase != Phase::Gate {
            return None;
        }
        self.phase = Phase::Exhausted { until, healthy_at: None };
        Some(Change::Exhausted)
    }

    /// Takes in how the running action ended.
    pub fn acted(&mut self, now: Moment, ended: Ended) -> Option<Change> {
        if self.phase != Phase::Acting {
            return None;
        }
        match ended {
            Ended::Ran => {
                self.phase = Phase::Verifying { until: now + self.policy.verify_timeout };
                None
            }
            Ended::Impossible | Ended::Told => {
                self.unproved = false;
                Some(self.escalate())
            }
        }
    }

    /// Does what time brings. `unit` in `0.0..1.0` is chance, for the jitter of a delay.
    pub fn tick(&mut self, now: Moment, unit: f64) -> Option<Change> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        match self.phase {
            Phase::Verifying { .. } => Some(match self.policy.retry.next(self.attempt, unit) {
                Some(after) => {
                    self.attempt += 1;
                    self.phase = Phase::Backoff { until: now + after };
                    Change::Retrying { after }
                }
                None => self.escalate(),
            }),
            Phase::Backoff { .. } => {
                self.phase = Phase::Gate;
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

    /// R13: the same incident, and the attempts go on: one good minute forgives nothing.
    fn relapse(&mut self, now: Moment) -> Change {
        if self.used.is_none() {
            self.phase = Phase::Gate;
            return Change::Relapsed;
        }
        let Some(after) = self.policy.retry.next(self.attempt, 0.0) else {
            return self.escalate();
        };
        self.attempt += 1;
        self.phase = Phase::Backoff { until: now + after };
        Change::Relapsed
    }

    fn escalate(&mut self) -> Change {
        self.attempt = 0;
        if self.step + 1 < self.policy.steps {
            self.step += 1;
            self.phase = Phase::Gate;
            Change::Escalated { step: self.step }
        } else {
            self.phase = Phase::Exhausted { until: None, healthy_at: None };
            Change::Exhausted
        }
    }

    fn close(&mut self) -> Change {
        self.phase = Phase::Healthy;
        self.step = 0;
        self.attempt = 0;
        self.unproved = false;
        self.used = None;
        self.in_incident = false;
        Change::Closed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VERIFY: Duration = Duration::from_mins(1);
    const STABLE: Duration = Duration::from_mins(10);

    fn policy(steps: u32, max_retries: u32) -> Policy {
        let second = Duration::from_secs(1);
        let retry = RetryPlan::try_new(second * 10, 2.0, second * 300, 0.0, max_retries, second)
            .expect("the plan's own numbers");
        Policy { steps, retry, verify_timeout: VERIFY, stable_for: STABLE }
    }

    fn at(seconds: u64) -> Moment {
        Moment::ORIGIN + Duration::from_secs(seconds)
    }

    fn acting(steps: u32, max_retries: u32) -> Machine {
        let mut machine = Machine::new(policy(steps, max_retries));
        assert_eq!(machine.see(at(0), Seen::Down), Some(Change::Opened));
        machine.act();
        machine
    }

    #[test]
    fn an_action_that_helped_is_verified_and_closed_after_it_stayed_up() {
        let mut machine = acting(1, 3);
        assert_eq!(machine.acted(at(1), Ended::Ran), None);
        assert_eq!(machine.see(at(2), Seen::Unknown), None);
        assert_eq!(machine.see(at(3), Seen::Up), Some(Change::Verified));
        assert_eq!(machine.tick(at(602), 0.0), None);
        assert_eq!(machine.tick(at(603), 0.0), Some(Change::Closed));
        assert_eq!(machine.phase(), Phase::Healthy);
    }

    #[test]
    fn the_end_of_an_action_never_means_healed() {
        let mut machine = acting(1, 0);
        machine.acted(at(1), Ended::Ran);
        assert_eq!(machine.phase(), Phase::Verifying { until: at(61) });
        assert_eq!(machine.tick(at(61), 0.0), Some(Change::Exhausted));
    }

    #[test]
    fn three_retries_are_three_further_tries_then_the_next_step() {
        let mut machine = acting(2, 3);
        let mut now = 0;
        for expected in [10, 20, 40] {
            machine.acted(at(now), Ended::Ran);
            now += 60;
            let after = Duration::from_secs(expected);
            assert_eq!(machine.tick(at(now), 0.0), Some(Change::Retrying { after }));
            now += expected;
            assert_eq!(machine.tick(at(now), 0.0), None);
            assert_eq!(machine.phase(), Phase::Gate);
            machine.act();
        }
        machine.acted(at(now), Ended::Ran);
        assert_eq!(machine.tick(at(now + 60), 0.0), Some(Change::Escalated { step: 1 }));
        assert_eq!((machine.step(), machine.attempt()), (1, 0));
    }

    #[test]
    fn what_can_never_work_is_not_tried_again() {
        let mut machine = acting(2, 3);
        assert_eq!(machine.acted(at(1), Ended::Impossible), Some(Change::Escalated { step: 1 }));
        machine.act();
        assert_eq!(machine.acted(at(2), Ended::Impossible), Some(Change::Exhausted));
    }

    #[test]
    fn a_relapse_continues_the_same_incident_and_its_attempts() {
        let mut machine = acting(1, 3);
        machine.acted(at(1), Ended::Ran);
        machine.tick(at(61), 0.0);
        machine.tick(at(71), 0.0);
        machine.act();
        machine.acted(at(72), Ended::Ran);
        machine.see(at(73), Seen::Up);
        assert_eq!(machine.see(at(100), Seen::Down), Some(Change::Relapsed));
        assert_eq!(machine.attempt(), 2);
        assert_eq!(machine.phase(), Phase::Backoff { until: at(120) });
    }

    #[test]
    fn an_exhausted_target_that_stays_up_by_itself_is_healthy_again() {
        let mut machine = acting(1, 0);
        machine.acted(at(0), Ended::Impossible);
        machine.see(at(10), Seen::Up);
        machine.see(at(20), Seen::Down);
        assert_eq!(machine.tick(at(1000), 0.0), None);
        machine.see(at(1000), Seen::Up);
        assert_eq!(machine.tick(at(1600), 0.0), Some(Change::Closed));
    }

    #[test]
    fn a_budget_that_has_room_again_resumes() {
        let mut machine = Machine::new(policy(1, 3));
        machine.see(at(0), Seen::Down);
        assert_eq!(machine.exhaust(Some(at(50))), Some(Change::Exhausted));
        assert_eq!(machine.tick(at(49), 0.0), None);
        assert_eq!(machine.tick(at(50), 0.0), Some(Change::Resumed));
        assert_eq!(machine.phase(), Phase::Gate);
    }

    #[test]
    fn a_lost_action_is_verified_and_never_run_again() {
        let mut machine = Machine::after_lost_action(policy(1, 1), 0, 1, at(0));
        assert_eq!(machine.phase(), Phase::Verifying { until: at(60) });
        assert_eq!(machine.tick(at(60), 0.0), Some(Change::Exhausted));
    }

    #[test]
    fn a_restart_of_the_agent_grants_no_fresh_attempts() {
        let mut machine = Machine::in_open_incident(policy(2, 1), Some((0, 0)));
        assert_eq!((machine.phase(), machine.step(), machine.attempt()), (Phase::Unknown, 0, 1));
        assert_eq!(machine.see(at(0), Seen::Down), None, "the same incident goes on");
        assert_eq!(machine.phase(), Phase::Gate);
        let machine = Machine::in_open_incident(policy(2, 1), Some((0, 1)));
        assert_eq!((machine.phase(), machine.step(), machine.attempt()), (Phase::Unknown, 1, 0));
        let machine = Machine::in_open_incident(policy(2, 1), Some((1, 1)));
        assert_eq!(machine.phase(), Phase::Exhausted { until: None, healthy_at: None });
    }

    #[test]
    fn an_incident_that_was_open_closes_once_the_target_stayed_up() {
        let mut machine = Machine::in_open_incident(policy(1, 0), None);
        assert_eq!(machine.see(at(0), Seen::Up), Some(Change::CameBack));
        assert_eq!(machine.tick(at(600), 0.0), Some(Change::Closed));
    }

    #[derive(Debug, Clone)]
    enum Step {
        See(Seen),
        Act,
        Acted(bool),
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let seen =
            prop_oneof![Just(Seen::Unknown), Just(Seen::Up), Just(Seen::Suspect), Just(Seen::Down)];
        let step = prop_oneof![
            seen.prop_map(Step::See),
            Just(Step::Act),
            any::<bool>().prop_map(Step::Acted),
            (0..700u64).prop_map(Step::Wait),
        ];
        proptest::collection::vec(step, 0..200)
    }

    proptest! {
        #[test]
        fn an_incident_takes_no_more_actions_than_its_ladder_has(steps in steps(), rungs in 1..4u32, retries in 0..4u32) {
            let mut machine = Machine::new(policy(rungs, retries));
            let (mut now, mut actions) = (0, 0);
            for step in steps {
                let before = machine.phase();
                let change = match step {
                    Step::See(seen) => machine.see(at(now), seen),
                    Step::Act => {
                        machine.act();
                        if before == Phase::Gate { actions += 1; }
                        None
                    }
                    Step::Acted(ran) => {
                        let ended = if ran { Ended::Ran } else { Ended::Impossible };
                        machine.acted(at(now), ended)
                    }
                    Step::Wait(seconds) => { now += seconds; machine.tick(at(now), 0.5) }
                };
                if change == Some(Change::Closed) { actions = 0; }
                prop_assert!(actions <= rungs * (retries + 1));
                if matches!(machine.phase(), Phase::Gate | Phase::Acting) { prop_assert!(machine.in_incident()); }
            }
        }

        #[test]
        fn without_a_sure_failure_nothing_ever_waits_for_leave(seen in proptest::collection::vec(0..3usize, 0..100)) {
            let mut machine = Machine::new(policy(1, 3));
            for (now, seen) in seen.into_iter().enumerate() {
                let seen = [Seen::Unknown, Seen::Up, Seen::Suspect][seen];
                prop_assert_eq!(machine.see(at(now as u64), seen), None);
                prop_assert_ne!(machine.phase(), Phase::Gate);
            }
        }
    }
}
