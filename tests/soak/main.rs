//! `cargo xtask soak`: a real agent with a hundred times the events of an ordinary host, looked at once a second from outside. What it
//! takes must stay flat: memory within noise, descriptors and threads to the last one, its history within its bound.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is what a person or a log reads"
)]
#![expect(clippy::disallowed_methods, reason = "it works in scratch directories of its own")]

mod args;
mod counted;
mod load;
mod peer;
mod report;
mod sample;
mod slope;
mod stage;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use evenkeel_tests::{Agent, Samples, find_bin, get, until};

use crate::args::Args;
use crate::counted::Counted;
use crate::load::{Load, Target};
use crate::peer::Peers;
use crate::report::{Quiet, Report};
use crate::sample::{Sample, descriptors};
use crate::stage::Stage;

/// Between two samples.
const LOOK: Duration = Duration::from_secs(1);
/// The least time for caches to fill and every path to be taken once.
const WARM_UP: Duration = Duration::from_secs(20);
/// How long connections and commands may take to end once nobody makes new ones.
const SETTLE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args::read(&args) {
        Ok(Some(args)) => soak(&args),
        Ok(None) => {
            print!("{}", args::USAGE);
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}\n\n{}", args::USAGE);
            ExitCode::from(2)
        }
    }
}

fn soak(args: &Args) -> ExitCode {
    let program = args.agent.clone().unwrap_or_else(|| find_bin("evenkeel"));
    let peers = Peers::start(args.seed);
    let stage = Stage::new(args.rate, &peers);
    let config = stage.scratch.file("settings.toml", &stage.settings[0], 0o600);
    let mut agent =
        Agent::spawn_by(&[program.as_os_str()], &stage.scratch, &config, stage.port, &[]);
    agent.await_answer();
    let pid = agent.daemon.pid();
    let orders = stage.scratch.file("orders.toml", &stage.settings[0], 0o600);
    let target = Target { pid, address: agent.address(), config, orders, program };
    let mut load = Load::start(&stage, &target, args.rate, args.seed);
    let state_dir = stage.join("state");

    let whole = Duration::from_secs_f64(args.minutes * 60.0);
    let warm_up = WARM_UP.max(whole / 10).min(whole / 2);
    let begun = Instant::now();
    let mut counted = Counted::default();
    let mut samples = sample_until(&mut agent, &state_dir, begun, warm_up, &mut counted);
    load.pause(true);
    let before = quiet(pid);
    load.pause(false);
    let warm = samples.len();
    let mut more = sample_until(&mut agent, &state_dir, begun, whole, &mut counted);
    samples.append(&mut more);
    load.end();
    let after = settled(pid, &before);
    let ended = agent.daemon.ended();
    let lived = ended.is_none();
    let report = Report::new(args, samples, warm, [before, after], lived, &counted, load.done());
    if let Some(file) = &args.csv
        && let Err(error) = std::fs::write(file, report.csv())
    {
        eprintln!("cannot write `{}`: {error}", file.display());
    }
    if args.json {
        println!("{:#}", report.json());
    } else {
        print!("{}", report.text());
    }
    if let Some(how) = ended {
        eprintln!("the agent ended ({how}): {}", agent.daemon.log());
    }
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A sample a second until so long after the beginning, or until the agent ends.
fn sample_until(
    agent: &mut Agent,
    state: &Path,
    begun: Instant,
    end: Duration,
    counted: &mut Counted,
) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut next = begun.elapsed();
    while begun.elapsed() < end && agent.daemon.ended().is_none() {
        let at = begun.elapsed().as_secs_f64();
        samples.extend(Sample::take(agent.daemon.pid(), state, at));
        if let Ok(page) = get(agent.address(), "/metrics") {
            counted.add(&Samples::parse(&page.body));
        }
        next += LOOK;
        std::thread::sleep(next.saturating_sub(begun.elapsed()));
    }
    samples
}

/// The fewest descriptors and threads within five seconds: what stays when nothing is under way.
fn quiet(pid: u32) -> Quiet {
    let mut least = Quiet::of(pid);
    let begun = Instant::now();
    until("five seconds are over", Duration::from_mins(1), || {
        least = least.clone().min(Quiet::of(pid));
        begun.elapsed() > Duration::from_secs(5)
    });
    least
}

/// The same at the end, with time for whatever is under way to come to its end.
fn settled(pid: u32, before: &Quiet) -> Quiet {
    let mut least = Quiet::of(pid);
    let begun = Instant::now();
    while !least.beyond(before).is_empty() && begun.elapsed() < SETTLE && descriptors(pid).is_some()
    {
        std::thread::sleep(Duration::from_millis(50));
        least = least.min(Quiet::of(pid));
    }
    least
}
