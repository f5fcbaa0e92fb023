//! What an action is told of the target that it is for.

use std::collections::BTreeSet;
use std::path::Path;

use evenkeel_probe::{Facts, Target};
use evenkeel_recovery::actions::{Action, Identity, Occasion};

use crate::check::CheckCore;
use crate::recovery::RecoveryCore;
use crate::target;

/// The field of facts that says which process was looked at.
pub(crate) const INCARNATION: &str = "incarnation";
/// The one that names the children of a daemon.
const CHILDREN: &str = "daemon_children";

/// The process that facts speak of, or the one that was seen last.
pub(crate) fn process_of(facts: &Facts, last: Option<Identity>) -> Option<Identity> {
    facts.text(INCARNATION).and_then(Identity::of_incarnation).or(last)
}

/// The children of a daemon that did not answer, as one look found them.
pub(crate) fn children_of(facts: &Facts) -> Option<Vec<Identity>> {
    let children = facts.text(CHILDREN)?;
    Some(children.split(' ').filter_map(Identity::of_incarnation).collect())
}

/// What the checks of a recovery know of one of its targets.
pub(crate) fn occasion(
    recovery: &RecoveryCore,
    target: &target::Target,
    action: Option<&Action>,
    checks: &[CheckCore],
) -> Occasion {
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
        reason: target.reason.as_ref().map_or_else(String::new, |reason| reason.text().to_owned()),
        process,
        workers: match action {
            Some(Action::Exec { left_overs_of: Some(socket), .. }) => workers(socket, mine.clone()),
            _ => Vec::new(),
        },
        unit_is_wanted: action.is_some_and(|action| {
            target.has_acted_on_unit_of(action)
                || mine.clone().any(|check| check.wants_unit_of(action))
        }),
    }
}

/// The programs of the supervisord behind `socket`, each once; nobody else's, whatever else the recovery listens to.
fn workers<'a>(socket: &Path, checks: impl Iterator<Item = &'a CheckCore>) -> Vec<Identity> {
    let is_of_it = |check: &&CheckCore| match &check.spec.target {
        Target::Supervisor(supervisor) => supervisor.socket == socket,
        _ => false,
    };
    let of_it = checks.filter(is_of_it);
    of_it.flat_map(CheckCore::processes).collect::<BTreeSet<_>>().into_iter().collect()
}
