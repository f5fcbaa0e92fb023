//! A step that cannot be taken here is skipped before anything is charged for it (R4), as far as the checks know what it needs.

use evenkeel_moment::Moment;
use evenkeel_recovery::actions::Action;
use evenkeel_shown::said::{ActionCode, Named, Said};

use crate::engine::Engine;
use crate::event::Effect;
use crate::occasion::occasion;
use crate::record::Record;

impl Engine {
    /// What the next step of a target needs and does not find, by the last looks of the checks of its recovery.
    ///
    /// What no check looks at is found out by the action itself, after it was charged.
    pub(crate) fn cannot_be_taken(&self, index: usize, id: &str) -> Option<Said> {
        let recovery = self.recoveries.get(index)?;
        let target = recovery.target(id)?;
        let action = &target.next_step()?.action;
        let mut checks = recovery.checks.iter().filter_map(|check| self.checks.get(*check));
        match action {
            Action::SystemdRestart { .. } | Action::SystemdOrder { .. } => checks
                .filter(|check| check.looks_at_unit_of(action))
                .find_map(|check| check.missing().cloned()),
            Action::SupervisorRestartProgram { program: Some(program), .. }
            | Action::SupervisorSignal { program: Some(program), .. } => {
                checks.find_map(|check| check.looked.as_ref()?.missing(program))
            }
            Action::Signal { .. } => {
                occasion(recovery, target, None, &self.checks).process.is_none().then(|| {
                    let code = ActionCode::NotNamedYet(Named::Process);
                    Said::new("no check has named a process", code)
                })
            }
            _ => None,
        }
    }

    pub(crate) fn skip(
        &mut self,
        now: Moment,
        index: usize,
        id: &str,
        reason: Said,
        effects: &mut Vec<Effect>,
    ) {
        let Some(recovery) = self.recoveries.get_mut(index) else { return };
        let Some(target) = recovery.target_by_id(id) else { return };
        let step = target.machine.step();
        let (reason, reason_code) = reason.into_parts();
        effects.push(Effect::from(Record::Skipped {
            incident: target.incident_id(),
            target: id.to_owned(),
            cause: target.cause().to_owned(),
            action: target.next_step().map(|step| step.action.describe()).unwrap_or_default(),
            step,
            reason,
            reason_code,
        }));
        // Nothing was attempted, so there is no outcome to be told.
        target.machine.skip(now);
        target.skipped();
    }
}
