//! What of this host stands in the way of valid settings.

use crate::key::Key;
use crate::problem::Problem;
use crate::read::Tree;
use crate::settings::Settings;

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
    problems
}

fn problem(tree: &Tree, table: &Key, name: &str, value: &str, why: &str) -> Problem {
    let key = table.child(name);
    Problem::new(format!("this host cannot fulfil `{key}` = `{value}`"))
        .key_is(&key)
        .at(tree.place_of_value(&key))
        .label(why)
        .help("until that is so, the runs of this rule fail; the other rules run")
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
