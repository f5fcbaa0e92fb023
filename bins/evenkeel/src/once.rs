use std::time::Duration;

use evenkeel_cli::agent::{Pass, pass, print_status, verdict};
use evenkeel_cli::{Common, Exit, Failure, escaped};
use evenkeel_config::{Settings, nearest};
use evenkeel_health::{Policy, Threshold};

use crate::args::{Apply, Names};

/// One look at everything takes no longer than this.
const LOOK: Duration = Duration::from_mins(2);
/// One pass with its recoveries and their proofs takes no longer than this; the next pass goes on.
const PASS: Duration = Duration::from_mins(10);

/// `evenkeel check`: everything once; nothing is written.
pub(crate) fn check(common: &Common, names: &Names) -> Result<Exit, Failure> {
    let (mut settings, part) = (chosen(common, names)?, !names.names.is_empty());
    for check in &mut settings.checks {
        // One series of attempts is the answer; counting series over time is the agent's way.
        check.health = Policy::try_new(
            Threshold { failures: 1, within: 1 },
            1,
            Duration::ZERO,
            check.health.stale_after(),
        )
        .map_err(|error| Failure::refused(&error))?;
    }
    let mut status = pass(common, settings, Pass { part, observe: true, limit: LOOK })?;
    // That a check only looks is no news.
    status.mode_reason = None;
    print_status(common, &status);
    Ok(verdict(&status))
}

/// `evenkeel apply`: one pass of the same agent, which ends when everything is settled.
pub(crate) fn apply(common: &Common, args: &Apply) -> Result<Exit, Failure> {
    let settings = chosen(common, &args.names)?;
    let (part, observe) = (!args.names.names.is_empty(), args.dry_run);
    let status = pass(common, settings, Pass { part, observe, limit: PASS })?;
    print_status(common, &status);
    Ok(verdict(&status))
}

/// The settings, cut down to what was named and what that needs.
fn chosen(common: &Common, names: &Names) -> Result<Settings, Failure> {
    let mut settings = common.settings()?;
    // An empty table and an exit code of 0 would look like a host on which everything holds.
    if settings.is_idle() {
        return Err(Failure::usage(
            "the settings name no check and no rule, so there is nothing to look at; `evenkeel config init` prints some to start from",
        ));
    }
    let names = &names.names;
    if names.is_empty() {
        return Ok(settings);
    }
    let recoveries = settings.recoveries.iter().map(|recovery| &recovery.name);
    let known: Vec<_> = settings
        .checks
        .iter()
        .map(|check| &check.name)
        .chain(settings.permissions.iter().map(|rule| &rule.name))
        .chain(settings.cleanup.iter().map(|rule| &rule.name))
        .chain(recoveries)
        .collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        let hint = match nearest(unknown, known.iter().map(|name| name.as_str())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", listed(known)),
        };
        let unknown = escaped(unknown);
        return Err(Failure::usage(format!(
            "no check, rule or recovery is named `{unknown}`; {hint}"
        )));
    }
    settings.keep_only(names);
    Ok(settings)
}

fn listed(mut names: Vec<&String>) -> String {
    names.sort();
    names.dedup();
    names.into_iter().cloned().collect::<Vec<_>>().join(", ")
}
