//! What an action is told of the target that it is for.

use evenkeel_probe::Facts;
use evenkeel_recovery::actions::{Identity, Occasion};

use crate::check::CheckCore;
use crate::recovery::RecoveryCore;
use crate::target::Target;

/// The field of facts that says which process was looked at.
const INCARNATION: &str = "incarnation";

/// The process that facts speak of, or the one that was seen last.
pub(crate) fn process_of(facts: &Facts, last: Option<Identity>) -> Option<Identity> {
    facts.text(INCARNATION).and_then(Identity::of_incarnation).or(last)
}

/// What the checks of a recovery know of one of its targets.
pub(crate) fn occasion(recovery: &RecoveryCore, target: &Target, checks: &[CheckCore]) -> Occasion {
    let mine = recovery.checks.iter().filter_map(|index| checks.get(*index));
    let part = target.id.strip_prefix(&recovery.spec.name).and_then(|id| id.strip_prefix('/'));
    // Of several checks that name a process, one that is down is about the one that is meant.
    let is_down = |check: &&CheckCore| target.names_cause(&check.spec.name);
    let process = match part {
        Some(part) => mine.clone().find_map(|check| check.parts.get(part)?.process),
        None => {
            mine.clone().filter(is_down).chain(mine.clone()).find_map(|check| check.own.process)
        }
    };
    Occasion {
        incident: target.incident_id(),
        intent: None,
        target: target.id.clone(),
        cause: target.cause().to_owned(),
        reason: target.reason.clone().unwrap_or_default(),
        process,
        workers: mine
            .flat_map(|check| check.parts.values())
            .filter_map(|part| part.process)
            .collect(),
    }
}
