//! Checks, their breakers, and what is done where one is down.

use std::time::Duration;

use super::{MINUTE, on_instance};
use crate::names;
use crate::rules::alert::{Alert, Severity};
use crate::rules::expr::{Aggregation, Grouping, Matching, Selector, SetOperator};
use crate::rules::template::{Template, ValueFormat};
use crate::rules::unit_test::{AGENT, Case, Watched};
use crate::{BreakerState, CheckState};

pub(super) fn down() -> Alert {
    let name = names::CHECK_UP;
    let labels = [&[("check", "health")], &AGENT[..]].concat();
    // A restart that is verified takes less.
    let sustained_for = 5 * MINUTE;
    let held = [&[("check", "health"), ("state", CheckState::Held.as_str())], &AGENT[..]].concat();
    let mut cases = Watched { name, labels: &labels }.sustained(1, 0, sustained_for);
    cases.push(
        Case::new("one that a person holds is none", MINUTE)
            .series(name, &labels, "0x20")
            .series(names::CHECK_STATE, &held, "1x20")
            .quiet(10)
            .quiet(20),
    );
    Alert {
        name: "EvenkeelCheckDown".into(),
        expr: Selector::new(name).instant().is(0_u64).combine(
            SetOperator::Unless,
            Matching::ignoring(&["state"]),
            Selector::new(names::CHECK_STATE)
                .with("state", CheckState::Held.as_str())
                .instant()
                .is(1_u64),
        ),
        sustained_for,
        severity: Severity::Critical,
        labels: Vec::new(),
        summary: on_instance(Template::new().text("Check ").label("check")).text(" is down"),
        description: on_instance(Template::new().text("The check ").label("check"))
            .text(" has been down for five minutes in spite of what was done about it; `evenkeel why ")
            .label("check")
            .text("` says what."),
        anchor: "evenkeelcheckdown",
        cases,
    }
}

pub(super) fn flapping() -> Alert {
    let name = names::CHECK_STATE;
    let state = CheckState::Flapping.as_str();
    let labels = [&[("check", "health"), ("state", state)], &AGENT[..]].concat();
    let sustained_for = 5 * MINUTE;
    Alert {
        name: "EvenkeelCheckFlapping".into(),
        expr: Selector::new(name).with("state", state).instant().is(1_u64),
        sustained_for,
        severity: Severity::Warning,
        labels: Vec::new(),
        summary: on_instance(Template::new().text("Check ").label("check"))
            .text(" goes up and down"),
        description: on_instance(Template::new().text("The check ").label("check"))
            .text(
                " changes so often that nothing is done about it until it is calm; `evenkeel why ",
            )
            .label("check")
            .text("` shows its changes."),
        anchor: "evenkeelcheckflapping",
        cases: Watched { name, labels: &labels }.sustained(0, 1, sustained_for),
    }
}

pub(super) fn breaker_open() -> Alert {
    let name = names::BREAKER_STATE;
    let state = BreakerState::Closed.as_str();
    let series = [&[("breaker", "health"), ("state", state)], &AGENT[..]].concat();
    let labels = [&[("breaker", "health")], &AGENT[..]].concat();
    let sustained_for = 5 * MINUTE;
    Alert {
        name: "EvenkeelBreakerOpen".into(),
        // Not closed rather than open: each trial makes it half open for a moment, and that must not start the time again.
        expr: Selector::new(name)
            .with("state", state)
            .instant()
            .aggregate(Aggregation::Max, Grouping::without(&["state"]))
            .is(0_u64),
        sustained_for,
        severity: Severity::Warning,
        labels: Vec::new(),
        summary: on_instance(Template::new().text("Breaker of ").label("breaker"))
            .text(" does not close"),
        description: on_instance(Template::new().text("So many attempts of ").label("breaker"))
            .text(" fail that most are no longer made, and every trial since has failed too."),
        anchor: "evenkeelbreakeropen",
        cases: Watched { name, labels: &series }.sustained_as(&labels, 1, 0, sustained_for),
    }
}

pub(super) fn recovery_exhausted() -> Alert {
    let name = names::RECOVERY_EXHAUSTED;
    let labels = [&[("target", "worker")], &AGENT[..]].concat();
    Alert {
        name: "EvenkeelRecoveryExhausted".into(),
        expr: Selector::new(name).instant().above(0_u64),
        sustained_for: Duration::ZERO,
        severity: Severity::Critical,
        labels: Vec::new(),
        summary: Template::new().text("Recovery of ").label("target").text(" is used up"),
        description: on_instance(
            Template::new()
                .label("target")
                .text(" is down, and its steps or its budget are used up"),
        )
        .text("; until there is room it gets one attempt each `slow_retry` at most. `evenkeel why ")
        .label("target")
        .text("` says what was done."),
        anchor: "evenkeelrecoveryexhausted",
        cases: Watched { name, labels: &labels }.sustained(0, 1, Duration::ZERO),
    }
}

pub(super) fn recovery_budget_low() -> Alert {
    let name = names::RECOVERY_BUDGET_REMAINING;
    let labels = [&[("target", "worker")], &AGENT[..]].concat();
    let sustained_for = MINUTE;
    let with_limit = |case: Case| case.series(names::RECOVERY_BUDGET_LIMIT, &labels, "3x50");
    let mut cases: Vec<Case> = Watched { name, labels: &labels }
        .sustained(2, 1, sustained_for)
        .into_iter()
        .map(with_limit)
        .collect();
    cases.push(
        Case::new("a budget of one that is whole is none", MINUTE)
            .series(name, &labels, "1x20")
            .series(names::RECOVERY_BUDGET_LIMIT, &labels, "1x20")
            .quiet(10)
            .quiet(20),
    );
    let remaining = || Selector::new(name).instant();
    Alert {
        name: "EvenkeelRecoveryBudgetLow".into(),
        // A budget of one action has one left before anything happened.
        expr: remaining()
            .compare(crate::rules::expr::Comparison::AtMost, 1_u64)
            .and(remaining().below(Selector::new(names::RECOVERY_BUDGET_LIMIT).instant())),
        sustained_for,
        severity: Severity::Warning,
        labels: Vec::new(),
        summary: on_instance(Template::new().text("Recovery of ").label("target"))
            .text(" has used most of its budget"),
        description: Template::new()
            .text("The budget of ")
            .label("target")
            .text(" allows ")
            .value(ValueFormat::Whole)
            .text(" more actions in its window; after that it is left alone until actions of before are old enough."),
        anchor: "evenkeelrecoverybudgetlow",
        cases,
    }
}
