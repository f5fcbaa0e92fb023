mod facts;
mod select;

use std::collections::BTreeSet;

use evenkeel_process::{Identity, LookError, Process, Stat, Table};
use evenkeel_shown::said::{HostCode, NotRunning, WorkloadCode};
use evenkeel_supervisord::{CallError, Client};

use self::select::{Selected, opened, select};
use crate::looks::Turns;
use crate::prober::{Attempt, Step};
use crate::supervisor::{judge, named_program, of_call};
use crate::{Facts, FailureClass, Outcome, ProcessSelector, ProcessTarget};

/// How many processes are looked at together.
const PROCESSES: usize = 4096;

/// Finds the processes and looks at each.
pub(crate) async fn measure(
    turns: &Turns,
    target: &ProcessTarget,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    let asked = ask(&target.selector, attempt).await?;
    let target = target.clone();
    // All that it looks at, so that nothing but the very same look waits for one that hangs.
    let name = format!("{target:?}");
    let (facts, outcome) = turns.take(&name, attempt, move || look(&target, asked)).await?;
    attempt.facts = facts;
    outcome
}

/// The number that supervisord says, where it is to be asked.
async fn ask(selector: &ProcessSelector, attempt: &mut Attempt) -> Result<Option<u32>, Outcome> {
    match selector {
        ProcessSelector::SupervisorDaemon { socket } => {
            attempt.step = Step::Daemon;
            // Half of the time, so that there is some left for one that does not answer: who listens is known without asking.
            match Client::new(socket).daemon_pid(attempt.timeout / 2).await {
                Ok(pid) => Ok(Some(pid)),
                Err(CallError::TimedOut { daemon: Some(daemon), .. }) => {
                    Ok(Some(daemon.identity.pid))
                }
                Err(error) => Err(of_call(&error)),
            }
        }
        ProcessSelector::Program { socket, program } => {
            attempt.step = Step::Daemon;
            let asked = Client::new(socket).programs(attempt.timeout).await;
            let programs = asked.map_err(|error| of_call(&error))?;
            let found = named_program(program, &programs)?;
            match (found.pid, judge(found)) {
                // Also of one that starts or stops: it has a process, and that is what is looked at.
                (Some(pid), _) => Ok(Some(pid)),
                (None, Outcome::Good) => Err(Outcome::unknown(
                    FailureClass::Body,
                    WorkloadCode::ProgramWithoutProcess { program: program.clone() },
                )),
                (None, outcome) => Err(outcome),
            }
        }
        _ => Ok(None),
    }
}

fn look(target: &ProcessTarget, asked: Option<u32>) -> (Facts, Result<(), Outcome>) {
    match look_at(target, asked) {
        Ok(seen) => {
            let untold = seen.untold(&target.judged);
            (seen.facts, untold.map_or(Ok(()), Err))
        }
        Err(outcome) => (Facts::default(), Err(outcome)),
    }
}

fn look_at(target: &ProcessTarget, asked: Option<u32>) -> Result<facts::Seen, Outcome> {
    let selected = match asked {
        Some(pid) => opened([pid])?,
        None => select(&target.selector)?,
    };
    let Selected { processes, cgroup, otherwise } = selected;
    let (dead, mut living): (Vec<_>, Vec<_>) =
        processes.into_iter().partition(|(_, stat)| stat.is_dead());
    living.sort_by_key(|(process, _)| (process.identity().start_ticks, process.identity().pid));
    let gone = || {
        let why = if dead.is_empty() { otherwise } else { Some(NotRunning::Zombie) };
        let target = target.selector.code();
        Outcome::bad(FailureClass::Missing, HostCode::NotRunning { target, why })
    };
    if living.is_empty() {
        return Err(gone());
    }
    if target.tree {
        add_descendants(&mut living)?;
    }
    let (first, others) = living.split_first().expect("some live");
    // It ended between two looks: that is an end like any other.
    facts::look(first, others, cgroup)?.ok_or_else(gone)
}

/// Adds every process below those that were found, behind them.
fn add_descendants(living: &mut Vec<(Process, Stat)>) -> Result<(), Outcome> {
    let table = Table::read().map_err(|error| unseen(&error))?;
    let mut seen: BTreeSet<Identity> =
        living.iter().map(|(process, _)| process.identity()).collect();
    let roots: Vec<_> = seen.iter().copied().collect();
    for root in roots {
        let below = table.descendants(root, PROCESSES);
        if below.cut || seen.len() + below.processes.len() > PROCESSES {
            return Err(too_many());
        }
        for identity in below.processes.into_iter().filter(|identity| seen.insert(*identity)) {
            match Process::open_exactly(identity).and_then(|process| Ok((process.stat()?, process)))
            {
                Ok((stat, process)) if !stat.is_dead() => living.push((process, stat)),
                Ok(_) => {}
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(unseen(&error)),
            }
        }
    }
    Ok(())
}

fn too_many() -> Outcome {
    Outcome::unknown(FailureClass::Limit, HostCode::TooManyProcesses { most: PROCESSES })
}

/// A look that failed for another reason than that nobody is there.
pub(crate) fn unseen(error: &LookError) -> Outcome {
    let class = match error {
        LookError::Gone { .. } => FailureClass::Missing,
        LookError::Denied { .. } => FailureClass::Denied,
        _ => FailureClass::Limit,
    };
    Outcome::unknown(class, error.said())
}

pub(crate) fn not_permitted(process: &Process) -> Outcome {
    let pid = process.identity().pid;
    Outcome::unknown(FailureClass::Denied, HostCode::NotPermitted { pid })
}
