//! What one process uses, and the page that says so under the names that Prometheus clients agree on.

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::encode::{encode, encode_text, register};
use crate::{Format, names};

/// Use of resources by one process.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ProcessStats {
    /// Resident memory.
    pub resident_bytes: u64,
    /// Virtual memory.
    pub virtual_bytes: u64,
    /// Limit of virtual memory; `None` also if there is no limit.
    pub virtual_max_bytes: Option<u64>,
    /// Threads.
    pub threads: u64,
    /// User and system time since the start.
    pub cpu_seconds: f64,
    /// Open descriptors; only the owner and root may count them.
    pub open_fds: Option<u64>,
    /// Limit of open descriptors; `None` also if there is no limit.
    pub max_fds: Option<u64>,
    /// Start, in seconds since 1970.
    pub start_time_seconds: f64,
}

/// The page of one process, for a scrape job of its own: the metrics of [`names::PROCESS_SPECS`].
///
/// Serve it only while the process runs: with an answer of 503 the job's `up` is 0 and rules can tell.
pub fn process_page(stats: &ProcessStats, format: Format) -> Vec<u8> {
    encode(&registry(stats), &Registry::default(), format)
}

/// As [`process_page`], as Prometheus text 0.0.4.
pub fn process_page_text(stats: &ProcessStats) -> String {
    encode_text(&registry(stats))
}

fn registry(stats: &ProcessStats) -> Registry {
    let mut registry = Registry::default();
    for spec in names::PROCESS_SPECS {
        let value = match spec.name {
            names::PROCESS_CPU => {
                register(&mut registry, spec, ConstCounter::new(stats.cpu_seconds));
                continue;
            }
            names::PROCESS_START_TIME => {
                register(&mut registry, spec, ConstGauge::new(stats.start_time_seconds));
                continue;
            }
            names::PROCESS_OPEN_FDS => stats.open_fds,
            names::PROCESS_MAX_FDS => stats.max_fds,
            names::PROCESS_VIRTUAL_MEMORY => Some(stats.virtual_bytes),
            names::PROCESS_VIRTUAL_MEMORY_MAX => stats.virtual_max_bytes,
            names::PROCESS_RESIDENT_MEMORY => Some(stats.resident_bytes),
            names::PROCESS_THREADS => Some(stats.threads),
            other => unreachable!("`{other}` has no figure"),
        };
        if let Some(value) = value {
            register(&mut registry, spec, ConstGauge::new(value));
        }
    }
    registry
}
