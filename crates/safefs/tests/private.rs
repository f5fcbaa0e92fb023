//! What is taken is exactly what was looked at; what is kept comes back; what is interrupted is put right.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::ffi::OsStr;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use evenkeel_safefs::{
    Held, Identity, Intent, Metadata, PRIVATE_NAME, Private, Purpose, Record, Removed, Returned,
    Root, Run, TakeError, Trust, UndoError,
};
use rustix::fs::{CWD, RenameFlags, renameat_with};

const ID: &str = "20261125T072301Z";
const WEEK: Duration = Duration::from_hours(7 * 24);

fn open(path: &Path) -> Root {
    Root::open(path, Trust::Vouched).unwrap()
}

fn start<'p>(private: &'p Private<'_>, purpose: Purpose) -> Run<'p> {
    private.start(ID, purpose, SystemTime::now()).unwrap()
}

fn trash() -> Purpose {
    Purpose::Trash { expires: SystemTime::now() + WEEK }
}

fn announce(run: &mut Run<'_>, root: &Root, name: &str) -> u64 {
    let intent =
        Intent { dir: root.dir(), name: name.as_ref(), path: name.as_ref(), reason: String::new() };
    run.announce([intent]).unwrap()[0].unwrap()
}

fn identity(root: &Root, name: &str) -> Identity {
    root.dir().look(name.as_ref()).unwrap().identity
}

fn take<'r>(
    run: &'r mut Run<'_>,
    root: &Root,
    name: &str,
    expected: &Identity,
    due: bool,
) -> Result<Held<'r>, TakeError> {
    let slot = announce(run, root, name);
    run.take(slot, root.dir(), name.as_ref(), expected, |_| due)
}

fn delete(
    run: &mut Run<'_>,
    root: &Root,
    name: &str,
    expected: &Identity,
) -> Result<Removed, TakeError> {
    take(run, root, name, expected, true)?.remove(root.dir(), name.as_ref(), |_| true)
}

/// All that a run keeps is to come back.
fn all(_: &Record) -> ControlFlow<(), bool> {
    ControlFlow::Continue(true)
}

/// How many entries go for good, or why one does not.
fn purged(private: &Private<'_>, now: SystemTime) -> Result<u64, String> {
    let mut result = Ok(0);
    private
        .purge(now, |_, _, removed| {
            match (removed, &mut result) {
                (Ok(removed), Ok(entries)) => *entries += removed.entries,
                (Ok(_), Err(_)) => {}
                (Err(error), _) => result = Err(error.to_string()),
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    result
}

fn left(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn deleting_an_exchanged_name_never_takes_the_fresh_file() {
    let scratch = tempfile::tempdir().unwrap();
    let root = open(scratch.path());
    let (old, fresh) = (scratch.path().join("old"), scratch.path().join("fresh"));
    fs::write(&fresh, "precious").unwrap();
    let precious = fs::metadata(&fresh).unwrap().ino();
    let private = Private::open(&root).unwrap();
    let mut run = start(&private, Purpose::Delete);
    let done = AtomicBool::new(false);
    let (deleted, exchanges) = std::thread::scope(|scope| {
        let attacker = scope.spawn(|| {
            let mut exchanges = 0;
            while !done.load(Ordering::Relaxed) {
                exchanges +=
                    u32::from(renameat_with(CWD, &old, CWD, &fresh, RenameFlags::EXCHANGE).is_ok());
            }
            exchanges
        });
        let mut deleted = 0;
        for _ in 0..500 {
            // Whichever name is free is the one whose file was taken.
            let free = if old.exists() { "fresh" } else { "old" };
            let _ =
                fs::OpenOptions::new().write(true).create_new(true).open(scratch.path().join(free));
            let names = ["old", "fresh"];
            let intents = names.map(|name| Intent {
                dir: root.dir(),
                name: name.as_ref(),
                path: name.as_ref(),
                reason: String::new(),
            });
            let slots = run.announce(intents).unwrap();
            for (name, slot) in names.into_iter().zip(slots) {
                let Ok(metadata) = root.dir().look(name.as_ref()) else { continue };
                let (Some(slot), true) = (slot, metadata.identity.ino != precious) else {
                    continue;
                };
                let name = OsStr::new(name);
                let taken = run.take(slot, root.dir(), name, &metadata.identity, |_| true);
                deleted += u32::from(
                    taken.is_ok_and(|held| held.remove(root.dir(), name, |_| true).is_ok()),
                );
            }
        }
        done.store(true, Ordering::Relaxed);
        (deleted, attacker.join().unwrap())
    });
    run.finish().unwrap();
    drop(private);
    let survivors: Vec<_> = fs::read_dir(scratch.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.metadata().unwrap().ino() == precious)
        .collect();
    assert!(deleted > 0 && exchanges > 0, "{deleted} deleted, {exchanges} exchanges");
    assert_eq!(survivors.len(), 1, "the fresh file is gone");
    assert_eq!(fs::read(survivors[0].path()).unwrap(), b"precious");
}

#[test]
fn another_file_under_the_planned_name_stays_and_no_trace_is_left() {
    let scratch = tempfile::tempdir().unwrap();
    let root = open(scratch.path());
    let path = scratch.path().join("f");
    fs::write(&path, "old").unwrap();
    let planned = identity(&root, "f");
    fs::write(scratch.path().join("g"), "new").unwrap();
    fs::rename(scratch.path().join("g"), &path).unwrap();
    let private = Private::open(&root).unwrap();
    let mut run = start(&private, Purpose::Delete);
    let result = take(&mut run, &root, "f", &planned, true);
    assert!(matches!(result, Err(TakeError::Changed)));
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert!(!run.finish().unwrap());
    drop(private);
    assert_eq!(left(scratch.path()), ["f"]);
}

#[test]
fn a_locked_file_and_one_no_longer_due_stay() {
    let scratch = tempfile::tempdir().unwrap();
    let root = open(scratch.path());
    fs::write(scratch.path().join("f"), "").unwrap();
    let planned = identity(&root, "f");
    let private = Private::open(&root).unwrap();
    let mut run = start(&private, Purpose::Delete);
    assert!(matches!(take(&mut run, &root, "f", &planned, false), Err(TakeError::NotDue)));
    let holder = fs::File::open(scratch.path().join("f")).unwrap();
    holder.lock().unwrap();
    assert!(matches!(take(&mut run, &root, "f", &planned, true), Err(TakeError::Locked)));
    drop(holder);
    assert_eq!(delete(&mut run, &root, "f", &planned).unwrap().entries, 1);
    let slot = run.announce([]).unwrap().len() as u64;
    let gone = run.take(slot, root.dir(), OsStr::new("f"), &planned, |_| true);
    assert!(matches!(gone, Err(TakeError::Changed)));
}

#[test]
fn two_runs_do_not_work_in_one_root_and_a_name_that_another_took_is_left_to_him() {
    let scratch = tempfile::tempdir().unwrap();
    let root = open(scratch.path());
    // Not closed to others, so not ours.
    let squatted = scratch.path().join(PRIVATE_NAME);
    fs::create_dir(&squatted).unwrap();
    fs::set_permissions(&squatted, PermissionsExt::from_mode(0o755)).unwrap();
    let first = Private::open(&root).unwrap();
    assert!(Private::open(&root).unwrap_err().to_string().contains("another run"));
    assert!(Private::find(&root).is_err());
    // What is kept under another name is found there also when the usual one is free again.
    fs::write(scratch.path().join("f"), "").unwrap();
    let mut run = start(&first, trash());
    take(&mut run, &root, "f", &identity(&root, "f"), true).unwrap();
    let id = run.id();
    assert!(run.finish().unwrap());
    drop(first);
    fs::remove_dir(&squatted).unwrap();
    let again = Private::open(&root).unwrap();
    assert_eq!(again.undo(&id, SystemTime::now(), all).unwrap().entries.len(), 1);
    assert_eq!(purged(&again, SystemTime::now() + 2 * WEEK), Ok(0));
    drop(again);
    assert_eq!(left(scratch.path()), ["f"]);
    assert!(Private::find(&root).unwrap().is_none());
}

#[test]
fn trash_comes_back_as_it_was_once_and_overwrites_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let root = open(scratch.path());
    let at = |name: &str| scratch.path().join(name);
    for name in ["a\n", "b", "c"] {
        fs::write(at(name), name).unwrap();
        fs::set_permissions(at(name), PermissionsExt::from_mode(0o4640)).unwrap();
    }
    let before = fs::metadata(at("a\n")).unwrap();
    let private = Private::open(&root).unwrap();
    let mut run = start(&private, trash());
    let id = run.id();
    for name in ["a\n", "b", "c"] {
        take(&mut run, &root, name, &identity(&root, name), true).unwrap();
    }
    assert!(run.finish().unwrap());
    assert_eq!(left(scratch.path()), [PRIVATE_NAME]);
    assert_eq!(purged(&private, SystemTime::now()), Ok(0));
    fs::write(at("b"), "fresh").unwrap();
    let undone = private.undo(&id, SystemTime::now(), all).unwrap();
    let results: Vec<_> = undone.entries.iter().map(|entry| entry.result.clone()).collect();
    let taken = Err("its name is taken by another entry".to_owned());
    assert_eq!(results, [Ok(None), taken, Ok(None)]);
    assert_eq!(fs::read(at("b")).unwrap(), b"fresh");
    let after = fs::metadata(at("a\n")).unwrap();
    let facts = |of: &fs::Metadata| (of.ino(), of.mode(), of.mtime(), of.mtime_nsec(), of.atime());
    assert_eq!(facts(&before), facts(&after));
    // The one that could not go back can do so later, and then nothing is left to undo.
    fs::remove_file(at("b")).unwrap();
    let undone = private.undo(&id, SystemTime::now(), all).unwrap();
    assert_eq!(undone.entries.len(), 1);
    assert_eq!(fs::read(at("b")).unwrap(), b"b");
    let again = private.undo(&id, SystemTime::now(), all);
    assert!(matches!(again, Err(UndoError::AlreadyUndone { .. })));
    let unknown = private.undo("none", SystemTime::now(), all).unwrap_err();
    assert!(matches!(unknown, UndoError::Unknown { known, .. } if known[0].id == id));
    assert_eq!(purged(&private, SystemTime::now() + 2 * WEEK), Ok(0));
    drop(private);
    assert_eq!(left(scratch.path()), ["a\n", "b", "c"]);
}

#[test]
fn what_is_not_what_the_manifest_names_is_never_purged() {
    let scratch = tempfile::tempdir().unwrap();
    let root = open(scratch.path());
    fs::create_dir_all(scratch.path().join("d/e")).unwrap();
    fs::write(scratch.path().join("d/e/f"), "").unwrap();
    fs::write(scratch.path().join("g"), "").unwrap();
    let private = Private::open(&root).unwrap();
    let mut run = start(&private, trash());
    let id = run.id();
    for name in ["d", "g"] {
        take(&mut run, &root, name, &identity(&root, name), true).unwrap();
    }
    run.finish().unwrap();
    let run_dir = scratch.path().join(PRIVATE_NAME).join(&id);
    fs::write(run_dir.join("new"), "someone's").unwrap();
    fs::rename(run_dir.join("new"), run_dir.join("1")).unwrap();
    let later = SystemTime::now() + 2 * WEEK;
    assert!(purged(&private, later).unwrap_err().contains("not what its manifest names"));
    assert_eq!(left(&run_dir), ["1", "manifest"]);
}

#[test]
fn trash_does_not_come_back_into_a_directory_that_others_have_opened() {
    let scratch = tempfile::tempdir().unwrap();
    let root = open(scratch.path());
    let sub = scratch.path().join("sub");
    fs::create_dir(&sub).unwrap();
    fs::set_permissions(&sub, PermissionsExt::from_mode(0o700)).unwrap();
    fs::write(sub.join("secret"), "").unwrap();
    let private = Private::open(&root).unwrap();
    let mut run = start(&private, trash());
    let id = run.id();
    let dir = root.dir().descend(Path::new("sub")).unwrap();
    let (name, path) = (OsStr::new("secret"), Path::new("sub/secret"));
    let planned = dir.look(name).unwrap().identity;
    let slots = run.announce([Intent { dir: &dir, name, path, reason: String::new() }]).unwrap();
    run.take(slots[0].unwrap(), &dir, name, &planned, |_| true).unwrap();
    run.finish().unwrap();
    // The same one may have any mode by now; another one in its place may not be open to more.
    let same = scratch.path().join("same");
    fs::rename(&sub, &same).unwrap();
    fs::create_dir(&sub).unwrap();
    fs::set_permissions(&sub, PermissionsExt::from_mode(0o755)).unwrap();
    let undone = private.undo(&id, SystemTime::now(), all).unwrap();
    assert!(undone.entries[0].result.as_ref().unwrap_err().contains("open to more"));
    fs::remove_dir(&sub).unwrap();
    let undone = private.undo(&id, SystemTime::now(), all).unwrap();
    assert!(undone.entries[0].result.as_ref().unwrap_err().contains("is gone"));
    fs::set_permissions(&same, PermissionsExt::from_mode(0o755)).unwrap();
    fs::rename(&same, &sub).unwrap();
    let undone = private.undo(&id, SystemTime::now(), all).unwrap();
    assert_eq!(undone.entries[0].result, Ok(None));
}

/// A run of which nothing more is heard, as after a kill.
fn killed(run: Run<'_>) {
    drop(run);
}

#[test]
fn what_a_killed_run_held_is_brought_back_or_stays_in_the_trash() {
    for (purpose, stays) in [(Purpose::Delete, false), (Purpose::Compress, false), (trash(), true)]
    {
        let scratch = tempfile::tempdir().unwrap();
        let root = open(scratch.path());
        for name in ["held", "untouched"] {
            fs::write(scratch.path().join(name), name).unwrap();
        }
        let private = Private::open(&root).unwrap();
        let mut run = start(&private, purpose);
        announce(&mut run, &root, "untouched");
        take(&mut run, &root, "held", &identity(&root, "held"), true).unwrap();
        let id = run.id();
        killed(run);
        let recovered = private.recover().unwrap();
        assert_eq!(recovered.len(), usize::from(!stays), "{purpose:?}");
        if stays {
            assert_eq!(private.runs().unwrap()[0].held, 1);
            private.undo(&id, SystemTime::now(), all).unwrap();
        } else {
            assert_eq!(recovered[0].outcome, Returned::InPlace);
            assert_eq!(private.runs().unwrap(), []);
        }
        assert_eq!(fs::read(scratch.path().join("held")).unwrap(), b"held");
        assert!(private.recover().unwrap().is_empty());
    }
}

#[test]
fn what_a_killed_run_held_is_kept_if_its_name_is_taken() {
    let scratch = tempfile::tempdir().unwrap();
    let root = open(scratch.path());
    fs::write(scratch.path().join("f"), "old").unwrap();
    let private = Private::open(&root).unwrap();
    let mut run = start(&private, Purpose::Delete);
    let id = run.id();
    take(&mut run, &root, "f", &identity(&root, "f"), true).unwrap();
    killed(run);
    fs::write(scratch.path().join("f"), "fresh").unwrap();
    let recovered = private.recover().unwrap();
    assert!(matches!(recovered[0].outcome, Returned::Kept { .. }), "{recovered:?}");
    let later = SystemTime::now() + 100 * WEEK;
    assert_eq!(purged(&private, later), Ok(0));
    assert_eq!(fs::read(scratch.path().join("f")).unwrap(), b"fresh");
    fs::remove_file(scratch.path().join("f")).unwrap();
    private.undo(&id, SystemTime::now(), all).unwrap();
    assert_eq!(fs::read(scratch.path().join("f")).unwrap(), b"old");
}

#[test]
fn a_manifest_that_was_torn_or_never_written_hides_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let root = open(scratch.path());
    fs::write(scratch.path().join("f"), "").unwrap();
    let private = Private::open(&root).unwrap();
    let mut run = start(&private, Purpose::Delete);
    let manifest = scratch.path().join(PRIVATE_NAME).join(run.id()).join("manifest");
    take(&mut run, &root, "f", &identity(&root, "f"), true).unwrap();
    killed(run);
    fs::create_dir(scratch.path().join(PRIVATE_NAME).join("0-dead")).unwrap();
    let mut text = fs::read(&manifest).unwrap();
    text.extend(b"take 1 file 12");
    fs::write(&manifest, text).unwrap();
    fs::write(scratch.path().join("f"), "fresh").unwrap();
    assert_eq!(private.recover().unwrap().len(), 1);
    let runs = private.runs().unwrap();
    assert_eq!((runs.len(), runs[0].held), (1, 1), "{runs:?}");
    // One that says nonsense is left alone, and listed.
    fs::write(&manifest, "nonsense\n").unwrap();
    assert!(private.recover().unwrap().is_empty());
    assert_eq!(private.runs().unwrap()[0].purpose, None);
    assert!(manifest.with_file_name("0").exists());
}

fn deep(path: &Path, levels: usize) {
    let mut here = fs::File::open(path).unwrap();
    for _ in 0..levels {
        rustix::fs::mkdirat(&here, "d", rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
        let next = rustix::fs::openat(&here, "d", flags, rustix::fs::Mode::empty()).unwrap();
        here = next.into();
    }
    rustix::fs::mknodat(&here, "f", rustix::fs::FileType::RegularFile, 0o644.into(), 0).unwrap();
}

/// In memory where there is such a place: these tests make and remove many thousand entries.
fn large_scratch() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    let scratch = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    scratch.unwrap()
}

#[test]
fn a_directory_of_4000_levels_goes_and_comes_back() {
    let scratch = large_scratch();
    let root = open(scratch.path());
    fs::create_dir(scratch.path().join("top")).unwrap();
    deep(&scratch.path().join("top"), 4_000);
    let mut seen = 0;
    let all = root.dir().survey("top".as_ref(), |_, _| {
        seen += 1;
        true
    });
    assert!(all.unwrap() && seen == 4_001, "{seen}");
    let private = Private::open(&root).unwrap();
    let mut run = start(&private, Purpose::Delete);
    let planned = identity(&root, "top");
    // A last entry that is not due: everything is put together again.
    let held = take(&mut run, &root, "top", &planned, true).unwrap();
    let name = OsStr::new("top");
    let is_directory = |metadata: &Metadata| metadata.kind == evenkeel_safefs::Kind::Directory;
    let error = held.remove(root.dir(), name, is_directory).unwrap_err();
    assert!(error.to_string().contains("no longer due"), "{error}");
    let mut again = 0;
    root.dir()
        .survey(name, |_, _| {
            again += 1;
            true
        })
        .unwrap();
    assert_eq!(again, 4_001);
    let planned = identity(&root, "top");
    assert_eq!(delete(&mut run, &root, "top", &planned).unwrap().entries, 4_002);
    assert!(!run.finish().unwrap());
    drop(private);
    assert!(left(scratch.path()).is_empty());
}

#[test]
fn removing_a_directory_follows_nothing_and_touches_nothing_outside() {
    let scratch = tempfile::tempdir().unwrap();
    let inside = scratch.path().join("inside");
    let outside = scratch.path().join("outside");
    fs::create_dir_all(inside.join("top/sub")).unwrap();
    fs::create_dir_all(outside.join("dir")).unwrap();
    fs::write(outside.join("file"), "precious").unwrap();
    symlink(&outside, inside.join("top/link")).unwrap();
    symlink("../../../outside", inside.join("top/sub/link")).unwrap();
    fs::hard_link(outside.join("file"), inside.join("top/sub/hard")).unwrap();
    let root = open(&inside);
    let private = Private::open(&root).unwrap();
    let mut run = start(&private, Purpose::Delete);
    let removed = delete(&mut run, &root, "top", &identity(&root, "top")).unwrap();
    assert_eq!(removed, Removed { entries: 5, bytes: 0 });
    assert_eq!(left(&outside), ["dir", "file"]);
    assert_eq!(fs::read(outside.join("file")).unwrap(), b"precious");
}

/// Another process has descriptors of directories inside from before they were taken, and moves what is in them out, and
/// puts fresh files there. Nothing that is outside by then may go.
#[test]
fn what_is_moved_out_of_a_directory_while_it_is_removed_survives_outside() {
    let scratch = large_scratch();
    let (inside, outside) = (scratch.path().join("inside"), scratch.path().join("outside"));
    fs::create_dir(&outside).unwrap();
    let mut escaped = 0;
    for round in 0..40 {
        let top = inside.join("top");
        for sub in 0..20 {
            fs::create_dir_all(top.join(format!("{sub}/x"))).unwrap();
            for file in 0..10 {
                fs::write(top.join(format!("{sub}/x/{file}")), "").unwrap();
            }
        }
        let subs: Vec<_> =
            (0..20).map(|sub| fs::File::open(top.join(sub.to_string())).unwrap()).collect();
        let started = SystemTime::now();
        let root = open(&inside);
        let private = Private::open(&root).unwrap();
        let mut run = start(&private, Purpose::Delete);
        let held = take(&mut run, &root, "top", &identity(&root, "top"), true).unwrap();
        let (name, out) = (OsStr::new("top"), fs::File::open(&outside).unwrap());
        std::thread::scope(|scope| {
            let thief = scope.spawn(|| {
                let mut stolen = Vec::new();
                for (index, sub) in subs.iter().enumerate() {
                    let to = format!("{round}-{index}");
                    if renameat_with(sub, "x", &out, &to, RenameFlags::NOREPLACE).is_ok() {
                        let before = fs::read_dir(outside.join(&to)).unwrap().count();
                        let fresh = outside.join(&to).join("fresh");
                        // What is there now, and what comes now, is outside.
                        if fs::write(&fresh, "fresh").is_ok() {
                            stolen.push((to, before));
                        }
                    }
                }
                stolen
            });
            let removed =
                held.remove(root.dir(), name, |metadata: &Metadata| metadata.mtime <= started);
            let stolen = thief.join().unwrap();
            escaped += stolen.len();
            for (to, before) in stolen {
                let now = left(&outside.join(&to));
                assert!(now.contains(&"fresh".to_owned()), "{to}: {now:?} {removed:?}");
                assert!(now.len() > before, "{to}: {before} files were there, now {now:?}");
            }
        });
        run.finish().unwrap();
        drop(private);
        let _ = fs::remove_dir_all(&inside);
    }
    assert!(escaped > 0, "nothing was moved out in time: the test shows nothing");
}

/// A file that a filesystem hides for as long as it is open keeps the run's directory from going with the run.
#[test]
fn a_run_that_was_not_there_to_keep_anything_is_forgotten_once_it_is_empty() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("old"), "content").unwrap();
    let root = open(scratch.path());
    let private = Private::open(&root).unwrap();
    let mut run = start(&private, Purpose::Delete);
    let expected = identity(&root, "old");
    delete(&mut run, &root, "old", &expected).unwrap();
    let run_directory = scratch.path().join(PRIVATE_NAME).join(run.id());
    let hidden = run_directory.join(".fuse_hidden0001");
    fs::write(&hidden, "").unwrap();
    assert!(run.finish().unwrap(), "something is left");
    assert_eq!(purged(&private, SystemTime::now()), Ok(0));
    assert!(hidden.exists(), "what is there is not ours to remove");
    fs::remove_file(&hidden).unwrap();
    assert_eq!(purged(&private, SystemTime::now()), Ok(0));
    assert!(!run_directory.exists());
    assert_eq!(private.runs().unwrap(), []);
}
