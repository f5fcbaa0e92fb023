//! Names are exchanged while the programs act on them.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use evenkeel_tests::{LONG, Scratch, is_root};

use crate::acts::{ACTS, Act};
use crate::area::{differences, look_at_all, scratch, set_mode, victims};
use crate::attacker::{Attack, Bait, Good};

/// For how long each case is attacked.
const ROUND: Duration = Duration::from_millis(300);
/// How often work by path is tried between two looks at what it did: a look costs as much as many tries.
const TRIES: u64 = 16;
/// Names of the file outside that the attacker can use up in one case.
const LINKS: u32 = 2000;
/// A third user, to whom neither a rule nor the attacker has any right.
const OTHER: u32 = 65532;
const PRECIOUS: &str = "precious, and written a moment ago\n";

/// What is exchanged with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Swap {
    FileSymlink,
    FileHardLink,
    FileFifo,
    /// A file that someone else wrote a moment ago.
    FilePrecious,
    DirectorySymlink,
    RootSymlink,
    AboveRootSymlink,
    /// The program's own directory below the root.
    PrivateSymlink,
    PrivateFolder,
}

const SWAPS: [Swap; 9] = [
    Swap::FileSymlink,
    Swap::FileHardLink,
    Swap::FileFifo,
    Swap::FilePrecious,
    Swap::DirectorySymlink,
    Swap::RootSymlink,
    Swap::AboveRootSymlink,
    Swap::PrivateSymlink,
    Swap::PrivateFolder,
];

/// A directory under attack, and what must not be touched.
struct Case {
    _scratch: Scratch,
    attack: Attack,
    root: PathBuf,
    outside: PathBuf,
    precious: Option<File>,
}

impl Swap {
    fn can_meet(self, act: Act) -> bool {
        match self {
            _ if act == Act::DeleteTree => self == Self::DirectorySymlink,
            Self::RootSymlink => true,
            Self::AboveRootSymlink => act != Act::Compress,
            // What a run has in its hands is looked at in the same way, whatever it was exchanged with.
            Self::FileHardLink | Self::FileFifo | Self::PrivateFolder if act == Act::Undo => false,
            Self::PrivateSymlink | Self::PrivateFolder => {
                matches!(act, Act::Delete | Act::Trash | Act::Undo)
            }
            // An exchange of its name is a change of a file, and what was changed just now is not compressed.
            Self::DirectorySymlink => act != Act::Create,
            _ if act == Act::Compress => false,
            _ => act != Act::Create,
        }
    }

    /// Whether the act by path harms something: to delete a link, or one of two names, harms nothing, who opens a FIFO hangs,
    /// and it has no directory of its own.
    fn harms_by_path(self, act: Act) -> bool {
        match self {
            _ if matches!(act, Act::Watch | Act::Compress | Act::Undo | Act::DeleteTree) => false,
            Self::FileFifo | Self::PrivateSymlink | Self::PrivateFolder => false,
            Self::FileSymlink | Self::FileHardLink => !matches!(act, Act::Delete | Act::Trash),
            _ => true,
        }
    }

    /// The file to act on, from the rule's root.
    fn file(self) -> &'static str {
        if self == Self::DirectorySymlink { "d/a.hash" } else { "a.hash" }
    }

    fn set_up(self, act: Act) -> Case {
        let scratch = scratch();
        let outside = victims(&scratch);
        let area = scratch.folder("area", 0o777);
        let links = scratch.folder("area/links", 0o777);
        let junk = scratch.folder("area/junk", 0o777);
        if !matches!(self, Self::RootSymlink | Self::AboveRootSymlink) {
            scratch.folder("area/root", 0o777);
        }
        if self == Self::FileHardLink {
            for number in 0..LINKS {
                fs::hard_link(outside.join("a.hash"), links.join(number.to_string()))
                    .expect("root may link");
            }
        }
        let precious = (self == Self::FilePrecious).then(|| {
            let path = scratch.file("area/root/b.hash", PRECIOUS, 0o600);
            chown(&path, Some(OTHER), Some(OTHER)).expect("root may");
            File::open(path).expect("it was just made")
        });
        let create = act == Act::Create;
        let (name, other, good) = match self {
            Self::DirectorySymlink => ("root/d", "root/e", Good::Holding("a.hash")),
            Self::RootSymlink if create => ("root", "other", Good::Missing),
            Self::RootSymlink => ("root", "other", Good::Holding("a.hash")),
            Self::AboveRootSymlink if create => ("above", "other", Good::Lacking("root")),
            Self::AboveRootSymlink => ("above", "other", Good::Holding("root/a.hash")),
            Self::PrivateSymlink | Self::PrivateFolder => {
                ("root/.evenkeel-private", "root/b", Good::Beside("a.hash"))
            }
            _ => ("root/a.hash", "root/b.hash", Good::File),
        };
        let bait = match (self, &precious) {
            (Self::FileHardLink, _) => Bait::HardLink,
            (Self::FileFifo, _) => Bait::Fifo,
            (Self::PrivateFolder, _) => Bait::Folder,
            (_, Some(file)) => Bait::Precious(file.metadata().expect("it is open").ino()),
            _ => Bait::Symlink,
        };
        let target = match self {
            Self::RootSymlink | Self::AboveRootSymlink if create => outside.join("empty"),
            Self::DirectorySymlink | Self::RootSymlink | Self::PrivateSymlink => outside.join("d"),
            Self::AboveRootSymlink => outside.clone(),
            _ => outside.join("a.hash"),
        };
        let above = if self == Self::AboveRootSymlink { "above/root" } else { "root" };
        let root = area.join(above);
        let (name, other) = (area.join(name), area.join(other));
        let renewed = !matches!(act, Act::Compress | Act::Undo);
        let patience = if act == Act::Undo { 32 } else { 1 };
        let attack = Attack { name, other, good, bait, target, links, junk, renewed, patience };
        set_mode(&outside, 0o755);
        Case { _scratch: scratch, attack, root, outside, precious }
    }
}

/// What came of one case.
struct Outcome {
    runs: u32,
    acts: usize,
    exchanges: u64,
    touched: usize,
}

impl Case {
    /// Has the program work under attack.
    fn attacked(&self, act: Act) -> Outcome {
        let before = look_at_all(&self.outside);
        let (mut runs, mut acts) = (0, 0);
        let exchanges = self.attack.during(|| {
            let started = Instant::now();
            // On a busy machine the attacker may be right each time: then it goes on for a while.
            while started.elapsed() < ROUND || (acts == 0 && started.elapsed() < LONG) {
                acts += act.done(&act.run(&self.root));
                runs += 1;
            }
        });
        let touched = differences(&before, &look_at_all(&self.outside))
            + usize::from(!self.is_precious_whole());
        Outcome { runs, acts, exchanges, touched }
    }

    /// Works by path under the same attack until that does harm; says after how many tries, or `None` if it never does.
    fn harmed_by_path(&self, act: Act, swap: Swap) -> Option<u64> {
        let before = look_at_all(&self.outside);
        let file = self.root.join(swap.file());
        let (mut tries, mut harmed) = (0, false);
        self.attack.during(|| {
            let started = Instant::now();
            while !harmed && started.elapsed() < LONG {
                for _ in 0..TRIES {
                    act.by_path(&self.root, &file);
                }
                tries += TRIES;
                harmed = differences(&before, &look_at_all(&self.outside)) > 0
                    || !self.is_precious_whole();
            }
        });
        harmed.then_some(tries)
    }

    /// Whether the precious file still has its name, wherever that is, and all else.
    fn is_precious_whole(&self) -> bool {
        let Some(file) = &self.precious else { return true };
        let found = file.metadata().expect("it is open");
        let mut content = String::new();
        let read = file.try_clone().and_then(|mut file| {
            std::io::Seek::rewind(&mut file)?;
            file.read_to_string(&mut content)
        });
        read.is_ok()
            && content == PRECIOUS
            && (found.nlink(), found.mode() & 0o7777) == (1, 0o600)
            && (found.uid(), found.gid()) == (OTHER, OTHER)
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "the table is what this test is for")]
fn nothing_outside_is_touched_while_names_are_exchanged() {
    if !is_root() {
        return;
    }
    let mut table = format!(
        "{:<26} {:>5} {:>5} {:>10} {:>16}   the same by path\n",
        "case", "runs", "acts", "exchanges", "touched outside"
    );
    let mut wrong = Vec::new();
    for act in ACTS {
        for swap in SWAPS.into_iter().filter(|swap| swap.can_meet(act)) {
            let case = format!("{act:?} {swap:?}");
            let Outcome { runs, acts, exchanges, touched } = swap.set_up(act).attacked(act);
            let by_path = if swap.harms_by_path(act) {
                match swap.set_up(act).harmed_by_path(act, swap) {
                    Some(tries) => format!("harm within {tries} tries"),
                    None => {
                        wrong.push(format!("{case}: the attack cannot do harm"));
                        "no harm".to_owned()
                    }
                }
            } else {
                "-".to_owned()
            };
            let _ = writeln!(
                table,
                "{case:<26} {runs:>5} {acts:>5} {exchanges:>10} {touched:>16}   {by_path}"
            );
            if touched > 0 || acts == 0 || exchanges == 0 {
                wrong.push(case);
            }
        }
    }
    eprintln!("{table}");
    assert!(wrong.is_empty(), "touched outside, or nothing done: {wrong:#?}\n{table}");
}
