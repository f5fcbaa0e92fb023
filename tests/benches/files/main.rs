//! `cargo xtask bench files`: what sweeps, repairs and deletions of the built programs cost beside other programs that are
//! installed, in the same run, and how long drift lasts under a watch. Fails when a figure of `docs/bench.md` is missed.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is what a person or a log reads"
)]
#![expect(clippy::disallowed_methods, reason = "it works in scratch directories of its own")]

mod args;
mod bars;
mod contest;
mod floor;
mod host;
mod latency;
mod measure;
mod report;
mod rows;
mod stop;
mod tree;

use std::process::ExitCode;

use crate::args::{Args, Mode};
use crate::report::Report;

fn main() -> ExitCode {
    evenkeel_tests::bench("files", args::USAGE, args::read, |mode| match mode {
        Mode::Bench(args) => bench(args),
        Mode::Measure(command) => measure::measure(command),
        Mode::Floor { folder, threads } => floor::run(folder, *threads),
        Mode::Unlink { folder } => floor::unlink(folder),
        Mode::Watch { folder } => floor::watch(folder),
    })
}

fn bench(args: &Args) -> ExitCode {
    stop::watch_for_signals();
    let mut report = Report::new();
    for place in &args.places {
        rows::measure(args, place, &mut report);
    }
    if args.wants("latency") {
        latency::measure(args, &mut report);
    }
    report.shared.bars = bars::judge(&report);
    if args.json {
        println!("{}", report.document());
    } else {
        print!("{}", report.table());
    }
    if report.shared.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
