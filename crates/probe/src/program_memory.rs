//! What the programs of a supervisor hold of the host's memory. Blocks, for as long as a look at `/proc` takes.

use evenkeel_process::{Process, Table};
use evenkeel_shown::said::HostCode;

use crate::field::{RSS, TREE_PSS, TREE_RSS};
use crate::process::{not_permitted, unseen};
use crate::{Facts, FailureClass, Outcome, Part, ProgramMemory};

/// How many processes below one program are looked at.
const PROCESSES: usize = 4096;

/// Adds what was asked for to each part that works. One that cannot be looked at is unknown from now on.
pub(crate) fn add(parts: &mut [Part], memory: ProgramMemory) {
    let table = match memory {
        ProgramMemory::None => return,
        ProgramMemory::Own => Ok(Table::default()),
        ProgramMemory::Tree | ProgramMemory::TreeProportional => {
            Table::read().map_err(|error| unseen(&error))
        }
    };
    for part in parts.iter_mut().filter(|part| part.outcome == Outcome::Good) {
        let Some(pid) = pid_of(&part.facts) else { continue };
        let measured = match &table {
            Ok(table) => measure(pid, table, memory, &mut part.facts),
            Err(outcome) => Err(outcome.clone()),
        };
        if let Err(outcome) = measured {
            part.outcome = outcome;
        }
    }
}

pub(crate) fn pid_of(facts: &Facts) -> Option<u32> {
    let pid = facts.number("pid")?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was a process number before it became a fact"
    )]
    let pid = pid as u32;
    Some(pid)
}

fn measure(
    pid: u32,
    table: &Table,
    memory: ProgramMemory,
    facts: &mut Facts,
) -> Result<(), Outcome> {
    let process = Process::open(pid).map_err(|error| unseen(&error))?;
    let stat = process.stat().map_err(|error| unseen(&error))?;
    if stat.is_dead() {
        return Err(Outcome::unknown(FailureClass::Missing, HostCode::EndedMeanwhile));
    }
    facts.set(RSS, stat.rss_bytes);
    if memory == ProgramMemory::Own {
        return Ok(());
    }
    let below = table.descendants(process.identity(), PROCESSES);
    if below.cut {
        let most = PROCESSES;
        return Err(Outcome::unknown(FailureClass::Limit, HostCode::TooManyBelow { most }));
    }
    let resident = below.processes.iter().filter_map(|identity| table.get(identity.pid));
    facts.set(TREE_RSS, stat.rss_bytes + resident.map(|stat| stat.rss_bytes).sum::<u64>());
    if memory == ProgramMemory::TreeProportional {
        let mut sum = proportional(&process)?;
        for identity in below.processes {
            match Process::open_exactly(identity) {
                Ok(process) => sum += proportional(&process)?,
                // It ended since the list was made.
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(unseen(&error)),
            }
        }
        facts.set(TREE_PSS, sum);
    }
    Ok(())
}

fn proportional(process: &Process) -> Result<u64, Outcome> {
    match process.memory() {
        Ok(memory) => memory.pss_bytes.ok_or_else(|| not_permitted(process)),
        Err(error) if error.is_gone() => Ok(0),
        Err(error) => Err(unseen(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(pid: u32) -> Part {
        let facts = [("pid", pid)].into_iter().collect();
        Part { name: "p".to_owned(), outcome: Outcome::Good, facts }
    }

    #[test]
    fn the_own_process_has_memory_and_its_tree_no_less() {
        let mut parts = [part(std::process::id())];
        add(&mut parts, ProgramMemory::TreeProportional);
        assert_eq!(parts[0].outcome, Outcome::Good);
        let fact = |name| parts[0].facts.number(name).unwrap();
        assert!(fact(RSS) > 1e6);
        assert!(fact(TREE_RSS) > 1e6 && fact(TREE_PSS) > 1e5);
        assert!(fact(TREE_PSS) <= fact(TREE_RSS) * 1.5, "shared pages are not counted twice");
    }

    #[test]
    fn a_process_that_is_gone_is_unknown_and_not_small() {
        let mut parts = [part(u32::MAX)];
        add(&mut parts, ProgramMemory::Own);
        assert!(matches!(parts[0].outcome, Outcome::Unknown(_)), "{parts:?}");
        assert_eq!(parts[0].facts.get(RSS), None);
    }
}
