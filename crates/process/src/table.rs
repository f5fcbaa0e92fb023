use std::collections::{BTreeMap, BTreeSet};

use rustix::fs::{CWD, Dir, Mode, OFlags, openat};

use crate::read::read_path;
use crate::{Identity, LookError, Stat, stat};

/// The kernel's greatest `pid_max`.
const PROCESSES: usize = 1 << 22;
const STAT: usize = 4 * 1024;

/// Every process that the caller may see, looked at one after the other.
///
/// Not a moment's picture: a process that starts or ends meanwhile is in it or not.
#[derive(Debug, Clone, Default)]
pub struct Table {
    by_pid: BTreeMap<u32, Stat>,
}

/// The processes below one, found by who is whose parent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Descendants {
    /// Parents before their children; the process itself is not among them.
    pub processes: Vec<Identity>,
    /// Whether there are more than were asked for.
    pub cut: bool,
}

impl Table {
    /// Looks at every process. Takes about 15 microseconds for each: ask once for all that is wanted.
    pub fn read() -> Result<Self, LookError> {
        let fail = |errno| LookError::of("/proc", errno);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, "/proc", flags, Mode::empty()).map_err(fail)?;
        let mut table = Self::default();
        for entry in Dir::read_from(&dir).map_err(fail)?.take(PROCESSES) {
            let entry = entry.map_err(fail)?;
            let Some(pid) = str::from_utf8(entry.file_name().to_bytes())
                .ok()
                .and_then(|name| name.parse::<u32>().ok())
            else {
                continue;
            };
            // One that ended since it was listed is no loss.
            if let Ok(text) = read_path(&format!("/proc/{pid}/stat"), STAT)
                && let Some(stat) = stat::parse(&text.bytes)
            {
                table.by_pid.insert(pid, stat);
            }
        }
        Ok(table)
    }

    /// The process that had this number.
    pub fn get(&self, pid: u32) -> Option<&Stat> {
        self.by_pid.get(&pid)
    }

    /// Every process, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Stat> {
        self.by_pid.values()
    }

    /// The children of `parent`.
    pub fn children(&self, parent: Identity) -> impl Iterator<Item = &Stat> {
        self.iter().filter(move |stat| is_child(stat, parent))
    }

    /// Children, their children, and so on, `limit` at most.
    ///
    /// A process whose parent ended belongs to another tree by then: the kernel gives it to init, or to an ancestor that
    /// asked for it. What must not be missed is found by its cgroup.
    pub fn descendants(&self, of: Identity, limit: usize) -> Descendants {
        let mut children: BTreeMap<u32, Vec<&Stat>> = BTreeMap::new();
        for stat in self.iter() {
            children.entry(stat.parent).or_default().push(stat);
        }
        let mut found = Descendants::default();
        let mut seen = BTreeSet::from([of.pid]);
        let mut next = 0;
        let mut parent = of;
        loop {
            for child in children.get(&parent.pid).into_iter().flatten() {
                if is_child(child, parent) && seen.insert(child.identity.pid) {
                    if found.processes.len() == limit {
                        found.cut = true;
                        return found;
                    }
                    found.processes.push(child.identity);
                }
            }
            let Some(process) = found.processes.get(next) else { return found };
            parent = *process;
            next += 1;
        }
    }
}

/// Nobody is older than its parent: one that is was a child of an earlier process of that number.
fn is_child(stat: &Stat, parent: Identity) -> bool {
    stat.parent == parent.pid && stat.identity.start_ticks >= parent.start_ticks
}

impl FromIterator<Stat> for Table {
    fn from_iter<Stats: IntoIterator<Item = Stat>>(stats: Stats) -> Self {
        Self { by_pid: stats.into_iter().map(|stat| (stat.identity.pid, stat)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stat::tests::line;

    /// Processes as (number, parent, start).
    fn table(processes: &[(u32, u32, u64)]) -> Table {
        processes
            .iter()
            .map(|(pid, parent, start)| {
                stat::parse(line(*pid, "x", 'S', *parent, *start).as_bytes()).unwrap()
            })
            .collect()
    }

    fn pids(found: &Descendants) -> Vec<u32> {
        found.processes.iter().map(|process| process.pid).collect()
    }

    const ROOT: Identity = Identity { pid: 10, start_ticks: 100 };

    #[test]
    fn a_tree_is_found_level_by_level() {
        let table =
            table(&[(10, 1, 100), (11, 10, 110), (12, 11, 120), (13, 10, 110), (14, 1, 130)]);
        assert_eq!(pids(&table.descendants(ROOT, 100)), [11, 13, 12]);
        assert_eq!(table.children(ROOT).count(), 2);
    }

    #[test]
    fn a_child_of_the_number_s_former_owner_is_none() {
        let table = table(&[(10, 1, 100), (11, 10, 99)]);
        assert_eq!(pids(&table.descendants(ROOT, 100)), [0_u32; 0]);
    }

    #[test]
    fn a_tree_beyond_the_limit_is_cut_and_says_so() {
        let children: Vec<_> = (11..111).map(|pid| (pid, 10, 200)).collect();
        let found = table(&children).descendants(ROOT, 40);
        assert_eq!((found.processes.len(), found.cut), (40, true));
    }

    #[test]
    fn this_process_is_in_the_table_with_its_parent() {
        let table = Table::read().unwrap();
        let own = table.get(std::process::id()).unwrap();
        assert_eq!(own.parent, std::os::unix::process::parent_id());
        let parent = table.get(own.parent).unwrap().identity;
        assert!(table.descendants(parent, 100_000).processes.contains(&own.identity));
    }

    proptest! {
        #[test]
        fn no_table_makes_the_search_endless(processes in proptest::collection::vec((1..9_u32, 0..9_u32, 0..9_u64), 0..12)) {
            let found = table(&processes).descendants(Identity { pid: 1, start_ticks: 0 }, 100);
            prop_assert!(found.processes.len() <= 8);
            prop_assert!(found.processes.iter().all(|process| process.pid != 1));
        }
    }
}
