//! The programs are killed at each of their writes in turn: nothing is lost that was to stay, and the next run does the rest.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use evenkeel_tests::{Finished, LONG, Scratch, find_bin, installed, is_root, until};

use crate::area::{differences, finish, look_at_all, mode, old_file, scratch, victims};

/// Every call by which the programs change a filesystem, as far as strace knows them.
const WRITES: [&str; 17] = [
    "mkdirat",
    "unlinkat",
    "renameat2",
    "renameat",
    "linkat",
    "symlinkat",
    "fchownat",
    "fchmodat",
    "setxattr",
    "removexattr",
    "fallocate",
    "ftruncate",
    "pwrite64",
    "write",
    "utimensat",
    "fsync",
    "fdatasync",
];
/// More trees than there are kills and runs to the end.
const TREES: u32 = 90;
/// More often than any of these runs makes any of them.
const MOST: u32 = 100;
const DELETE: &str =
    "evenkeel-cleanup apply --match *.hash --recursive --older-than 1d --age-by mtime --quiet";
const TRUNCATE: &str = "evenkeel-cleanup apply --match *.hash --recursive --larger-than 8KiB \
                        --action truncate --keep-tail 4KiB --quiet";
const GIVE: &str = "evenkeel-permissions fix --match *.hash --mode 6640 --acl user:65532:r-- --owner 65533 \
                    --group 65533 --adopt-from 0 --recursive --quiet";

/// Runs a program with its rule on the root; killed as it enters such a call for the n-th time, if it comes so far.
fn run(words: &str, root: &Path, killed_at: Option<(&str, u32)>) -> Finished {
    let mut words = words.split_whitespace();
    let program = find_bin(words.next().expect("a program"));
    let mut command = Command::new("timeout");
    command.arg("20");
    if let Some((call, number)) = killed_at {
        let kill = format!("inject={call}:signal=KILL:when={number}");
        command.args(["strace", "-f", "-qq", "-o", "/dev/null", "-e", &kill]);
    }
    let verb = words.next().expect("a command");
    command.arg(program).arg(verb);
    if verb == "undo" {
        command.arg(in_trash(root));
    }
    command.arg(root).args(words);
    finish(&mut command)
}

/// The only run that has something in the trash.
fn in_trash(root: &Path) -> OsString {
    let mut runs = fs::read_dir(root.join(".evenkeel-private")).expect("there is a trash");
    runs.next().expect("a run").expect("it can be read").file_name()
}

/// Kills the program at each of its writes in turn; `check` sees each time what is left. Returns how often it was killed.
fn killed_at_each_write(words: &str, check: impl FnMut(&Tree, &str)) -> usize {
    killed_in(Tree::new, words, check)
}

/// As [`killed_at_each_write`], in such trees.
#[expect(clippy::print_stderr, reason = "where it was killed is what these tests are for")]
fn killed_in(
    mut new_tree: impl FnMut() -> Tree,
    words: &str,
    mut check: impl FnMut(&Tree, &str),
) -> usize {
    let kills = WRITES.map(|call| {
        let killed = (1..MOST).take_while(|number| {
            let tree = new_tree();
            let killed = run(words, &tree.root, Some((call, *number)));
            let case = format!("killed at {call} {number}: {killed:?}");
            tree.assert_others_whole(&case);
            if killed.code == Some(0) {
                return false;
            }
            assert!(matches!(killed.code, None | Some(137)), "{case}");
            check(&tree, &case);
            tree.assert_others_whole(&case);
            true
        });
        killed.count()
    });
    let each: Vec<_> = WRITES.iter().zip(kills).filter(|(_, kills)| *kills > 0).collect();
    eprintln!("{}: killed at {each:?}", words.split(' ').next().unwrap_or_default());
    kills.iter().sum()
}

/// Files to work on, files that are none of the rule's business, and what is outside.
struct Tree {
    _scratch: Scratch,
    root: PathBuf,
    due: Vec<PathBuf>,
    others: Vec<PathBuf>,
    before: Vec<std::collections::BTreeMap<PathBuf, crate::area::Look>>,
}

impl Tree {
    fn new() -> Self {
        let scratch = scratch();
        let outside = victims(&scratch);
        let root = scratch.folder("root", 0o755);
        let file = |name: &str| scratch.file(&format!("root/{name}"), &text(), 0o600);
        let due: Vec<_> = ["0.hash", "1.hash", "d/2.hash"].map(file).into();
        for file in &due {
            old_file(file);
        }
        let others = vec![file("other"), file("d/other"), outside];
        let before = others.iter().map(|path| look_at_all(path)).collect();
        Self { _scratch: scratch, root, due, others, before }
    }

    #[track_caller]
    fn assert_others_whole(&self, case: &str) {
        for (path, before) in self.others.iter().zip(&self.before) {
            assert_eq!(differences(before, &look_at_all(path)), 0, "{}: {case}", path.display());
        }
    }

    /// Every file below the root that is neither one of the others nor at its place, nor what a run writes for itself.
    fn elsewhere(&self) -> Vec<PathBuf> {
        let files = look_at_all(&self.root).into_keys().filter(|path| path.is_file());
        let own = |path: &Path| path.ends_with("manifest") || path.ends_with("temporary");
        files
            .filter(|path| !self.due.contains(path) && !self.others.contains(path) && !own(path))
            .collect()
    }
}

fn text() -> String {
    (0..4000).map(|number| format!("line {number}\n")).collect::<Vec<_>>().concat()
}

#[test]
fn a_deletion_killed_anywhere_loses_nothing_else_and_is_finished_later() {
    if !is_root() || !installed("strace") {
        return;
    }
    let kills = killed_at_each_write(DELETE, |tree, case| {
        let there = tree.due.iter().filter(|path| path.exists()).count();
        let elsewhere = tree.elsewhere();
        // One at a time is out of its place, and whole.
        assert!(elsewhere.len() <= 1 && there + elsewhere.len() <= 3, "{elsewhere:?}: {case}");
        for path in tree.due.iter().filter(|path| path.exists()).chain(&elsewhere) {
            assert_eq!(fs::read_to_string(path).expect("it is text"), text(), "{case}");
        }
        // The next run brings back what this one had in its hands, and the one after it takes that.
        for _ in 0..2 {
            let again = run(DELETE, &tree.root, None);
            assert_eq!(again.code, Some(0), "{again:?} after {case}");
            assert_eq!(tree.elsewhere(), <[PathBuf; 0]>::default(), "{case}");
        }
        assert_eq!(tree.due.iter().filter(|path| path.exists()).count(), 0, "{case}");
        assert!(!tree.root.join(".evenkeel-private").exists(), "{case}");
    });
    // A move and an unlink for each file, and the private directory.
    assert!(kills >= 7, "killed {kills} times");
}

/// What was due is whole at every moment: at its place, or in the trash.
#[test]
fn a_move_to_the_trash_killed_anywhere_loses_nothing_at_all() {
    if !is_root() || !installed("strace") {
        return;
    }
    let trash = format!("{DELETE} --action trash");
    let kills = killed_at_each_write(&trash, |tree, case| {
        for _ in 0..2 {
            let there = tree.due.iter().filter(|path| path.exists()).cloned();
            let all: Vec<_> = there.chain(tree.elsewhere()).collect();
            assert_eq!(all.len(), 3, "{all:?}: {case}");
            for path in all {
                assert_eq!(fs::read_to_string(path).expect("it is text"), text(), "{case}");
            }
            let again = run(&trash, &tree.root, None);
            assert_eq!(again.code, Some(0), "{again:?} after {case}");
        }
        assert_eq!(tree.elsewhere().len(), 3, "all are in the trash: {case}");
    });
    assert!(kills >= 6, "killed {kills} times");
}

#[test]
fn an_undo_killed_anywhere_loses_nothing_and_is_finished_by_the_next() {
    if !is_root() || !installed("strace") {
        return;
    }
    let undo = "evenkeel-cleanup undo --quiet";
    let with_trash = || {
        let tree = Tree::new();
        let trashed = run(&format!("{DELETE} --action trash"), &tree.root, None);
        assert_eq!(trashed.code, Some(0), "{trashed:?}");
        tree
    };
    let kills = killed_in(with_trash, undo, |tree, case| {
        let there = tree.due.iter().filter(|path| path.exists()).cloned();
        let all: Vec<_> = there.chain(tree.elsewhere()).collect();
        assert_eq!(all.len(), 3, "{all:?}: {case}");
        let again = run(undo, &tree.root, None);
        for path in &tree.due {
            let found = fs::read_to_string(path).unwrap_or_default();
            assert_eq!(found, text(), "{}: {again:?} after {case}", path.display());
            assert_eq!(mode(path), 0o600, "{case}");
        }
        assert_eq!(tree.elsewhere(), <[PathBuf; 0]>::default(), "{case}");
    });
    assert!(kills >= 3, "killed {kills} times");
}

/// The file or its copy is there at every moment, and never half of one; both of them only until the next run.
#[test]
fn a_compression_killed_anywhere_leaves_the_one_or_the_other() {
    if !is_root() || !installed("strace") {
        return;
    }
    let compress = format!("{DELETE} --action compress");
    // A file that was changed within a tick of the coarsest clock is not compressed: all trees wait for that together.
    let mut trees: Vec<_> = (0..TREES).map(|_| Tree::new()).collect();
    let made = Instant::now();
    until("no file was changed just now", LONG, || made.elapsed() > Duration::from_millis(2100));
    let settled = || trees.pop().expect("there are trees enough");
    let kills = killed_in(settled, &compress, |tree, case| {
        for round in 0..2 {
            for (path, elsewhere) in tree.due.iter().zip(["0", "1", "2"]) {
                let compressed = path.with_extension("hash.gz");
                let whole =
                    |path: &Path| fs::read_to_string(path).is_ok_and(|found| found == text());
                let unpacked = finish(Command::new("gzip").arg("-dc").arg(&compressed));
                let held = tree
                    .elsewhere()
                    .into_iter()
                    .any(|held| held.ends_with(elsewhere) && whole(&held));
                let copy = unpacked.code == Some(0) && unpacked.stdout == text();
                assert!(copy == compressed.exists(), "half a copy: {case}");
                assert!(
                    copy || whole(path) || (round == 0 && held),
                    "{} is lost: {case}",
                    path.display()
                );
            }
            let again = run(&compress, &tree.root, None);
            assert_eq!(again.code, Some(0), "{again:?} after {case}");
        }
    });
    // To take three files, to put three copies in their place, and to write all that down.
    assert!(kills >= 12, "killed {kills} times");
}

#[test]
fn a_cut_killed_anywhere_leaves_the_tail_whole() {
    if !is_root() || !installed("strace") {
        return;
    }
    let kills = killed_at_each_write(TRUNCATE, |tree, case| {
        for _ in 0..2 {
            for path in &tree.due {
                let text = fs::read_to_string(path).expect("it is text");
                let end = text.trim_start_matches('\0');
                let tail = end.split_once('\n').map_or("", |(_, tail)| tail);
                assert!(tail.len() > 3500 && self::text().ends_with(tail), "{tail}: {case}");
            }
            let again = run(TRUNCATE, &tree.root, None);
            assert_eq!(again.code, Some(0), "{again:?} after {case}");
        }
        assert_eq!(tree.elsewhere(), <[PathBuf; 0]>::default(), "{case}");
    });
    assert!(kills >= 3, "killed {kills} times");
}

#[test]
fn a_repair_killed_anywhere_gives_nobody_more_and_is_finished_by_the_next() {
    if !is_root() || !installed("strace") {
        return;
    }
    let kills = killed_at_each_write(GIVE, |tree, case| {
        for path in &tree.due {
            let found = mode(path);
            // As it was, as it should be, or what both allow.
            assert!([0o600, 0o6640, 0o600 & 0o6640].contains(&found), "{found:o}: {case}");
        }
        let again = run(GIVE, &tree.root, None);
        assert_eq!(again.code, Some(0), "{again:?} after {case}");
        assert!(tree.due.iter().all(|path| mode(path) == 0o6640), "{case}");
    });
    // An owner and a list for each file.
    assert!(kills >= 6, "killed {kills} times");
}
