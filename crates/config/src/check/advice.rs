use std::collections::BTreeMap;
use std::path::Path;

use evenkeel_recovery::budget::Budgets;
use evenkeel_shown::escaped;

use crate::settings::Settings;

/// Directories that are emptied at boot or by age, and in which anyone may make entries.
const SHARED: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// What works, but could be better.
pub(super) fn advice(settings: &Settings) -> Vec<String> {
    let mut advice = Vec::new();
    if settings.is_idle() {
        advice.push("nothing is looked at: the settings name no check and no rule".to_owned());
    }
    let mut below_shared: BTreeMap<&Path, Vec<String>> = BTreeMap::new();
    let permissions = settings
        .permissions
        .iter()
        .map(|rule| (rule.policy.path(), format!("permissions.{}", rule.name)));
    let cleanup =
        settings.cleanup.iter().map(|rule| (rule.policy.path(), format!("cleanup.{}", rule.name)));
    let state = [(settings.agent.state_dir.as_path(), "agent.state_dir".to_owned())];
    for (path, rule) in state.into_iter().chain(permissions).chain(cleanup) {
        if is_shared(path) {
            below_shared.entry(path).or_default().push(rule);
        }
    }
    for (path, rules) in below_shared {
        advice.push(format!(
            "`{}` ({}) is in a directory that is emptied at boot and in which anyone may make entries: \
             keep it in /run if it may go at boot, else in /var/lib",
            escaped(&path.to_string_lossy()),
            rules.join(", "),
        ));
    }
    for recovery in &settings.recoveries {
        let Budgets { per_target, per_group, per_host } = recovery.budgets;
        let rates = [("per_target", per_target), ("per_group", per_group), ("per_host", per_host)];
        for (place, (name, rate)) in rates.iter().enumerate() {
            let wider = rates[place + 1..].iter().find(|(_, wider)| rate.is_within(*wider));
            if let Some((wider_name, wider)) = wider {
                advice.push(format!(
                    "recovery.{}.budget.{name}: {rate} limits nothing, as {wider_name} is {wider}",
                    recovery.name
                ));
            }
        }
    }
    let access = &settings.agent.access;
    if let Some(address) = settings.agent.listen.filter(|address| !address.ip().is_loopback()) {
        if access.token_file.is_none() {
            advice.push(format!(
                "agent.listen: whoever reaches {address} can read the status page and the metrics; 127.0.0.1 keeps them on this host"
            ));
        } else if access.tls.is_none() {
            advice.push(format!(
                "agent.token_file: the token goes over the network to {address} as it is; agent.tls, or a proxy with TLS before \
                 127.0.0.1, keeps it secret"
            ));
        }
    }
    advice
}

fn is_shared(path: &Path) -> bool {
    SHARED.iter().any(|shared| path.starts_with(shared))
}
