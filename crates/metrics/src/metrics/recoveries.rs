//! Recoveries and their budgets.

use super::{Incident, Metrics};
use crate::labels::RecoveryOutcome;

/// A target whose actions, causes and outcomes make more series than this has those alone that happened.
const MOST_DECISIONS: usize = 64;

impl Metrics {
    /// Starts a target of a recovery: no decision yet to take one of `actions` because of one of `causes`.
    ///
    /// Not where these would be more than 64 series, for it is what happened that people look for.
    pub fn add_recovery(&self, target: &str, actions: &[&str], causes: &[String]) {
        if actions.len() * causes.len() * RecoveryOutcome::ALL.len() > MOST_DECISIONS {
            return;
        }
        for (action, cause) in
            actions.iter().flat_map(|action| causes.iter().map(move |cause| (action, cause)))
        {
            for outcome in RecoveryOutcome::ALL {
                self.recovery_actions.with([target, action, cause, outcome.as_str()], |_| {});
            }
        }
    }

    /// Counts one decision: `action` is the name of what was or would have been done, `cause` the check that asked for it.
    pub fn recovery_decided(
        &self,
        target: &str,
        action: &str,
        cause: &str,
        outcome: RecoveryOutcome,
        incident: Option<Incident>,
    ) {
        self.recovery_actions.with([target, action, cause, outcome.as_str()], |decisions| {
            let exemplar = incident.map(Incident::exemplar);
            decisions.inc_by(1, exemplar, incident.map(|incident| incident.at));
        });
    }

    /// Says how many actions the budget of a target still allows.
    pub fn set_recovery_budget(&self, target: &str, remaining: u32) {
        self.recovery_budget.set([target], i64::from(remaining));
    }

    /// Says how many actions the budget of a target allows in its window.
    pub fn set_recovery_budget_limit(&self, target: &str, limit: u32) {
        self.recovery_budget_limit.set([target], i64::from(limit));
    }

    /// Says whether a recovery has given up and needs a person.
    pub fn set_recovery_exhausted(&self, target: &str, exhausted: bool) {
        self.recovery_exhausted.set([target], i64::from(exhausted));
    }

    /// Takes away all series of a recovery's target.
    pub fn forget_recovery(&self, target: &str) {
        self.recovery_actions.forget("target", target);
        self.recovery_budget.forget("target", target);
        self.recovery_budget_limit.forget("target", target);
        self.recovery_exhausted.forget("target", target);
    }
}
