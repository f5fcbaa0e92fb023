//! Mounts at, below and over a rule's root: what is mounted is not below the root, though its path says so.

use std::process::Command;

use evenkeel_tests::{Finished, Scratch, find_bin, installed, is_root};

use crate::area::{differences, finish, look_at_all, old_file, scratch, victims};
use crate::obstacles::{DELETE, FIX, hundred};

/// Runs both programs in a mount namespace of their own, after these commands; `$ROOT` and `$OUTSIDE` are set.
fn mounted(scratch: &Scratch, commands: &str, after: &str) -> Finished {
    in_namespace(
        scratch,
        &format!(
            "set -e\n{commands}\nset +e\n\"$FIX\" fix \"$ROOT\" {}; echo fix $?\n\"$CLEAN\" apply \"$ROOT\" {}; echo apply $?\n{after}\n",
            FIX.map(|word| format!("'{word}'")).join(" "),
            DELETE.map(|word| format!("'{word}'")).join(" "),
        ),
    )
}

/// Runs a script in a mount namespace of its own; what it mounts is gone with it.
pub(crate) fn in_namespace(scratch: &Scratch, script: &str) -> Finished {
    finish(
        Command::new("timeout")
            .args(["20", "unshare", "--mount", "--propagation", "private", "sh", "-c", script])
            .env("ROOT", scratch.join("root"))
            .env("OUTSIDE", scratch.join("outside"))
            .env("FIX", find_bin("evenkeel-permissions"))
            .env("CLEAN", find_bin("evenkeel-cleanup")),
    )
}

#[test]
fn what_is_mounted_below_the_root_is_not_entered() {
    if !is_root() || !installed("unshare") {
        return;
    }
    for (case, commands) in [
        ("bind", "mount --bind \"$OUTSIDE/d\" \"$ROOT/sub\""),
        (
            "bind, a file",
            "touch \"$ROOT/b.hash\"; mount --bind \"$OUTSIDE/a.hash\" \"$ROOT/b.hash\"",
        ),
        ("tmpfs", "mount -t tmpfs none \"$ROOT/sub\"; cp -p \"$OUTSIDE/d/a.hash\" \"$ROOT/sub\""),
        (
            "overlapping",
            "mount --rbind \"$OUTSIDE\" \"$ROOT/sub\"; mount --bind \"$OUTSIDE/root\" \"$ROOT/sub/d\"",
        ),
    ] {
        let scratch = scratch();
        let outside = victims(&scratch);
        let (root, files) = hundred(&scratch);
        scratch.folder("root/sub", 0o755);
        let before = look_at_all(&outside);
        let done = mounted(&scratch, commands, "stat -c 'mode %a' \"$ROOT\"/sub/*.hash");
        assert_eq!(differences(&before, &look_at_all(&outside)), 0, "{case}: {done:?}");
        assert!(!done.stdout.contains("mode 644"), "{case}: what is mounted was changed: {done:?}");
        if case != "bind, a file" {
            assert!(done.stdout.contains("mode 600"), "{case}: what is mounted is gone: {done:?}");
        }
        assert_eq!(
            files.iter().filter(|file| file.exists()).count(),
            0,
            "{case}: the others go: {done:?}"
        );
        drop(root);
    }
}

#[test]
fn a_root_that_is_a_mount_is_worked_on_and_one_that_is_read_only_is_refused() {
    if !is_root() || !installed("unshare") {
        return;
    }
    let scratch = scratch();
    let (root, files) = hundred(&scratch);
    let over = mounted(
        &scratch,
        "mount -t tmpfs -o mode=755 none \"$ROOT\"; touch -d '9 days ago' \"$ROOT/new.hash\"; chmod 600 \"$ROOT/new.hash\"",
        "ls -A \"$ROOT\" | wc -l",
    );
    assert_eq!(over.stdout.lines().last().map(str::trim), Some("0"), "{over:?}");
    assert!(over.stdout.contains("fix 0") && over.stdout.contains("apply 0"), "{over:?}");
    let before = look_at_all(&root);
    let read_only = mounted(
        &scratch,
        "mount --bind \"$ROOT\" \"$ROOT\"; mount -o remount,bind,ro \"$ROOT\"",
        "",
    );
    assert_eq!(differences(&before, &look_at_all(&root)), 0, "{read_only:?}");
    let said = format!("{}{}", read_only.stdout, read_only.stderr);
    assert!(said.contains("fix 1") || said.contains("fix 3"), "{read_only:?}");
    assert!(said.contains("apply 1") || said.contains("apply 3"), "{read_only:?}");
    assert!(said.contains("ead-only"), "the reason is said: {read_only:?}");
    assert_eq!(files.iter().filter(|file| file.exists()).count(), 100);
}

/// Something is mounted over a directory below the root, and taken away again, as fast as that goes.
#[test]
#[expect(clippy::print_stderr, reason = "the figure is what this test is for")]
fn what_is_mounted_at_any_moment_is_not_touched() {
    if !is_root() || !installed("unshare") {
        return;
    }
    let scratch = scratch();
    let outside = victims(&scratch);
    scratch.folder("root/sub", 0o755);
    old_file(&scratch.file("root/sub/b.hash", "old", 0o600));
    let before = look_at_all(&outside);
    // The mode to be set changes from run to run, so that each run has something to do.
    let script = r#"
        ( n=0; while [ $n -lt 150 ]; do mount --bind "$OUTSIDE/d" "$ROOT/sub"; umount "$ROOT/sub"; n=$((n+1)); done ) &
        n=0
        while kill -0 $! 2>/dev/null; do
            "$FIX" fix "$ROOT" --match '*.hash' --mode 06$((40 + n % 2 * 4)) --recursive --json --quiet
            "$CLEAN" apply "$ROOT" --match 'a.hash' --older-than 1d --age-by mtime --recursive --quiet
            n=$((n+1))
        done
        wait $! && echo "all mounted and unmounted""#;
    let done = in_namespace(&scratch, script);
    assert!(done.stdout.contains("all mounted and unmounted"), "{done:?}");
    let repairs = done.stdout.matches(r#""kind": "mode""#).count();
    let touched = differences(&before, &look_at_all(&outside));
    eprintln!("150 mounts meanwhile: {repairs} repairs, {touched} touched outside");
    assert!(repairs > 5 && touched == 0, "{done:?}");
}
