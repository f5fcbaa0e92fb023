//! Which processes are meant.

use std::path::Path;

use evenkeel_shown::said::{HostCode, NotRunning};

use super::{PROCESSES, unseen};
use crate::account::uid_of;
use crate::nearest::nearest;
use crate::{FailureClass, Outcome, ProcessSelector};
use evenkeel_process::{
    Cgroup, LookError, Pidfile, PidfileError, Process, Stat, find_by_name, processes_of_unit,
};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Selected {
    /// Those that live, and zombies, each as it looked when it was opened.
    pub(super) processes: Vec<(Process, Stat)>,
    /// The cgroup that was asked for.
    pub(super) cgroup: Option<Cgroup>,
    /// What to say if none lives.
    pub(super) otherwise: Option<NotRunning>,
}

pub(super) fn select(selector: &ProcessSelector) -> Result<Selected, Outcome> {
    match selector {
        ProcessSelector::Pidfile(path) => of_pidfile(path),
        ProcessSelector::Name { name, user } => named(name, user.as_deref()),
        ProcessSelector::Pid(pid) => opened([*pid]),
        ProcessSelector::Unit(unit) => of_unit(unit),
        ProcessSelector::Cgroup(path) => of_cgroup(path),
        // supervisord was asked, and its answer is a number.
        ProcessSelector::Program { .. } | ProcessSelector::SupervisorDaemon { .. } => {
            Ok(Selected::default())
        }
    }
}

/// Those of the numbers that somebody has.
pub(super) fn opened(pids: impl IntoIterator<Item = u32>) -> Result<Selected, Outcome> {
    let mut processes = Vec::new();
    for pid in pids {
        match Process::open_with_stat(pid) {
            Ok(process) => processes.push(process),
            Err(error) if error.is_gone() => {}
            Err(error) => return Err(unseen(&error)),
        }
    }
    Ok(Selected { processes, ..Selected::default() })
}

fn of_pidfile(path: &Path) -> Result<Selected, Outcome> {
    let file = Pidfile::read(path).map_err(|error| of_error(&error))?;
    let pid = file.pid;
    let selected = opened([pid])?;
    let Some((process, _)) = selected.processes.first() else {
        return Ok(Selected { otherwise: Some(NotRunning::NobodyHasNumber { pid }), ..selected });
    };
    if !file.may_name(process) {
        let (pidfile, owner) = (path.display().to_string(), file.owner);
        return Err(Outcome::unknown(
            FailureClass::Denied,
            HostCode::OtherOwner { pidfile, owner, pid },
        ));
    }
    if file.is_stale(process.identity()) {
        let otherwise = NotRunning::NumberOfAnother { pid };
        return Ok(Selected { otherwise: Some(otherwise), ..Selected::default() });
    }
    Ok(selected)
}

fn of_error(error: &PidfileError) -> Outcome {
    let detail = error.said();
    match error {
        PidfileError::Missing { .. } => Outcome::bad(FailureClass::Missing, detail),
        PidfileError::Denied { .. } | PidfileError::Untrusted { .. } => {
            Outcome::unknown(FailureClass::Denied, detail)
        }
        // It may be about to be written: not known to be dead.
        PidfileError::NoNumber { .. } => Outcome::unknown(FailureClass::Body, detail),
        _ => Outcome::unknown(FailureClass::Limit, detail),
    }
}

fn named(name: &str, user: Option<&str>) -> Result<Selected, Outcome> {
    let user = user.map(uid_of).transpose()?;
    opened(find_by_name(name.as_ref(), user).map_err(|error| unseen(&error))?)
}

fn of_unit(unit: &str) -> Result<Selected, Outcome> {
    let found = processes_of_unit(unit).map_err(|error| unseen(&error))?;
    let near = nearest(unit, found.others.iter().map(String::as_str));
    let mut selected = opened(found.pids)?;
    selected.cgroup = selected
        .processes
        .iter()
        .find_map(|(process, _)| process.cgroups().ok()?.memory.as_ref().and_then(Cgroup::of_unit));
    selected.otherwise = Some(NotRunning::NoProcess { near });
    Ok(selected)
}

fn of_cgroup(path: &Path) -> Result<Selected, Outcome> {
    let cgroup = match Cgroup::find(path) {
        Ok(cgroup) => cgroup,
        Err(LookError::Gone { .. }) => {
            return Err(Outcome::bad(
                FailureClass::Missing,
                HostCode::NoCgroup { path: path.display().to_string(), near: neighbours(path) },
            ));
        }
        Err(error) => return Err(unseen(&error)),
    };
    let members = match cgroup.members_below(PROCESSES) {
        Ok(members) => members,
        // Removed since it was found.
        Err(LookError::Gone { .. }) => return Ok(Selected::default()),
        Err(error) => return Err(unseen(&error)),
    };
    if members.cut {
        return Err(super::too_many());
    }
    let selected = opened(members.pids)?;
    let otherwise = Some(NotRunning::NoProcess { near: Vec::new() });
    Ok(Selected { cgroup: Some(cgroup), otherwise, ..selected })
}

/// The cgroups beside one that is not there.
fn neighbours(path: &Path) -> Vec<String> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Vec::new();
    };
    let children = Cgroup::find(parent).and_then(|parent| parent.children()).unwrap_or_default();
    let names = children.iter().filter_map(|child| child.path().rsplit('/').next());
    nearest(&name.to_string_lossy(), names)
}
