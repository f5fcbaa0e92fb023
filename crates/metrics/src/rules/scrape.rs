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

/// Where an agent is scraped, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrapeTarget {
    /// Host and port, as Prometheus reaches them.
    pub address: String,
    /// Whether the agent speaks TLS there.
    pub tls: bool,
    /// A file with the token that it asks for; `None`: it asks for none.
    pub token_file: Option<String>,
}

impl From<&str> for ScrapeTarget {
    /// An agent that everybody who reaches it may read, without TLS.
    fn from(address: &str) -> Self {
        Self { address: address.to_owned(), ..Self::default() }
    }
}

/// The `scrape_configs` of Prometheus for an agent and for each of its processes.
pub fn scrape_config(target: &ScrapeTarget, processes: &[ProcessJob]) -> String {
    let mut access = String::new();
    if target.tls {
        access.push_str("    scheme: https\n");
    }
    if let Some(file) = &target.token_file {
        let _ = writeln!(access, "    authorization:\n      credentials_file: {}", quoted(file));
    }
    let of_all =
        format!("{access}    static_configs:\n      - targets: [{}]\n", quoted(&target.address));
    let mut out = format!("scrape_configs:\n  - job_name: {AGENT_JOB}\n{of_all}");
    for process in processes {
        let _ = write!(
            out,
            "  - job_name: {}\n    metrics_path: /metrics\n    params:\n      process: [{}]\n{of_all}",
            scalar(&process.job),
            quoted(&process.process),
        );
    }
    out
}
