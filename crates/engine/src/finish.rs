//! A restart of programs that was cut off between the stop and the start is brought to its end: once for each time that it was cut
//! off, as its second half and not as another attempt (docs/decisions/0011).

use evenkeel_moment::Moment;
use evenkeel_recovery::actions::{Action, StoppedProgram};
use evenkeel_recovery::machine::{Ended, Phase};
use evenkeel_shown::said::Said;

use crate::engine::{Engine, Running};
use crate::event::{Act, Effect};
use crate::occasion::occasion;
use crate::record::Record;
use crate::recovery::RecoveryCore;
use crate::target::Target;

impl Engine {
    /// Keeps what the running action is about to stop.
    pub(crate) fn stopping(&mut self, intent: u64, programs: Vec<StoppedProgram>) {
        let Some(running) = self.running.as_ref().filter(|running| running.intent == intent) else {
            return;
        };
        let Some(recovery) = self.recoveries.get_mut(running.recovery) else { return };
        let Some(target) = recovery.target_by_id(&running.target) else { return };
        target.stopped.retain(|known| programs.iter().all(|program| program.name != known.name));
        target.stopped.extend(programs);
    }

    /// Tells a check which programs are stopped because of us, if they are: nobody did that on purpose.
    pub(crate) fn tell_of_stops(&mut self, check: usize) {
        let Some(listeners) = self.listeners.get(check) else { return };
        if !self.checks[check].lists_parts {
            return;
        }
        let listening = listeners.iter().map(|listener| &self.recoveries[*listener]);
        let listening = listening.filter(|recovery| recovery.checks.contains(&check));
        let targets = listening.flat_map(RecoveryCore::targets);
        let ours = targets.flat_map(|target| target.stopped.iter().cloned()).collect();
        if let Some(core) = self.checks.get_mut(check) {
            core.our_stops = ours;
        }
    }

    /// Has one restart that was cut off be brought to its end, unless an operator or the mode of the agent forbids it.
    ///
    /// It waits for no look and no budget: the attempt was let through and charged, and what it does is look whether the program
    /// still stands where the attempt left it, and start it.
    pub(crate) fn finish_restarts(&mut self, effects: &mut Vec<Effect>) {
        if self.running.is_some() || self.only_observes() {
            return;
        }
        let waiting = self.standing.unfinished.iter().find_map(|index| {
            let (index, recovery) = (*index, &self.recoveries[*index]);
            let cut_off = |target: &&Target| {
                target.unfinished
                    && matches!(target.machine.phase(), Phase::Verifying { .. })
                    && self.held(recovery, &target.id).is_none()
            };
            Some((index, recovery.targets().find(cut_off)?.id.clone()))
        });
        let Some((index, id)) = waiting else { return };
        let recovery = &self.recoveries[index];
        let Some(target) = recovery.target(&id) else { return };
        let occasion = occasion(recovery, target, None, &self.checks);
        let Some(target) = self.recoveries[index].target_by_id(&id) else { return };
        target.unfinished = false;
        let used = target.machine.last_used();
        let Some((rung, attempt)) = used else { return };
        let Some(step) = target.steps.get(rung as usize).cloned() else { return };
        let (Action::SupervisorRestartProgram { socket, .. }
        | Action::SupervisorRestartGroup { socket, .. }) = step.action
        else {
            return;
        };
        let incident = target.incident_id();
        let action = Action::SupervisorFinishRestart { socket, stopped: target.stopped.clone() };
        let intent = self.next_intent;
        self.next_intent += 1;
        let running = Running { intent, recovery: index, target: id.clone(), finishes: true };
        self.running = Some(running);
        effects.push(Effect::Act(Box::new(Act {
            intent,
            incident,
            target: id,
            step: rung,
            attempt,
            evidence: false,
            charges: Vec::new(),
            action,
            timeout: step.timeout,
            occasion,
        })));
    }

    /// A restart was brought to its end, or could not be: then what it stopped is down, and the ladder goes on.
    pub(crate) fn finished(
        &mut self,
        now: Moment,
        running: &Running,
        ended: Ended,
        detail: Said,
        effects: &mut Vec<Effect>,
    ) {
        let Some(recovery) = self.recoveries.get_mut(running.recovery) else { return };
        let checks = recovery.checks.clone();
        let Some(target) = recovery.target_by_id(&running.target) else { return };
        let (detail, detail_code) = detail.into_parts();
        effects.push(Effect::from(Record::Acted {
            incident: target.incident_id(),
            target: target.id.clone(),
            action: "supervisor.finish-restart".to_owned(),
            detail,
            detail_code,
        }));
        if ended == Ended::Ran {
            target.stopped.clear();
        }
        // Its proof begins now.
        target.machine.verify_afresh(now);
        for check in checks {
            self.checks[check].start_afresh(now);
        }
    }
}
