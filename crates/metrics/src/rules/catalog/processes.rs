//! Memory.

use std::time::Duration;

use super::{MINUTE, camel, on_instance};
use crate::names;
use crate::rules::alert::{Alert, Severity};
use crate::rules::expr::Selector;
use crate::rules::inputs::MemoryRule;
use crate::rules::template::{Template, ValueFormat};
use crate::rules::unit_test::{AGENT, INSTANCE, Watched};

/// Time enough to restart at a moment that a person chooses.
const NEAR: Duration = Duration::from_hours(4);

pub(super) fn high_memory(rule: &MemoryRule) -> Alert {
    let name = names::PROCESS_RESIDENT_MEMORY;
    let labels = [("job", rule.job.as_str()), ("instance", INSTANCE)];
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
        anchor: "highmemoryusage",
        cases: Watched { name, labels: &labels }.over(rule.above_bytes, rule.sustained_for),
    }
}

pub(super) fn memory_limit_near() -> Alert {
    let name = names::MEMORY_LIMIT_ETA;
    let sustained_for = 15 * MINUTE;
    let labels = [&[("process", "worker")], &AGENT[..]].concat();
    Alert {
        name: "EvenkeelMemoryLimitNear".into(),
        expr: Selector::new(name).instant().below(NEAR.as_secs()),
        sustained_for,
        severity: Severity::Warning,
        labels: Vec::new(),
        summary: on_instance(Template::new().text("Memory of ").label("process"))
            .text(" grows towards its limit"),
        description: Template::new()
            .text("By its trend ")
            .label("process")
            .text(" reaches its limit in ")
            .value(ValueFormat::Duration)
            .text("."),
        anchor: "evenkeelmemorylimitnear",
        cases: Watched { name, labels: &labels }.sustained(
            NEAR.as_secs(),
            NEAR.as_secs() - 1,
            sustained_for,
        ),
    }
}
