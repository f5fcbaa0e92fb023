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
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args::read(&args) {
        Ok(Mode::Bench(args)) => bench(&args),
        Ok(Mode::Measure(command)) => measure::measure(&command),
        Ok(Mode::Floor { folder, threads }) => floor::run(&folder, threads),
        Ok(Mode::Unlink { folder }) => floor::unlink(&folder),
        Ok(Mode::Watch { folder }) => floor::watch(&folder),
        // `cargo test --all-targets` starts it too.
        Ok(Mode::Nothing) => {
            println!("run by `cargo xtask bench files`");
            ExitCode::SUCCESS
        }
        Ok(Mode::Help) => {
            print!("{}", args::USAGE);
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}\n\n{}", args::USAGE);
            ExitCode::from(2)
        }
    }
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
