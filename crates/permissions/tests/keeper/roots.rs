//! What happens to the root itself, and above it.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use evenkeel_permissions::Draft;
use evenkeel_safefs::events::Preference;

use crate::help::{
    Keeping, chmod, draft, file, folder, interfaces, mode, scratch, set_mode, until_mode,
};

#[test]
fn a_root_that_is_deleted_is_made_again_and_kept() {
    for watch in interfaces() {
        let scratch = scratch();
        let root = scratch.path().join("root");
        let (mut kept, swept) = Keeping::start(Draft { create: true, ..draft(&root) }, watch);
        assert_eq!(&*swept.repaired[0].before, "absent");
        for _ in 0..3 {
            fs::remove_dir_all(&root).unwrap();
            kept.swept().unwrap();
            assert!(root.is_dir());
            file(&root.join("a.hash"), 0o600);
            until_mode(&root.join("a.hash"), 0o644);
        }
    }
}

#[test]
fn a_root_that_is_moved_away_is_let_go_and_the_one_that_comes_is_kept() {
    for watch in interfaces() {
        let scratch = scratch();
        let (root, old) = (scratch.path().join("root"), scratch.path().join("old"));
        folder(&root);
        file(&root.join("a.hash"), 0o644);
        let (mut kept, _) = Keeping::start(draft(&root), watch);
        fs::rename(&root, &old).unwrap();
        assert!(kept.swept().unwrap_err().contains("does not exist"));
        chmod(0o600, &[&old.join("a.hash")]);
        folder(&root);
        file(&root.join("a.hash"), 0o600);
        until_mode(&root.join("a.hash"), 0o644);
        // That one is watched, and the other one is not.
        chmod(0o600, &[&root.join("a.hash")]);
        until_mode(&root.join("a.hash"), 0o644);
        assert_eq!(mode(&old.join("a.hash")), 0o600);
        assert!(kept.repaired.iter().all(|repair| repair.path.starts_with(&root)));
    }
}

#[test]
fn a_directory_above_the_root_may_be_moved_and_come_back() {
    for watch in interfaces() {
        let scratch = scratch();
        let (above, away) = (scratch.path().join("above"), scratch.path().join("away"));
        let root = above.join("more/root");
        fs::create_dir_all(&root).unwrap();
        let (mut kept, _) = Keeping::start(draft(&root), watch);
        fs::rename(&above, &away).unwrap();
        assert!(kept.swept().is_err());
        fs::rename(&away, &above).unwrap();
        while kept.swept().is_err() {}
        file(&root.join("a.hash"), 0o600);
        until_mode(&root.join("a.hash"), 0o644);
    }
}

#[test]
fn a_root_that_is_missing_is_noticed_when_it_appears() {
    for watch in interfaces() {
        let scratch = scratch();
        let root = scratch.path().join("a/b/root");
        let mut kept = Keeping::unswept(draft(&root), watch, true);
        kept.keeper.sweep();
        assert!(kept.swept().is_err());
        fs::create_dir_all(&root).unwrap();
        chmod(0o700, &[&root]);
        until_mode(&root, 0o755);
    }
}

#[test]
fn what_is_mounted_on_the_root_is_the_root() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    for watch in interfaces() {
        let scratch = scratch();
        let root = scratch.path().join("root");
        folder(&root);
        let (mut kept, _) = Keeping::start(draft(&root), watch);
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "mode=0700", "none"])
            .arg(&root)
            .status();
        if !mounted.is_ok_and(|status| status.success()) {
            // Not every sandbox lets root mount.
            return;
        }
        let _unmount = Unmount(&root);
        kept.swept().unwrap();
        until_mode(&root, 0o755);
        file(&root.join("a.hash"), 0o600);
        until_mode(&root.join("a.hash"), 0o644);
    }
}

struct Unmount<'a>(&'a std::path::Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn lost_events_lead_to_a_look_at_everything() {
    // Only inotify has a bound that a test can reach.
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    let scratch = scratch();
    let (first, late) = (scratch.path().join("first.hash"), scratch.path().join("late.hash"));
    file(&first, 0o644);
    file(&late, 0o644);
    // Two names in turn, because the kernel puts equal events that follow one another together.
    let names = [scratch.path().join("a"), scratch.path().join("b")];
    file(&names[0], 0o644);
    file(&names[1], 0o644);
    let (mut kept, _) = Keeping::start(draft(scratch.path()), Preference::Inotify);
    let gate = Arc::clone(&kept.gate);
    let closed = gate.lock().unwrap();
    set_mode(&first, 0o600);
    // Repaired, the keeper wants to tell so, and waits: nobody takes events now.
    until_mode(&first, 0o644);
    for turn in 0..=limit {
        set_mode(&names[turn % 2], 0o600);
    }
    set_mode(&late, 0o600);
    drop(closed);
    let swept = kept.swept().unwrap();
    assert_eq!(swept.repaired.len(), 1, "{swept:?}");
    assert_eq!(swept.repaired[0].path, late);
}
