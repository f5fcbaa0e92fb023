//! The rules themselves.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use super::inputs::{MemoryRule, PLAN_PATH, PermissionRule, RuleInputs};
use super::scrape::AGENT_JOB;
use super::unit_test::{self, Case};
use super::yaml::{duration, quoted, scalar};
use crate::names;

/// Name of the group that all rules are in.
pub(super) const GROUP: &str = "evenkeel";

pub(super) struct Alert {
    pub(super) name: String,
    pub(super) expression: String,
    pub(super) sustained_for: Duration,
    /// Labels that the rule adds.
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) cases: Vec<Case>,
}

pub(super) fn alerts(inputs: &RuleInputs) -> Vec<Alert> {
    let mut paths = BTreeSet::new();
    let mut alerts: Vec<Alert> = inputs.memory.iter().map(memory).collect();
    alerts
        .extend(inputs.permissions.iter().filter(|rule| paths.insert(&rule.path)).map(permissions));
    alerts.extend([agent_gone(), recovery_exhausted()]);
    alerts
}

pub(super) fn render(alerts: &[Alert]) -> String {
    let mut out = format!("groups:\n  - name: {GROUP}\n    rules:\n");
    for alert in alerts {
        let _ = writeln!(out, "      - alert: {}", scalar(&alert.name));
        let _ = writeln!(out, "        expr: {}", scalar(&alert.expression));
        if !alert.sustained_for.is_zero() {
            let _ = writeln!(out, "        for: {}", duration(alert.sustained_for));
        }
        out.push_str("        labels:\n");
        for (name, value) in &alert.labels {
            let _ = writeln!(out, "          {name}: {}", scalar(value));
        }
        out.push_str("        annotations:\n");
        let _ = writeln!(out, "          summary: {}", scalar(alert.summary));
        let _ = writeln!(out, "          description: {}", scalar(alert.description));
    }
    out
}

fn memory(rule: &MemoryRule) -> Alert {
    let name = names::PROCESS_RESIDENT_MEMORY;
    let selector = format!("{name}{{job={}}}", quoted(&rule.job));
    let labels = [("job", rule.job.as_str()), ("instance", unit_test::INSTANCE)];
    Alert {
        name: format!("{}HighMemoryUsage", camel(&rule.job)),
        expression: format!("{selector} > {}", rule.above_bytes),
        sustained_for: rule.sustained_for,
        labels: vec![("severity", "warning".into())],
        summary: "Memory of job {{ $labels.job }} is high",
        description: "{{ $labels.instance }} uses {{ $value | printf \"%.0f\" }} bytes of resident memory.",
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
        expression: format!("{name}{{path={}}} > 0", quoted(&path)),
        sustained_for,
        labels: [("severity", "warning".to_owned())].into_iter().chain(rule_label).collect(),
        summary: "Wrong permissions below {{ $labels.path }}",
        description: "{{ $value | printf \"%.0f\" }} entries below {{ $labels.path }} on {{ $labels.instance }} have another mode or owner than they must have.",
        cases: unit_test::threshold(name, &labels, 0, sustained_for),
    }
}

fn agent_gone() -> Alert {
    let up = format!("up{{job=\"{AGENT_JOB}\"}}");
    Alert {
        name: "EvenkeelAgentGone".into(),
        // Does not answer; or was there within the hour and is no longer a target; or there is no target at all. Without the second
        // part one host of many that drops out of service discovery would take its alerts with it in silence.
        expression: format!(
            "{up} == 0 or count_over_time({up}[1h]) unless {up} or absent_over_time({up}[1h])"
        ),
        sustained_for: unit_test::AGENT_GONE_FOR,
        labels: vec![("severity", "critical".into())],
        summary: "An evenkeel agent is gone",
        description: "{{ if $labels.instance }}The agent on {{ $labels.instance }}{{ else }}Every agent of job {{ $labels.job }}{{ end }} is gone: nothing on that host is watched or repaired, and its other alerts cannot fire.",
        cases: unit_test::agent_gone(),
    }
}

fn recovery_exhausted() -> Alert {
    Alert {
        name: "EvenkeelRecoveryExhausted".into(),
        expression: format!("{} > 0", names::RECOVERY_EXHAUSTED),
        sustained_for: Duration::ZERO,
        labels: vec![("severity", "critical".into())],
        summary: "Recovery of {{ $labels.target }} has given up",
        description: "Everything allowed was tried for {{ $labels.target }} on {{ $labels.instance }} without success; `evenkeel why {{ $labels.target }}` says what.",
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
        let inputs =
            RuleInputs { permissions: vec![rule("a"), rule("b")], ..RuleInputs::default() };
        assert_eq!(alerts(&inputs).len(), 3);
    }
}
