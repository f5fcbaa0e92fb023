//! The `evenkeel-recovery` program: recovers what its checks say is down, within a budget, and proves it.
#![forbid(unsafe_code)]

mod args;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use evenkeel_cli::agent::{pass, print_status, verdict};
use evenkeel_cli::{Common, Failure, agent};
use evenkeel_config::Settings;

use crate::args::{Args, Command};

/// One pass takes no longer than this; the next one goes on.
const PASS: Duration = Duration::from_mins(10);

fn main() -> ExitCode {
    let args = Args::parse();
    evenkeel_cli::run("evenkeel-recovery", &args.common, || match &args.command {
        Command::Once(once) => {
            let status = pass(settings(&once.target.in_words(&args.common))?, once.dry_run, PASS)?;
            print_status(&args.common, &status);
            Ok(verdict(&status))
        }
        Command::Run(run) => {
            let common = run.target.in_words(&args.common);
            agent::run(settings(&common)?, run.observe, move || settings(&common))
        }
        Command::Status => agent::status(&args.common),
    })
}

/// The settings without what is not recovery: no permission and no cleanup rule, and only checks that a recovery asks.
fn settings(common: &Common) -> Result<Settings, Failure> {
    let mut settings = common.settings()?;
    if settings.recoveries.is_empty() {
        return Err(Failure::usage(
            "there is no recovery: name settings with --config, or a target with --supervisor or --http",
        ));
    }
    settings.permissions.clear();
    settings.cleanup.clear();
    let wanted =
        |name: &String| settings.recoveries.iter().any(|recovery| recovery.when.contains(name));
    settings.checks.retain(|check| wanted(&check.name));
    Ok(settings)
}
