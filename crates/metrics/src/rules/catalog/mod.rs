//! Every alert: one function for each, with the unit tests that hold it to what it says.
//!
//! Thresholds and times have their reasons in `docs/alerts.md`.

mod agent;
mod checks;
mod files;
mod objectives;
mod processes;

use std::collections::BTreeSet;
use std::time::Duration;

use super::alert::Alert;
use super::inputs::RuleInputs;
use super::recording::Recording;
use super::template::Template;

/// What recording rules write for these settings; alerts read it.
pub fn recordings(inputs: &RuleInputs) -> Vec<Recording> {
    if inputs.objectives.is_empty() { Vec::new() } else { objectives::recordings() }
}

/// The alerts for these settings.
pub fn alerts(inputs: &RuleInputs) -> Vec<Alert> {
    let mut alerts = host(inputs);
    alerts.extend(burns(inputs));
    alerts
}

/// Those that look at what the agent exports.
pub(super) fn host(inputs: &RuleInputs) -> Vec<Alert> {
    let mut paths = BTreeSet::new();
    let roots = inputs
        .permissions
        .iter()
        .filter(|rule| is_selectable(&rule.path.to_string_lossy()) && paths.insert(&rule.path));
    let processes = inputs.memory.iter().filter(|rule| is_selectable(&rule.job));
    let mut alerts: Vec<Alert> = processes.map(processes::high_memory).collect();
    alerts.extend(roots.map(files::permission_error));
    alerts.extend([
        files::permission_fight(),
        files::cleanup_refused(),
        checks::down(),
        checks::flapping(),
        checks::breaker_open(),
        checks::recovery_exhausted(),
        checks::recovery_budget_low(),
        processes::memory_limit_near(),
        agent::gone(),
        agent::journal_errors(),
        agent::reload_failed(),
        agent::collector_failing(),
    ]);
    // Who asked for an agent that only observes need not be told that it does.
    if !inputs.observes {
        alerts.push(agent::observe_only());
    }
    if !inputs.objectives.is_empty() {
        alerts.push(objectives::budget_low());
    }
    alerts
}

/// Those that look at what is recorded.
pub(super) fn burns(inputs: &RuleInputs) -> Vec<Alert> {
    inputs.objectives.iter().flat_map(objectives::burns).collect()
}

const MINUTE: Duration = Duration::from_mins(1);

/// Whether Prometheus can look for a label of this value.
///
/// It takes the character that stands for bytes that are no text for such bytes, also where it is escaped, and would refuse the
/// whole file for it. A path in the settings has it only where somebody wrote it there.
fn is_selectable(value: &str) -> bool {
    !value.contains(char::REPLACEMENT_CHARACTER)
}

/// `TEXT on INSTANCE`
fn on_instance(text: Template) -> Template {
    text.text(" on ").label("instance")
}

/// `tmux-state` as `TmuxState`.
fn camel(name: &str) -> String {
    name.split(|char: char| !char.is_ascii_alphanumeric())
        .flat_map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            [first.to_ascii_uppercase(), rest.to_owned()]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::PermissionRule;

    #[test]
    fn a_name_in_the_settings_becomes_a_name_of_an_alert() {
        for (name, expected) in [
            ("supervisor", "Supervisor"),
            ("tmux-state", "TmuxState"),
            ("a__b.9", "AB9"),
            ("é", ""),
            ("", ""),
        ] {
            assert_eq!(camel(name), expected);
        }
    }

    #[test]
    fn a_path_named_twice_has_one_rule() {
        let rule = |name: &str| PermissionRule { name: name.into(), path: "/srv".into() };
        let once = RuleInputs { permissions: vec![rule("a")], ..RuleInputs::default() };
        let twice = RuleInputs { permissions: vec![rule("a"), rule("b")], ..RuleInputs::default() };
        assert_eq!(alerts(&once).len(), alerts(&twice).len());
    }

    #[test]
    fn an_agent_that_shall_only_observe_is_not_reported_for_it() {
        let names = |observes| {
            let inputs = RuleInputs { observes, ..RuleInputs::default() };
            let names = alerts(&inputs).into_iter().map(|alert| alert.name);
            names.collect::<Vec<_>>()
        };
        let name = "EvenkeelAgentObserveOnly".to_owned();
        assert!(names(false).contains(&name));
        assert!(!names(true).contains(&name));
    }
}
