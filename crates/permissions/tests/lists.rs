//! Access control lists, default lists, and work as another user.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use evenkeel_permissions::{AclPolicy, Draft, FileRule, Kind, Policy, Principal, apply, sweep};
use evenkeel_safefs::{Acl, AclKind, Lists, Root, Terms, Trust, User, Wish, as_user};

const NOBODY: u32 = 65534;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn enforce(entries: &[&str]) -> AclPolicy {
    AclPolicy::Enforce(entries.iter().map(|entry| entry.parse().unwrap()).collect())
}

fn draft(path: &Path) -> Draft {
    Draft {
        path: path.to_owned(),
        directory_mode: Some(0o750),
        files: vec![FileRule { glob: "*.hash".to_owned(), mode: 0o640 }],
        ..Draft::default()
    }
}

/// Gives a file a list that lets uid 65534 write, behind the back of its mode.
fn let_nobody_write(path: &Path) {
    let root = Root::open(path.parent().unwrap(), Trust::Vouched).unwrap();
    let terms = Terms { mnt_id: root.metadata().identity.mnt_id, owners: None };
    let judged = root.dir().pin(path.file_name().unwrap()).unwrap().judge(&terms).unwrap();
    let mut acl = Acl::from_mode(0o660);
    acl.users.insert(NOBODY, 6);
    acl.mask = Some(6);
    let mut access = judged.metadata().access;
    access.mode = 0o660;
    judged.set(access, Lists { access: Wish::Set(&acl), ..Lists::default() }).unwrap();
}

fn list(path: &Path, kind: AclKind) -> Option<String> {
    let root = Root::open(path.parent().unwrap(), Trust::Vouched).unwrap();
    let pinned = root.dir().pin(path.file_name().unwrap()).unwrap();
    pinned.acl(kind).unwrap().map(|acl| acl.to_string())
}

fn scratch() -> (tempfile::TempDir, std::path::PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o711)).unwrap();
    let state = scratch.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, PermissionsExt::from_mode(0o750)).unwrap();
    fs::write(state.join("a.hash"), "").unwrap();
    fs::set_permissions(state.join("a.hash"), PermissionsExt::from_mode(0o640)).unwrap();
    (scratch, state)
}

#[test]
fn a_list_is_told_about_and_left_where_the_policy_only_wants_to_hear() {
    let (_scratch, state) = scratch();
    let_nobody_write(&state.join("a.hash"));
    let policy = Policy::try_new(Draft {
        acl: AclPolicy::Report,
        files: vec![FileRule { glob: "*.hash".to_owned(), mode: 0o660 }],
        ..draft(&state)
    })
    .unwrap();
    let plan = sweep(&policy).unwrap();
    assert!(plan.holds(), "{plan:?}");
    assert_eq!(plan.listed.len(), 1);
    assert_eq!(plan.listed[0].acl, "user::rw-,user:65534:rw-,group::rw-,mask::rw-,other::---");
}

#[test]
fn a_list_that_the_policy_does_not_name_goes() {
    let (_scratch, state) = scratch();
    let file = state.join("a.hash");
    let_nobody_write(&file);
    let policy = Policy::try_new(Draft { acl: enforce(&[]), ..draft(&state) }).unwrap();
    let report = apply(&policy, sweep(&policy).unwrap());
    let kinds: Vec<_> = report.repaired.iter().map(|repair| repair.kind).collect();
    assert_eq!(kinds, [Kind::Mode, Kind::Acl]);
    assert_eq!((mode(&file), list(&file, AclKind::Access)), (0o640, None));
    assert!(sweep(&policy).unwrap().holds());
}

#[test]
fn the_lists_that_the_policy_names_are_given_to_directory_and_files() {
    let (_scratch, state) = scratch();
    fs::write(state.join("other"), "").unwrap();
    let policy =
        Policy::try_new(Draft { acl: enforce(&["user:65534:r-X"]), ..draft(&state) }).unwrap();
    let report = apply(&policy, sweep(&policy).unwrap());
    assert!(report.failed.is_empty(), "{report:?}");
    let of = |path: &Path| list(path, AclKind::Access);
    assert_eq!(of(&state).unwrap(), "user::rwx,user:65534:r-x,group::r-x,mask::r-x,other::---");
    assert_eq!(
        of(&state.join("a.hash")).unwrap(),
        "user::rw-,user:65534:r--,group::r--,mask::r--,other::---"
    );
    assert_eq!(of(&state.join("other")), None, "no rule gives it a mode");
    assert_eq!((mode(&state), mode(&state.join("a.hash"))), (0o750, 0o640));
    assert!(sweep(&policy).unwrap().holds());
}

#[test]
fn with_a_default_list_new_files_are_born_as_the_policy_wants_them() {
    let (_scratch, state) = scratch();
    let entries = ["user::rw-", "group::r--", "other::---"];
    let default_acl = Some(entries.map(|entry| entry.parse().unwrap()).to_vec());
    let policy = Policy::try_new(Draft { default_acl, ..draft(&state) }).unwrap();
    let report = apply(&policy, sweep(&policy).unwrap());
    assert_eq!(report.repaired.len(), 1, "{report:?}");
    assert_eq!(report.repaired[0].kind, Kind::DefaultAcl);
    fs::write(state.join("b.hash"), "").unwrap();
    assert_eq!(mode(&state.join("b.hash")), 0o640);
    assert!(sweep(&policy).unwrap().holds(), "nothing is left to repair");
}

#[test]
fn a_rule_that_runs_as_a_user_changes_what_is_his_and_no_more() {
    if !is_root() {
        return;
    }
    let (_scratch, state) = scratch();
    let nobody = Principal::Id(NOBODY);
    chown(&state, Some(NOBODY), Some(NOBODY)).unwrap();
    for (name, owner) in [("his.hash", NOBODY), ("roots.hash", 0)] {
        fs::write(state.join(name), "").unwrap();
        fs::set_permissions(state.join(name), PermissionsExt::from_mode(0o606)).unwrap();
        chown(state.join(name), Some(owner), Some(owner)).unwrap();
    }
    fs::remove_file(state.join("a.hash")).unwrap();
    let as_nobody = Draft { run_as: Some(nobody.clone()), ..draft(&state) };
    // Without an owner to give it to, root's file is none of his business; the kernel would refuse him too.
    let policy =
        Policy::try_new(Draft { adopt_from: vec![Principal::Id(0)], ..as_nobody.clone() }).unwrap();
    let report = apply(&policy, sweep(&policy).unwrap());
    assert_eq!(report.repaired.len(), 1, "{report:?}");
    assert!(report.failed[0].denied && report.failed[0].path.ends_with("roots.hash"), "{report:?}");
    assert_eq!(mode(&state.join("roots.hash")), 0o606);
    // To make it his is what only root can.
    let policy = Policy::try_new(Draft {
        owner: Some(nobody.clone()),
        group: Some(nobody),
        adopt_from: vec![Principal::Id(0)],
        ..as_nobody
    })
    .unwrap();
    let report = apply(&policy, sweep(&policy).unwrap());
    assert!(report.failed.is_empty(), "{report:?}");
    let seen = fs::metadata(state.join("roots.hash")).unwrap();
    assert_eq!((seen.mode() & 0o7777, seen.uid(), seen.gid()), (0o640, NOBODY, NOBODY));
    assert!(sweep(&policy).unwrap().holds());
}

#[test]
fn a_user_who_cannot_look_sees_nothing() {
    if !is_root() {
        return;
    }
    let (_scratch, state) = scratch();
    let policy = Policy::try_new(Draft {
        run_as: Some(Principal::Id(NOBODY)),
        directory_mode: None,
        ..draft(&state)
    })
    .unwrap();
    let error = sweep(&policy).unwrap_err();
    assert!(error.to_string().contains("cannot read"), "{error}");
    let nobody = User { uid: NOBODY, gid: NOBODY, groups: Vec::new() };
    assert!(as_user(&nobody, || fs::read_dir(&state).is_err()).unwrap());
}

/// In CI this must be root; elsewhere what needs it is left out, and says so.
#[expect(
    clippy::print_stderr,
    reason = "a test that is left out must not look like one that passed"
)]
fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        let in_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!in_ci, "this is not root: run `cargo xtask test` as root");
        eprintln!("LEFT OUT: this is not root");
    }
    is_root
}
