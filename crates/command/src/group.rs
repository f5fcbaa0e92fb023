use std::collections::BTreeMap;

use evenkeel_process::{Handle, Identity, Process, Table};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How often the host is searched for processes that were started meanwhile.
const ROUNDS: usize = 8;
/// More than this below one command are not looked for: then the group has to do.
const PROCESSES: usize = 4096;

/// A child that has not been waited for, and all that it started; killed when dropped.
///
/// As long as the child is not waited for, its number cannot be given to another process, so the kill cannot hit strangers.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// The group that `leader` leads, which was started with `process_group(0)`.
    pub(crate) fn led_by(leader: Option<u32>) -> Self {
        Self(leader.and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw))
    }

    /// The child ended by itself and was waited for: what it left behind is left alone.
    pub(crate) fn release(&mut self) {
        self.0 = None;
    }

    /// Kills the group, and those below its leader that moved to groups of their own.
    ///
    /// Whose parent ended belongs to another tree by then, and is out of reach if it left the group as well: that is how a
    /// daemon detaches itself.
    pub(crate) fn kill(&mut self) {
        let Some(leader) = self.0.take() else { return };
        // Stopped first, so that nobody starts another while they are counted. The only failure is that nobody is left.
        let _ = killpg(leader, Signal::SIGSTOP);
        let below = stop_all_below(leader);
        let _ = killpg(leader, Signal::SIGKILL);
        for handle in below.values() {
            let _ = handle.send(Signal::SIGKILL as i32);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Every process below `leader`, each stopped and held.
fn stop_all_below(leader: Pid) -> BTreeMap<Identity, Handle> {
    let mut held = BTreeMap::new();
    let pid = leader.as_raw().unsigned_abs();
    let Ok(leader) = Process::open(pid).map(|leader| leader.identity()) else { return held };
    for _ in 0..ROUNDS {
        let Ok(table) = Table::read() else { return held };
        let below = table.descendants(leader, PROCESSES).processes;
        let before = held.len();
        for identity in below {
            if held.contains_key(&identity) {
                continue;
            }
            let found = Process::open_exactly(identity).and_then(|process| process.handle());
            if let Ok(handle) = found {
                let _ = handle.send(Signal::SIGSTOP as i32);
                held.insert(identity, handle);
            }
        }
        if held.len() == before {
            break;
        }
    }
    held
}
