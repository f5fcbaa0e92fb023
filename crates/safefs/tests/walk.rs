//! What a walk tells, by one thread and by two.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use evenkeel_safefs::{
    Found, Kind, Problem, Reach, Root, Trust, User, Visit, as_user, walk, walk_in_parallel,
};

#[derive(Default)]
struct Seen {
    paths: Vec<PathBuf>,
    problems: Vec<String>,
}

impl Visit for Seen {
    fn wants(&mut self, _name: &OsStr, _kind: Option<Kind>) -> bool {
        true
    }
    fn enters(&mut self, _name: &OsStr, _metadata: &evenkeel_safefs::Metadata) -> bool {
        true
    }
    fn found(&mut self, found: Found<'_>) {
        assert_eq!(found.parent.join(found.name), found.path);
        self.paths.push(found.path.to_owned());
    }
    fn problem(&mut self, path: &Path, problem: Problem) {
        self.problems.push(format!("{}: {problem}", path.components().count()));
    }
}

#[test]
fn a_walk_takes_names_as_bytes_and_follows_no_link() {
    let scratch = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("outside"), "").unwrap();
    fs::create_dir(scratch.path().join("-rf")).unwrap();
    let long = "x".repeat(255);
    let names =
        [OsString::from("a\nb"), OsString::from_vec(vec![0xff, 0xfe]), "-x".into(), long.into()];
    for name in &names {
        fs::write(scratch.path().join("-rf").join(name), "").unwrap();
    }
    symlink(outside.path(), scratch.path().join("link")).unwrap();
    let root = Root::open(scratch.path(), Trust::Owners).unwrap();
    let mut seen = Seen::default();
    walk(&root, Reach { recursive: true, max_depth: 8 }, &mut seen).unwrap();
    let mut expected: Vec<PathBuf> = names.iter().map(|name| Path::new("-rf").join(name)).collect();
    expected.extend(["-rf".into(), "link".into()]);
    expected.sort();
    seen.paths.sort();
    assert_eq!(seen.paths, expected);
    assert!(seen.problems.is_empty());
}

#[test]
fn a_tree_deeper_than_the_longest_path_is_walked_and_the_limit_of_depth_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let root = Root::open(scratch.path(), Trust::Owners).unwrap();
    let name = "d".repeat(100);
    let mut here = rustix::fs::open(scratch.path(), rustix::fs::OFlags::PATH, 0o0.into()).unwrap();
    for _ in 0..100 {
        rustix::fs::mkdirat(&here, &name, 0o700.into()).unwrap();
        here = rustix::fs::openat(&here, &name, rustix::fs::OFlags::PATH, 0o0.into()).unwrap();
    }
    let mut seen = Seen::default();
    walk(&root, Reach { recursive: true, max_depth: 100 }, &mut seen).unwrap();
    assert_eq!((seen.paths.len(), seen.problems.len()), (100, 0));
    assert!(root.dir().descend(seen.paths.last().unwrap()).is_ok());
    let mut seen = Seen::default();
    walk(&root, Reach { recursive: true, max_depth: 10 }, &mut seen).unwrap();
    assert_eq!(seen.paths.len(), 11);
    assert_eq!(seen.problems, ["11: more than 10 levels below the root"]);
}

const EVERYWHERE: Reach = Reach { recursive: true, max_depth: 5000 };

/// In memory where that can be: ext4 takes its time to make files where many were just deleted.
fn new_scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A chain of folders, each with a file and a folder beside the next one of the chain.
fn deep(levels: u32) -> tempfile::TempDir {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    let scratch = new_scratch();
    let mut here = openat(CWD, scratch.path(), OFlags::PATH, Mode::empty()).unwrap();
    for level in 0..levels {
        let (down, beside) = (format!("down{level}"), format!("beside{level}"));
        for name in [&down, &beside] {
            mkdirat(&here, name, 0o700.into()).unwrap();
        }
        openat(&here, "file", OFlags::CREATE | OFlags::WRONLY, 0o600.into()).unwrap();
        here = openat(&here, &down, OFlags::PATH, Mode::empty()).unwrap();
    }
    scratch
}

fn open(scratch: &tempfile::TempDir) -> Root {
    Root::open(scratch.path(), Trust::Owners).unwrap()
}

#[test]
fn a_walk_through_four_thousand_levels_holds_few_descriptors() {
    struct Counting {
        entries: u64,
        most_open: usize,
    }
    impl Visit for Counting {
        fn wants(&mut self, _name: &OsStr, _kind: Option<Kind>) -> bool {
            true
        }
        fn enters(&mut self, _name: &OsStr, _metadata: &evenkeel_safefs::Metadata) -> bool {
            true
        }
        fn found(&mut self, _found: Found<'_>) {
            self.entries += 1;
            if self.entries.is_multiple_of(100) {
                self.most_open = self.most_open.max(fs::read_dir("/proc/self/fd").unwrap().count());
            }
        }
        fn problem(&mut self, _path: &Path, problem: Problem) {
            panic!("{problem}");
        }
    }
    let scratch = deep(4000);
    let mut counting = Counting { entries: 0, most_open: 0 };
    walk(&open(&scratch), EVERYWHERE, &mut counting).unwrap();
    assert_eq!(counting.entries, 12_000);
    // Other tests of this process hold some too.
    assert!(counting.most_open < 200, "{} open", counting.most_open);
    let others = || Counting { entries: 0, most_open: 0 };
    let told = walk_in_parallel(&open(&scratch), EVERYWHERE, others).unwrap();
    assert_eq!(told.iter().map(|told| told.entries).sum::<u64>(), 12_000);
    assert!(told.iter().all(|told| told.most_open < 200));
    assert!(
        std::process::Command::new("rm").arg("-rf").arg(scratch.path()).status().unwrap().success()
    );
}

#[test]
fn a_tree_that_is_moved_away_during_the_walk_is_told_and_nothing_outside_is_seen() {
    struct Moving<'a> {
        from: &'a Path,
        to: &'a Path,
        seen: Seen,
    }
    impl Visit for Moving<'_> {
        fn wants(&mut self, name: &OsStr, kind: Option<Kind>) -> bool {
            self.seen.wants(name, kind)
        }
        fn enters(&mut self, name: &OsStr, metadata: &evenkeel_safefs::Metadata) -> bool {
            self.seen.enters(name, metadata)
        }
        fn found(&mut self, found: Found<'_>) {
            // At the bottom: the levels far above have no descriptor any more.
            if found.path.components().count() == 100 && self.from.exists() {
                fs::rename(self.from, self.to).unwrap();
            }
            self.seen.found(found);
        }
        fn problem(&mut self, path: &Path, problem: Problem) {
            self.seen.problem(path, problem);
        }
    }
    let scratch = deep(100);
    let outside = new_scratch();
    for level in 0..20 {
        // What a walk would come upon that took the directory above for the one it came from.
        let beside = outside.path().join(format!("beside{level}"));
        fs::create_dir(&beside).unwrap();
        fs::write(beside.join("secret"), "").unwrap();
    }
    let from: PathBuf = (0..20).map(|level| format!("down{level}")).collect();
    let from = scratch.path().join(from);
    let to = outside.path().join("down");
    let mut moving = Moving { from: &from, to: &to, seen: Seen::default() };
    walk(&open(&scratch), EVERYWHERE, &mut moving).unwrap();
    let Seen { paths, problems } = moving.seen;
    assert!(to.exists());
    assert!(!paths.iter().any(|path| path.ends_with("secret")));
    assert_eq!(paths.len(), 300, "all is listed on the way down");
    // In which levels something was left to enter is up to the order of a listing; hardly in none.
    assert!(!problems.is_empty());
    assert!(problems.iter().all(|problem| problem.ends_with("what is in it was moved away")));
}

/// A flat folder of many files, many small folders, and a narrow chain.
fn wide() -> tempfile::TempDir {
    let scratch = deep(20);
    for folder in 0..300 {
        let folder = scratch.path().join(format!("{folder}"));
        fs::create_dir(&folder).unwrap();
        for file in 0..20 {
            fs::write(folder.join(format!("{file}")), "").unwrap();
        }
    }
    fs::create_dir(scratch.path().join("flat")).unwrap();
    for file in 0..20_000 {
        fs::write(scratch.path().join(format!("flat/{file:0>40}")), "").unwrap();
    }
    scratch
}

#[test]
fn two_threads_tell_together_what_one_tells() {
    let scratch = wide();
    let root = open(&scratch);
    let mut alone = Seen::default();
    walk(&root, EVERYWHERE, &mut alone).unwrap();
    alone.paths.sort();
    assert_eq!(alone.paths.len(), 3 * 20 + 300 * 21 + 20_001);
    let told = walk_in_parallel(&root, EVERYWHERE, Seen::default).unwrap();
    let processors = std::thread::available_parallelism().unwrap().get();
    assert_eq!(told.len(), processors.min(2));
    assert!(told.iter().all(|told| told.problems.is_empty()));
    let mut together: Vec<PathBuf> = told.into_iter().flat_map(|told| told.paths).collect();
    together.sort();
    assert_eq!(together, alone.paths);
    let flat = Reach { recursive: false, max_depth: 0 };
    let told = walk_in_parallel(&root, flat, Seen::default).unwrap();
    assert_eq!(told.len(), 1, "too small to share");
    assert_eq!(told[0].paths.len(), 304);
}

#[test]
fn each_thread_of_a_walk_works_as_the_user_and_a_panic_of_one_comes_through() {
    struct Trying<'a> {
        secret: &'a Path,
        could_read: u32,
        panics: bool,
    }
    impl Visit for Trying<'_> {
        fn wants(&mut self, _name: &OsStr, _kind: Option<Kind>) -> bool {
            true
        }
        fn enters(&mut self, _name: &OsStr, _metadata: &evenkeel_safefs::Metadata) -> bool {
            true
        }
        fn found(&mut self, _found: Found<'_>) {
            let helper = std::thread::current().name() == Some("walk");
            assert!(!(self.panics && helper), "boom");
            self.could_read += u32::from(fs::read(self.secret).is_ok());
        }
        fn problem(&mut self, _path: &Path, _problem: Problem) {}
    }
    let scratch = wide();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let secret = scratch.path().join("secret");
    fs::write(&secret, "root's").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let root = open(&scratch);
    let new = |panics| Trying { secret: &secret, could_read: 0, panics };
    if rustix::process::geteuid().is_root() {
        let nobody = User { uid: 65534, gid: 65534, groups: Vec::new() };
        let told = as_user(&nobody, || walk_in_parallel(&root, EVERYWHERE, || new(false)));
        let told = told.unwrap().unwrap();
        assert!(told.iter().all(|told| told.could_read == 0));
    }
    let two = std::thread::available_parallelism().unwrap().get() > 1;
    let panicked = std::panic::catch_unwind(|| {
        walk_in_parallel(&root, EVERYWHERE, || new(true)).map(|told| told.len())
    });
    assert_eq!(panicked.is_err(), two);
}
