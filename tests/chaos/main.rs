//! `cargo xtask chaos`: a real agent keeps real daemons, workers, files and peers, and faults come by a seed, several at once. What must
//! never be is looked for meanwhile and at the end; a table says what came of each fault.
//!
//! All of it is in namespaces of its own: what is mounted, filtered or left behind ends with the run.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is what a person or a log reads"
)]
#![expect(clippy::disallowed_methods, reason = "it works in scratch directories of its own")]

mod args;
mod attack;
mod canary;
mod check;
mod fault;
mod files;
mod history;
mod inject;
mod keeper;
mod log;
mod peer;
mod report;
mod run;
mod unit;
mod world;

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::args::{Args, Mode};
use crate::report::Report;

/// Says to the program that it is in namespaces of its own already. No variable: children would inherit it.
const INSIDE: &str = "--inside";
/// The run could not be done here.
const CANNOT: u8 = 3;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match args::read(&words) {
        Ok(Mode::Run(args)) => chaos(&args, &words),
        Ok(Mode::List) => {
            for fault in fault::all() {
                println!("{:<20} {}", fault.name, fault.what);
            }
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

fn chaos(args: &Args, words: &[String]) -> ExitCode {
    if let Some(lack) = world::lacks() {
        eprintln!("{lack}");
        return ExitCode::from(CANNOT);
    }
    if !args.inside {
        return go_inside(words);
    }
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    if !up.is_ok_and(|status| status.success()) {
        eprintln!("the network of the run has no loopback device");
        return ExitCode::from(CANNOT);
    }
    let seed = args.seed.unwrap_or_else(clock);
    eprintln!("seed {seed}");
    let world = world::World::new();
    let wanted: Vec<_> = fault::all().filter(|fault| args.wants(fault.name)).collect();
    let lacking = wanted.iter().filter_map(|fault| Some((fault.name, fault.lacks(&world)?)));
    let left_out: Vec<_> = lacking.collect();
    if left_out.len() == wanted.len() {
        for (fault, why) in left_out {
            eprintln!("{fault}: {why}");
        }
        return ExitCode::from(CANNOT);
    }
    let watch = check::Watch::default();
    let begun = Instant::now();
    let outcomes = run::run(&world, args, seed, &watch);
    let lasted = begun.elapsed();
    let findings = check::at_the_end(&world, &watch);
    let report = Report { seed, lasted, outcomes, left_out, findings };
    if !report.holds() {
        eprintln!("the end of the agent's log:\n{}\n", world.keeper.log());
    }
    if args.json {
        println!("{:#}", report.json());
    } else {
        print!("{}", report.text());
    }
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Becomes this program with mounts, a network and processes of its own; the kernel ends what it leaves behind.
fn go_inside(words: &[String]) -> ExitCode {
    let this = match std::env::current_exe() {
        Ok(this) => this,
        Err(error) => {
            eprintln!("cannot tell where this program is: {error}");
            return ExitCode::from(CANNOT);
        }
    };
    let error = Command::new("unshare")
        .args([
            "--mount",
            "--propagation",
            "private",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ])
        .arg(this)
        .arg(INSIDE)
        .args(words)
        .exec();
    eprintln!("cannot run `unshare`: {error}");
    ExitCode::from(CANNOT)
}

/// A seed that is another one each time.
fn clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos()) ^ since.as_secs()
}
