//! A check as its gauges show it.

use std::time::Duration;

use evenkeel_engine::CheckStatus;
use evenkeel_metrics::{BreakerState, CheckState, ProcessMemory};

use super::labels::{self, whole};

/// What becomes gauges of a check.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shown {
    pub(super) state: CheckState,
    pub(super) up: Option<bool>,
    pub(super) breaker: Option<BreakerState>,
    /// Of a check that watches a process.
    pub(super) process: Option<(ProcessMemory, Option<Duration>)>,
}

impl Shown {
    pub(super) fn of(check: &CheckStatus) -> Self {
        let state = labels::check_state(&check.state);
        let watches = ["process", "supervisor", "systemd"].contains(&check.kind.as_str());
        Self {
            // What keeps it from being acted on is what is to be seen first; whether it is up is a metric of its own.
            state: match (check.held, check.flapping) {
                (true, _) => CheckState::Held,
                (false, true) => CheckState::Flapping,
                (false, false) => state,
            },
            up: match state {
                CheckState::Unknown => None,
                CheckState::Down | CheckState::Recovering => Some(false),
                _ => Some(true),
            },
            breaker: check.breaker.as_deref().map(labels::breaker_state),
            process: watches.then(|| {
                let memory = ProcessMemory {
                    resident: check.rss_bytes.map(whole),
                    pss: check.pss_bytes.map(whole),
                    swap: check.swap_bytes.map(whole),
                    cgroup: check.cgroup_memory_bytes.map(whole),
                };
                (memory, check.limit_eta_seconds.map(Duration::from_secs_f64))
            }),
        }
    }
}
