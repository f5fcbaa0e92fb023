//! The `evenkeel-metrics` program.
#![forbid(unsafe_code)]

mod args;
mod check;
mod rules;
mod serve;

use std::process::ExitCode;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let args: Args = evenkeel_cli::parse();
    let common = &args.common;
    evenkeel_cli::run("evenkeel-metrics", common, || match &args.command {
        Command::Rules(rules) => rules::rules(common, rules),
        Command::ScrapeConfig(scrape) => rules::scrape_config(common, scrape),
        Command::Check(check) => check::check(common, check),
        Command::Serve(serve) => serve::serve(common, serve),
    })
}
