//! What an alert rule is.

use std::time::Duration;

use super::expr::{Element, Expr, Labels};
use super::template::Template;
use super::unit_test::Case;

/// The page of the documentation that explains every alert.
pub(super) const RUNBOOK: &str = "docs/alerts.md";

/// An alert rule: what must hold for how long, and what people are told then.
#[derive(Debug, Clone)]
pub struct Alert {
    /// Its name.
    pub name: String,
    /// It fires for each element of this,
    pub expr: Expr,
    /// once that has been there for so long without a break.
    pub sustained_for: Duration,
    /// How soon somebody must look.
    pub severity: Severity,
    /// Further labels that it adds.
    pub labels: Vec<(&'static str, String)>,
    /// One line that says what is wrong.
    pub summary: Template,
    /// What was measured, and what that means.
    pub description: Template,
    /// The heading of the runbook that says what to do, as a link has it.
    pub anchor: &'static str,
    pub(super) cases: Vec<Case>,
}

/// How soon somebody must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Within days: a ticket.
    Warning,
    /// Now: a page.
    Critical,
}

/// An alert that fires for one element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// The labels of the element and of the rule; those of the rule win. The name of the alert is `alertname`.
    pub labels: Labels,
    /// Names and texts.
    pub annotations: Vec<(&'static str, String)>,
}

impl Severity {
    /// The value of the label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl Alert {
    /// The labels that it adds, its severity first.
    pub fn added_labels(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let others = self.labels.iter().map(|(name, value)| (*name, value.as_str()));
        [("severity", self.severity.as_str())].into_iter().chain(others)
    }

    /// Where it says what to do when it fires.
    pub fn runbook(&self) -> String {
        format!("{RUNBOOK}#{}", self.anchor)
    }

    /// What is sent when it fires for `element`.
    pub fn firing(&self, element: &Element) -> Firing {
        let mut labels = element.labels.clone().without_name();
        for (name, value) in self.added_labels() {
            labels.set(name, value);
        }
        labels.set("alertname", &self.name);
        let Element { labels: of, value } = element;
        let annotations = vec![
            ("summary", self.summary.fill(of, *value)),
            ("description", self.description.fill(of, *value)),
            ("runbook", self.runbook()),
        ];
        Firing { labels, annotations }
    }
}
