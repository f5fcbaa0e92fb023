//! The scrape configuration that the rules rely on.

use std::fmt::Write as _;

use super::yaml::{quoted, scalar};

/// The scrape job of the agent's own page.
pub const AGENT_JOB: &str = "evenkeel";

/// A scrape job for the page of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessJob {
    /// Name of the job: what rules look for.
    pub job: String,
    /// Name of the process on the agent, `/metrics?process=NAME`.
    pub process: String,
}

/// The `scrape_configs` of Prometheus for the agent at `listen` and for each of its processes.
pub fn scrape_config(listen: &str, processes: &[ProcessJob]) -> String {
    let target = quoted(listen);
    let mut out = format!(
        "scrape_configs:\n  - job_name: {AGENT_JOB}\n    static_configs:\n      - targets: [{target}]\n"
    );
    for process in processes {
        let _ = write!(
            out,
            "  - job_name: {}\n    metrics_path: /metrics\n    params:\n      process: [{}]\n    static_configs:\n      - targets: [{target}]\n",
            scalar(&process.job),
            quoted(&process.process),
        );
    }
    out
}
