//! One run of a command: how long, how much processor, how much memory.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use serde_json::{Value, json};

use crate::stop;

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// At its peak; what is below the size of this program itself, a few MB, cannot be told.
    pub(crate) rss_bytes: u64,
}

/// Runs a command by way of [`measure`] in a process of its own, whose only child it is.
pub(crate) fn run(command: &[OsString]) -> Taken {
    let own = std::env::current_exe().expect("a program knows where it is");
    let child = Command::new(own)
        .arg("--measure")
        .args(command)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started once more");
    let _running = stop::Running::new(child.id());
    let output = child.wait_with_output().expect("an own child can be waited for");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?} failed: {text}");
    let told: Value = serde_json::from_str(&text).expect("it tells what it measured");
    let number = |key: &str| told[key].as_u64().expect("it tells all of it");
    Taken {
        wall: Duration::from_nanos(number("wall_nanos")),
        cpu: Duration::from_micros(number("cpu_micros")),
        rss_bytes: number("rss_bytes"),
    }
}

/// Runs a command to its end and prints what it took; fails if it fails.
pub(crate) fn measure(command: &[String]) -> ExitCode {
    let Some((program, args)) = command.split_first() else { return ExitCode::from(2) };
    let started = Instant::now();
    // What they print is formed and written, as by a timer whose output nobody reads.
    let status =
        Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let wall = started.elapsed();
    match status {
        Ok(status) if status.success() => {}
        other => {
            println!("{other:?}");
            return ExitCode::FAILURE;
        }
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel counts");
    let micros = |time: TimeVal| time.num_microseconds();
    println!(
        "{}",
        json!({
            "wall_nanos": u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
            "cpu_micros": micros(usage.user_time()) + micros(usage.system_time()),
            "rss_bytes": usage.max_rss() * 1024,
        })
    );
    ExitCode::SUCCESS
}
