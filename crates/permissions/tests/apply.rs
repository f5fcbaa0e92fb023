//! Sweep and apply in scratch directories.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use evenkeel_permissions::{
    Draft, FileRule, Kind, Policy, Principal, Report, SweepError, apply, check_host, sweep,
};
use proptest::prelude::*;

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn draft(path: &Path) -> Draft {
    Draft {
        path: path.to_owned(),
        directory_mode: Some(0o755),
        files: vec![FileRule { glob: "*.hash".to_owned(), mode: 0o644 }],
        ..Draft::default()
    }
}

fn policy(path: &Path) -> Policy {
    Policy::try_new(draft(path)).unwrap()
}

fn fix(policy: &Policy) -> Report {
    apply(policy, sweep(policy).unwrap())
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn file(path: PathBuf, mode: u32) -> PathBuf {
    fs::write(&path, "").unwrap();
    set_mode(&path, mode);
    path
}

#[test]
fn drift_is_found_repaired_with_before_and_after_and_then_gone() {
    let scratch = tempfile::tempdir().unwrap();
    let hash = file(scratch.path().join("a.hash"), 0o600);
    let other = file(scratch.path().join("other"), 0o600);
    set_mode(scratch.path(), 0o700);
    let policy = policy(scratch.path());
    let plan = sweep(&policy).unwrap();
    assert_eq!((plan.steps.len(), plan.scanned, plan.holds()), (2, 3, false));
    assert_eq!(mode(&hash), 0o600, "a sweep changes nothing");
    let report = apply(&policy, plan);
    assert!(report.failed.is_empty());
    let repaired: Vec<_> = report
        .repaired
        .iter()
        .map(|repair| (repair.path.as_path(), repair.kind, &*repair.before, &*repair.after))
        .collect();
    let expected =
        [(scratch.path(), Kind::Mode, "0700", "0755"), (&*hash, Kind::Mode, "0600", "0644")];
    assert_eq!(repaired, expected);
    assert_eq!((mode(scratch.path()), mode(&hash), mode(&other)), (0o755, 0o644, 0o600));
    assert!(sweep(&policy).unwrap().holds());
}

#[test]
fn owner_and_group_are_set_with_the_mode_and_shown_by_name() {
    if !is_root() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let hash = file(scratch.path().join("a.hash"), 0o4755);
    let foreign = file(scratch.path().join("b.hash"), 0o600);
    chown(&foreign, Some(4242), Some(4242)).unwrap();
    let policy = Policy::try_new(Draft {
        owner: Some("nobody".into()),
        group: Some("nogroup".into()),
        adopt_from: vec![Principal::Id(0)],
        ..draft(scratch.path())
    })
    .unwrap();
    let plan = sweep(&policy).unwrap();
    assert_eq!(plan.refused.len(), 1);
    assert!(plan.refused[0].reason.contains("4242"), "{}", plan.refused[0].reason);
    let report = apply(&policy, plan);
    assert!(report.failed.is_empty(), "{report:?}");
    let of_hash: Vec<_> = report.repaired.iter().filter(|repair| repair.path == hash).collect();
    assert_eq!(of_hash.len(), 3);
    assert_eq!((&*of_hash[1].before, &*of_hash[1].after), ("root", "nobody"));
    let found = fs::metadata(&hash).unwrap();
    assert_eq!((mode(&hash), found.uid(), found.gid()), (0o644, 65534, 65534));
    assert_eq!((mode(&foreign), fs::metadata(&foreign).unwrap().uid()), (0o600, 4242));
    assert!(sweep(&policy).unwrap().steps.is_empty());
}

#[test]
fn setgid_of_a_directory_is_kept_through_a_change_of_owner() {
    if !is_root() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let policy = Policy::try_new(Draft {
        owner: Some(Principal::Id(65534)),
        directory_mode: Some(0o3770),
        files: Vec::new(),
        ..draft(scratch.path())
    })
    .unwrap();
    assert!(fix(&policy).failed.is_empty());
    assert_eq!(mode(scratch.path()), 0o3770);
}

#[test]
fn a_missing_root_is_made_if_the_policy_says_so() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("state");
    assert!(matches!(sweep(&policy(&path)), Err(SweepError::Missing { .. })));
    let policy = Policy::try_new(Draft { create: true, ..draft(&path) }).unwrap();
    let plan = sweep(&policy).unwrap();
    assert_eq!(plan.steps[0].kind, Kind::Created);
    assert!(!path.exists(), "a sweep changes nothing");
    let report = apply(&policy, plan);
    assert_eq!(report.repaired.len(), 1);
    assert_eq!((&*report.repaired[0].before, mode(&path)), ("absent", 0o755));
    assert!(sweep(&policy).unwrap().holds());
}

#[test]
fn a_root_that_is_a_link_or_a_file_is_an_error_and_nothing_is_touched() {
    let scratch = tempfile::tempdir().unwrap();
    let target = scratch.path().join("target");
    fs::create_dir(&target).unwrap();
    set_mode(&target, 0o700);
    symlink(&target, scratch.path().join("link")).unwrap();
    file(scratch.path().join("file"), 0o600);
    for (name, words) in [("link", "symbolic link"), ("file", "a regular file")] {
        let error = sweep(&policy(&scratch.path().join(name))).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert_eq!((mode(&target), mode(&scratch.path().join("file"))), (0o700, 0o600));
}

#[test]
fn links_hard_links_and_fifos_are_reported_and_left_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let inside = scratch.path().join("inside");
    fs::create_dir(&inside).unwrap();
    set_mode(&inside, 0o755);
    let outside = file(scratch.path().join("outside"), 0o600);
    let linked = file(scratch.path().join("linked"), 0o600);
    fs::create_dir(scratch.path().join("tree")).unwrap();
    let below = file(scratch.path().join("tree/below.hash"), 0o600);
    symlink(&outside, inside.join("link.hash")).unwrap();
    symlink(scratch.path().join("tree"), inside.join("tree")).unwrap();
    fs::hard_link(&linked, inside.join("hard.hash")).unwrap();
    nix::unistd::mkfifo(&inside.join("fifo.hash"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let policy = Policy::try_new(Draft { recursive: true, ..draft(&inside) }).unwrap();
    let plan = sweep(&policy).unwrap();
    assert!(plan.steps.is_empty(), "{plan:?}");
    assert_eq!(plan.refused.len(), 3, "{plan:?}");
    assert!(plan.refused.iter().all(|refused| !refused.reason.is_empty()));
    apply(&policy, plan);
    for path in [outside, linked, below] {
        assert_eq!(mode(&path), 0o600);
    }
}

#[test]
fn a_file_exchanged_between_plan_and_apply_is_left_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let hash = file(scratch.path().join("a.hash"), 0o600);
    let policy = policy(scratch.path());
    let plan = sweep(&policy).unwrap();
    let other = file(scratch.path().join("other"), 0o600);
    fs::rename(other, &hash).unwrap();
    let report = apply(&policy, plan);
    assert_eq!(report.failed.len(), 1);
    assert!(report.failed[0].reason.contains("no longer what was planned"));
    assert_eq!(mode(&hash), 0o600);
}

#[test]
fn a_file_gone_between_plan_and_apply_does_not_keep_the_others_from_being_repaired() {
    let scratch = tempfile::tempdir().unwrap();
    let gone = file(scratch.path().join("a.hash"), 0o600);
    let stays = file(scratch.path().join("b.hash"), 0o600);
    let policy = policy(scratch.path());
    let plan = sweep(&policy).unwrap();
    fs::remove_file(gone).unwrap();
    let report = apply(&policy, plan);
    assert_eq!(report.failed.len(), 1);
    assert_eq!(mode(&stays), 0o644);
}

#[test]
fn hostile_names_are_repaired_like_others() {
    let scratch = tempfile::tempdir().unwrap();
    let names =
        [OsString::from("a\nb.hash"), OsString::from_vec(b"\xff.hash".to_vec()), "-rf.hash".into()];
    let files: Vec<_> = names.iter().map(|name| file(scratch.path().join(name), 0o600)).collect();
    let policy = policy(scratch.path());
    let report = fix(&policy);
    assert!(report.failed.is_empty(), "{report:?}");
    assert!(files.iter().all(|path| mode(path) == 0o644));
    assert!(serde_json::to_string(&report).unwrap().contains("\\\\xff.hash"));
}

#[test]
fn a_missing_user_is_an_error_that_names_it() {
    let scratch = tempfile::tempdir().unwrap();
    let missing = |change: fn(&mut Draft)| {
        let mut draft = draft(scratch.path());
        change(&mut draft);
        let policy = Policy::try_new(draft).unwrap();
        assert!(!check_host(&policy).is_empty());
        sweep(&policy).unwrap_err().to_string()
    };
    assert_eq!(
        missing(|draft| draft.owner = Some("no-such-user".into())),
        "no user is named `no-such-user`"
    );
    assert_eq!(
        missing(|draft| draft.group = Some("no-such-group".into())),
        "no group is named `no-such-group`"
    );
}

#[test]
fn a_file_is_not_hidden_by_the_name_of_the_private_directory() {
    let scratch = tempfile::tempdir().unwrap();
    let name = format!("{}.hash", evenkeel_safefs::PRIVATE_NAME);
    let hidden = file(scratch.path().join(name), 0o666);
    assert!(fix(&policy(scratch.path())).failed.is_empty());
    assert_eq!(mode(&hidden), 0o644);
}

#[test]
fn an_open_directory_hides_nothing_by_the_name_of_the_private_one() {
    let scratch = tempfile::tempdir().unwrap();
    let inside = |dir: &str, mode| {
        let dir = scratch.path().join(dir);
        fs::create_dir(&dir).unwrap();
        set_mode(&dir, mode);
        file(dir.join("a.hash"), 0o666)
    };
    let open = inside(evenkeel_safefs::PRIVATE_NAME, 0o750);
    let closed = inside(&format!("{}-1", evenkeel_safefs::PRIVATE_NAME), 0o700);
    let policy = Policy::try_new(Draft { recursive: true, ..draft(scratch.path()) });
    fix(&policy.unwrap());
    assert_eq!((mode(&open), mode(&closed)), (0o644, 0o666));
}

#[test]
fn an_excluded_directory_is_neither_entered_nor_changed() {
    let scratch = tempfile::tempdir().unwrap();
    fs::create_dir(scratch.path().join("keep")).unwrap();
    set_mode(&scratch.path().join("keep"), 0o700);
    let inside = file(scratch.path().join("keep/a.hash"), 0o600);
    let policy = Policy::try_new(Draft {
        recursive: true,
        exclude: vec!["keep".to_owned()],
        ..draft(scratch.path())
    });
    fix(&policy.unwrap());
    assert_eq!((mode(&inside), mode(&scratch.path().join("keep"))), (0o600, 0o700));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_second_plan_is_empty_and_nothing_outside_is_touched(
        modes in proptest::collection::vec((0..=0o7777_u32, any::<bool>(), any::<bool>()), 1..12),
        directory in 0..=0o7777_u32,
        recursive: bool,
    ) {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        fs::create_dir_all(root.join("sub")).unwrap();
        let outside = file(scratch.path().join("outside.hash"), 0o640);
        for (index, (mode, hash, below)) in modes.iter().enumerate() {
            let parent = if *below { root.join("sub") } else { root.clone() };
            // An ordinary user could not look into what he cannot read.
            file(parent.join(format!("{index}{}", if *hash { ".hash" } else { "" })), *mode);
        }
        set_mode(&root.join("sub"), directory | 0o700);
        set_mode(&root, directory | 0o700);
        let policy = Policy::try_new(Draft { recursive, ..draft(&root) }).unwrap();
        let plan = sweep(&policy).unwrap();
        prop_assert!(plan.steps.iter().all(|step| !step.reason.is_empty()));
        let report = apply(&policy, plan);
        prop_assert!(report.failed.is_empty(), "{:?}", report);
        prop_assert!(sweep(&policy).unwrap().holds());
        prop_assert_eq!(mode(&outside), 0o640);
    }
}
