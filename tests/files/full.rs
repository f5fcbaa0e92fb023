//! A filesystem without room: what makes room must need none.

use evenkeel_tests::{Finished, installed, is_root};

use crate::area::scratch;
use crate::mounts::in_namespace;

/// Fills a filesystem of its own with old files until nothing more can be made, then runs `then`.
fn in_full((options, most): (&str, u32), then: &str) -> Finished {
    let scratch = scratch();
    scratch.folder("root", 0o755);
    let script = format!(
        r#"
        mount -t tmpfs -o {options},mode=755 none "$ROOT"
        echo young > "$ROOT/young.hash"
        n=0; while [ $n -lt {most} ] && echo "old $n" 2>/dev/null > "$ROOT/$n.hash"; do
            touch -d '9 days ago' "$ROOT/$n.hash"; n=$((n+1))
        done
        cat /dev/zero 2>/dev/null > "$ROOT/large.hash"; touch -c -d '9 days ago' "$ROOT/large.hash"
        ! mkdir "$ROOT/d" 2>/dev/null || ! echo x 2>/dev/null > "$ROOT/d/x" || exit 9
        rm -rf "$ROOT/d"
        {then}
        echo "code $?"; echo "left: $(ls -A "$ROOT" | sort | tr '\n' ' ')"; cat "$ROOT/young.hash"
        "#
    );
    in_namespace(&scratch, &script)
}

/// Every inode is taken by small files, or every block by a large one.
const FULL: [(&str, u32); 2] = [("nr_inodes=40", 1000), ("size=400k", 20)];

#[test]
fn old_files_go_where_there_is_room_for_nothing() {
    if !is_root() || !installed("unshare") {
        return;
    }
    for case in FULL {
        let delete = r#""$CLEAN" apply "$ROOT" --match '*.hash' --older-than 1d --age-by mtime"#;
        let done = in_full(case, delete);
        assert!(done.stdout.contains("code 0"), "{case:?}: {done:?}");
        assert!(done.stdout.contains("left: young.hash \nyoung"), "{case:?}: {done:?}");
    }
}

#[test]
fn a_large_file_is_cut_where_there_is_room_for_nothing() {
    if !is_root() || !installed("unshare") {
        return;
    }
    let cut = r#""$CLEAN" apply "$ROOT" --match 'large.hash' --larger-than 64KiB --action truncate --keep-tail 4KiB"#;
    let done = in_full(FULL[1], cut);
    assert!(done.stdout.contains("code 0") && done.stdout.contains("punched"), "{done:?}");
}

#[test]
fn modes_are_repaired_where_there_is_room_for_nothing() {
    if !is_root() || !installed("unshare") {
        return;
    }
    for case in FULL {
        let done = in_full(case, r#""$FIX" fix "$ROOT" --match '*.hash' --mode 0600"#);
        assert!(done.stdout.contains("code 0"), "{case:?}: {done:?}");
    }
}
