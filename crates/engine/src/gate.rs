//! Who of those that wait may act, and why the others may not (R4, R5, R15 to R17).

use evenkeel_health::Hard;
use evenkeel_moment::Moment;
use evenkeel_recovery::actions::{Action, UnitOrder};
use evenkeel_recovery::machine::{Phase, Stop};

use crate::engine::{Engine, Running};
use crate::event::{Act, Effect};
use crate::occasion::occasion;
use crate::programs::not_ready;
use crate::record::Record;
use crate::recovery::RecoveryCore;
use crate::refusal::{Refusal, Usage};
use crate::target::Target;

/// What is charged beside a start that is only possible after it.
const RESET: &str = "systemd.reset-failed";

impl Engine {
    /// Lets at most one waiting target act; tells the others why not (R4, R5).
    pub(crate) fn pass_the_gate(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        // A hold reaches targets that ask for nothing, too.
        let asking: Vec<_> = match (self.holds.is_empty(), self.standing.waiting.is_empty()) {
            (true, true) => return,
            (true, false) => self.standing.waiting.iter().copied().collect(),
            (false, _) => (0..self.recoveries.len()).collect(),
        };
        for index in asking {
            let ids: Vec<_> =
                self.recoveries[index].targets().map(|target| target.id.clone()).collect();
            for id in ids {
                self.ask_what_stops(now, index, &id);
                self.ask_for_leave(now, index, &id, effects);
            }
        }
    }

    /// Stops what is held now, and lets go what is stopped no more; that is looked at afresh before anything is done.
    fn ask_what_stops(&mut self, now: Moment, index: usize, id: &str) {
        let recovery = &self.recoveries[index];
        let Some(target) = recovery.target(id) else { return };
        let held = self.held(recovery, id).is_some();
        let over = match target.machine.phase() {
            Phase::Stopped { by: Stop::Maintenance } => !held,
            Phase::Stopped { by: Stop::Blocked } => target.blocked.is_empty(),
            Phase::Stopped { by: Stop::HostIncident } => !self.storm_rages(),
            Phase::Stopped { by: Stop::FlapHold } => target.flapping.is_none(),
            Phase::Stopped { by: Stop::Withheld } => !self.only_observes(),
            _ => false,
        };
        let recovery = &mut self.recoveries[index];
        let Some(target) = recovery.target_by_id(id) else { return };
        if held {
            target.machine.stop(Stop::Maintenance);
        } else if over && target.machine.release() {
            target.let_go(now);
            for check in recovery.checks.clone() {
                self.checks[check].look_afresh(now);
            }
        }
    }

    fn ask_for_leave(&mut self, now: Moment, index: usize, id: &str, effects: &mut Vec<Effect>) {
        let recovery = &self.recoveries[index];
        let Some(target) = recovery.target(id) else { return };
        if target.machine.phase() != Phase::Gate {
            return;
        }
        let reasons = self.reasons(now, recovery, target);
        if let [first, also @ ..] = reasons.as_slice() {
            let usage = self.usage(now, recovery, id);
            let (first, also) = (first.clone(), also.to_vec());
            let Some(target) = self.recoveries[index].target_by_id(id) else { return };
            let stop = first.stops();
            let empty = match &first {
                Refusal::Budget { retry_after, .. } => Some(now + *retry_after),
                _ => None,
            };
            target.refuse(first, also, usage, effects);
            if let Some(by) = stop {
                target.machine.stop(by);
            }
            if let Some(until) = empty {
                let change = target.machine.exhaust(until);
                target.note(now, change, effects);
            }
            return;
        }
        if let Some(why) = self.cannot_be_taken(index, id) {
            self.skip(now, index, id, why, effects);
            return;
        }
        if let Some(act) = self.start(now, index, id, effects) {
            effects.push(Effect::Act(Box::new(act)));
        }
    }

    /// Every reason why a target at the gate may not act now, the one that decides first (R4).
    fn reasons(&self, now: Moment, recovery: &RecoveryCore, target: &Target) -> Vec<Refusal> {
        let mut reasons = Vec::new();
        let grace_ends = self.started + self.settings.agent.grace;
        if now < grace_ends {
            reasons.push(Refusal::Grace { until: grace_ends });
        }
        reasons.extend(self.held(recovery, &target.id));
        reasons.extend(target.blocked.iter().map(|dependency| Refusal::Dependency {
            check: dependency.check.clone(),
            down: dependency.hard == Hard::Down,
            since: self.wall(dependency.since),
        }));
        reasons.extend(self.storm_refusal());
        reasons.extend(target.flapping.map(|since| Refusal::Flapping { since: self.wall(since) }));
        let may_heal = target.next_step().is_none_or(|step| step.action.may_heal());
        let needs = target.next_step().map_or(1, |step| self.starts_of(recovery, &step.action));
        let in_group = |other: &str| self.in_group(&recovery.spec.group, other);
        if may_heal
            && let Err(empty) =
                self.ledger.room(now, (&target.id, needs), in_group, &recovery.spec.budgets)
        {
            reasons.push(Refusal::Budget {
                scope: empty.scope.as_str().to_owned(),
                rate: empty.rate.to_string(),
                needs,
                left: empty.left,
                retry_after: empty.retry_after,
            });
        }
        if let Some(why) = self.observe_only() {
            let (why, why_code) = why.into_parts();
            reasons.push(Refusal::ObserveOnly { why, why_code });
        }
        if target.next_step().is_none() {
            reasons.push(Refusal::NoStep);
        }
        if let Some(check) = self.not_looked_at(recovery, target) {
            reasons.push(Refusal::Looking { check: self.checks[check].spec.name.clone() });
        } else if target.unsure || !target.machine.is_ready() {
            reasons.push(Refusal::NotSure);
        } else if target.recovering {
            reasons.push(Refusal::Recovering);
        }
        if target.id == recovery.spec.name {
            if let Some(part) = recovery.part_under_recovery() {
                reasons.push(Refusal::PartsFirst { part: part.to_owned() });
            }
            let checks = recovery.checks.iter().filter_map(|check| self.checks.get(*check));
            reasons.extend(not_ready(now, checks, target));
        }
        reasons.extend(self.waits_for_quiet(now, recovery, target));
        if let Some(running) = &self.running {
            reasons.push(Refusal::Busy { with: running.target.clone() });
        }
        reasons
    }

    /// What only a trend asks for waits for a quiet window, unless the limit may be reached before that.
    fn waits_for_quiet(
        &self,
        now: Moment,
        recovery: &RecoveryCore,
        target: &Target,
    ) -> Option<Refusal> {
        let (windows, eta) = (recovery.spec.quiet.as_ref()?, target.only_trend?);
        let wall = self.wall(now);
        let opens = windows.next_opening(wall, &self.zone)?;
        let in_time = wall < opens && opens < self.wall(eta.earliest);
        in_time.then(|| Refusal::Quiet {
            windows: windows.to_string(),
            opens,
            reaches: self.wall(eta.likely),
        })
    }

    /// A check that has to be looked at before the target may act: one that has not been since its incident began, since it
    /// waits for a fresh look, or a dependency that may explain everything.
    fn not_looked_at(&self, recovery: &RecoveryCore, target: &Target) -> Option<usize> {
        if let Some(doubtful) = target.doubtful.first() {
            return Some(*doubtful);
        }
        if target.waits_for_a_look() {
            return recovery.checks.first().copied();
        }
        // Only the whole may have a smaller cause that another check shows.
        let since = target.incident_since().filter(|_| target.id == recovery.spec.name)?;
        let old =
            |check: &usize| self.checks[*check].concluded.is_none_or(|concluded| concluded < since);
        recovery.checks.iter().copied().find(old)
    }

    /// Writes the intent, charges the budgets, and gives the action to do (R5).
    fn start(
        &mut self,
        now: Moment,
        index: usize,
        id: &str,
        effects: &mut Vec<Effect>,
    ) -> Option<Act> {
        let recovery = &self.recoveries[index];
        let evidence = recovery.spec.evidence;
        let target = recovery.target(id)?;
        let step = target.next_step()?.clone();
        let occasion = occasion(recovery, target, Some(&step.action), &self.checks);
        let starts = self.starts_of(recovery, &step.action);
        let target = self.recoveries[index].target_by_id(id)?;
        if !target.machine.act() {
            return None;
        }
        target.started();
        let (incident, rung, attempt) =
            (target.incident_id(), target.machine.step(), target.machine.attempt());
        // Charged before it starts: an action that never ends must not be free. A notice is no action on the host.
        let mut charges = Vec::new();
        if step.action.is_attempt() {
            charges.extend((1..starts).map(|_| RESET.to_owned()));
            charges.push(step.action.describe());
            for _ in &charges {
                self.ledger.charge(now, id);
            }
        }
        let recovery = &self.recoveries[index];
        effects.push(Effect::from(Record::Intended {
            incident,
            target: id.to_owned(),
            action: step.action.describe(),
            step: rung,
            attempt,
            budget_left: self.remaining(now, recovery, id),
        }));
        let intent = self.next_intent;
        self.next_intent += 1;
        let target = id.to_owned();
        self.running = Some(Running { intent, recovery: index, target, finishes: false });
        Some(Act {
            intent,
            incident,
            target: id.to_owned(),
            step: rung,
            attempt,
            evidence: evidence && step.action.destroys_evidence(),
            action: step.action,
            timeout: step.timeout,
            occasion,
            charges,
        })
    }

    /// How many actions a step is charged as. One that starts a unit which hit its start limit resets that limit first: both count.
    fn starts_of(&self, recovery: &RecoveryCore, action: &Action) -> u32 {
        let starts = matches!(
            action,
            Action::SystemdRestart { .. } | Action::SystemdOrder { order: UnitOrder::Start, .. }
        );
        let checks = recovery.checks.iter().filter_map(|check| self.checks.get(*check));
        let hit = checks.filter(|check| starts && check.looks_at_unit_of(action)).any(|check| {
            check.facts().and_then(|facts| facts.text("result")) == Some("start-limit-hit")
        });
        if hit { 2 } else { 1 }
    }

    /// Whether a target is of this group.
    pub(crate) fn in_group(&self, group: &str, target: &str) -> bool {
        let name = target.split('/').next().unwrap_or(target);
        self.recoveries
            .iter()
            .any(|recovery| recovery.spec.name == name && recovery.spec.group == group)
    }

    /// Actions that a target's budgets leave.
    pub(crate) fn remaining(&self, now: Moment, recovery: &RecoveryCore, id: &str) -> u32 {
        let in_group = |other: &str| self.in_group(&recovery.spec.group, other);
        self.ledger.remaining(now, id, in_group, &recovery.spec.budgets)
    }

    /// How much of a target's own budget is used.
    pub(crate) fn usage(&self, now: Moment, recovery: &RecoveryCore, id: &str) -> Usage {
        let rate = recovery.spec.budgets.per_target;
        let used = self.ledger.used(now, id, rate);
        Usage { used, count: rate.count(), window: rate.window() }
    }
}
