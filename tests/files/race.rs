//! Names are exchanged while the programs act on them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evenkeel_tests::{Finished, Scratch, is_root};

use crate::area::{count, differences, look_at_all, program, scratch, set_mode, victims};
use crate::attacker::{Attack, Bait, Good};

/// For how long each case is attacked.
const ROUND: Duration = Duration::from_millis(900);
/// Names of the file outside that the attacker can use up in one case.
const LINKS: u32 = 2000;
/// A user, and a group, to whom things are given, who is neither root nor the attacker.
const HEIR: &str = "65533";

/// What a program is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Chmod,
    Chown,
    Delete,
    Truncate,
    Create,
}

impl Act {
    /// Runs the program on the rule's root.
    fn run(self, root: &Path) -> Finished {
        let (name, args): (_, &[&str]) = match self {
            Self::Chmod => (
                "fix",
                // Root's files may be adopted, so that nothing but the number of names protects them.
                &[
                    "--match",
                    "*.hash",
                    "--mode",
                    "0644",
                    "--adopt-from",
                    "0",
                    "--adopt-from",
                    "65534",
                    "--recursive",
                ],
            ),
            // In a directory of the attacker only he may own a root, so there it is given to a group.
            Self::Chown if root.ends_with("above/root") => (
                "fix",
                &[
                    "--match",
                    "*.hash",
                    "--mode",
                    "0600",
                    "--group",
                    HEIR,
                    "--adopt-from",
                    "0",
                    "--adopt-from",
                    "65534",
                    "--recursive",
                ],
            ),
            Self::Chown => (
                "fix",
                &[
                    "--match",
                    "*.hash",
                    "--mode",
                    "0600",
                    "--owner",
                    HEIR,
                    "--adopt-from",
                    "0",
                    "--adopt-from",
                    "65534",
                    "--recursive",
                ],
            ),
            Self::Create => ("fix", &["--create", "--dir-mode", "0755", "--owner", "65534"]),
            Self::Delete => (
                "apply",
                &["--match", "*.hash", "--older-than", "1d", "--age-by", "mtime", "--recursive"],
            ),
            Self::Truncate => (
                "apply",
                &[
                    "--match",
                    "*.hash",
                    "--larger-than",
                    "8KiB",
                    "--action",
                    "truncate",
                    "--recursive",
                ],
            ),
        };
        let binary = if name == "fix" { "evenkeel-permissions" } else { "evenkeel-cleanup" };
        let args =
            [name.as_ref(), root.as_os_str()].into_iter().chain(args.iter().map(AsRef::as_ref));
        program(binary, args.chain(["--json".as_ref()]))
    }

    fn done(self, finished: &Finished) -> usize {
        count(
            finished,
            if matches!(self, Self::Delete | Self::Truncate) { "taken" } else { "repaired" },
        )
    }
}

/// What is exchanged with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Swap {
    FileSymlink,
    FileHardLink,
    FileFifo,
    DirectorySymlink,
    RootSymlink,
    AboveRootSymlink,
}

const SWAPS: [Swap; 6] = [
    Swap::FileSymlink,
    Swap::FileHardLink,
    Swap::FileFifo,
    Swap::DirectorySymlink,
    Swap::RootSymlink,
    Swap::AboveRootSymlink,
];

impl Swap {
    /// The attack, and the root of the rule.
    fn set_up(self, act: Act, scratch: &Scratch, outside: &Path) -> (Attack, PathBuf) {
        let area = scratch.folder("area", 0o777);
        let root = area.join("root");
        let links = scratch.folder("area/links", 0o777);
        if matches!(
            self,
            Self::FileSymlink | Self::FileHardLink | Self::FileFifo | Self::DirectorySymlink
        ) {
            scratch.folder("area/root", 0o777);
        }
        if self == Self::FileHardLink {
            for number in 0..LINKS {
                fs::hard_link(outside.join("a.hash"), links.join(number.to_string()))
                    .expect("root may link");
            }
        }
        let create = act == Act::Create;
        let file = outside.join("a.hash");
        let (name, other, good, bait, target) = match self {
            Self::FileSymlink => ("root/a.hash", "root/b.hash", Good::File, Bait::Symlink, file),
            Self::FileHardLink => ("root/a.hash", "root/b.hash", Good::File, Bait::HardLink, file),
            Self::FileFifo => ("root/a.hash", "root/b.hash", Good::File, Bait::Fifo, file),
            Self::DirectorySymlink => {
                ("root/d", "root/e", Good::Holding("a.hash"), Bait::Symlink, outside.join("d"))
            }
            Self::RootSymlink if create => {
                ("root", "other", Good::Missing, Bait::Symlink, outside.join("empty"))
            }
            Self::RootSymlink => {
                ("root", "other", Good::Holding("a.hash"), Bait::Symlink, outside.join("d"))
            }
            Self::AboveRootSymlink if create => {
                ("above", "other", Good::Lacking("root"), Bait::Symlink, outside.join("empty"))
            }
            Self::AboveRootSymlink => {
                ("above", "other", Good::Holding("root/a.hash"), Bait::Symlink, outside.to_owned())
            }
        };
        let root = if self == Self::AboveRootSymlink { area.join("above/root") } else { root };
        (Attack { name: area.join(name), other: area.join(other), good, bait, target, links }, root)
    }
}

/// What came of one case.
struct Outcome {
    runs: u32,
    acts: usize,
    exchanges: u64,
    touched: usize,
}

fn attacked(act: Act, swap: Swap) -> Outcome {
    let scratch = scratch();
    let outside = victims(&scratch);
    let (attack, root) = swap.set_up(act, &scratch, &outside);
    set_mode(&outside, 0o755);
    let before = look_at_all(&outside);
    let (mut runs, mut acts) = (0, 0);
    let exchanges = attack.during(|| {
        let started = Instant::now();
        // On a busy machine the attacker may be right each time: then it goes on for a while.
        while started.elapsed() < ROUND || (acts == 0 && started.elapsed() < ROUND * 8) {
            acts += act.done(&act.run(&root));
            runs += 1;
        }
    });
    Outcome { runs, acts, exchanges, touched: differences(&before, &look_at_all(&outside)) }
}

#[test]
#[expect(clippy::print_stderr, reason = "the table is what this test is for")]
fn nothing_outside_is_touched_while_names_are_exchanged() {
    if !is_root() {
        return;
    }
    let mut table = format!(
        "{:<28} {:>5} {:>5} {:>10} {:>8}\n",
        "case", "runs", "acts", "exchanges", "touched outside"
    );
    let mut wrong = Vec::new();
    for act in [Act::Chmod, Act::Chown, Act::Delete, Act::Truncate, Act::Create] {
        for swap in SWAPS {
            if act == Act::Create && !matches!(swap, Swap::RootSymlink | Swap::AboveRootSymlink) {
                continue;
            }
            let case = format!("{act:?} {swap:?}");
            let Outcome { runs, acts, exchanges, touched } = attacked(act, swap);
            let _ = writeln!(table, "{case:<28} {runs:>5} {acts:>5} {exchanges:>10} {touched:>8}");
            if touched > 0 || acts == 0 || exchanges == 0 {
                wrong.push(case);
            }
        }
    }
    eprintln!("{table}");
    assert!(wrong.is_empty(), "touched outside, or nothing done: {wrong:?}\n{table}");
}
