//! Error budgets: how fast they are spent, over several windows at once.

use std::time::Duration;

use super::MINUTE;
use crate::availability::{BURN_RULES, BurnRule, Decimal};
use crate::names;
use crate::rules::alert::{Alert, Severity};
use crate::rules::expr::{Arithmetic, Expr, Matching, Selector, SetOperator};
use crate::rules::inputs::Objective;
use crate::rules::recording::Recording;
use crate::rules::template::{Template, ValueFormat};
use crate::rules::unit_test::{AGENT, Case, Watched, burn};
use crate::{BurnWindow, SliceVerdict};

/// Of the budget; what is left then is a few minutes of most.
const LOW: Decimal = Decimal::thousandths(100);

/// The record of the share of bad slices over a window, named as sloth does.
fn window_name(window: BurnWindow) -> String {
    format!("slo:sli_error:ratio_rate{}", window.as_str())
}

/// The share of bad slices among those that count, over every window, of every objective and instance.
pub(super) fn recordings() -> Vec<Recording> {
    let slices = |verdict: SliceVerdict, window: BurnWindow| {
        Selector::new(names::SLO_SLICES).with("verdict", verdict.as_str()).increase(window.length())
    };
    let apart = || Matching::ignoring(&["verdict"]);
    let record = |window: &BurnWindow| {
        let bad = || slices(SliceVerdict::Bad, *window);
        let counted =
            bad().calculate(Arithmetic::Add, apart().to(slices(SliceVerdict::Good, *window)));
        Recording {
            name: window_name(*window),
            expr: bad().calculate(Arithmetic::Divide, apart().to(counted)),
        }
    };
    BurnWindow::ALL.iter().map(record).collect()
}

/// One alert for what must wake somebody, and one for what must be seen to.
pub(super) fn burns(objective: &Objective) -> Vec<Alert> {
    [Severity::Critical, Severity::Warning]
        .into_iter()
        .filter_map(|severity| burn_alert(objective, severity))
        .collect()
}

/// The rows of the table that can ever fire for this objective.
///
/// At an objective of 90 % a burn of 14.4 is more than all slices. A window longer than the objective's own says nothing of its
/// budget.
fn rows(objective: &Objective, severity: Severity) -> Vec<BurnRule> {
    let possible = |row: &&BurnRule| {
        row.severity == severity.as_str()
            && limit(objective, row) < Decimal::ONE
            && limit(objective, row) > Decimal::ZERO
            && row.long.length() <= objective.promise.window
    };
    BURN_RULES.iter().filter(possible).copied().collect()
}

fn limit(objective: &Objective, row: &BurnRule) -> Decimal {
    row.factor * objective.promise.error_budget()
}

fn burn_alert(objective: &Objective, severity: Severity) -> Option<Alert> {
    let rows = rows(objective, severity);
    let expr = rows.iter().map(|row| row_expr(objective, row)).reduce(Expr::or)?;
    // Some scrapes after a start of the agent, growth is extrapolated from two or three samples, and two bad slices look like
    // four; by then they no longer do.
    let sustained_for = match severity {
        Severity::Critical => 2 * MINUTE,
        Severity::Warning => 15 * MINUTE,
    };
    let (name, anchor, summary) = match severity {
        Severity::Critical => (
            "EvenkeelErrorBudgetBurnFast",
            "evenkeelerrorbudgetburnfast",
            " is being spent within days",
        ),
        Severity::Warning => (
            "EvenkeelErrorBudgetBurnSlow",
            "evenkeelerrorbudgetburnslow",
            " will not last for its window",
        ),
    };
    let promise = &objective.promise;
    let cases = rows.iter().enumerate().flat_map(|(index, row)| {
        let longest = index + 1 == rows.len();
        burn::cases(objective, row, limit(objective, row), sustained_for, longest)
    });
    Some(Alert {
        name: name.into(),
        expr,
        sustained_for,
        severity,
        // The element has it too; in the rule it tells two objectives apart, whose rules have one name.
        labels: vec![("slo", objective.name.clone())],
        summary: Template::new().text("The error budget of ").label("slo").text(summary),
        description: Template::new()
            .value(ValueFormat::Percentage)
            .text(" of the time slices of ")
            .label("slo")
            .text(" on ")
            .label("instance")
            .text(format!(
                " are bad, and it goes on; the objective of {}% allows {}%.",
                promise.objective.percent(),
                promise.error_budget().percent()
            )),
        anchor,
        cases: cases.collect(),
    })
}

/// The longer window burns too fast, the shorter one too, and it is more than a slip of two or three slices.
fn row_expr(objective: &Objective, row: &BurnRule) -> Expr {
    let over = |window| {
        Selector::new(&window_name(window))
            .with("slo", &objective.name)
            .instant()
            .above(limit(objective, row))
    };
    let bad = Selector::new(names::SLO_SLICES)
        .with("slo", &objective.name)
        .with("verdict", SliceVerdict::Bad.as_str())
        .increase(row.long.length())
        .at_least(objective.promise.min_bad);
    over(row.long).and(over(row.short)).combine(
        SetOperator::And,
        Matching::ignoring(&["verdict"]),
        bad,
    )
}

pub(super) fn budget_low() -> Alert {
    let name = names::ERROR_BUDGET_REMAINING;
    let labels = [&[("slo", "workers")], &AGENT[..]].concat();
    let sustained_for = 5 * MINUTE;
    Alert {
        name: "EvenkeelErrorBudgetLow".into(),
        expr: Selector::new(name).instant().below(LOW),
        sustained_for,
        severity: Severity::Warning,
        labels: Vec::new(),
        summary: Template::new().text("The error budget of ").label("slo").text(" is nearly spent"),
        description: Template::new()
            .value(ValueFormat::Percentage)
            .text(" of the error budget of ")
            .label("slo")
            .text(" on ")
            .label("instance")
            .text(" are left for the rest of its window."),
        anchor: "evenkeelerrorbudgetlow",
        cases: budget_cases(&Watched { name, labels: &labels }, sustained_for),
    }
}

fn budget_cases(watched: &Watched<'_>, sustained_for: Duration) -> Vec<Case> {
    let mut cases = watched.sustained(1, 0, sustained_for);
    cases.push(
        Case::new("a tenth is not yet low", MINUTE)
            .series(watched.name, watched.labels, "0.1x20")
            .quiet(20),
    );
    cases
}
