//! Checks, breakers, and the processes that checks watch.

use std::time::{Duration, SystemTime};

use prometheus_client::metrics::gauge::Gauge;

use super::{Exemplar, Metrics, signed};
use crate::family::Family;
use crate::labels::{BreakerState, CheckState, Collector, FailureReason};

/// The incident that a fact belongs to; `OpenMetrics` pages show it as an exemplar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incident {
    /// Its number, as `evenkeel why` takes it.
    pub id: u64,
    /// When the fact was noted.
    pub at: SystemTime,
}

impl Incident {
    pub(super) fn exemplar(self) -> Exemplar {
        [("incident", self.id.to_string())]
    }
}

/// The memory of a watched process in bytes; `None`: it does not run, or that is not to be had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessMemory {
    /// Resident.
    pub resident: Option<u64>,
    /// Resident, with what it shares with others counted in part.
    pub pss: Option<u64>,
    /// Swapped out.
    pub swap: Option<u64>,
    /// Of its whole control group.
    pub cgroup: Option<u64>,
}

impl Metrics {
    /// Starts a check: unknown, no attempt, no failure for any reason, no overrun.
    pub fn add_check(&self, check: &str) {
        self.set_check(check, CheckState::Unknown, None);
        self.check_duration.with([check], |_| {});
        for reason in FailureReason::ALL {
            self.check_failures.add([check, reason.as_str()], 0);
        }
        self.check_overruns.add([check], 0);
    }

    /// Says in which state a check is, and whether it counts as up, down or neither.
    ///
    /// The two are apart because a suspect check is still up, and a recovering one still down.
    pub fn set_check(&self, check: &str, state: CheckState, up: Option<bool>) {
        self.check_state.set_state(
            check,
            CheckState::ALL.iter().map(|state| state.as_str()),
            state.as_str(),
        );
        match up {
            Some(up) => self.check_up.set([check], i64::from(up)),
            None => self.check_up.remove([check]),
        }
    }

    /// Notes one attempt, why it failed if it did, and the incident that it belongs to if there is one.
    pub fn observe_attempt(
        &self,
        check: &str,
        took: Duration,
        failure: Option<FailureReason>,
        incident: Option<Incident>,
    ) {
        self.check_duration.with([check], |attempts| {
            let exemplar = incident.map(|incident| (incident.exemplar(), incident.at));
            attempts.observe(took.as_secs_f64(), exemplar);
        });
        if let Some(reason) = failure {
            self.check_failures.add([check, reason.as_str()], 1);
        }
    }

    /// Counts a run that was left out because the one before still ran.
    pub fn check_overran(&self, check: &str) {
        self.check_overruns.add([check], 1);
    }

    /// Takes away all series of a check, and of the process that it watches.
    pub fn forget_check(&self, check: &str) {
        self.check_up.forget("check", check);
        self.check_state.forget("check", check);
        self.check_duration.forget("check", check);
        self.check_failures.forget("check", check);
        self.check_overruns.forget("check", check);
        self.set_process_memory(check, ProcessMemory::default());
        self.set_memory_limit(check, None);
        self.set_memory_limit_eta(check, None);
        for collector in [Collector::Process, Collector::Supervisor, Collector::Systemd] {
            self.forget_collector(collector, check);
        }
    }

    /// Says in which state a breaker is.
    pub fn set_breaker(&self, breaker: &str, state: BreakerState) {
        self.breaker_state.set_state(
            breaker,
            BreakerState::ALL.iter().map(|state| state.as_str()),
            state.as_str(),
        );
    }

    /// Takes away all series of a breaker.
    pub fn forget_breaker(&self, breaker: &str) {
        self.breaker_state.forget("breaker", breaker);
    }

    /// Says how much memory a watched process has.
    pub fn set_process_memory(&self, process: &str, memory: ProcessMemory) {
        set_or_remove(&self.watched_resident, process, memory.resident);
        set_or_remove(&self.watched_pss, process, memory.pss);
        set_or_remove(&self.watched_swap, process, memory.swap);
        set_or_remove(&self.watched_cgroup, process, memory.cgroup);
    }

    /// Says above how much resident memory a watched process has too much, or that nobody said.
    pub fn set_memory_limit(&self, process: &str, bytes: Option<u64>) {
        set_or_remove(&self.memory_limit, process, bytes);
    }

    /// Says how long a watched process likely takes to its limit, or that it shows no trend.
    pub fn set_memory_limit_eta(&self, process: &str, eta: Option<Duration>) {
        set_or_remove(&self.memory_limit_eta, process, eta.map(|eta| eta.as_secs()));
    }
}

fn set_or_remove(family: &Family<1, Gauge>, subject: &str, value: Option<u64>) {
    match value {
        Some(value) => family.set([subject], signed(value)),
        None => family.remove([subject]),
    }
}
