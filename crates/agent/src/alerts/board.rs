//! What the page and the dead man see of alerts.

use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_engine::AlertStatus;
use jiff::{SignedDuration, Timestamp};

use super::state::{Alert, Phase};

/// Shared between the task that evaluates and those who ask.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board(Arc<Mutex<Shown>>);

#[derive(Debug, Default)]
struct Shown {
    alerts: Vec<AlertStatus>,
    /// When the next evaluation is overdue, by the steady clock; `None`: none is expected.
    overdue_at: Option<Timestamp>,
}

impl Board {
    /// The alerts, those that fire first.
    pub(crate) fn alerts(&self) -> Vec<AlertStatus> {
        self.lock().alerts.clone()
    }

    /// Whether evaluations come as they should.
    pub(crate) fn is_current(&self, now: Timestamp) -> bool {
        self.lock().overdue_at.is_none_or(|overdue_at| now <= overdue_at)
    }

    /// Shows what an evaluation came to.
    pub(crate) fn show<'a>(
        &self,
        alerts: impl Iterator<Item = &'a Alert>,
        ahead: SignedDuration,
        overdue_at: Option<Timestamp>,
    ) {
        let mut alerts: Vec<_> = alerts.map(|alert| status(alert, ahead)).collect();
        let rank = |alert: &AlertStatus| match alert.state.as_str() {
            "firing" => 0,
            "pending" => 1,
            _ => 2,
        };
        alerts.sort_by(|left, right| {
            (rank(left), &left.name, &left.labels).cmp(&(rank(right), &right.name, &right.labels))
        });
        *self.lock() = Shown { alerts, overdue_at };
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn status(alert: &Alert, ahead: SignedDuration) -> AlertStatus {
    let (state, since) = match alert.phase {
        Phase::Pending => ("pending", alert.active_at),
        Phase::Firing => ("firing", alert.fired_at),
        Phase::Resolved => ("resolved", alert.resolved_at.unwrap_or(alert.fired_at)),
    };
    let text = |name: &str| alert.annotations.get(name).cloned().unwrap_or_default();
    AlertStatus {
        name: alert.label("alertname").to_owned(),
        severity: alert.label("severity").to_owned(),
        state: state.to_owned(),
        since: since.checked_add(ahead).unwrap_or(since),
        summary: text("summary"),
        description: text("description"),
        value: alert.value.is_finite().then_some(alert.value),
        labels: alert.labels.clone(),
    }
}
