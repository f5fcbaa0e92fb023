//! The `evenkeel-recovery` program: recovers what its checks say is down, within a budget, and proves it.
#![forbid(unsafe_code)]

mod args;
mod listener;
mod toml;

use std::process::ExitCode;
use std::time::Duration;

use evenkeel_cli::agent::{Pass, pass, print_status, verdict};
use evenkeel_cli::{Common, Failure, agent};
use evenkeel_config::Settings;

use crate::args::{Args, Command};

/// One pass takes no longer than this; the next one goes on.
const PASS: Duration = Duration::from_mins(10);

fn main() -> ExitCode {
    let args: Args = evenkeel_cli::parse();
    evenkeel_cli::run("evenkeel-recovery", &args.common, || match &args.command {
        Command::Once(once) => {
            // What no recovery needs is left out.
            let how = Pass { part: true, observe: once.dry_run, limit: PASS };
            let status = pass(&args.common, settings(&once.target.in_words(&args.common))?, how)?;
            print_status(&args.common, &status);
            Ok(verdict(&status))
        }
        Command::Run(run) => {
            let common = run.target.in_words(&args.common);
            agent::run(settings(&common)?, run.observe, move || settings(&common))
        }
        Command::Status => agent::status(&args.common),
        Command::SupervisorListener(listener) => {
            listener::run(listener, &args.common, only_recovery)
        }
    })
}

/// The settings without what no recovery needs.
fn settings(common: &Common) -> Result<Settings, Failure> {
    only_recovery(common.settings()?)
}

/// Rules are done where a step asks for one, and checks are those that a recovery listens to, with what these depend on.
fn only_recovery(mut settings: Settings) -> Result<Settings, Failure> {
    if settings.recoveries.is_empty() {
        return Err(Failure::usage(
            "there is no recovery: name settings with --config, or a target with --supervisor or --http",
        ));
    }
    settings.keep_recoveries();
    Ok(settings)
}
