//! Processes that outlived the daemon that had started them, ended before the daemon is started anew.
//!
//! A worker that runs twice does its work twice. But whoever ends the wrong process does worse than that, so a process is
//! ended only if it is proved to be left over: it is still in the cgroup of a unit that has been stopped, or it is the very
//! process that supervisord named as its program and nobody listens on that supervisord's socket any more. The agent, what
//! it runs, and whoever runs the agent are never among them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::time::Duration;

use evenkeel_process::{Identity, Process, Table, processes_of_unit};
use evenkeel_shown::said::{ActionCode, NamedProcess, Said};
use evenkeel_supervisord::{CallError, Client};
use tokio::time::Instant;

use super::error::{ActionError, of_look, permanent, retryable};
use super::signal::{POLL, Signal, Signalled, open};

/// How long a process that was asked to end may take, as supervisord's `stopwaitsecs`.
const GRACE: Duration = Duration::from_secs(10);
/// What a killed process takes to vanish; one that waits in the kernel may take for ever.
const REAP: Duration = Duration::from_secs(5);
/// How long a supervisord that lives may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Children of one left-over process that are ended with it.
const DESCENDANTS: usize = 4096;
/// How often the children of children are ended: who starts new ones for ever is not waited for.
const GENERATIONS: u32 = 8;
/// How often those below a process are looked at until nobody is new.
const FREEZES: u32 = 16;
/// How often it is looked who is below a process that was asked to end.
const LOOK: Duration = Duration::from_millis(100);
/// How many processes a message names.
const NAMED: usize = 8;

/// What was ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// Each process that was ended.
    pub processes: Vec<NamedProcess>,
    /// How many of them had to be killed.
    pub killed: usize,
}

/// Ends what is left in the cgroup of a unit of systemd that has been stopped. `None` if nothing is.
///
/// The caller has stopped the unit: while it runs, its processes are not left over. `unit` is its full name, as
/// `supervisor.service`.
pub(super) async fn end_of_unit(
    unit: &str,
    deadline: Instant,
) -> Result<Option<Ended>, ActionError> {
    let mut all = Ended::default();
    loop {
        let name = unit.to_owned();
        let found = off_thread(move || {
            let pids = processes_of_unit(&name).map_err(|error| of_look(&error))?.pids;
            let identities = pids.into_iter().filter_map(|pid| Process::open(pid).ok());
            // Looked at once more by what was opened: a number may have changed hands meanwhile.
            let of_unit = |process: &Process| {
                let unit = process.cgroups().ok().and_then(|cgroups| cgroups.unit());
                unit.is_some_and(|unit| unit.system == name)
            };
            let found: Vec<_> =
                identities.filter(of_unit).map(|process| process.identity()).collect();
            without_ours(found)
        })
        .await?;
        let ended = end(&found, deadline, None).await?;
        if ended.processes.is_empty() {
            return Ok(Some(all).filter(|all| !all.processes.is_empty()));
        }
        // Somebody may have started another one meanwhile: until nobody is left.
        all.processes.extend(ended.processes);
        all.killed += ended.killed;
    }
}

/// Ends what is left of the programs of a supervisord that is dead: `workers`, as it named them last, and their children.
/// `None` if nothing is.
///
/// Fails with [`ActionError::Permanent`] while a supervisord answers, or listens without answering: its programs are then
/// not left over.
pub(super) async fn end_of_supervisord(
    socket: &Path,
    workers: &[Identity],
    deadline: Instant,
) -> Result<Option<Ended>, ActionError> {
    is_dead(socket, deadline).await?;
    let workers = workers.to_vec();
    let mut next = off_thread(move || without_ours(workers)).await?;
    let (mut all, mut known) = (Ended::default(), BTreeSet::new());
    // Workers first: many end their children themselves, and in order. Then whom they left.
    for _ in 0..GENERATIONS {
        known.extend(next.iter().copied());
        let mut family = Family::default();
        let ended = end(&next, deadline, Some(&mut family)).await?;
        all.processes.extend(ended.processes);
        all.killed += ended.killed;
        next = off_thread(move || without_ours(family.below.into_iter().collect())).await?;
        next.retain(|child| !known.contains(child));
        if next.is_empty() {
            return Ok(Some(all).filter(|all| !all.processes.is_empty()));
        }
    }
    let text = format!(
        "what is left over starts others faster than they end ({all}); nothing was started beside it"
    );
    let ended = Box::new(all.said().into_code());
    Err(retryable(Said::new(text, ActionCode::LeftOversOutrun { ended })))
}

/// Who was seen below processes that are being ended, while they lived: afterwards nobody can tell whose children they were.
#[derive(Debug, Default)]
struct Family {
    below: BTreeSet<Identity>,
}

impl Family {
    /// Looks once more who is below `parents`; those who are new.
    async fn look(&mut self, parents: &[Signalled]) -> Result<Vec<Identity>, ActionError> {
        let parents: Vec<_> = parents.iter().map(|parent| parent.stat.identity).collect();
        let found = off_thread(move || {
            let table = Table::read().map_err(|error| of_look(&error))?;
            let below = |parent| table.descendants(parent, DESCENDANTS).processes;
            Ok(parents.into_iter().flat_map(below).collect::<Vec<_>>())
        })
        .await?;
        let mut new = found;
        new.retain(|child| self.below.len() < DESCENDANTS && self.below.insert(*child));
        Ok(new)
    }

    /// Stops `parents` and all below them, until nobody is new: who is stopped starts nobody.
    async fn freeze(&mut self, parents: &[Signalled]) -> Result<(), ActionError> {
        send(parents, Signal::STOP)?;
        for _ in 0..FREEZES {
            let new = self.look(parents).await?;
            if new.is_empty() {
                break;
            }
            let below = without_ours(new)?;
            let below: Vec<_> = below.into_iter().filter_map(|child| open(child).ok()).collect();
            send(&below, Signal::STOP)?;
        }
        Ok(())
    }
}

/// Whether nobody listens on the socket any more, which the kernel says and no timeout.
async fn is_dead(socket: &Path, deadline: Instant) -> Result<(), ActionError> {
    let left = deadline.saturating_duration_since(Instant::now()).min(ANSWER);
    let lives = |how: Said| {
        let text = format!("the programs of supervisord are not left over: {how}");
        let why = Box::new(how.into_code());
        permanent(Said::new(text, ActionCode::NotLeftOver { why }))
    };
    let client = Client::new(socket);
    let asked = match client.daemon_pid(left).await {
        // It may have died while it was asked: then the kernel says so now.
        Err(CallError::Protocol { .. } | CallError::Io { .. }) => client.daemon_pid(left).await,
        asked => asked,
    };
    match asked {
        Err(CallError::Refused { .. } | CallError::Missing { .. }) => Ok(()),
        Ok(pid) => {
            let text = format!("it runs as process {pid}");
            Err(lives(Said::new(text, ActionCode::RunsAs { pid })))
        }
        Err(error) => Err(lives(error.said())),
    }
}

/// Asks each process for its end, and kills those that do not comply. All that time it is noted who is below them.
async fn end(
    processes: &[Identity],
    deadline: Instant,
    mut family: Option<&mut Family>,
) -> Result<Ended, ActionError> {
    let mut living: Vec<Signalled> = Vec::new();
    for identity in processes {
        match open(*identity) {
            Ok(process) => living.push(process),
            // Gone or dead, which is what is wanted; or not to be touched.
            Err(ActionError::Permanent { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let shown: Vec<_> = living.iter().map(Signalled::shown).collect();
    let left = deadline.saturating_duration_since(Instant::now());
    if let Some(family) = &mut family {
        family.look(&living).await?;
    }
    send(&living, Signal::TERM)?;
    // A stopped process takes nothing before it goes on.
    send(&living, Signal::CONT)?;
    let until = Instant::now() + GRACE.min(left / 2);
    while !living.is_empty() && Instant::now() < until {
        if let Some(family) = &mut family {
            family.look(&living).await?;
        }
        wait(&mut living, until.min(Instant::now() + LOOK)).await;
    }
    let killed = living.len();
    if let Some(family) = &mut family
        && killed > 0
    {
        family.freeze(&living).await?;
    }
    send(&living, Signal::KILL)?;
    wait(&mut living, deadline.min(Instant::now() + REAP)).await;
    if let Some(stays) = living.first() {
        let (process, state) = (stays.shown(), stays.stat.state.to_string());
        let text = format!(
            "{process} is left over and does not end ({state}); nothing was started beside it"
        );
        return Err(retryable(Said::new(text, ActionCode::LeftOverStays { process, state })));
    }
    Ok(Ended { processes: shown, killed })
}

fn send(processes: &[Signalled], signal: Signal) -> Result<(), ActionError> {
    for process in processes {
        match process.handle.send(signal.number()) {
            Err(error) if !error.is_gone() => {
                let (reason, process) = (error.said(), process.shown());
                let text = format!("cannot end {process}: {reason}");
                let why = Box::new(reason.into_code());
                return Err(permanent(Said::new(text, ActionCode::CannotEnd { process, why })));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Waits until all have ended, and leaves those that have not.
async fn wait(living: &mut Vec<Signalled>, until: Instant) {
    loop {
        living.retain(|process| !process.handle.has_ended());
        if living.is_empty() || Instant::now() >= until {
            return;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Without the agent, whoever runs it, and whatever it runs.
fn without_ours(found: Vec<Identity>) -> Result<Vec<Identity>, ActionError> {
    let table = Table::read().map_err(|error| of_look(&error))?;
    let parents = table.iter().map(|stat| (stat.identity.pid, stat.parent)).collect();
    let own = std::process::id();
    let kin = kin(&parents, own);
    Ok(found.into_iter().filter(|identity| !kin.contains(&identity.pid)).collect())
}

/// A process, all its parents, and everything that it started.
fn kin(parents: &BTreeMap<u32, u32>, own: u32) -> BTreeSet<u32> {
    let line = |pid: u32| {
        // No line is longer than there are processes, whatever was read while they came and went.
        std::iter::successors(Some(pid), |pid| parents.get(pid).copied().filter(|pid| *pid != 0))
            .take(parents.len() + 1)
    };
    let mut kin: BTreeSet<_> = line(own).collect();
    kin.extend(parents.keys().copied().filter(|pid| line(*pid).any(|parent| parent == own)));
    kin
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ActionError> + Send + 'static,
) -> Result<T, ActionError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let why = error.to_string();
        let text = format!("cannot look for processes: {why}");
        Err(retryable(Said::new(text, ActionCode::CannotLookForProcesses { why })))
    })
}

impl Ended {
    pub(super) fn said(&self) -> Said {
        let (count, killed) = (self.processes.len(), self.killed);
        let processes = self.processes.iter().take(NAMED).cloned().collect();
        let code = ActionCode::LeftOversEnded { count, processes, killed };
        Said::new(self.to_string(), code)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.processes.len();
        write!(formatter, "ended {count} left over: ")?;
        let named: Vec<_> =
            self.processes.iter().take(NAMED).map(NamedProcess::to_string).collect();
        formatter.write_str(&named.join(", "))?;
        if count > NAMED {
            write!(formatter, " and {} more", count - NAMED)?;
        }
        if self.killed > 0 {
            write!(formatter, "; {} had to be killed", self.killed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
