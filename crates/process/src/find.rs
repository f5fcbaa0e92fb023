use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::{LookError, Process, Table};

/// The kernel keeps this much of a program's name.
const NAME_LIMIT: usize = 15;

/// The numbers of every process of this name, and of this user if one is given.
///
/// The name is that of the program's file, without the directory. Where the kernel cut it, the file, or for a script its
/// first arguments, still have it whole. A program may call itself anything: whoever must not be fooled asks for the
/// user as well. Zombies are among them.
pub fn find_by_name(name: &OsStr, user: Option<u32>) -> Result<Vec<u32>, LookError> {
    let mut system = System::new().map_err(|error| LookError::Io {
        what: "the list of processes".to_owned(),
        source: std::io::Error::other(error.to_string()),
    })?;
    let longer = if name.len() > NAME_LIMIT { UpdateKind::OnlyIfNotSet } else { UpdateKind::Never };
    let kind = ProcessRefreshKind::nothing()
        .without_tasks()
        .with_user(UpdateKind::OnlyIfNotSet)
        .with_exe(longer)
        .with_cmd(longer);
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
    let chosen = |process: &&sysinfo::Process| {
        is_named(process, name)
            && user.is_none_or(|user| process.user_id().is_some_and(|uid| **uid == user))
    };
    Ok(system.processes().values().filter(chosen).map(|process| process.pid().as_u32()).collect())
}

fn is_named(process: &sysinfo::Process, name: &OsStr) -> bool {
    if process.name() == name {
        return true;
    }
    let cut = process.name().len() == NAME_LIMIT
        && name.as_bytes().starts_with(process.name().as_bytes());
    let file_name = |path: &Path| path.file_name().is_some_and(|file| file == name);
    cut && (process.exe().is_some_and(file_name)
        || process.cmd().iter().take(2).any(|word| file_name(Path::new(word))))
}

/// The units of systemd that have processes now, each with their numbers.
///
/// A unit that only a user's manager knows is not among them. `Err` only if there is no list at all: a process that may not
/// be looked at is left out.
pub fn processes_of_unit(unit: &str) -> Result<UnitProcesses, LookError> {
    let mut found = UnitProcesses::default();
    for stat in Table::read()?.iter() {
        let cgroups = Process::open_exactly(stat.identity).and_then(|process| process.cgroups());
        let Some(of) = cgroups.ok().and_then(|cgroups| cgroups.unit()) else { continue };
        if of.system == unit {
            found.pids.push(stat.identity.pid);
        } else if !found.others.contains(&of.system) {
            found.others.push(of.system);
        }
    }
    Ok(found)
}

/// What [`processes_of_unit`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitProcesses {
    /// The unit's processes.
    pub pids: Vec<u32>,
    /// The other units that have some, for whoever may have mistyped.
    pub others: Vec<String>,
}
