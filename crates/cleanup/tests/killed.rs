//! A run that is killed at any moment loses nothing: after the next one everything is there once, or gone as it should be.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant, SystemTime};

use evenkeel_cleanup::{
    Action, AgeBy, Draft, Policy, Trigger, Undo, Unit, apply_watched, kept, scan,
};
use evenkeel_safefs::PRIVATE_NAME;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

const DAY: Duration = Duration::from_hours(24);
const ROOT: &str = "EVENKEEL_TEST_KILLED_ROOT";
const ACT: &str = "EVENKEEL_TEST_KILLED_ACT";
/// Entry and microseconds after which the process ends itself; without it, it is traced.
const MOMENT: &str = "EVENKEEL_TEST_KILLED_MOMENT";
/// A process that is being started holds, until it is another program, all locks that this one holds at that moment.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
/// More than any of the acts needs on two files.
const MOST_CALLS: u32 = 500;
const ACTS: [&str; 6] = ["delete", "trash", "compress", "directory", "trash directory", "undo"];

fn policy(root: &Path, act: &str, days: u32) -> Policy {
    let action = match act {
        "compress" => Action::Compress,
        "delete" | "directory" => Action::Delete,
        _ => Action::Trash { ttl: 7 * DAY },
    };
    let unit = if act.contains("directory") { Unit::Directory } else { Unit::File };
    let draft = Draft::new(root, Trigger::OlderThan(days * DAY), action);
    let matches = vec!["*".to_owned()];
    let recursive = unit == Unit::File;
    Policy::try_new(Draft { matches, recursive, unit, age_by: AgeBy::MTIME, ..draft }).unwrap()
}

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(root: &Path, act: &str, days: u32, watch: impl FnMut(u64) + Send) -> usize {
    let (policy, now) = (policy(root, act, days), SystemTime::now());
    let mut watch = watch;
    let report = apply_watched(&policy, scan(&policy, now).unwrap(), now, |progress| {
        watch(progress.done);
        ControlFlow::Continue(())
    });
    assert_eq!(report.failed, []);
    report.taken.len()
}

fn undo_all(root: &Path, mut watch: impl FnMut(u64) + Send) {
    for run in kept(root, None).unwrap() {
        if run.undone.is_none() {
            let undo = Undo { root, run_as: None, id: &run.id, only: None };
            let report = undo.run(SystemTime::now(), |progress| {
                watch(progress.done);
                ControlFlow::Continue(())
            });
            assert_eq!(report.unwrap().failed, []);
        }
    }
}

/// Waits until a change now shows in the times of files that are there: before, none of them is compressed.
fn settle(scratch: &Path) {
    let probe = scratch.join("probe");
    let first = File::create(&probe).unwrap().metadata().unwrap().modified().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while File::create(&probe).unwrap().metadata().unwrap().modified().unwrap()
        < first + Duration::from_millis(2_100)
    {
        assert!(Instant::now() < deadline);
        let (_sender, never) = mpsc::channel::<()>();
        let _ = never.recv_timeout(Duration::from_millis(20));
    }
}

/// Not a test of its own: the process that the others kill.
#[test]
#[ignore = "the process that is killed"]
fn works_until_it_is_killed() {
    let root = PathBuf::from(std::env::var_os(ROOT).expect("it is started by a test below"));
    let act = std::env::var(ACT).expect("it is started by a test below");
    let mut moment = std::env::var(MOMENT).ok().map(|text| {
        let (entry, micros) = text.split_once(' ').unwrap();
        (entry.parse::<u64>().unwrap(), Duration::from_micros(micros.parse().unwrap()))
    });
    if moment.is_none() {
        ptrace::traceme().unwrap();
        raise(Signal::SIGSTOP).unwrap();
    }
    let watch = move |done| {
        // Of two threads, each asks for itself, and not at every number.
        if let Some((_, delay)) = moment.take_if(|(entry, _)| *entry <= done) {
            std::thread::spawn(move || {
                let (_sender, never) = mpsc::channel::<()>();
                let _ = never.recv_timeout(delay);
                kill(Pid::this(), Signal::SIGKILL)
            });
        }
    };
    if act == "undo" {
        undo_all(&root, watch);
    } else {
        run(&root, &act, 7, watch);
    }
}

fn start(root: &Path, act: &str, moment: Option<String>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "works_until_it_is_killed", "--ignored", "--test-threads=1"])
        .env(ROOT, root)
        .env(ACT, act)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(moment) = moment {
        command.env(MOMENT, moment);
    }
    command.spawn().unwrap()
}

fn aged(path: &Path, age: Duration) {
    let times = FileTimes::new().set_modified(SystemTime::now() - age);
    File::open(path).unwrap().set_times(times).unwrap();
}

/// Directories with files in them; one directory in ten is young, and if `mixed`, one file in ten of the others.
fn plant(root: &Path, directories: u32, files: u32, mixed: bool) {
    fs::create_dir_all(root).unwrap();
    for directory in 0..directories {
        let inner = root.join(format!("d{directory}/inner"));
        fs::create_dir_all(&inner).unwrap();
        for file in 0..files {
            let parent = if file % 3 == 0 { &inner } else { inner.parent().unwrap() };
            let path = parent.join(format!("f{file}"));
            fs::write(&path, format!("{directory} {file} {}", "content ".repeat(200))).unwrap();
            let is_young = mixed && file % 10 == 9 || directory % 10 == 9;
            aged(&path, if is_young { DAY } else { 8 * DAY });
        }
        aged(&inner, 8 * DAY);
        aged(inner.parent().unwrap(), 8 * DAY);
    }
}

/// Every file with its content, of a compressed one under its own name. Fails if one is there twice.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            if entry.file_name() == PRIVATE_NAME {
                continue;
            }
            let mut path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                todo.push(path);
                continue;
            }
            let mut content = fs::read(&path).unwrap();
            if path.extension().is_some_and(|extension| extension == "gz") {
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(&content[..]).read_to_end(&mut plain).unwrap();
                content = plain;
                path.set_extension("");
            }
            assert_eq!(found.insert(path, content), None, "it is there twice");
        }
    }
    found
}

/// What must be so after a run that was killed and one more: returns how many entries the second one put right.
fn check(root: &Path, act: &str, before: &BTreeMap<PathBuf, Vec<u8>>) {
    // It finds nothing due, and puts right what the other left.
    let another = if act == "undo" { "trash" } else { act };
    assert_eq!(run(root, another, 365, |_| ()), 0);
    if !matches!(act, "delete" | "directory" | "compress") {
        undo_all(root, |_| ());
    }
    let after = files(root);
    for (path, content) in &after {
        assert_eq!(before.get(path), Some(content), "{act}: `{}`", path.display());
    }
    match act {
        "delete" | "directory" => {
            for path in before.keys().filter(|path| !after.contains_key(*path)) {
                let text = path.strip_prefix(root).unwrap().to_str().unwrap();
                let is_young = act == "delete" && text.ends_with('9');
                assert!(!is_young && !text.contains("9/"), "{act}: `{text}` was young");
            }
        }
        _ => assert_eq!(after.len(), before.len(), "{act}: some are gone"),
    }
    if matches!(act, "delete" | "directory" | "compress") {
        assert!(!root.join(PRIVATE_NAME).exists(), "{act}: a trace is left");
    }
}

/// Brings the root into the state from which the act starts.
fn prepare(
    root: &Path,
    act: &str,
    directories: u32,
    files_each: u32,
) -> BTreeMap<PathBuf, Vec<u8>> {
    plant(root, directories, files_each, !act.contains("directory"));
    let before = files(root);
    if act == "undo" {
        assert!(run(root, "trash", 7, |_| ()) > 0);
    }
    before
}

/// Runs of an act, in dozens, of which some must be interrupted.
const MOST_BATCHES: u32 = 6;

#[test]
fn a_kill_at_a_random_moment_loses_nothing() {
    let _alone = alone();
    let scratch = tempfile::tempdir().unwrap();
    for act in ACTS {
        let mut interrupted = 0;
        // On a busy host a run may come to its end before whoever is to kill it gets a processor: then there are more of them.
        for batch in 0..MOST_BATCHES {
            if interrupted > 5 {
                break;
            }
            let roots: Vec<_> = (0..12_u64)
                .map(|round| (round, scratch.path().join(format!("{act}-{batch}-{round}"))))
                .map(|(round, root)| (round, prepare(&root, act, 10, 10), root))
                .collect();
            settle(scratch.path());
            for (round, before, root) in roots {
                // Moments spread over the whole run, and within the work on one entry.
                let (entry, micros) =
                    (round * 7 % if act.contains("directory") { 8 } else { 75 }, round * 37 % 400);
                let mut child = start(&root, act, Some(format!("{entry} {micros}")));
                interrupted += u32::from(!child.wait().unwrap().success());
                check(&root, act, &before);
                fs::remove_dir_all(&root).unwrap();
            }
        }
        assert!(
            interrupted > 5,
            "{act}: {interrupted} runs were interrupted: the test shows little"
        );
    }
}

/// The thread of the process in which the test runs, once it has stopped for us.
fn worker(child: &Child) -> Pid {
    let tasks = PathBuf::from(format!("/proc/{}/task", child.id()));
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        for task in fs::read_dir(&tasks).unwrap().map(Result::unwrap) {
            let is_it = fs::read_to_string(task.path().join("stat"))
                .is_ok_and(|stat| stat.contains("(works_until_it_) t "));
            if is_it {
                return Pid::from_raw(task.file_name().to_str().unwrap().parse().unwrap());
            }
        }
    }
    panic!("it does not begin");
}

/// Lets a traced process make so many system calls, and kills it; whether it ended by itself before.
fn ends_within(child: &mut Child, calls: u32) -> bool {
    let thread = worker(child);
    let wait = || waitpid(thread, Some(WaitPidFlag::__WALL));
    assert!(matches!(wait(), Ok(WaitStatus::Stopped(_, Signal::SIGSTOP))));
    // Each call stops it twice: before and after.
    for _ in 0..2 * calls {
        ptrace::syscall(thread, None).unwrap();
        if matches!(wait(), Ok(WaitStatus::Exited(..))) {
            assert!(child.wait().unwrap().success());
            return true;
        }
    }
    child.kill().unwrap();
    while !matches!(wait(), Ok(WaitStatus::Signaled(..)) | Err(_)) {}
    child.wait().unwrap();
    false
}

#[test]
fn a_kill_at_each_system_call_loses_nothing() {
    let _alone = alone();
    // In memory where there is such a place: each of some hundred runs waits for the disk.
    let shared = Path::new("/dev/shm");
    let scratch = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    let scratch = scratch.unwrap();
    for act in ACTS {
        let mut last = None;
        let roots: Vec<_> = (0..MOST_CALLS)
            .map(|calls| (calls, scratch.path().join(format!("{act}-{calls}"))))
            .map(|(calls, root)| (calls, prepare(&root, act, 1, 2), root))
            .collect();
        settle(scratch.path());
        for (calls, before, root) in roots {
            let mut child = start(&root, act, None);
            let ended = ends_within(&mut child, calls);
            check(&root, act, &before);
            fs::remove_dir_all(&root).unwrap();
            if ended {
                last = Some(calls);
                break;
            }
        }
        assert!(last.is_some_and(|calls| calls > 50), "{act}: {last:?} calls");
    }
}
