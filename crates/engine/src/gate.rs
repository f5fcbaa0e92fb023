//! Who of those that wait may act, and why the others may not (R4, R5).

use evenkeel_moment::Moment;
use evenkeel_recovery::actions::Occasion;
use evenkeel_recovery::budget::{Budgets, Ledger};
use evenkeel_recovery::machine::Phase;

use crate::engine::{Engine, Running};
use crate::event::{Act, Effect};
use crate::occasion::occasion;
use crate::programs::not_ready;
use crate::record::{Record, Refusal};
use crate::target::{RecoveryCore, Target};

impl Engine {
    /// Lets at most one waiting target act; tells the others why not (R4, R5).
    pub(crate) fn pass_the_gate(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        for index in 0..self.recoveries.len() {
            let waiting: Vec<_> = self.recoveries[index]
                .targets()
                .filter(|target| target.machine.phase() == Phase::Gate)
                .map(|target| target.id.clone())
                .collect();
            for id in waiting {
                let refusal = self.refusal(now, index, &id);
                let recovery = &mut self.recoveries[index];
                let budgets = recovery.spec.budgets.clone();
                let told = recovery.targets().find(|target| target.id == id);
                let told = told.map(|target| occasion(recovery, target, &self.checks));
                let evidence = recovery.spec.evidence;
                let Some(target) = recovery.target_by_id(&id) else { continue };
                match refusal {
                    Some(refusal) => refuse(now, target, refusal, effects),
                    None => {
                        let act = start(
                            now,
                            target,
                            self.next_intent,
                            &mut self.ledger,
                            &budgets,
                            effects,
                        );
                        let Some(mut act) = act else { continue };
                        act.occasion = told.unwrap_or_default();
                        act.evidence = evidence && act.action.destroys_evidence();
                        self.next_intent += 1;
                        let (intent, target) = (act.intent, id);
                        self.running = Some(Running { intent, recovery: index, target });
                        effects.push(Effect::Act(act));
                    }
                }
            }
        }
    }

    /// The first reason why a target at the gate may not act now.
    fn refusal(&self, now: Moment, recovery: usize, id: &str) -> Option<Refusal> {
        let grace_ends = self.started + self.settings.agent.grace;
        if let Some(why) = self.observe_only() {
            return Some(Refusal::ObserveOnly { why: why.to_owned() });
        }
        if now < grace_ends {
            return Some(Refusal::Grace { until: grace_ends });
        }
        let recovery = &self.recoveries[recovery];
        if let Some(held) = self.held(recovery, id) {
            return Some(held);
        }
        let target = recovery.targets().find(|target| target.id == id)?;
        let Some(step) = target.next_step() else { return Some(Refusal::NoStep) };
        if id == recovery.spec.name {
            if let Some(check) = self.not_looked_at(recovery, target) {
                return Some(Refusal::Looking { check: self.checks[check].spec.name.clone() });
            }
            if let Some(part) = recovery.part_under_recovery() {
                return Some(Refusal::PartsFirst { part: part.to_owned() });
            }
            let checks = recovery.checks.iter().filter_map(|check| self.checks.get(*check));
            if let Some(refusal) = not_ready(now, checks, &step.action) {
                return Some(refusal);
            }
        }
        if let Some(quiet) = self.waits_for_quiet(now, recovery, target) {
            return Some(quiet);
        }
        if let Some(running) = &self.running {
            return Some(Refusal::Busy { with: running.target.clone() });
        }
        if !step.action.may_heal() {
            return None;
        }
        match self.ledger.room(now, id, &recovery.spec.budgets) {
            Ok(_) => None,
            Err(empty) => Some(Refusal::Budget {
                scope: empty.scope.as_str().to_owned(),
                retry_after: empty.retry_after,
            }),
        }
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

    /// A check of the recovery that has not been looked at since the target's incident began.
    fn not_looked_at(&self, recovery: &RecoveryCore, target: &Target) -> Option<usize> {
        let since = target.incident_since()?;
        let old =
            |check: &usize| self.checks[*check].concluded.is_none_or(|concluded| concluded < since);
        recovery.checks.iter().copied().find(old)
    }
}

fn refuse(now: Moment, target: &mut Target, refusal: Refusal, effects: &mut Vec<Effect>) {
    let empty = match &refusal {
        Refusal::Budget { retry_after, .. } => Some(*retry_after),
        _ => None,
    };
    target.refuse(refusal, effects);
    if let Some(retry_after) = empty {
        let change = target.machine.exhaust(Some(now + retry_after));
        target.note(now, change, effects);
    }
}

fn start(
    now: Moment,
    target: &mut Target,
    intent: u64,
    ledger: &mut Ledger,
    budgets: &Budgets,
    effects: &mut Vec<Effect>,
) -> Option<Act> {
    let step = target.next_step()?.clone();
    // Charged before it starts: an action that never ends must not be free. A notice is no action on the host.
    if step.action.may_heal() {
        ledger.charge(now, &target.id);
    }
    target.machine.act();
    target.started();
    let (rung, attempt) = (target.machine.step(), target.machine.attempt());
    effects.push(Effect::Record(Record::Intended {
        incident: target.incident_id(),
        target: target.id.clone(),
        action: step.action.describe(),
        step: rung,
        attempt,
        budget_left: ledger.remaining(now, &target.id, budgets),
    }));
    Some(Act {
        intent,
        incident: target.incident_id(),
        target: target.id.clone(),
        step: rung,
        attempt,
        action: step.action,
        timeout: step.timeout,
        occasion: Occasion::default(),
        evidence: false,
    })
}
