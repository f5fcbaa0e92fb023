//! Availability objectives and alerts.

use super::{Metrics, signed};
use crate::family::{Family, FloatGauge};
use crate::labels::{BurnWindow, NotificationOutcome, SliceVerdict};

/// What an objective's window comes to; `None`: nothing is known yet, or nothing counts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SloFigures {
    /// Share of good slices among those that count.
    pub availability: Option<f64>,
    /// Share of the error budget that is left; negative once more is spent than there was.
    pub error_budget_remaining: Option<f64>,
    /// Share of slices about which something is known.
    pub coverage: Option<f64>,
}

impl Metrics {
    /// Starts the counters of an objective at zero, and says what share of its slices shall be good.
    pub fn add_slo(&self, slo: &str, objective: f64) {
        for verdict in SliceVerdict::ALL {
            self.slo_slices.add([slo, verdict.as_str()], 0);
        }
        self.slo_objective.set([slo], objective);
    }

    /// Counts slices of an objective that were settled.
    pub fn slo_slices(&self, slo: &str, verdict: SliceVerdict, slices: u64) {
        self.slo_slices.add([slo, verdict.as_str()], slices);
    }

    /// Says what an objective's window comes to.
    pub fn set_slo(&self, slo: &str, figures: SloFigures) {
        set_or_remove(&self.availability, [slo], figures.availability);
        set_or_remove(&self.error_budget, [slo], figures.error_budget_remaining);
        set_or_remove(&self.coverage, [slo], figures.coverage);
    }

    /// Says how fast an objective's budget was spent over `window`, or that nothing is known of it.
    pub fn set_slo_burn_rate(&self, slo: &str, window: BurnWindow, rate: Option<f64>) {
        set_or_remove(&self.burn_rate, [slo, window.as_str()], rate);
    }

    /// Takes away all series of an objective.
    pub fn forget_slo(&self, slo: &str) {
        self.slo_slices.forget("slo", slo);
        self.slo_objective.forget("slo", slo);
        self.set_slo(slo, SloFigures::default());
        self.burn_rate.forget("slo", slo);
    }

    /// Starts the counters of a receiver of alerts at zero.
    pub fn add_alert_receiver(&self, receiver: &str) {
        for outcome in NotificationOutcome::ALL {
            self.notifications.add([receiver, outcome.as_str()], 0);
        }
    }

    /// Counts a notification to a receiver of alerts.
    pub fn alert_notified(&self, receiver: &str, outcome: NotificationOutcome) {
        self.notifications.add([receiver, outcome.as_str()], 1);
    }

    /// Takes away all series of a receiver of alerts.
    pub fn forget_alert_receiver(&self, receiver: &str) {
        self.notifications.forget("receiver", receiver);
    }

    /// Says how many alerts of a severity fire now; say 0 of one that no alert has any more.
    pub fn set_alerts_firing(&self, severity: &str, firing: u64) {
        self.alerts_firing.set([severity], signed(firing));
    }

    /// Takes away the series of a severity that the settings no longer have.
    pub fn forget_alerts(&self, severity: &str) {
        self.alerts_firing.remove([severity]);
    }
}

fn set_or_remove<const N: usize>(
    family: &Family<N, FloatGauge>,
    labels: [&str; N],
    value: Option<f64>,
) {
    match value {
        Some(value) => family.set(labels, value),
        None => family.remove(labels),
    }
}
