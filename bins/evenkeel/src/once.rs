use std::time::Duration;

use evenkeel_agent::{Agent, Until};
use evenkeel_cli::{Common, Exit, Failure};
use evenkeel_config::Settings;
use evenkeel_engine::Status;
use evenkeel_health::Threshold;
use tokio::sync::mpsc;

use crate::args::{Apply, Names};
use crate::run::{boot_id, seed, stop_signal};
use crate::runtime::block_on;
use crate::status::print;

/// One look at everything takes no longer than this.
const LOOK: Duration = Duration::from_secs(120);
/// One pass with its recoveries and their proofs takes no longer than this; the next pass goes on.
const PASS: Duration = Duration::from_secs(600);

/// `evenkeel check`: everything once; nothing is written.
pub(crate) fn check(common: &Common, names: &Names) -> Result<Exit, Failure> {
    let mut settings = chosen(common, names)?;
    for check in &mut settings.checks {
        // One series of attempts is the answer; counting series over time is the agent's way.
        check.health = check.health.clone().with_thresholds(Threshold::ONE, 1);
    }
    let status = pass(settings, true, LOOK)?;
    print(common, &status);
    Ok(exit(&status))
}

/// `evenkeel apply`: one pass of the same agent, which ends when everything is settled.
pub(crate) fn apply(common: &Common, args: &Apply) -> Result<Exit, Failure> {
    let settings = chosen(common, &args.names)?;
    let status = pass(settings, args.dry_run, PASS)?;
    print(common, &status);
    Ok(exit(&status))
}

fn exit(status: &Status) -> Exit {
    let unknown = status.checks.iter().any(|check| check.state == "unknown");
    match (status.healthy, unknown) {
        (false, _) => Exit::Deviates,
        (true, true) => Exit::Refused,
        (true, false) => Exit::Holds,
    }
}

fn pass(mut settings: Settings, observe: bool, limit: Duration) -> Result<Status, Failure> {
    settings.agent.listen = None;
    settings.agent.socket = None;
    settings.agent.grace = Duration::ZERO;
    for check in &mut settings.checks {
        check.initial_delay = Duration::ZERO;
    }
    for rule in &mut settings.permissions {
        rule.watch = false;
    }
    block_on(async {
        let (_keep, reloads) = mpsc::channel(1);
        let stop = stop_signal()?;
        let agent = Agent {
            settings,
            observe,
            seed: seed(),
            boot_id: boot_id(),
            until: Until::Settled(limit),
            listener: None,
            watchdog: None,
            notify: |_| {},
        };
        evenkeel_agent::run(agent, reloads, stop).await.map_err(|error| Failure::refused(&error))
    })
}

/// The settings, cut down to what was named.
fn chosen(common: &Common, names: &Names) -> Result<Settings, Failure> {
    let mut settings = common.settings()?;
    if names.names.is_empty() {
        return Ok(settings);
    }
    let known: Vec<_> = settings
        .checks
        .iter()
        .map(|check| &check.name)
        .chain(settings.permissions.iter().map(|rule| &rule.name))
        .chain(settings.cleanup.iter().map(|rule| &rule.name))
        .cloned()
        .collect();
    if let Some(unknown) = names.names.iter().find(|name| !known.contains(name)) {
        let known = known.join(", ");
        return Err(Failure::usage(format!("no check or rule is named `{unknown}`; there are: {known}")));
    }
    let wanted = |name: &String| names.names.contains(name);
    settings.checks.retain(|check| wanted(&check.name));
    settings.permissions.retain(|rule| wanted(&rule.name));
    settings.cleanup.retain(|rule| wanted(&rule.name));
    settings.recoveries.retain(|recovery| recovery.when.iter().all(wanted));
    Ok(settings)
}
