//! What dates from before a boot, on real files: of a boot that is made up, and of the real one.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fs::{self, File, FileTimes};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use evenkeel_cleanup::{
    Action, AgeBy, Clock, Draft, Policy, ScanError, Trigger, Undo, Unit, apply, scan,
};

fn rule(path: &Path) -> Draft {
    Draft {
        matches: vec!["*.lock".to_owned(), "*.d".to_owned()],
        ..Draft::new(path, Trigger::BeforeBoot, Action::Delete)
    }
}

fn ctime(path: &Path) -> SystemTime {
    let metadata = fs::symlink_metadata(path).unwrap();
    let seconds = Duration::from_secs(metadata.ctime().try_into().unwrap());
    SystemTime::UNIX_EPOCH
        + seconds
        + Duration::from_nanos(metadata.ctime_nsec().try_into().unwrap())
}

/// Makes an entry again and again until its stamps are later than those of `earlier`, which a filesystem may keep only
/// to the tick of its clock; says since when it is.
fn later_than(earlier: &Path, make: impl Fn(), path: &Path) -> SystemTime {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        make();
        if ctime(path) > ctime(earlier) {
            return ctime(path);
        }
        assert!(Instant::now() < deadline, "the clock of files stands still");
    }
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

#[test]
fn files_of_an_earlier_boot_go_by_all_their_times_and_those_of_this_one_stay() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, new) = (scratch.path().join("old.lock"), scratch.path().join("new.lock"));
    let touched = scratch.path().join("touched.lock");
    fs::write(&old, "1").unwrap();
    fs::write(&touched, "1").unwrap();
    let make = || {
        let _ = fs::remove_file(&new);
        fs::write(&new, "2").unwrap();
    };
    let boot = later_than(&touched, make, &new);
    fs::write(&touched, "3").unwrap();
    let policy = Policy::try_new(rule(scratch.path())).unwrap();
    let clock = Clock { now: SystemTime::now(), boot: Some(boot) };
    let plan = scan(&policy, clock).unwrap();
    assert!(
        plan.steps[0].reason.to_string().starts_with("older_than = boot: it is from"),
        "{plan:?}"
    );
    let report = apply(&policy, plan, clock);
    assert_eq!(report.taken.len(), 1, "{report:?}");
    assert_eq!(names(scratch.path()), ["new.lock", "touched.lock"]);
    assert!(scan(&policy, clock).unwrap().steps.is_empty());
}

#[test]
fn what_is_touched_between_plan_and_act_stays() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, other) = (scratch.path().join("a.lock"), scratch.path().join("other"));
    fs::write(&old, "1").unwrap();
    let boot = later_than(&old, || fs::write(&other, "2").unwrap(), &other);
    let policy = Policy::try_new(rule(scratch.path())).unwrap();
    let clock = Clock { now: SystemTime::now(), boot: Some(boot) };
    let plan = scan(&policy, clock).unwrap();
    assert_eq!(plan.steps.len(), 1);
    fs::write(&old, "mine again").unwrap();
    let report = apply(&policy, plan, Clock { now: SystemTime::now(), ..clock });
    assert_eq!((report.taken.len(), report.skipped.len()), (0, 1), "{report:?}");
    assert!(old.exists());
}

#[test]
fn a_directory_goes_as_a_whole_to_the_trash_if_nothing_in_it_is_of_this_boot() {
    let scratch = tempfile::tempdir().unwrap();
    for name in ["old.d", "used.d"] {
        fs::create_dir_all(scratch.path().join(name).join("sub")).unwrap();
        fs::write(scratch.path().join(name).join("sub/file"), "1").unwrap();
    }
    let used = scratch.path().join("used.d/sub/file");
    let make = || fs::write(&used, "2").unwrap();
    let boot = later_than(&scratch.path().join("used.d"), make, &used);
    let policy = Policy::try_new(Draft {
        unit: Unit::Directory,
        max_files: Some(1),
        action: Action::Trash { ttl: Duration::from_hours(1) },
        ..rule(scratch.path())
    });
    let (policy, clock) = (policy.unwrap(), Clock { now: SystemTime::now(), boot: Some(boot) });
    let report = apply(&policy, scan(&policy, clock).unwrap(), clock);
    assert_eq!(report.taken.len(), 1, "{report:?}");
    assert_eq!(names(scratch.path()), ["used.d"]);
    let (root, id) = (scratch.path(), report.run.unwrap());
    let undone = Undo { root, run_as: None, id: &id, only: None }
        .run(clock.now, |_| ControlFlow::Continue(()));
    assert_eq!(undone.unwrap().restored.len(), 1);
    assert_eq!(names(scratch.path()), ["old.d", "used.d"]);
}

#[test]
fn more_than_a_cap_allows_is_refused_here_too() {
    let scratch = tempfile::tempdir().unwrap();
    for name in ["a.lock", "b.lock"] {
        fs::write(scratch.path().join(name), "").unwrap();
    }
    let draft = Draft { max_files: Some(1), ..rule(scratch.path()) };
    let now = SystemTime::now();
    // A boot to come: everything is from before it.
    let clock = Clock { now, boot: Some(now + Duration::from_hours(1)) };
    let refused = scan(&Policy::try_new(draft).unwrap(), clock);
    assert!(matches!(refused, Err(ScanError::OverCap { found: 2, .. })), "{refused:?}");
}

#[test]
fn a_boot_that_is_not_known_is_said() {
    let scratch = tempfile::tempdir().unwrap();
    let refused = scan(&Policy::try_new(rule(scratch.path())).unwrap(), SystemTime::now());
    assert!(matches!(refused, Err(ScanError::NoBoot)), "{refused:?}");
}

#[test]
fn by_the_real_boot_of_this_host_only_what_was_written_before_it_goes() {
    let scratch = tempfile::tempdir().unwrap();
    let clock = Clock::of_host();
    let boot = clock.boot.unwrap();
    let second = Duration::from_secs(1);
    for (name, mtime) in [("before.lock", boot - second), ("since.lock", boot + second)] {
        let file = File::create(scratch.path().join(name)).unwrap();
        file.set_times(FileTimes::new().set_modified(mtime)).unwrap();
    }
    fs::write(scratch.path().join("now.lock"), "").unwrap();
    // By all times none is: ctime and birth cannot be set, and this boot has made all three.
    let policy = Policy::try_new(rule(scratch.path())).unwrap();
    assert!(scan(&policy, Clock::of_host()).unwrap().steps.is_empty());
    let draft = Draft { age_by: AgeBy::MTIME, ..rule(scratch.path()) };
    let policy = Policy::try_new(draft).unwrap();
    let report = apply(&policy, scan(&policy, Clock::of_host()).unwrap(), Clock::of_host());
    assert_eq!(report.taken.len(), 1, "{report:?}");
    assert_eq!(names(scratch.path()), ["now.lock", "since.lock"]);
}
