//! What one process uses, and the page that says so under the names that Prometheus clients agree on.

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::encode::{encode, register};
use crate::{Format, names};

/// Use of resources by one process.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ProcessStats {
    /// Resident memory.
    pub resident_bytes: u64,
    /// Virtual memory.
    pub virtual_bytes: u64,
    /// User and system time since the start.
    pub cpu_seconds: f64,
    /// Open descriptors; only the owner and root may count them.
    pub open_fds: Option<u64>,
    /// Limit of open descriptors; `None` also if there is no limit.
    pub max_fds: Option<u64>,
    /// Start, in seconds since 1970.
    pub start_time_seconds: f64,
}

/// The page of one process, for a scrape job of its own.
///
/// Serve it only while the process runs: with an answer of 503 the job's `up` is 0 and rules can tell.
pub fn process_page(stats: &ProcessStats, format: Format) -> String {
    let mut registry = Registry::default();
    register(
        &mut registry,
        names::PROCESS_CPU,
        "User and system processor time spent",
        ConstCounter::new(stats.cpu_seconds),
    );
    if let Some(open_fds) = stats.open_fds {
        register(
            &mut registry,
            names::PROCESS_OPEN_FDS,
            "Open file descriptors",
            ConstGauge::new(open_fds),
        );
    }
    if let Some(max_fds) = stats.max_fds {
        register(
            &mut registry,
            names::PROCESS_MAX_FDS,
            "Limit of open file descriptors",
            ConstGauge::new(max_fds),
        );
    }
    register(
        &mut registry,
        names::PROCESS_VIRTUAL_MEMORY,
        "Virtual memory",
        ConstGauge::new(stats.virtual_bytes),
    );
    register(
        &mut registry,
        names::PROCESS_RESIDENT_MEMORY,
        "Resident memory",
        ConstGauge::new(stats.resident_bytes),
    );
    register(
        &mut registry,
        names::PROCESS_START_TIME,
        "Start in seconds since 1970",
        ConstGauge::new(stats.start_time_seconds),
    );
    encode(&registry, format)
}
