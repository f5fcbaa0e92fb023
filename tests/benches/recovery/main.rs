//! `cargo xtask bench recovery`: how soon a fault is detected, acted on, healed and proved, and by how many actions; beside what Monit does
//! with an equal configuration at the same time, if `--peers` asks for it. Distributions over several rounds, no benchmark of speed.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is what a person or a log reads"
)]
#![expect(clippy::disallowed_methods, reason = "it works in scratch directories of its own")]

mod args;
mod fault;
mod log;
mod report;
mod run;
mod stage;
mod tool;

use std::process::ExitCode;

use crate::args::Args;
use crate::fault::FAULTS;
use crate::report::Report;
use crate::tool::Tool;

fn main() -> ExitCode {
    evenkeel_tests::bench("recovery", args::USAGE, args::read, bench)
}

/// Each round injects every fault once for every tool, all at the same time: they wait far more than they work.
fn bench(args: &Args) -> ExitCode {
    let mut report = Report::new(args.rounds);
    let tools: &[Tool] =
        if args.peers { &[Tool::Evenkeel, Tool::Monit] } else { &[Tool::Evenkeel] };
    for round in 0..args.rounds {
        let phase = f64::from(round) / f64::from(args.rounds);
        let seen = std::thread::scope(|scope| {
            let wanted = FAULTS.iter().filter(|fault| args.wants(fault.name));
            let runs: Vec<_> = wanted
                .flat_map(|fault| tools.iter().map(move |tool| (fault, *tool)))
                .map(|(fault, tool)| {
                    scope.spawn(move || (fault, tool, run::run(fault, tool, phase)))
                })
                .collect();
            // A run that broke off has said so; the others count.
            runs.into_iter().filter_map(|run| run.join().ok()).collect::<Vec<_>>()
        });
        for (fault, tool, run) in seen {
            report.add(fault, tool, run);
        }
    }
    report.judge(FAULTS.iter().filter(|fault| args.wants(fault.name)).count());
    if args.json {
        println!("{}", report.document());
    } else {
        print!("{}", report.table());
    }
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
