//! File systems that are full, without inodes or read-only.

use std::time::Duration;

use evenkeel_tests::{Scratch, find_bin, is_root, run_within};
use serde_json::Value;

/// What is said of a small tmpfs after `prepare`, which runs in it, in a mount namespace of its own.
fn disk(prepare: &str, expect: &str) -> (Value, Option<i32>) {
    let scratch = Scratch::new();
    let folder = scratch.folder("mount", 0o755);
    let script = format!(
        "mount -t tmpfs -o size=1m,nr_inodes=20 none '{0}' && cd '{0}' && {prepare} && exec '{1}' disk '{0}' --json --expect '{expect}'",
        folder.display(),
        find_bin("evenkeel-probe").display()
    );
    let args = ["-m", "--propagation", "private", "sh", "-c", &script];
    let finished = run_within(Duration::from_secs(60), "unshare", args, None);
    (finished.json(), finished.code)
}

#[test]
fn a_file_system_that_fills_up_is_seen_in_time() {
    if !is_root() {
        return;
    }
    let (document, code) = disk("head -c 943718 /dev/zero > f", "used_percent<95");
    assert_eq!(code, Some(0), "{document}");
    let percent = document["facts"]["used_percent"].as_f64().unwrap();
    assert!((89.0..93.0).contains(&percent), "{document}");
    assert_eq!(disk("head -c 943718 /dev/zero > f", "used_percent<80").1, Some(1));
}

#[test]
fn a_file_system_without_inodes_is_full_though_it_has_room() {
    if !is_root() {
        return;
    }
    let (document, code) = disk("(touch $(seq 100) 2>/dev/null; true)", "inodes_available>0");
    assert_eq!((document["facts"]["inodes_available"].as_f64(), code), (Some(0.0), Some(1)));
    assert!(document["facts"]["used_percent"].as_f64().unwrap() < 10.0, "{document}");
}

#[test]
fn a_file_system_that_became_read_only_is_seen() {
    if !is_root() {
        return;
    }
    let (document, code) = disk("mount -o remount,ro .", "read_only=false");
    assert_eq!((document["facts"]["read_only"].as_str(), code), (Some("true"), Some(1)));
    assert_eq!(disk("true", "read_only=false").1, Some(0));
}
