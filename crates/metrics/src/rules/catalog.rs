//! Every alert.

use std::collections::BTreeSet;
use std::time::Duration;

use super::alert::{Alert, Severity};
use super::expr::Selector;
use super::inputs::{MemoryRule, PLAN_PATH, PermissionRule, RuleInputs};
use super::scrape::AGENT_JOB;
use super::template::{Template, ValueFormat};
use super::unit_test;
use crate::names;

/// The alerts for these settings.
pub fn alerts(inputs: &RuleInputs) -> Vec<Alert> {
    let mut paths = BTreeSet::new();
    let mut alerts: Vec<Alert> = inputs.memory.iter().map(memory).collect();
    alerts
        .extend(inputs.permissions.iter().filter(|rule| paths.insert(&rule.path)).map(permissions));
    alerts.extend([agent_gone(), recovery_exhausted()]);
    alerts
}

fn memory(rule: &MemoryRule) -> Alert {
    let name = names::PROCESS_RESIDENT_MEMORY;
    let labels = [("job", rule.job.as_str()), ("instance", unit_test::INSTANCE)];
    Alert {
        name: format!("{}HighMemoryUsage", camel(&rule.job)),
        expr: Selector::new(name).with("job", &rule.job).instant().above(rule.above_bytes),
        sustained_for: rule.sustained_for,
        severity: Severity::Warning,
        labels: Vec::new(),
        summary: Template::new().text("Memory of job ").label("job").text(" is high"),
        description: Template::new()
            .label("instance")
            .text(" uses ")
            .value(ValueFormat::Whole)
            .text(" bytes of resident memory."),
        anchor: "high-memory-usage",
        cases: unit_test::threshold(name, &labels, rule.above_bytes, rule.sustained_for),
    }
}

fn permissions(rule: &PermissionRule) -> Alert {
    let name = names::FILE_PERMISSION_ERRORS;
    let path = rule.path.to_string_lossy();
    let labels = [("path", path.as_ref()), ("job", AGENT_JOB), ("instance", unit_test::INSTANCE)];
    let sustained_for = Duration::from_mins(1);
    let (alert, rule_label) = if path == PLAN_PATH {
        ("TmuxPermissionError".to_owned(), None)
    } else {
        // Two names of rules may give the same name of an alert; the label keeps them apart.
        (format!("{}PermissionError", camel(&rule.name)), Some(("rule", rule.name.clone())))
    };
    Alert {
        name: alert,
        expr: Selector::new(name).with("path", &path).instant().above(0_u64),
        sustained_for,
        severity: Severity::Warning,
        labels: rule_label.into_iter().collect(),
        summary: Template::new().text("Wrong permissions below ").label("path"),
        description: Template::new()
            .value(ValueFormat::Whole)
            .text(" entries below ")
            .label("path")
            .text(" on ")
            .label("instance")
            .text(" have another mode or owner than they must have."),
        anchor: "permission-error",
        cases: unit_test::threshold(name, &labels, 0, sustained_for),
    }
}

fn agent_gone() -> Alert {
    let hour = Duration::from_hours(1);
    let up = || Selector::new("up").with("job", AGENT_JOB);
    Alert {
        name: "EvenkeelAgentGone".into(),
        // Does not answer; or was there within the hour and is no longer a target; or there is no target at all. Without the second
        // part one host of many that drops out of service discovery would take its alerts with it in silence.
        expr: up()
            .instant()
            .is(0_u64)
            .or(up().count_over_time(hour).unless(up().instant()))
            .or(up().absent_over_time(hour)),
        sustained_for: unit_test::AGENT_GONE_FOR,
        severity: Severity::Critical,
        labels: Vec::new(),
        summary: "An evenkeel agent is gone".into(),
        description: Template::new()
            .if_label(
                "instance",
                Template::new().text("The agent on ").label("instance"),
                Template::new().text("Every agent of job ").label("job"),
            )
            .text(" is gone: nothing on that host is watched or repaired, and its other alerts cannot fire."),
        anchor: "evenkeelagentgone",
        cases: unit_test::agent_gone(),
    }
}

fn recovery_exhausted() -> Alert {
    Alert {
        name: "EvenkeelRecoveryExhausted".into(),
        expr: Selector::new(names::RECOVERY_EXHAUSTED).instant().above(0_u64),
        sustained_for: Duration::ZERO,
        severity: Severity::Critical,
        labels: Vec::new(),
        summary: Template::new().text("Recovery of ").label("target").text(" has given up"),
        description: Template::new()
            .text("Everything allowed was tried for ")
            .label("target")
            .text(" on ")
            .label("instance")
            .text(" without success; `evenkeel why ")
            .label("target")
            .text("` says what."),
        anchor: "evenkeelrecoveryexhausted",
        cases: unit_test::recovery_exhausted(),
    }
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
}
