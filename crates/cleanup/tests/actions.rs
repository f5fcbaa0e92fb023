//! Trash, undo, compression, whole directories, and runs that are ended.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::Read;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use evenkeel_cleanup::{
    Action, AgeBy, Draft, Policy, Report, Trigger, Undo, UndoError, UndoReport, Unit, apply,
    apply_watched, kept, scan,
};
use evenkeel_safefs::{Acl, AclKind, Judged, Lists, PRIVATE_NAME, Root, Terms, Trust, User, Wish};

const DAY: Duration = Duration::from_hours(24);
const WEEK: Duration = Duration::from_hours(7 * 24);
const IN_MOUNTS: &str = "EVENKEEL_TEST_IN_MOUNTS";

fn policy(path: &Path, action: Action, unit: Unit) -> Policy {
    let matches = vec!["*.log".to_owned()];
    let draft = Draft::new(path, Trigger::OlderThan(WEEK), action);
    let recursive = unit == Unit::File;
    Policy::try_new(Draft { matches, recursive, unit, age_by: AgeBy::MTIME, ..draft }).unwrap()
}

fn trash(path: &Path, unit: Unit) -> Policy {
    policy(path, Action::Trash { ttl: WEEK }, unit)
}

fn clean(policy: &Policy) -> Report {
    clean_at(policy, SystemTime::now())
}

fn clean_at(policy: &Policy, now: SystemTime) -> Report {
    apply(policy, scan(policy, now).unwrap(), now)
}

fn undo(root: &Path, id: &str, only: Option<&Path>) -> Result<UndoReport, UndoError> {
    let undo = Undo { root, run_as: None, id, only };
    undo.run(SystemTime::now(), |_| ControlFlow::Continue(()))
}

fn age(path: &Path, age: Duration) {
    let then = SystemTime::now() - age;
    let times = FileTimes::new().set_modified(then).set_accessed(then);
    File::open(path).unwrap().set_times(times).unwrap();
}

fn aged(path: PathBuf, content: &str) -> PathBuf {
    fs::write(&path, content).unwrap();
    age(&path, 8 * DAY);
    path
}

fn names(path: &Path) -> Vec<OsString> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

fn gunzip(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn what_is_in_the_trash_comes_back_as_it_was_and_overwrites_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path();
    let [a, b] = ["a.log", "b.log"].map(|name| aged(root.join(name), name));
    fs::set_permissions(&a, PermissionsExt::from_mode(0o4640)).unwrap();
    let facts = |of: &Path| {
        let of = fs::metadata(of).unwrap();
        (of.ino(), of.mode(), of.uid(), of.gid(), of.mtime(), of.mtime_nsec(), of.atime())
    };
    let before = facts(&a);
    let report = clean(&trash(root, Unit::File));
    assert_eq!((report.taken.len(), report.failed.len()), (2, 0), "{report:?}");
    let id = report.run.unwrap();
    assert_eq!(names(root), [PRIVATE_NAME]);
    assert_eq!(kept(root, None).unwrap()[0].held, 2);
    // Only one of them is asked for.
    let undone = undo(root, &id, Some(&a)).unwrap();
    assert_eq!((undone.restored.len(), undone.left), (1, 1), "{undone:?}");
    assert_eq!((facts(&a), undone.restored[0].note.as_deref()), (before, None));
    fs::write(&b, "fresh").unwrap();
    let undone = undo(root, &id, None).unwrap();
    assert_eq!((undone.restored.len(), undone.failed.len()), (0, 1), "{undone:?}");
    assert!(undone.failed[0].reason.contains("taken"));
    assert_eq!(fs::read(&b).unwrap(), b"fresh");
    fs::remove_file(&b).unwrap();
    assert_eq!(undo(root, &id, None).unwrap().restored.len(), 1);
    assert_eq!(fs::read(&b).unwrap(), b"b.log");
    let again = undo(root, &id, None).unwrap_err();
    assert!(again.to_string().contains("has been undone"), "{again}");
    let unknown = undo(root, "20000101T000000Z-0000", None).unwrap_err();
    assert!(unknown.to_string().contains(&id), "{unknown}");
}

#[test]
fn trash_goes_for_good_after_its_term_also_if_nothing_else_is_due() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path();
    aged(root.join("a.log"), "content");
    let policy = trash(root, Unit::File);
    assert_eq!(clean(&policy).taken.len(), 1);
    let now = SystemTime::now();
    assert_eq!(clean_at(&policy, now + WEEK - DAY).purged.entries, 0);
    let report = clean_at(&policy, now + WEEK + DAY);
    assert_eq!((report.purged.entries, report.purged.bytes), (1, 7));
    assert_eq!(names(root), [""; 0]);
}

#[test]
fn a_compressed_file_keeps_content_mode_owner_and_times_and_is_not_compressed_again() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path();
    let text = "line\n".repeat(200_000);
    let path = aged(root.join("a.log"), &text);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(&path, Some(65_534), Some(65_533)).unwrap();
    }
    let before = fs::metadata(&path).unwrap();
    let policy = policy(root, Action::Compress, Unit::File);
    // Whose status changed just now may be changing still, and the times would not tell.
    let report = clean(&policy);
    assert_eq!((report.taken.len(), report.skipped.len()), (0, 1), "{report:?}");
    let deadline = Instant::now() + Duration::from_secs(30);
    let report = loop {
        let report = clean(&policy);
        if !report.taken.is_empty() {
            break report;
        }
        assert!(Instant::now() < deadline, "{report:?}");
        pause();
    };
    assert_eq!((report.taken.len(), report.run), (1, None));
    assert!(report.taken[0].bytes > 900_000);
    assert_eq!(names(root), ["a.log.gz"]);
    let after = fs::metadata(root.join("a.log.gz")).unwrap();
    let facts = |of: &fs::Metadata| {
        (of.mode(), of.uid(), of.gid(), of.mtime(), of.mtime_nsec(), of.atime(), of.atime_nsec())
    };
    assert_eq!(facts(&after), facts(&before));
    assert_eq!(gunzip(&root.join("a.log.gz")), text);
    assert!(scan(&policy, SystemTime::now()).unwrap().steps.is_empty());
}

/// Between two looks for what takes a while.
fn pause() {
    let (_sender, never) = std::sync::mpsc::channel::<()>();
    let _ = never.recv_timeout(Duration::from_millis(20));
}

/// A file of which nothing has changed for long enough to be compressed.
fn settled(path: PathBuf, content: &str) -> PathBuf {
    aged(path.clone(), content);
    let deadline = Instant::now() + Duration::from_secs(30);
    let changed = fs::metadata(&path).unwrap().ctime();
    let probe = path.with_extension("probe");
    loop {
        fs::write(&probe, "").unwrap();
        if fs::metadata(&probe).unwrap().mtime() > changed + 3 {
            break;
        }
        assert!(Instant::now() < deadline);
        pause();
    }
    fs::remove_file(probe).unwrap();
    path
}

#[test]
fn a_compressed_file_gets_no_access_control_list_but_that_of_the_original() {
    let scratch = tempfile::tempdir().unwrap();
    let root = Root::open(scratch.path(), Trust::Vouched).unwrap();
    let terms = Terms { mnt_id: root.metadata().identity.mnt_id, owners: None };
    let mut for_all = Acl::from_mode(0o770);
    for_all.users.insert(65_534, 7);
    for_all.mask = Some(7);
    let set =
        |judged: Judged, lists: Lists<'_>| judged.set(judged.metadata().access, lists).unwrap();
    for (name, list) in [("plain.log", None), ("listed.log", Some(4))] {
        let path = aged(scratch.path().join(name), name);
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let Some(rights) = list else { continue };
        let mut acl = Acl::from_mode(0o640);
        acl.users.insert(65_533, rights);
        acl.mask = Some(4);
        let judged = root.dir().pin(name.as_ref()).unwrap().judge(&terms).unwrap();
        set(judged, Lists { access: Wish::Set(&acl), ..Lists::default() });
    }
    // What is born below the root from now on lets somebody in.
    let judged = root.dir().pin_again().unwrap().judge(&terms).unwrap();
    set(judged, Lists { default: Wish::Set(&for_all), ..Lists::default() });
    settled(scratch.path().join("last.log"), "last");
    let report = clean(&policy(scratch.path(), Action::Compress, Unit::File));
    assert_eq!(report.taken.len(), 3, "{report:?}");
    let list = |name: &str| root.dir().pin(name.as_ref()).unwrap().acl(AclKind::Access).unwrap();
    assert_eq!(list("plain.log.gz"), None);
    let listed = list("listed.log.gz").unwrap();
    assert_eq!((listed.users.get(&65_533), listed.users.get(&65_534)), (Some(&4), None));
}

#[test]
fn what_is_written_to_linked_or_has_a_compressed_copy_is_not_compressed() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    fs::create_dir(&root).unwrap();
    for name in ["taken.log", "linked.log", "other.log"] {
        aged(root.join(name), name);
    }
    fs::write(root.join("taken.log.gz"), "precious").unwrap();
    fs::hard_link(root.join("linked.log"), scratch.path().join("outside")).unwrap();
    let busy = settled(root.join("busy.log"), "busy");
    // One that appends would go on in a file that nobody finds any more.
    let writer = OpenOptions::new().append(true).open(&busy).unwrap();
    let report = clean(&policy(&root, Action::Compress, Unit::File));
    let reason = |name: &str| {
        let failed = report.failed.iter().find(|failed| failed.path.ends_with(name));
        failed.unwrap_or_else(|| panic!("{name}: {report:?}")).reason.clone()
    };
    assert!(reason("busy.log").contains(&std::process::id().to_string()));
    assert!(reason("taken.log").contains("`taken.log.gz` already"));
    assert!(reason("linked.log").contains("2 names"));
    assert_eq!(report.taken.len(), 1, "{report:?}");
    drop(writer);
    assert_eq!(fs::read(root.join("taken.log.gz")).unwrap(), b"precious");
    assert_eq!(fs::read(scratch.path().join("outside")).unwrap(), b"linked.log");
    assert!(!root.join(PRIVATE_NAME).exists());
}

#[test]
fn a_run_that_is_ended_has_done_what_it_says_and_nothing_by_half() {
    for (action, after) in [
        (Action::Delete, 3),
        (Action::Trash { ttl: WEEK }, 3),
        // In the middle of a file: more is asked than there are entries.
        (Action::Compress, 8),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path();
        for number in 0..5 {
            aged(root.join(format!("{number}.log")), &number.to_string().repeat(1_000));
        }
        settled(root.join("5.log"), "last");
        let policy = policy(root, action, Unit::File);
        let now = SystemTime::now();
        let mut asked = 0;
        let report = apply_watched(&policy, scan(&policy, now).unwrap(), now, |progress| {
            assert!(progress.done <= progress.total && progress.total == 6);
            asked += 1;
            if asked > after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let taken = report.taken.len();
        assert!(taken < 6 && report.failed.is_empty(), "{report:?}");
        assert_eq!(report.not_reached, 6 - taken as u64);
        let whole = names(root)
            .iter()
            .filter(|name| Path::new(name).extension() == Some(OsStr::new("log")))
            .count();
        assert_eq!(whole, 6 - taken);
        let in_trash = matches!(action, Action::Trash { .. });
        assert_eq!(root.join(PRIVATE_NAME).exists(), in_trash, "{action:?}");
    }
}

/// A directory with something old at each level.
fn plant(root: &Path, name: &str) -> PathBuf {
    let top = root.join(name);
    fs::create_dir_all(top.join("sub")).unwrap();
    aged(top.join("sub/file"), "content");
    age(&top.join("sub"), 8 * DAY);
    age(&top, 8 * DAY);
    top
}

#[test]
fn a_directory_goes_as_a_whole_and_comes_back_from_the_trash() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path();
    let top = plant(root, "a.log");
    let report = clean(&trash(root, Unit::Directory));
    assert_eq!(report.taken.len(), 1, "{report:?}");
    assert_eq!(names(root), [PRIVATE_NAME]);
    let undone = undo(root, &report.run.unwrap(), None).unwrap();
    assert_eq!((undone.restored.len(), undone.failed.len()), (1, 0), "{undone:?}");
    assert_eq!(fs::read(top.join("sub/file")).unwrap(), b"content");
    let report = clean(&policy(root, Action::Delete, Unit::Directory));
    assert_eq!((report.taken.len(), report.taken[0].bytes), (1, 7), "{report:?}");
    assert_eq!(fs::read_dir(root).unwrap().count(), 1, "the manifest of the undone run");
}

#[test]
fn a_directory_with_something_young_locked_or_kept_in_it_stays_whole() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path();
    let [young, locked, kept] =
        ["young.log", "locked.log", "kept.log"].map(|name| plant(root, name));
    let policy = policy(root, Action::Delete, Unit::Directory);
    let now = SystemTime::now();
    let plan = scan(&policy, now).unwrap();
    assert_eq!(plan.steps.len(), 3);
    fs::write(young.join("sub/fresh"), "").unwrap();
    age(&young.join("sub"), 8 * DAY);
    let holder = File::open(locked.join("sub/file")).unwrap();
    holder.lock().unwrap();
    // What another rule has in its trash is not this one's.
    let other = kept.join("sub").join(PRIVATE_NAME);
    fs::create_dir(&other).unwrap();
    fs::set_permissions(&other, PermissionsExt::from_mode(0o700)).unwrap();
    for path in [other, kept.join("sub")] {
        age(&path, 8 * DAY);
    }
    let report = apply(&policy, plan, now);
    assert_eq!((report.taken.len(), report.skipped.len()), (0, 3), "{report:?}");
    for top in [&young, &locked, &kept] {
        assert_eq!(fs::read(top.join("sub/file")).unwrap(), b"content");
    }
    assert!(!root.join(PRIVATE_NAME).exists());
}

#[test]
fn a_rule_that_works_as_a_user_keeps_its_trash_as_that_user() {
    const USER: &str = "nobody";
    let is_possible = rustix::process::geteuid().is_root();
    let Some(user) = User::find(USER).unwrap().filter(|_| is_possible) else { return };
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let root = scratch.path().join("root");
    fs::create_dir(&root).unwrap();
    chown(&root, Some(user.uid), Some(user.gid)).unwrap();
    let names_there = ["a.log", "b.log"];
    for name in names_there {
        chown(aged(root.join(name), name), Some(user.uid), Some(user.gid)).unwrap();
    }
    // What is closed to the user stays, as it would if he did it himself.
    let closed = root.join("closed.log");
    fs::create_dir(&closed).unwrap();
    aged(closed.join("c.log"), "root's");
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o755)).unwrap();
    let as_user = |action| {
        let draft = policy(&root, action, Unit::File).draft().clone();
        Policy::try_new(Draft { run_as: Some(USER.to_owned()), ..draft }).unwrap()
    };
    let report = clean(&as_user(Action::Trash { ttl: WEEK }));
    assert_eq!((report.taken.len(), report.failed.len()), (2, 1), "{report:?}");
    assert_eq!(fs::metadata(root.join(PRIVATE_NAME)).unwrap().uid(), user.uid);
    let id = report.run.unwrap();
    let as_root = undo(&root, &id, None).unwrap_err();
    assert!(matches!(as_root, UndoError::Unknown { .. }), "{as_root}");
    let undo = Undo { root: &root, run_as: Some(USER), id: &id, only: None };
    let undone = undo.run(SystemTime::now(), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((undone.restored.len(), undone.failed.len()), (2, 0), "{undone:?}");
    let last = settled(root.join("last.log"), "last");
    chown(&last, Some(user.uid), Some(user.gid)).unwrap();
    let report = clean(&as_user(Action::Compress));
    assert!(report.taken.len() >= 2, "{report:?}");
    for name in names_there {
        let made = fs::metadata(root.join(format!("{name}.gz"))).unwrap();
        assert_eq!((made.uid(), made.gid()), (user.uid, user.gid));
    }
    assert_eq!(fs::read(closed.join("c.log")).unwrap(), b"root's");
}

/// Runs one of the tests below where it can mount.
#[expect(
    clippy::print_stderr,
    reason = "a test that is left out must not look like one that passed"
)]
fn in_mounts(test: &str) {
    if !rustix::process::geteuid().is_root() {
        let in_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!in_ci, "this is not root, who may mount: run `cargo xtask test` as root");
        eprintln!("LEFT OUT: this is not root, who may mount");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let run = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored"])
        .env(IN_MOUNTS, scratch.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

fn mount(words: &[&str], on: &Path) {
    assert!(Command::new("mount").args(words).arg(on).status().unwrap().success());
}

#[test]
fn what_is_mounted_in_a_directory_keeps_it_in_its_place() {
    in_mounts("with_a_mount_in_it_a_directory_stays");
}

#[test]
#[ignore = "runs where it can mount"]
fn with_a_mount_in_it_a_directory_stays() {
    let scratch = PathBuf::from(std::env::var_os(IN_MOUNTS).expect("it is started by the other"));
    let (root, outside) = (scratch.join("root"), scratch.join("outside"));
    fs::create_dir_all(&root).unwrap();
    let top = plant(&root, "a.log");
    let outside = plant(&scratch, outside.file_name().unwrap().to_str().unwrap());
    let policy = policy(&root, Action::Delete, Unit::Directory);
    let now = SystemTime::now();
    let plan = scan(&policy, now).unwrap();
    assert_eq!(plan.steps.len(), 1);
    mount(&["--bind", outside.to_str().unwrap()], &top.join("sub"));
    let report = apply(&policy, plan, now);
    assert_eq!(report.taken, []);
    assert!(report.skipped[0].reason.contains("mounted"), "{report:?}");
    assert_eq!(scan(&policy, now).unwrap().steps, []);
    // A root that is a mount of its own is worked in, with its private directory on it.
    let bound = scratch.join("bound");
    fs::create_dir(&bound).unwrap();
    aged(outside.join("b.log"), "content");
    mount(&["--bind", outside.to_str().unwrap()], &bound);
    let report = clean(&trash(&bound, Unit::File));
    assert_eq!(report.taken.len(), 1, "{report:?}");
    assert_eq!(fs::read(outside.join("sub/file")).unwrap(), b"content");
    assert_eq!(undo(&bound, &report.run.unwrap(), None).unwrap().restored.len(), 1);
}

#[test]
fn a_full_filesystem_loses_nothing() {
    in_mounts("with_no_room_left_everything_stays_whole");
}

#[test]
#[ignore = "runs where it can mount"]
fn with_no_room_left_everything_stays_whole() {
    let root = PathBuf::from(std::env::var_os(IN_MOUNTS).expect("it is started by the other"));
    mount(&["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs"], &root);
    // What does not become smaller: its copy finds no room.
    let mut seed = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_be_bytes()[0]
    })
    .take(600 * 1024)
    .collect();
    fs::write(root.join("noise.log"), &noise).unwrap();
    age(&root.join("noise.log"), 8 * DAY);
    settled(root.join("small.log"), &"line\n".repeat(1_000));
    let report = clean(&policy(&root, Action::Compress, Unit::File));
    assert_eq!((report.taken.len(), report.failed.len()), (1, 1), "{report:?}");
    assert!(report.failed[0].reason.contains("No space left"), "{report:?}");
    assert_eq!(names(&root), ["noise.log", "small.log.gz"]);
    assert_eq!(fs::read(root.join("noise.log")).unwrap(), noise);
    // And with no block left at all, there is none to write down what is moved.
    fs::write(root.join("filler"), vec![0; 1 << 20]).unwrap_err();
    let report = clean(&trash(&root, Unit::File));
    assert_eq!((report.taken.len(), report.failed.len()), (0, 1), "{report:?}");
    assert_eq!(fs::read(root.join("noise.log")).unwrap(), noise);
    assert!(!root.join(PRIVATE_NAME).exists());
    let report = clean(&policy(&root, Action::Delete, Unit::File));
    assert_eq!(report.taken.len(), 1, "what makes room needs none: {report:?}");
}
