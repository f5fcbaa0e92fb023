//! `evenkeel demo`: everything is healed, and nothing is left behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use evenkeel_tests::{Daemon, LONG, Scratch, find_bin, run_within, until};
use nix::sys::signal::Signal;

/// Processes whose command line or working directory lies below `folder`.
fn processes_below(folder: &Path) -> Vec<String> {
    let wanted = folder.to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let path = entry.path();
        if !entry.file_name().to_string_lossy().chars().all(|char| char.is_ascii_digit()) {
            continue;
        }
        let command = fs::read(path.join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let works_there =
            fs::read_link(path.join("cwd")).is_ok_and(|place| place.starts_with(folder));
        if command.contains(&wanted) || works_there {
            found.push(format!("{}: {command}", entry.file_name().display()));
        }
    }
    found
}

#[track_caller]
fn nothing_is_left(temp: &Path) {
    until("no process of the demo is left", Duration::from_secs(10), || {
        processes_below(temp).is_empty()
    });
    let left: Vec<_> =
        fs::read_dir(temp).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn demo_once_heals_every_fault_and_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let temp = scratch.folder("tmp", 0o755);
    let finished = run_within(
        Duration::from_mins(4),
        "env",
        [
            format!("TMPDIR={}", temp.display()).as_ref(),
            find_bin("evenkeel").as_os_str(),
            "demo".as_ref(),
            "--once".as_ref(),
        ],
        None,
    );
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let mut lines =
        finished.stdout.lines().skip_while(|line| !line.to_lowercase().contains("fault"));
    let heading = lines.next().unwrap_or_default().to_lowercase();
    for column in ["fault", "detected", "repaired", "verified", "ms"] {
        assert!(heading.contains(column), "the table has a column `{column}`: {finished:?}");
    }
    let rows: Vec<_> = lines.take_while(|line| !line.trim().is_empty()).collect();
    assert_eq!(rows.len(), 9, "a row for each fault: {rows:#?}");
    assert!(rows.iter().all(|row| row.contains(" yes ")), "each was verified: {rows:#?}");
    nothing_is_left(&temp);
}

#[test]
fn ctrl_c_ends_the_demo_and_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let temp = scratch.folder("tmp", 0o755);
    let args = [
        format!("TMPDIR={}", temp.display()).into(),
        find_bin("evenkeel").into_os_string(),
        "demo".into(),
    ];
    let mut demo = Daemon::start("evenkeel demo", "env", args, &scratch.join("demo.log"));
    until("the demo is under way", LONG, || {
        assert!(demo.ended().is_none(), "it ended: {}", demo.log());
        // The demo itself, its agent or its worker, below the folder.
        fs::read_dir(&temp).unwrap().next().is_some() && demo.log().lines().count() >= 3
    });
    demo.signal(Signal::SIGINT);
    demo.wait(Duration::from_secs(20));
    nothing_is_left(&temp);
}
