use std::path::Path;

use evenkeel_process::{Identity, Process, State, Table, holders_of_socket};

use crate::listening::listening_inode;

/// The daemon behind a socket, found without asking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// Its process.
    pub identity: Identity,
    /// What it does.
    pub activity: Activity,
    /// Its children: the programs that it started, whether it can be asked or not. No more than [`CHILDREN`].
    pub children: Vec<Identity>,
}

/// Children of a daemon that are told.
pub const CHILDREN: usize = 1024;

/// Whether a daemon could answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// It runs, or waits for something to do.
    Alive,
    /// It was stopped by a signal, and does nothing until another has it go on.
    Stopped,
    /// Its cgroup is frozen.
    CgroupFrozen,
    /// A debugger holds it.
    Traced,
    /// It waits inside the kernel, as for a disk.
    DiskSleep,
    /// It ended, and whoever started it has not noticed.
    Dead,
}

impl Activity {
    /// In words that follow "it".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "runs",
            Self::Stopped => "was stopped by a signal",
            Self::CgroupFrozen => "is in a frozen cgroup",
            Self::Traced => "is held by a debugger",
            Self::DiskSleep => "waits inside the kernel",
            Self::Dead => "is dead",
        }
    }

    /// Whether it was frozen from outside and will not answer by itself.
    pub fn is_frozen(self) -> bool {
        matches!(self, Self::Stopped | Self::CgroupFrozen)
    }
}

impl Daemon {
    /// Who listens on `socket`, also if its file was deleted. Blocks for as long as a look at every descriptor of the host takes;
    /// `None` if nobody does, or the caller may not see who.
    pub fn behind(socket: &Path) -> Option<Self> {
        // A child that has just been forked still has it too: the oldest is the daemon.
        let holders = holders_of_socket(listening_inode(socket)?).ok()?;
        let process = Process::open_exactly(*holders.first()?).ok()?;
        let stat = process.stat().ok()?;
        let frozen = || process.cgroups().is_ok_and(|cgroups| cgroups.is_frozen());
        let activity = match stat.state {
            _ if stat.is_dead() => Activity::Dead,
            State::Stopped => Activity::Stopped,
            State::Traced => Activity::Traced,
            _ if frozen() => Activity::CgroupFrozen,
            State::DiskSleep => Activity::DiskSleep,
            _ => Activity::Alive,
        };
        let table = Table::read().ok();
        let children = table.iter().flat_map(|table| table.children(process.identity()));
        let children = children.map(|child| child.identity).take(CHILDREN).collect();
        Some(Self { identity: process.identity(), activity, children })
    }
}
