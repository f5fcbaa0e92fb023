//! Permissions and cleanup.

use std::time::Duration;

use super::{MINUTE, camel, on_instance};
use crate::names;
use crate::rules::alert::{Alert, Severity};
use crate::rules::expr::Selector;
use crate::rules::inputs::{PLAN_PATH, PermissionRule};
use crate::rules::template::{Template, ValueFormat};
use crate::rules::unit_test::{AGENT, Watched};

/// As long as an entry that was fought over is left alone.
const FIGHT_SHOWN_FOR: Duration = Duration::from_mins(15);
/// Two runs at the default interval: what is refused again and again stays visible without a break.
const REFUSAL_SHOWN_FOR: Duration = Duration::from_hours(2);

pub(super) fn permission_error(rule: &PermissionRule) -> Alert {
    let name = names::FILE_PERMISSION_ERRORS;
    let path = rule.path.to_string_lossy();
    let labels = [&[("path", path.as_ref())], &AGENT[..]].concat();
    let sustained_for = MINUTE;
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
        anchor: "permissionerror",
        cases: Watched { name, labels: &labels }.over(0, sustained_for),
    }
}

pub(super) fn permission_fight() -> Alert {
    let name = names::PERMISSION_FIGHTS;
    let labels = [&[("rule", "web")], &AGENT[..]].concat();
    Alert {
        name: "EvenkeelPermissionFight".into(),
        expr: Selector::new(name).increase(FIGHT_SHOWN_FOR).above(0_u64),
        sustained_for: Duration::ZERO,
        severity: Severity::Warning,
        labels: Vec::new(),
        summary: on_instance(Template::new().text("Somebody undoes the repairs of ").label("rule")),
        description: Template::new()
            .value(ValueFormat::Whole)
            .text(" times in 15 minutes an entry of the rule ")
            .label("rule")
            .text(" was put wrong again so often that it is now left alone for a while; `evenkeel why ")
            .label("rule")
            .text("` names who did it, as far as the kernel tells."),
        anchor: "evenkeelpermissionfight",
        cases: Watched { name, labels: &labels }.counted(FIGHT_SHOWN_FOR),
    }
}

pub(super) fn cleanup_refused() -> Alert {
    let name = names::CLEANUP_REFUSALS;
    let labels = [&[("rule", "logs")], &AGENT[..]].concat();
    Alert {
        name: "EvenkeelCleanupRefused".into(),
        expr: Selector::new(name).increase(REFUSAL_SHOWN_FOR).above(0_u64),
        sustained_for: Duration::ZERO,
        severity: Severity::Warning,
        labels: Vec::new(),
        summary: on_instance(Template::new().text("Cleanup ").label("rule"))
            .text(" takes nothing away"),
        description: Template::new()
            .value(ValueFormat::Whole)
            .text(" runs of the rule ")
            .label("rule")
            .text(" in two hours were refused: it could not be carried out, or would have taken more than it may. Nothing was deleted; the disk may fill up."),
        anchor: "evenkeelcleanuprefused",
        cases: Watched { name, labels: &labels }.counted(REFUSAL_SHOWN_FOR),
    }
}
