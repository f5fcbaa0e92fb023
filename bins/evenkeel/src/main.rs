//! The `evenkeel` program: the agent, its demo, and the questions one asks of it.
#![forbid(unsafe_code)]

mod args;
mod config;
mod demo;
mod describe;
mod history;
mod import;
mod manual;
mod named;
mod once;
mod report;
mod run;
mod simulate;
mod undo;
mod written;

use std::process::ExitCode;

use evenkeel_cli::{Common, agent};

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let args: Args = evenkeel_cli::parse();
    let common = &args.common;
    // The demo tells its own story; the agent's log would be told over it.
    let logged = match args.command {
        Command::Demo(_) => Common { quiet: common.verbose == 0, ..common.clone() },
        // Its table says all that the log would.
        Command::Check(_) => Common { quiet: common.verbose == 0, ..common.clone() },
        Command::Undo(_) => Common { reports: true, ..common.clone() },
        _ => common.clone(),
    };
    evenkeel_cli::run("evenkeel", &logged, || match &args.command {
        Command::Run(run) => run::run(common, run),
        Command::Demo(demo) => demo::run(common, demo),
        Command::Check(names) => once::check(common, names),
        Command::Apply(apply) => once::apply(common, apply),
        Command::Status(args) if args.watch => agent::watch(common),
        Command::Status(_) => agent::status(common),
        Command::Events(events) => history::events(common, events),
        Command::Why { what } => history::why(common, what),
        Command::Report(args) => report::report(common, args),
        Command::Simulate(args) => simulate::simulate(common, args),
        Command::Hold(hold) => agent::hold(common, &hold.target.target, hold.lasts, &hold.reason),
        Command::Release(args) => agent::release(common, &args.target),
        Command::Reset(args) => agent::reset(common, &args.target),
        Command::Undo(args) => undo::undo(common, args),
        Command::Config(config) => config::run(common, config),
        Command::Completions(args) => describe::completions(args),
        Command::Man { dir } => describe::man(dir),
        Command::DemoPart(part) => demo::part::run(part),
    })
}
