use std::iter;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use evenkeel_process::{Identity, ListeningSocket, Process, State, Table};
use evenkeel_shown::said::Activity;

use crate::listening::listening;

/// The daemon behind a socket, found without asking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// Its process.
    pub identity: Identity,
    /// What it does.
    pub activity: Activity,
    /// Its children: the programs that it started, whether it can be asked or not. At most 1,024.
    pub children: Vec<Identity>,
}

/// Children of a daemon that are told.
const CHILDREN: usize = 1024;

impl Daemon {
    /// Who listens on `socket`, also if its file was deleted. Blocks for as long as a look at every descriptor of the host takes;
    /// `None` if nobody does, or the caller may not see who.
    pub fn behind(socket: &Path) -> Option<Self> {
        let ours = |listening: &ListeningSocket| match listener(socket, listening) {
            Listener::Ours(process) => Some(process),
            Listener::Anothers | Listener::Unseen => None,
        };
        Self::of(&listening(socket).iter().find_map(ours)?)
    }

    fn of(process: &Process) -> Option<Self> {
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

/// Whether somebody listens on `socket`, as far as can be told. Blocks, as [`Daemon::behind`].
pub(crate) fn somebody_listens(socket: &Path) -> bool {
    let anothers =
        |listening: &ListeningSocket| matches!(listener(socket, listening), Listener::Anothers);
    !listening(socket).iter().all(anothers)
}

/// Who listens on a socket that was bound by the name of ours.
enum Listener {
    Ours(Process),
    /// In another directory of that name, as in a container with the network of the host.
    Anothers,
    /// Nobody can tell, or the caller may not see it.
    Unseen,
}

fn listener(socket: &Path, listening: &ListeningSocket) -> Listener {
    let holders = listening.holders().unwrap_or_default();
    // A child that has just been forked still has it too: the oldest is the daemon.
    let Some(oldest) = holders.first() else { return Listener::Unseen };
    let Ok(process) = Process::open_exactly(*oldest) else { return Listener::Unseen };
    let (Some(theirs), Some(ours)) = (listening.bound.parent(), socket.parent()) else {
        return Listener::Anothers;
    };
    match (process.shares_directory(theirs, ours), process.users()) {
        (Ok(false), _) => Listener::Anothers,
        // In /tmp anybody can take a name that is like ours: only of the owner's it is known that it is the daemon.
        (Ok(true), Ok(users)) if owners(socket, ours).contains(&users.effective) => {
            Listener::Ours(process)
        }
        _ => Listener::Unseen,
    }
}

#[expect(clippy::disallowed_methods, reason = "only told whose they are")]
fn owners(socket: &Path, directory: &Path) -> Vec<u32> {
    let file = std::fs::symlink_metadata(socket);
    let found = [file, std::fs::metadata(directory)].into_iter().flatten();
    iter::once(0).chain(found.map(|found| found.uid())).collect()
}
