//! Scan and apply in scratch directories.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::ffi::OsString;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use evenkeel_cleanup::{
    Action, AgeBy, Draft, KeepReason, Policy, Report, ScanError, Trigger, apply, scan,
};
use evenkeel_shown::said::{Cap, CleanupCode};
use proptest::prelude::*;

const DAY: Duration = Duration::from_hours(24);

fn old(path: &Path) -> Draft {
    Draft {
        matches: vec!["*.hash".to_owned()],
        age_by: AgeBy::MTIME,
        ..Draft::new(path, Trigger::OlderThan(7 * DAY), Action::Delete)
    }
}

fn large(path: &Path) -> Draft {
    let action = Action::Truncate { keep_tail: 10_000 };
    let matches = vec!["*.log".to_owned()];
    Draft { matches, ..Draft::new(path, Trigger::LargerThan(100_000), action) }
}

fn policy(draft: Draft) -> Policy {
    Policy::try_new(draft).unwrap()
}

fn clean(policy: &Policy) -> Report {
    let now = SystemTime::now();
    apply(policy, scan(policy, now).unwrap(), now)
}

fn aged(path: PathBuf, age: Duration) -> PathBuf {
    let file = File::create(&path).unwrap();
    file.set_times(FileTimes::new().set_modified(SystemTime::now() - age)).unwrap();
    path
}

fn names(path: &Path) -> Vec<OsString> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn old_files_go_young_ones_others_and_the_directorys_times_stay() {
    let scratch = tempfile::tempdir().unwrap();
    aged(scratch.path().join("old.hash"), 8 * DAY);
    aged(scratch.path().join("young.hash"), 6 * DAY);
    aged(scratch.path().join("old.txt"), 8 * DAY);
    fs::create_dir(scratch.path().join("sub")).unwrap();
    aged(scratch.path().join("sub/old.hash"), 8 * DAY);
    let policy = policy(old(scratch.path()));
    let now = SystemTime::now();
    let plan = scan(&policy, now).unwrap();
    assert_eq!((plan.steps.len(), plan.scanned), (1, 4));
    assert_eq!(plan.kept.values().sum::<u64>() + plan.steps.len() as u64, plan.scanned);
    assert!(scratch.path().join("old.hash").exists(), "a scan changes nothing");
    let times = fs::metadata(scratch.path()).unwrap().modified().unwrap();
    let report = apply(&policy, plan, now);
    assert_eq!((report.taken.len(), report.failed.len(), report.skipped.len()), (1, 0, 0));
    assert_eq!(names(scratch.path()), ["old.txt", "sub", "young.hash"]);
    assert_eq!(names(&scratch.path().join("sub")), ["old.hash"]);
    assert_eq!(fs::metadata(scratch.path()).unwrap().modified().unwrap(), times);
    assert!(scan(&policy, now).unwrap().steps.is_empty());
}

#[test]
fn a_recursive_rule_reaches_below_but_not_into_links_or_what_is_excluded() {
    let scratch = tempfile::tempdir().unwrap();
    let (root, outside) = (scratch.path().join("root"), scratch.path().join("outside"));
    for directory in [root.join("sub/deep"), root.join("keep"), outside.clone()] {
        fs::create_dir_all(&directory).unwrap();
        aged(directory.join("old.hash"), 8 * DAY);
    }
    symlink(&outside, root.join("link")).unwrap();
    symlink(outside.join("old.hash"), root.join("link.hash")).unwrap();
    let exclude = vec!["keep".to_owned()];
    let report = clean(&policy(Draft { recursive: true, exclude, ..old(&root) }));
    assert_eq!(report.taken.len(), 1, "{report:?}");
    assert_eq!(report.taken[0].path, root.join("sub/deep/old.hash"));
    assert!(outside.join("old.hash").exists() && root.join("keep/old.hash").exists());
}

#[test]
fn a_root_that_is_a_link_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    fs::create_dir(scratch.path().join("target")).unwrap();
    symlink("target", scratch.path().join("link")).unwrap();
    let error = scan(&policy(old(&scratch.path().join("link"))), SystemTime::now()).unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
    let error = scan(&policy(old(&scratch.path().join("none"))), SystemTime::now()).unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[test]
fn a_run_over_its_cap_refuses_before_the_first_write() {
    let scratch = tempfile::tempdir().unwrap();
    for number in 0..5 {
        aged(scratch.path().join(format!("{number}.hash")), 8 * DAY);
    }
    let now = SystemTime::now();
    let over = policy(Draft { max_files: Some(4), ..old(scratch.path()) });
    let error = scan(&over, now).unwrap_err();
    assert!(matches!(error, ScanError::OverCap { cap: "max_files", limit: 4, found: 5, .. }));
    let code = CleanupCode::OverCap {
        path: scratch.path().display().to_string(),
        found: 5,
        unit: Cap::Entries,
        cap: "max_files".to_owned(),
        limit: 4,
    };
    assert_eq!(error.said().code(), Some(&code.into()));
    // Nor does a plan pass that was made under another policy.
    let plan = scan(&policy(old(scratch.path())), now).unwrap();
    let report = apply(&over, plan, now);
    assert_eq!((report.taken.len(), report.failed.len()), (0, 5));
    assert_eq!(names(scratch.path()).len(), 5);
    assert!(scan(&policy(Draft { max_files: Some(5), ..old(scratch.path()) }), now).is_ok());
}

#[test]
fn a_cap_on_bytes_counts_what_would_be_gained() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("a.log"), "line\n".repeat(40_000)).unwrap();
    let over = policy(Draft { max_bytes: Some(189_999), ..large(scratch.path()) });
    let error = scan(&over, SystemTime::now()).unwrap_err();
    assert!(
        matches!(error, ScanError::OverCap { cap: "max_bytes", found: 190_000, .. }),
        "{error}"
    );
}

#[test]
fn a_file_in_use_is_left_alone_if_the_policy_says_so() {
    let scratch = tempfile::tempdir().unwrap();
    let path = aged(scratch.path().join("a.hash"), 8 * DAY);
    let careful = policy(Draft { skip_in_use: true, ..old(scratch.path()) });
    let now = SystemTime::now();
    let planned = scan(&careful, now).unwrap();
    let reader = File::open(&path).unwrap();
    assert_eq!(scan(&careful, now).unwrap().kept[&KeepReason::InUse], 1);
    assert_eq!(apply(&careful, planned, now).skipped.len(), 1);
    drop(reader);
    assert_eq!(clean(&careful).taken.len(), 1);
}

#[test]
fn a_locked_file_and_everything_in_a_locked_directory_are_left_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let path = aged(scratch.path().join("a.hash"), 8 * DAY);
    let policy = policy(old(scratch.path()));
    for held in [&*path, scratch.path()] {
        let holder = File::open(held).unwrap();
        holder.lock().unwrap();
        let report = clean(&policy);
        assert_eq!((report.taken.len(), report.skipped.len()), (0, 1));
        assert!(report.skipped[0].reason.contains("lock"));
    }
    assert_eq!(clean(&policy).taken.len(), 1);
}

#[test]
fn a_file_that_became_another_or_young_again_since_the_plan_stays() {
    let scratch = tempfile::tempdir().unwrap();
    let exchanged = aged(scratch.path().join("a.hash"), 8 * DAY);
    let touched = aged(scratch.path().join("b.hash"), 8 * DAY);
    let gone = aged(scratch.path().join("c.hash"), 8 * DAY);
    let policy = policy(old(scratch.path()));
    let now = SystemTime::now();
    let plan = scan(&policy, now).unwrap();
    fs::rename(aged(scratch.path().join("other"), 9 * DAY), &exchanged).unwrap();
    fs::write(&touched, "written").unwrap();
    fs::remove_file(gone).unwrap();
    let report = apply(&policy, plan, now);
    assert_eq!(
        (report.taken.len(), report.failed.len(), report.skipped.len()),
        (0, 0, 3),
        "{report:?}"
    );
    assert!(report.skipped.iter().all(|skipped| !skipped.reason.is_empty()));
    assert!(exchanged.exists() && touched.exists());
}

#[test]
fn hostile_names_are_deleted_like_others_and_fifos_stay() {
    let scratch = tempfile::tempdir().unwrap();
    for name in
        [OsString::from("a\nb.hash"), OsString::from_vec(b"\xff.hash".to_vec()), "-rf.hash".into()]
    {
        aged(scratch.path().join(name), 8 * DAY);
    }
    let fifo = scratch.path().join("fifo.hash");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let report = clean(&policy(old(scratch.path())));
    assert_eq!(report.taken.len(), 3, "{report:?}");
    assert_eq!(names(scratch.path()), ["fifo.hash"]);
    assert!(serde_json::to_string(&report).unwrap().contains("\\\\xff.hash"));
}

#[test]
fn one_name_of_a_hard_linked_file_goes_and_the_file_stays() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    fs::create_dir(&root).unwrap();
    let outside = aged(scratch.path().join("outside"), 8 * DAY);
    fs::write(&outside, "content").unwrap();
    let times = FileTimes::new().set_modified(SystemTime::now() - 8 * DAY);
    OpenOptions::new().append(true).open(&outside).unwrap().set_times(times).unwrap();
    fs::hard_link(&outside, root.join("a.hash")).unwrap();
    assert_eq!(clean(&policy(old(&root))).taken.len(), 1);
    assert_eq!(fs::read(&outside).unwrap(), b"content");
}

#[test]
fn a_large_log_keeps_its_tail_and_a_second_plan_is_empty() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("a.log");
    let lines: Vec<_> = (0..20_000).map(|number| format!("line {number}\n")).collect();
    let text = lines.concat();
    fs::write(&path, &text).unwrap();
    fs::write(scratch.path().join("small.log"), "small\n").unwrap();
    let policy = policy(large(scratch.path()));
    let report = clean(&policy);
    assert_eq!((report.taken.len(), report.failed.len()), (1, 0), "{report:?}");
    assert!(report.taken[0].method.is_some());
    assert!(fs::read_to_string(&path).unwrap().ends_with(&text[text.len() - 9_900..]));
    assert!(scan(&policy, SystemTime::now()).unwrap().steps.is_empty());
}

#[test]
fn a_log_with_another_name_outside_or_a_careless_writer_is_not_cut() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    fs::create_dir(&root).unwrap();
    let text = "line\n".repeat(40_000);
    fs::write(scratch.path().join("outside"), &text).unwrap();
    fs::hard_link(scratch.path().join("outside"), root.join("hard.log")).unwrap();
    fs::write(root.join("busy.log"), &text).unwrap();
    let writer = OpenOptions::new().write(true).open(root.join("busy.log")).unwrap();
    let report = clean(&policy(large(&root)));
    drop(writer);
    assert_eq!((report.taken.len(), report.failed.len()), (0, 2), "{report:?}");
    let pid = std::process::id().to_string();
    assert!(report.failed.iter().any(|failed| failed.reason.contains(&pid)));
    assert_eq!(fs::read_to_string(scratch.path().join("outside")).unwrap(), text);
    assert_eq!(fs::read_to_string(root.join("busy.log")).unwrap(), text);
}

#[test]
fn a_directory_that_cannot_be_read_is_told_and_not_hidden() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let closed = scratch.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o000)).unwrap();
    let plan =
        scan(&policy(Draft { recursive: true, ..old(scratch.path()) }), SystemTime::now()).unwrap();
    assert_eq!(plan.unseen.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_second_plan_is_empty_and_nothing_outside_or_young_is_touched(
        files in proptest::collection::vec((0..16_u32, any::<bool>(), any::<bool>()), 1..12),
        recursive: bool,
    ) {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        fs::create_dir_all(root.join("sub")).unwrap();
        let outside = aged(scratch.path().join("old.hash"), 30 * DAY);
        let mut stays = Vec::new();
        for (index, (days, hash, below)) in files.into_iter().enumerate() {
            let parent = if below { root.join("sub") } else { root.clone() };
            let name = format!("{index}{}", if hash { ".hash" } else { "" });
            // Not exactly at the limit: the clock goes on.
            let path = aged(parent.join(name), days * DAY + DAY / 2);
            if days < 7 || !hash || (below && !recursive) {
                stays.push(path);
            }
        }
        let policy = policy(Draft { recursive, ..old(&root) });
        let now = SystemTime::now();
        let plan = scan(&policy, now).unwrap();
        prop_assert!(plan.steps.iter().all(|step| !step.reason.to_string().is_empty()));
        let planned = plan.steps.len();
        let report = apply(&policy, plan, now);
        prop_assert_eq!(report.taken.len(), planned);
        prop_assert!(scan(&policy, now).unwrap().steps.is_empty());
        prop_assert!(outside.exists());
        prop_assert!(stays.iter().all(|path| path.exists()));
        let left = names(&root).len() - 1 + names(&root.join("sub")).len();
        prop_assert_eq!(left, stays.len());
    }
}
