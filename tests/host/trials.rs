//! The two long trials, in short: each fault once, and half a minute of load. How to run them for long: docs/chaos.md, docs/soak.md.

use std::time::Duration;

use evenkeel_tests::{find_bin, installed, is_root, run_within};
use serde_json::Value;

/// Faults that a machine may lack the means for; in CI it has all of them.
const MAY_BE_LEFT_OUT: [&str; 5] =
    ["clock-jump", "packets-dropped", "connection-reset", "unit-killed", "unit-frozen"];

#[test]
fn each_fault_once_several_at_a_time_is_healed_and_nothing_is_lost_or_touched() {
    let tools = ["supervisord", "tmux", "sqlite3", "python3", "unshare", "faketime", "nft"];
    if !is_root() || !tools.iter().all(|tool| installed(tool)) {
        return;
    }
    // Far more than it takes: other tests share the machine.
    let deadline = Duration::from_mins(15);
    let flags = ["--once", "--minutes", "1", "--seed", "7", "--json"];
    let finished = run_within(deadline, find_bin("chaos"), flags, None);
    let report = finished.json();
    for list in ["lost", "touched", "broken"] {
        assert_eq!(report[list], Value::Array(Vec::new()), "{list}: {finished:?}");
    }
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let faults = report["faults"].as_array().expect("a list");
    let left_out = report["left_out"].as_object().expect("a table");
    for fault in faults {
        assert_eq!((&fault["injected"], &fault["repaired"]), (&1.into(), &1.into()), "{fault}");
    }
    for name in left_out.keys() {
        assert!(MAY_BE_LEFT_OUT.contains(&name.as_str()) && !in_ci(), "{name}: {left_out:?}");
    }
    // Each came, or is left out by its name.
    let known = run_within(deadline, find_bin("chaos"), ["--list"], None).stdout.lines().count();
    assert_eq!(faults.len() + left_out.len(), known, "{report:#}");
}

#[test]
fn half_a_minute_of_a_hundred_times_the_ordinary_load_leaves_nothing_open() {
    if !installed("supervisord") {
        return;
    }
    let flags = ["--minutes", "0.6", "--json"];
    let finished = run_within(Duration::from_mins(10), find_bin("soak"), flags, None);
    let report = finished.json();
    assert_eq!(
        (&report["broken"], finished.code),
        (&Value::Array(Vec::new()), Some(0)),
        "{finished:?}"
    );
    for count in
        ["attempts of checks", "repairs", "files taken or cut", "pages asked for", "reloads"]
    {
        assert!(report["counts"][count].as_u64() > Some(0), "{count}: {report:#}");
    }
    assert_eq!(
        report["figures"][0]["rises"],
        Value::Null,
        "too short to judge memory, and said so"
    );
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}
