//! What the programs of a supervisor hold of the host's memory. Blocks, for as long as a look at `/proc` takes.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::field::{RSS, TREE_PSS, TREE_RSS};
use crate::procfs::{self, Kin};
use crate::{Facts, FailureClass, Outcome, Part, ProgramMemory};

/// Adds what was asked for to each part that works. One that cannot be looked at is unknown from now on.
pub(crate) fn add(parts: &mut [Part], memory: ProgramMemory) {
    let kin = match memory {
        ProgramMemory::None => return,
        ProgramMemory::Own => Ok(Vec::new()),
        ProgramMemory::Tree | ProgramMemory::TreeProportional => {
            procfs::all().map_err(|error| unseen(&error))
        }
    };
    for part in parts.iter_mut().filter(|part| part.outcome == Outcome::Good) {
        let Some(pid) = pid_of(&part.facts) else { continue };
        let measured = match &kin {
            Ok(kin) => measure(pid, kin, memory, &mut part.facts),
            Err(outcome) => Err(outcome.clone()),
        };
        if let Err(outcome) = measured {
            part.outcome = outcome;
        }
    }
}

fn pid_of(facts: &Facts) -> Option<u32> {
    let pid = facts.number("pid")?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was a process number before it became a fact"
    )]
    let pid = pid as u32;
    Some(pid)
}

fn measure(pid: u32, kin: &[Kin], memory: ProgramMemory, facts: &mut Facts) -> Result<(), Outcome> {
    let seen = procfs::see(pid)
        .map_err(|error| unseen(&error))?
        .filter(|seen| !seen.zombie)
        .ok_or_else(gone)?;
    facts.set(RSS, seen.rss_bytes);
    if memory == ProgramMemory::Own {
        return Ok(());
    }
    let tree = tree_of(pid, kin);
    facts.set(TREE_RSS, tree.values().sum::<u64>());
    if memory == ProgramMemory::TreeProportional {
        let mut sum = 0;
        for pid in tree.keys() {
            sum += proportional(*pid).map_err(|error| unseen(&error))?;
        }
        facts.set(TREE_PSS, sum);
    }
    Ok(())
}

/// The process and all below it, each with its resident memory.
fn tree_of(root: u32, kin: &[Kin]) -> BTreeMap<u32, u64> {
    let mut tree = BTreeMap::new();
    let mut found: Vec<_> = kin.iter().filter(|kin| kin.pid == root).collect();
    while let Some(one) = found.pop() {
        // A list that was read while processes came and went may say that two are each other's parents.
        if tree.insert(one.pid, one.rss_bytes).is_none() {
            found.extend(kin.iter().filter(|other| other.parent == one.pid));
        }
    }
    tree
}

/// Memory of one process, a page that several share counted for each in part. Source: `proc_pid_smaps(5)`.
fn proportional(pid: u32) -> io::Result<u64> {
    match procfs::read_small(Path::new(&format!("/proc/{pid}/smaps_rollup"))) {
        Ok(text) => parse_rollup(&String::from_utf8_lossy(&text)),
        // It ended since the list was made.
        Err(error) if procfs::is_gone(&error) => Ok(0),
        Err(error) => Err(error),
    }
}

fn parse_rollup(text: &str) -> io::Result<u64> {
    // A zombie and a thread of the kernel have no memory, and an empty file.
    if text.is_empty() {
        return Ok(0);
    }
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kilobytes =
        kilobytes.and_then(|rest| rest.trim().strip_suffix("kB")?.trim_end().parse().ok());
    let malformed =
        || io::Error::new(io::ErrorKind::InvalidData, "the kernel's answer cannot be read");
    kilobytes.map(|kilobytes: u64| kilobytes.saturating_mul(1024)).ok_or_else(malformed)
}

fn gone() -> Outcome {
    Outcome::unknown(FailureClass::Missing, "its process ended as it was looked at")
}

fn unseen(error: &io::Error) -> Outcome {
    let class = match error.kind() {
        io::ErrorKind::PermissionDenied => FailureClass::Denied,
        _ => FailureClass::Limit,
    };
    Outcome::unknown(class, format!("its memory cannot be looked at: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kin(pid: u32, parent: u32) -> Kin {
        Kin { pid, parent, rss_bytes: u64::from(pid) * 1000 }
    }

    fn part(pid: u32) -> Part {
        let facts = [("pid", pid)].into_iter().collect();
        Part { name: "p".to_owned(), outcome: Outcome::Good, facts }
    }

    #[test]
    fn a_tree_is_the_process_and_all_below_it_and_nothing_else() {
        let all = [kin(1, 0), kin(20, 1), kin(30, 20), kin(31, 20), kin(40, 31), kin(50, 1)];
        let tree: Vec<_> = tree_of(20, &all).into_keys().collect();
        assert_eq!(tree, [20, 30, 31, 40]);
        assert_eq!(tree_of(99, &all), BTreeMap::new());
    }

    #[test]
    fn a_list_that_runs_in_a_circle_ends() {
        let tree: Vec<_> = tree_of(2, &[kin(2, 3), kin(3, 2)]).into_keys().collect();
        assert_eq!(tree, [2, 3]);
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

    #[test]
    fn a_rollup_is_read_and_a_strange_one_is_not() {
        let text = "55d0-7ffe ---p 00000000 00:00 0    [rollup]\nRss:  3000 kB\nPss:      1234 kB\nPss_Dirty: 1 kB\n";
        assert_eq!(parse_rollup(text).unwrap(), 1234 * 1024);
        assert_eq!(parse_rollup("").unwrap(), 0);
        assert!(parse_rollup("Pss: many kB\n").is_err());
    }
}
