//! A log that is written while its head is cut off: each line is in it, or was cut off with all before it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use evenkeel_tests::{Finished, LONG, Scratch, until};

use crate::area::{Ended, program};

const CUTS: u32 = 16;
const KEPT_BYTES: u64 = 64 * 1024;
/// So many lines come before each cut, and as many as there is time for while it is made.
const LINES_BEFORE: u64 = 6000;
/// A writer without a limit would fill the disk where the machine is too busy for the program.
const LINES_PER_MILLISECOND: u128 = 200;
const LONGEST_LINE_BYTES: usize = "line 1234567 of a log that is never silent\n".len();

/// Cuts the log with the program.
fn cut(folder: &Path) -> Finished {
    let args = ["apply".as_ref(), folder.as_os_str(), "--json".as_ref()].into_iter();
    let rule = "--match *.log --larger-than 128KiB --action truncate --keep-tail 64KiB";
    program("evenkeel-cleanup", args.chain(rule.split_whitespace().map(AsRef::as_ref)))
}

/// The numbers of the lines in the log; blanks stand for what was cut off, and so does a hole at its head.
fn numbers(log: &Path) -> Vec<u64> {
    let mut file = File::open(log).expect("it is there");
    let _ = rustix::fs::seek(&file, rustix::fs::SeekFrom::Data(0));
    let mut text = Vec::new();
    file.read_to_end(&mut text).expect("it can be read");
    text.retain(|byte| *byte != 0);
    let text = String::from_utf8(text).expect("only text was written");
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| number(line).unwrap_or_else(|| panic!("half a line: {line:?}"))).collect()
}

fn number(line: &str) -> Option<u64> {
    line.strip_prefix("line ")?.strip_suffix(" of a log that is never silent")?.parse().ok()
}

/// How many numbers are missing between the first and the last.
fn missing(numbers: &[u64]) -> u64 {
    numbers.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]).wrapping_sub(1)).sum()
}

/// Appends lines to the log, numbered from `first` on, before `work` and until it is done; returns the number of the next.
fn written_during(log: &Path, first: u64, work: impl FnOnce()) -> u64 {
    let (done, next) = (AtomicBool::new(false), AtomicU64::new(first));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut log = OpenOptions::new().create(true).append(true).open(log).expect("it may");
            let started = Instant::now();
            for number in first.. {
                let allowed = started.elapsed().as_millis() * LINES_PER_MILLISECOND;
                while u128::from(number - first) > allowed + u128::from(LINES_BEFORE)
                    && !done.load(Ordering::Relaxed)
                {
                    std::thread::yield_now();
                }
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let line = format!("line {number} of a log that is never silent\n");
                log.write_all(line.as_bytes()).expect("it may be written");
                next.store(number + 1, Ordering::Release);
            }
        });
        let ended = Ended(&done);
        let started = Instant::now();
        while next.load(Ordering::Acquire) < first + LINES_BEFORE {
            assert!(started.elapsed() < LONG, "nobody writes to {}", log.display());
            std::thread::yield_now();
        }
        work();
        drop(ended);
    });
    next.into_inner()
}

#[test]
#[expect(clippy::print_stderr, reason = "the figure is what this test is for")]
fn a_live_writer_that_appends_loses_no_line() {
    // Most filesystems can take a head out, those in memory only make a hole of it.
    let folders = [std::env::temp_dir(), "/dev/shm".into()];
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let scratch = Scratch::below(folder);
        let log = scratch.join("a.log");
        let (mut lost, mut ways, mut first, mut written, mut meanwhile) = (0, Vec::new(), 0, 0, 0);
        for _ in 0..CUTS {
            let from = written;
            written = written_during(&log, from, || {
                let done = cut(scratch.path());
                assert_eq!(done.code, Some(0), "{done:?}");
                let taken = done.json()[0]["taken"][0].clone();
                ways.push(taken["method"].as_str().expect("it was cut").to_owned());
            });
            meanwhile += written - from - LINES_BEFORE;
            let kept = numbers(&log);
            lost += missing(&kept) + missing(&[kept[kept.len() - 1], written]);
            assert!(kept[0] > first, "something was cut off");
            let kept_bytes = kept.len() * LONGEST_LINE_BYTES;
            assert!(kept_bytes as u64 >= KEPT_BYTES, "only {} lines are kept", kept.len());
            first = kept[0];
        }
        ways.dedup();
        eprintln!(
            "{written} lines written, {meanwhile} of them during {CUTS} cuts ({}): {lost} lines lost",
            ways.join(", ")
        );
        assert!(meanwhile > 1000 && lost == 0, "{meanwhile} lines during the cuts, {lost} lost");
    }
}

/// Who rotates by copying and cutting loses what is written in between: the count above would show it.
#[test]
#[expect(clippy::print_stderr, reason = "the figure is what this test is for")]
fn copying_and_cutting_does_lose_lines_by_the_same_count() {
    let scratch = Scratch::new();
    let (log, copy) = (scratch.join("a.log"), scratch.join("a.log.1"));
    let (mut lost, mut cuts, mut written) = (0, 0, 0);
    let started = Instant::now();
    while lost == 0 && started.elapsed() < LONG {
        let from = written;
        written = written_during(&log, from, || {
            let mut copied = fs::read(&log).expect("it is there");
            // The last line may be half written, and is no loss then.
            copied
                .truncate(copied.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
            fs::write(&copy, copied).expect("it may be copied");
            let file = OpenOptions::new().write(true).open(&log).expect("it is there");
            file.set_len(0).expect("it may be cut");
        });
        let all = [numbers(&copy), numbers(&log), vec![written]].concat();
        lost += missing(&all);
        cuts += 1;
        // Each copy stands for itself.
        fs::remove_file(&log).expect("nobody writes");
    }
    eprintln!("{written} lines written, {cuts} cuts by copytruncate: {lost} lines lost");
    assert!(lost > 0);
}

#[test]
fn the_log_of_a_writer_that_does_not_append_is_left_alone_and_he_is_named() {
    let scratch = Scratch::new();
    let text = "a line\n".repeat(50_000);
    let log = scratch.file("a.log", &text, 0o644);
    let writer = OpenOptions::new().write(true).open(&log).expect("it may be opened");
    let refused = cut(scratch.path());
    assert!(matches!(refused.code, Some(1 | 3)), "{refused:?}");
    let named = format!("process {} writes to it without O_APPEND", std::process::id());
    assert!(refused.stdout.contains(&named), "{refused:?}");
    assert_eq!(fs::read_to_string(&log).expect("it is text"), text);
    drop(writer);
    // A program that another test starts has a copy of each descriptor for a moment.
    until("the log is cut", LONG, || cut(scratch.path()).code == Some(0));
    assert!(fs::metadata(&log).expect("it is there").len() <= KEPT_BYTES + 4096);
}
