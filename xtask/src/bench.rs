//! `cargo xtask bench`: builds the programs as they are shipped and measures them beside others.

use crate::{Outcome, process, test};

/// What `cargo xtask bench` knows, as its help shows it.
pub(crate) const BENCHES: &str = "\
  breaker    nanoseconds a call costs its circuit breaker, beside failsafe and recloser
  files      sweeps, repairs, cleanups and the watch, beside find, systemd-tmpfiles and the bare system calls;
             `cargo xtask bench files --help` lists its flags, docs/bench.md says how to read it
  metrics    how long a scraper waits for a page of 10,000 series, beside the Pushgateway with the same series
  journal    what a line, an intent, samples and a roll-up cost whoever hands them over and the thread that writes them
  page       what a first paint of the status page costs, with 200 targets and 30 days of history
  recovery   how soon a killed program, a hung endpoint, a leak and others are detected, healed and proved, beside Monit if
             `--peers` is given; `cargo xtask bench recovery --help` lists its flags
  trend      nanoseconds a reading costs a forecast of a leak";

/// Measures files; `flags` go to the program that does.
pub(crate) fn files(flags: &[&str]) -> Outcome {
    let programs = ["evenkeel", "evenkeel-permissions", "evenkeel-cleanup"];
    let bins = programs.iter().flat_map(|program| ["--bin", program]);
    let build: Vec<_> = ["build", "--release", "--workspace"].into_iter().chain(bins).collect();
    process::run("cargo", &build)?;
    let bench = ["bench", "--package", "evenkeel-tests", "--bench", "files", "--"];
    process::run("cargo", &[&bench[..], flags].concat())
}

/// Measures pages of metrics; `flags` go to the program that does. Installs whom it is measured beside.
pub(crate) fn metrics(flags: &[&str]) -> Outcome {
    test::provide_tools()?;
    process::run("cargo", &["build", "--release", "--workspace", "--bin", "evenkeel"])?;
    let bench = ["bench", "--package", "evenkeel-tests", "--bench", "metrics", "--"];
    process::run("cargo", &[&bench[..], flags].concat())
}

/// Measures the history.
pub(crate) fn journal() -> Outcome {
    process::run("cargo", &["bench", "--package", "evenkeel-journal", "--bench", "journal"])
}

/// Measures forecasts.
pub(crate) fn trend() -> Outcome {
    process::run("cargo", &["bench", "--package", "evenkeel-health", "--bench", "trend"])
}

/// Measures how soon faults are healed; `flags` go to the program that does. Installs whom it is measured beside.
pub(crate) fn recovery(flags: &[&str]) -> Outcome {
    test::provide_tools()?;
    process::run("cargo", &["build", "--release", "--workspace", "--bin", "evenkeel"])?;
    let bench = ["bench", "--package", "evenkeel-tests", "--bench", "recovery", "--"];
    process::run("cargo", &[&bench[..], flags].concat())
}

/// Measures the breaker.
pub(crate) fn breaker() -> Outcome {
    process::run("cargo", &["bench", "--package", "evenkeel-recovery", "--bench", "breaker"])
}

/// Measures the status page: the time that the agent needs, and the bytes that go over the wire.
pub(crate) fn page() -> Outcome {
    let test = ["test", "--release", "--package", "evenkeel-agent", "--lib", "page::tests::bench"];
    process::run("cargo", &[&test[..], &["--", "--ignored", "--nocapture"]].concat())
}
