//! What of this host stands in the way of valid settings.

use std::time::Duration;

use evenkeel_probe::{SystemdTarget, Target};
use evenkeel_recovery::actions::Action;
use evenkeel_shown::chain;
use evenkeel_systemd::{UnitName, missing_units};

use crate::key::Key;
use crate::problem::Problem;
use crate::read::Tree;
use crate::secret::read_secret;
use crate::settings::Settings;

/// How long systemd may take to answer about all units.
const SYSTEMD_ANSWERS: Duration = Duration::from_secs(10);

/// One problem for each name that means nobody here, and each root that cannot be one.
pub(super) fn unfit(settings: &Settings, tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for rule in &settings.permissions {
        let table = Key::of(&["permissions"]).named(&rule.name);
        for (name, value, error) in evenkeel_permissions::check_host(&rule.policy) {
            problems.push(problem(tree, &table, name, &value, &chain(&error)));
        }
    }
    for rule in &settings.cleanup {
        let table = Key::of(&["cleanup"]).named(&rule.name);
        for (name, value, error) in evenkeel_cleanup::check_host(&rule.policy) {
            problems.push(problem(tree, &table, name, &value, &chain(&error)));
        }
    }
    problems.extend(unfit_tokens(settings, tree));
    problems.extend(unknown_units(settings, tree));
    problems
}

/// One problem for each file of a token that cannot be used, or that everybody can read.
fn unfit_tokens(settings: &Settings, tree: &Tree) -> Vec<Problem> {
    let of_page = settings.agent.access.token_file.iter();
    let of_page = of_page.map(|path| (Key::of(&["agent", "token_file"]), path));
    let files = super::alerts::token_files(&settings.alerts);
    let unfit = of_page.chain(files).filter_map(|(key, path)| {
        let error = read_secret(path).err()?;
        Some(
            Problem::new(format!("`{key}` = `{}` cannot be used", path.display()))
                .key_is(&key)
                .at(tree.place_of_value(&key))
                .label(chain(&error))
                .help("until that is so, this receiver is told nothing and its alerts are kept; the agent does not start without the token of its page"),
        )
    });
    unfit.collect()
}

/// One problem for each unit that this host's systemd does not know. None where it cannot be asked: other hosts may run it.
fn unknown_units(settings: &Settings, tree: &Tree) -> Vec<Problem> {
    let mentions = named_units(settings);
    let names: Vec<_> = mentions.iter().map(|(_, unit)| unit.clone()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let Ok(missing) = missing_units(&names, SYSTEMD_ANSWERS) else { return Vec::new() };
    let unknown = |(key, unit): &(Key, UnitName)| {
        let (_, near) = missing.iter().find(|(missing, _)| missing == unit)?;
        let label = match near.first() {
            Some(near) => format!("did you mean `{near}`?"),
            None => "there is neither a unit nor a unit file of that name".to_owned(),
        };
        let problem = Problem::new(format!("this host's systemd knows no unit `{unit}`"))
            .key_is(key)
            .at(tree.place_of_value(key))
            .label(label);
        Some(problem.help("until there is one, the check is down, and the step does nothing"))
    };
    mentions.iter().filter_map(unknown).collect()
}

/// Every unit of the host's own manager, where it is named.
fn named_units(settings: &Settings) -> Vec<(Key, UnitName)> {
    let mut named = Vec::new();
    for check in &settings.checks {
        if let Target::Systemd(SystemdTarget { unit, user: None, .. }) = &check.target {
            named
                .push((Key::of(&["check"]).named(&check.name).child("systemd.unit"), unit.clone()));
        }
    }
    for recovery in &settings.recoveries {
        let steps = Key::of(&["recovery"]).named(&recovery.name).child("steps");
        for (index, step) in recovery.steps.iter().enumerate() {
            if let Action::SystemdRestart { unit, .. } | Action::SystemdOrder { unit, .. } =
                &step.action
            {
                named.push((steps.item(index).child("unit"), unit.clone()));
            }
        }
    }
    named
}

fn problem(tree: &Tree, table: &Key, name: &str, value: &str, why: &str) -> Problem {
    let key = table.child(name);
    Problem::new(format!("this host cannot fulfil `{key}` = `{value}`"))
        .key_is(&key)
        .at(tree.place_of_value(&key))
        .label(why)
        .help("until that is so, the runs of this rule fail; the other rules run")
}
