//! The watcher against real kernel events; every wait has a deadline.
#![cfg(feature = "watch")]
#![allow(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use evenkeel_permissions::{Draft, FileRule, Policy, Watcher, apply, sweep};

const DEADLINE: Duration = Duration::from_secs(20);

fn policy(path: &Path) -> Policy {
    Policy::try_new(Draft {
        path: path.to_owned(),
        create: true,
        directory_mode: Some(0o755),
        files: vec![FileRule { glob: "*.hash".to_owned(), mode: 0o644 }],
        recursive: true,
        ..Draft::default()
    })
    .unwrap()
}

/// Repairs after each event until `path` has its mode.
async fn kept(watcher: &mut Watcher, policy: &Policy, path: &Path, mode: u32) {
    let until = async {
        loop {
            watcher.next().await;
            apply(policy, sweep(policy).unwrap());
            let found = fs::metadata(path).map(|found| found.permissions().mode() & 0o7777);
            if found.is_ok_and(|found| found == mode) {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, until).await.expect("repaired before the deadline");
}

#[tokio::test]
async fn a_changed_mode_a_new_subdirectory_and_a_root_made_anew_are_all_noticed() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("state");
    fs::create_dir(&root).unwrap();
    let policy = policy(&root);
    apply(&policy, sweep(&policy).unwrap());
    let mut watcher = Watcher::new(&policy).unwrap();

    let hash = root.join("a.hash");
    fs::write(&hash, "").unwrap();
    fs::set_permissions(&hash, PermissionsExt::from_mode(0o600)).unwrap();
    kept(&mut watcher, &policy, &hash, 0o644).await;

    fs::create_dir(root.join("sub")).unwrap();
    let below = root.join("sub/b.hash");
    fs::write(&below, "").unwrap();
    fs::set_permissions(&below, PermissionsExt::from_mode(0o666)).unwrap();
    kept(&mut watcher, &policy, &below, 0o644).await;

    fs::remove_dir_all(&root).unwrap();
    kept(&mut watcher, &policy, &root, 0o755).await;
    fs::set_permissions(&root, PermissionsExt::from_mode(0o700)).unwrap();
    kept(&mut watcher, &policy, &root, 0o755).await;
}

#[tokio::test]
async fn a_root_that_is_missing_is_noticed_when_it_appears() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("a/state");
    let policy = policy(&root);
    let mut watcher = Watcher::new(&policy).unwrap();
    fs::create_dir_all(&root).unwrap();
    fs::set_permissions(&root, PermissionsExt::from_mode(0o700)).unwrap();
    kept(&mut watcher, &policy, &root, 0o755).await;
}

#[tokio::test]
async fn once_repaired_there_is_quiet() {
    let scratch = tempfile::tempdir().unwrap();
    let policy = policy(scratch.path());
    let mut watcher = Watcher::new(&policy).unwrap();
    fs::write(scratch.path().join("a.hash"), "").unwrap();
    fs::set_permissions(scratch.path().join("a.hash"), PermissionsExt::from_mode(0o600)).unwrap();
    let mut looks = 0;
    // The echo of the repair, and no more; the time limit is what is tested.
    while tokio::time::timeout(Duration::from_millis(200), watcher.next()).await.is_ok() {
        apply(&policy, sweep(&policy).unwrap());
        looks += 1;
    }
    assert!((1..=3).contains(&looks), "{looks}");
    assert!(sweep(&policy).unwrap().holds());
}

#[tokio::test]
async fn other_names_beside_a_missing_root_wake_nobody() {
    let scratch = tempfile::tempdir().unwrap();
    let policy = policy(&scratch.path().join("state"));
    let mut watcher = Watcher::new(&policy).unwrap();
    for number in 0..100 {
        fs::write(scratch.path().join(format!("other-{number}")), "").unwrap();
    }
    let woken = tokio::time::timeout(Duration::from_millis(200), watcher.next()).await;
    assert!(woken.is_err(), "nothing of it is about the root");
    fs::create_dir(scratch.path().join("state")).unwrap();
    tokio::time::timeout(DEADLINE, watcher.next()).await.expect("the root itself is");
}
