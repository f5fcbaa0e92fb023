//! Runs large enough that two threads share them.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File, FileTimes};
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use evenkeel_cleanup::{Action, AgeBy, Draft, Plan, Policy, Trigger, apply, apply_watched, scan};
use evenkeel_safefs::{PRIVATE_NAME, useful_threads};

const HOUR: Duration = Duration::from_hours(1);
const FILES: usize = 400;
const NOBODY: u32 = 65534;

fn draft(root: &Path, action: Action) -> Draft {
    let draft = Draft::new(root, Trigger::OlderThan(HOUR), action);
    Draft { matches: vec!["*.tmp".to_owned()], recursive: true, age_by: AgeBy::MTIME, ..draft }
}

fn plan(draft: Draft) -> (Policy, Plan) {
    let policy = Policy::try_new(draft).unwrap();
    let plan = scan(&policy, SystemTime::now()).unwrap();
    (policy, plan)
}

/// As many old files as that in a directory.
fn fill(directory: &Path) -> Vec<PathBuf> {
    let old = FileTimes::new().set_modified(SystemTime::now() - 2 * HOUR);
    let file = |number| {
        let path = directory.join(format!("{number:04}.tmp"));
        fs::write(&path, "content").unwrap();
        File::options().write(true).open(&path).unwrap().set_times(old).unwrap();
        path
    };
    (0..FILES).map(file).collect()
}

#[test]
fn all_that_is_due_goes_once_and_is_told_in_the_order_of_the_plan() {
    for action in [Action::Delete, Action::Trash { ttl: HOUR }] {
        let scratch = tempfile::tempdir().unwrap();
        let sub = scratch.path().join("sub");
        fs::create_dir(&sub).unwrap();
        fill(&sub);
        // Each of these files goes with its second name: a thread that holds the lock of one must not look like another program.
        for path in fill(scratch.path()) {
            fs::hard_link(&path, path.with_extension("too.tmp")).unwrap();
        }
        let before = fs::metadata(&sub).unwrap();
        let (policy, plan) = plan(draft(scratch.path(), action));
        let planned: Vec<_> = plan.steps.iter().map(|step| step.path.clone()).collect();
        assert_eq!(planned.len(), 3 * FILES);
        let report = apply(&policy, plan, SystemTime::now());
        let taken: Vec<_> = report.taken.iter().map(|taken| taken.path.clone()).collect();
        assert_eq!((&report.failed[..], &report.skipped[..]), (&[][..], &[][..]));
        assert_eq!((taken, report.not_reached), (planned, 0));
        if action == Action::Delete {
            assert_eq!(report.bytes(), (2 * FILES * "content".len()) as u64);
        }
        assert_eq!(fs::read_dir(&sub).unwrap().count(), 0);
        let after = fs::metadata(&sub).unwrap();
        assert_eq!(
            (before.mtime(), before.mtime_nsec()),
            (after.mtime(), after.mtime_nsec()),
            "work in a directory does not show in its times"
        );
    }
}

/// Ends a run once a hundred files are done, and says how many of all were not reached.
fn ended() -> u64 {
    let scratch = tempfile::tempdir().unwrap();
    let paths = fill(scratch.path());
    let (policy, plan) = plan(draft(scratch.path(), Action::Delete));
    let mut last = 0;
    let report = apply_watched(&policy, plan, SystemTime::now(), |progress| {
        assert!(last <= progress.done && progress.done <= progress.total);
        last = progress.done;
        if progress.done < 100 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let left = paths.iter().filter(|path| path.exists()).count();
    assert!(report.taken.len() >= 100, "{report:?}");
    assert_eq!(report.taken.len() + left, FILES, "{report:?}");
    assert_eq!(report.not_reached, left as u64);
    assert!(report.taken.is_sorted_by(|one, other| one.path < other.path));
    assert!(!scratch.path().join(PRIVATE_NAME).exists());
    report.not_reached
}

#[test]
fn a_run_that_is_ended_counts_what_both_threads_have_done() {
    // Where the processors are busy, the thread that is not asked may have done all before the other one is let in.
    assert!((0..50).any(|_| ended() > 0), "no run was ended before its last file");
}

#[test]
fn both_threads_have_the_rights_of_run_as_and_no_more() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let root = scratch.path().join("root");
    fs::create_dir(&root).unwrap();
    chown(&root, Some(NOBODY), None).unwrap();
    let open = fill(&root);
    let closed = root.join("sub");
    fs::create_dir(&closed).unwrap();
    let kept = fill(&closed);
    let run_as = Some(NOBODY.to_string());
    let (policy, plan) = plan(Draft { run_as, ..draft(&root, Action::Delete) });
    let report = apply(&policy, plan, SystemTime::now());
    assert_eq!((report.taken.len(), report.failed.len()), (FILES, FILES));
    assert!(open.iter().all(|path| !path.exists()) && kept.iter().all(|path| path.exists()));
}

/// Puts fresh files under the names of old ones until it is told to stop; returns what is in each that it has not
/// overwritten itself.
fn puts_fresh_files(paths: &[PathBuf], aside: &Path, stop: &AtomicBool) -> BTreeSet<String> {
    let mut last = vec![None; paths.len()];
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        // A stride that comes to all of them, and not in the order of the run.
        let index = number * 151 % paths.len();
        let content = format!("fresh {number}");
        fs::write(aside, &content).unwrap();
        fs::rename(aside, &paths[index]).unwrap();
        last[index] = Some(content);
    }
    last.into_iter().flatten().collect()
}

#[test]
fn no_fresh_file_that_comes_under_a_name_goes_with_the_old_ones() {
    let (mut put, mut taken) = (0, 0);
    for _ in 0..10 {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        fs::create_dir(&root).unwrap();
        let paths = fill(&root);
        let (policy, plan) = plan(draft(&root, Action::Delete));
        let stop = AtomicBool::new(false);
        let (fresh, report) = std::thread::scope(|scope| {
            let aside = scratch.path().join("aside");
            let attacker = scope.spawn(|| puts_fresh_files(&paths, &{ aside }, &stop));
            let report = apply(&policy, plan, SystemTime::now());
            stop.store(true, Ordering::Relaxed);
            (attacker.join().unwrap(), report)
        });
        let all = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
        let there: BTreeSet<_> = all
            .filter(|path| path.is_file())
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        let lost: Vec<_> = fresh.difference(&there).collect();
        assert!(lost.is_empty(), "{lost:?} of {} are gone: {report:?}", fresh.len());
        (put, taken) = (put + fresh.len(), taken + report.taken.len());
    }
    assert!(put > 0 && taken > 0, "{put} were put there, {taken} taken");
}

#[test]
fn a_locked_file_among_many_stays_and_is_said_to_be_locked() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = fill(scratch.path());
    let locked = File::open(&paths[200]).unwrap();
    locked.lock().unwrap();
    let (policy, plan) = plan(draft(scratch.path(), Action::Delete));
    let report = apply(&policy, plan, SystemTime::now());
    assert_eq!((report.taken.len(), report.not_reached), (FILES - 1, 0));
    let skipped: Vec<_> = report.skipped.iter().map(|skipped| &skipped.path).collect();
    assert_eq!(skipped, [&paths[200]]);
    assert!(report.skipped[0].reason.contains("lock") && paths[200].exists());
}

/// Takes all, and says how many threads asked whether they may.
fn askers() -> usize {
    let scratch = tempfile::tempdir().unwrap();
    fill(scratch.path());
    let (policy, plan) = plan(draft(scratch.path(), Action::Delete));
    let (mut asked, mut threads) = (0, HashSet::new());
    let report = apply_watched(&policy, plan, SystemTime::now(), |_| {
        asked += 1;
        threads.insert(std::thread::current().id());
        ControlFlow::Continue(())
    });
    assert!(report.taken.len() <= asked, "{} were taken, {asked} asked for", report.taken.len());
    assert_eq!(report.taken.len() as u64 + report.not_reached, FILES as u64);
    threads.len()
}

#[test]
fn nothing_is_begun_that_nobody_was_asked_about() {
    if useful_threads() == 1 {
        return;
    }
    // Where the processors are busy, one thread may have done all before the other one is let in.
    assert!((0..50).any(|_| askers() == 2), "one thread alone asked, if there was another one");
}

#[test]
fn a_panic_ends_the_work_of_both_threads() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = fill(scratch.path());
    let (policy, plan) = plan(draft(scratch.path(), Action::Delete));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        apply_watched(&policy, plan, SystemTime::now(), |progress| {
            assert!(progress.done < 10, "boom");
            ControlFlow::Continue(())
        })
    }));
    assert!(result.is_err());
    let left = paths.iter().filter(|path| path.exists()).count();
    assert!(left >= FILES - 20, "{left} of {FILES} are left");
}
