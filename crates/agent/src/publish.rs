//! What the engine says, as metrics. The only place where a record or a status becomes a series.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use evenkeel_config::Settings;
use evenkeel_engine::{Count, Outcome, Record, Status};
use evenkeel_metrics::{
    BreakerState, CheckState, CleanupAction, FailureReason, Metrics, ProcessMemory,
    RecoveryOutcome, RepairKind,
};
use evenkeel_probe::FailureClass;

/// Turns facts into metrics, and forgets the series of what the settings no longer name.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) metrics: Arc<Metrics>,
    targets: BTreeSet<String>,
}

impl Publisher {
    pub(crate) fn new(started: SystemTime) -> Self {
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), started));
        Self { metrics, targets: BTreeSet::new() }
    }

    /// Makes each series of the settings exist from the start, so that a rate can be taken of its first event.
    pub(crate) fn add(&self, settings: &Settings) {
        for rule in &settings.permissions {
            self.metrics.add_permission_rule(&rule.name);
        }
        for rule in &settings.cleanup {
            let action = rule.policy.action();
            self.metrics.add_cleanup_rule(&rule.name, cleanup_action(action.as_str()));
            if action.kind() == evenkeel_cleanup::ActionKind::Trash {
                self.metrics.add_cleanup_rule(&rule.name, CleanupAction::Purge);
            }
        }
        for check in &settings.checks {
            self.metrics.add_check(&check.name);
        }
    }

    /// Forgets what `settings` named; the new settings are added next.
    pub(crate) fn forget(&mut self, settings: &Settings) {
        for rule in &settings.permissions {
            self.metrics.forget_permission_rule(&rule.name, rule.policy.path());
        }
        for rule in &settings.cleanup {
            self.metrics.forget_cleanup_rule(&rule.name);
        }
        for check in &settings.checks {
            self.metrics.forget_check(&check.name);
            self.metrics.forget_breaker(&check.name);
        }
        for target in std::mem::take(&mut self.targets) {
            self.metrics.forget_recovery(&target);
        }
    }

    pub(crate) fn record(&self, record: &Record) {
        match record {
            Record::Repaired { rule, what, .. } => {
                self.metrics.permissions_repaired(rule, repair_kind(what), 1);
            }
            Record::RepairedMore { rule, what, entries } => {
                self.metrics.permissions_repaired(rule, repair_kind(what), *entries as u64);
            }
            Record::Fought { rule, .. } => self.metrics.permission_fought(rule),
            Record::Cleaned { rule, action, entries, bytes, .. } => {
                self.metrics.cleaned(rule, cleanup_action(action), *entries as u64, *bytes);
            }
            Record::Purged { rule, entries, bytes } => {
                self.metrics.cleaned(rule, CleanupAction::Purge, *entries, *bytes);
            }
            Record::Refused { target, cause, action, .. } => {
                self.metrics.recovery_decided(
                    target,
                    action,
                    cause,
                    RecoveryOutcome::Refused,
                    None,
                );
            }
            Record::Judged { target, cause, action, outcome, .. } => {
                let outcome = match outcome {
                    Outcome::Recovered => RecoveryOutcome::Recovered,
                    Outcome::Relapsed => RecoveryOutcome::Relapsed,
                    Outcome::Failed => RecoveryOutcome::Failed,
                };
                self.metrics.recovery_decided(target, action, cause, outcome, None);
            }
            _ => {}
        }
    }

    pub(crate) fn count(&self, count: &Count) {
        match count {
            Count::Attempt { check, took, failure } => {
                self.metrics.observe_attempt(check, *took, failure.map(failure_reason), None);
            }
            Count::Overrun { check } => self.metrics.check_overran(check),
        }
    }

    /// Sets every gauge to what `status` says.
    pub(crate) fn status(&mut self, status: &Status) {
        self.metrics.set_observe_only(status.mode == "observe");
        let mut errors = std::collections::BTreeMap::<&str, u64>::new();
        for rule in status.rules.iter().filter(|rule| rule.kind == "permissions") {
            *errors.entry(&rule.path).or_default() += rule.errors_now as u64;
        }
        for (path, entries) in errors {
            self.metrics.set_permission_errors(Path::new(path), entries);
        }
        for check in &status.checks {
            let state = by_name(CheckState::ALL, CheckState::as_str, &check.state);
            let up = match state {
                CheckState::Unknown => None,
                CheckState::Down | CheckState::Recovering => Some(false),
                _ => Some(true),
            };
            // What keeps it from being acted on is what is to be seen first; whether it is up is a metric of its own.
            let shown = match (check.held, check.flapping) {
                (true, _) => CheckState::Held,
                (false, true) => CheckState::Flapping,
                (false, false) => state,
            };
            self.metrics.set_check(&check.name, shown, up);
            if let Some(breaker) = &check.breaker {
                let state = by_name(BreakerState::ALL, BreakerState::as_str, breaker);
                self.metrics.set_breaker(&check.name, state);
            }
            if ["process", "supervisor", "systemd"].contains(&check.kind.as_str()) {
                let eta = check.limit_eta_seconds.map(Duration::from_secs_f64);
                self.metrics.set_memory_limit_eta(&check.name, eta);
            }
            if check.kind == "process" {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a count of bytes that was an integer before it became a fact"
                )]
                self.metrics.set_process_memory(
                    &check.name,
                    ProcessMemory {
                        resident: check.rss_bytes.map(|bytes| bytes as u64),
                        ..ProcessMemory::default()
                    },
                );
            }
        }
        for recovery in &status.recoveries {
            self.metrics.set_recovery_budget(&recovery.target, recovery.budget_remaining);
            self.metrics.set_recovery_exhausted(&recovery.target, recovery.phase == "exhausted");
            self.targets.insert(recovery.target.clone());
        }
    }
}

fn by_name<Label: Copy>(all: &[Label], name: fn(Label) -> &'static str, wanted: &str) -> Label {
    // Every state of the cores has its label; a test below holds them together.
    all.iter().copied().find(|label| name(*label) == wanted).unwrap_or(all[0])
}

fn repair_kind(what: &str) -> RepairKind {
    by_name(RepairKind::ALL, RepairKind::as_str, what)
}

fn cleanup_action(action: &str) -> CleanupAction {
    by_name(CleanupAction::ALL, CleanupAction::as_str, action)
}

fn failure_reason(class: FailureClass) -> FailureReason {
    by_name(FailureReason::ALL, FailureReason::as_str, class.as_str())
}

#[cfg(test)]
mod tests {
    use evenkeel_health::State;
    use evenkeel_recovery::breaker;

    use super::*;

    #[test]
    fn every_state_of_the_cores_has_its_label() {
        let states = [
            State::Unknown,
            State::Up,
            State::Suspect { failures: 1 },
            State::Down,
            State::Recovering { successes: 1 },
            State::Degraded,
        ];
        for state in states {
            assert!(
                CheckState::ALL.iter().any(|label| label.as_str() == state.as_str()),
                "{state:?}"
            );
        }
        for kind in evenkeel_cleanup::ActionKind::ALL {
            assert_eq!(cleanup_action(kind.as_str()).as_str(), kind.as_str());
        }
        for state in [
            breaker::BreakerState::Closed,
            breaker::BreakerState::Open,
            breaker::BreakerState::HalfOpen,
        ] {
            assert!(
                BreakerState::ALL.iter().any(|label| label.as_str() == state.as_str()),
                "{state:?}"
            );
        }
    }
}
