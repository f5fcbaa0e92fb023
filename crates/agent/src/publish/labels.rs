//! Words of the cores as labels.

use evenkeel_config::Check;
use evenkeel_engine::Outcome;
use evenkeel_metrics::{
    BreakerState, CheckState, CleanupAction, Collector, FailureReason, RecoveryOutcome, RepairKind,
};
use evenkeel_probe::{FailureClass, Target, Test};

/// The figure that a limit of memory is set on.
const RESIDENT: &str = "rss_bytes";

fn by_name<Label: Copy>(all: &[Label], name: fn(Label) -> &'static str, wanted: &str) -> Label {
    // Every word of the cores has its label; a test below holds them together.
    all.iter().copied().find(|label| name(*label) == wanted).unwrap_or(all[0])
}

pub(super) fn check_state(state: &str) -> CheckState {
    by_name(CheckState::ALL, CheckState::as_str, state)
}

pub(super) fn breaker_state(state: &str) -> BreakerState {
    by_name(BreakerState::ALL, BreakerState::as_str, state)
}

pub(super) fn repair_kind(what: &str) -> RepairKind {
    by_name(RepairKind::ALL, RepairKind::as_str, what)
}

pub(super) fn cleanup_action(action: &str) -> CleanupAction {
    by_name(CleanupAction::ALL, CleanupAction::as_str, action)
}

pub(super) fn failure_reason(class: FailureClass) -> FailureReason {
    by_name(FailureReason::ALL, FailureReason::as_str, class.as_str())
}

pub(super) const fn recovery_outcome(outcome: Outcome) -> RecoveryOutcome {
    match outcome {
        Outcome::Recovered => RecoveryOutcome::Recovered,
        Outcome::Relapsed => RecoveryOutcome::Relapsed,
        Outcome::Failed => RecoveryOutcome::Failed,
    }
}

/// Who looks at what a check of the host itself watches; what answers over a network is no part of the host.
pub(super) const fn collector(target: &Target) -> Option<Collector> {
    match target {
        Target::Process(_) => Some(Collector::Process),
        Target::Supervisor(_) => Some(Collector::Supervisor),
        Target::Systemd(_) => Some(Collector::Systemd),
        _ => None,
    }
}

/// The lowest limit of resident memory that a check's conditions set.
pub(super) fn memory_limit(check: &Check) -> Option<u64> {
    let limits = check.conditions.iter().filter(|condition| condition.field == RESIDENT);
    let limits = limits.filter_map(|condition| match condition.test {
        Test::Above(limit) | Test::AtLeast(limit) | Test::Reaches { limit, falling: false, .. } => {
            Some(limit)
        }
        _ => None,
    });
    limits.min_by(f64::total_cmp).map(whole)
}

/// A figure that was a whole number before it became a fact.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, which is what is meant"
)]
pub(super) const fn whole(figure: f64) -> u64 {
    figure as u64
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
            assert_eq!(check_state(state.as_str()).as_str(), state.as_str());
        }
        for kind in evenkeel_cleanup::ActionKind::ALL {
            assert_eq!(cleanup_action(kind.as_str()).as_str(), kind.as_str());
        }
        for state in [
            breaker::BreakerState::Closed,
            breaker::BreakerState::Open,
            breaker::BreakerState::HalfOpen,
        ] {
            assert_eq!(breaker_state(state.as_str()).as_str(), state.as_str());
        }
    }
}
