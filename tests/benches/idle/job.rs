//! What everyone has to do.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_tests::{Daemon, Endpoint, Scratch};

/// How often everything is looked at.
pub(crate) const EVERY: Duration = Duration::from_secs(5);
pub(crate) const ENDPOINTS: u64 = 10;
pub(crate) const PROCESSES: u64 = 10;
const FILES: u64 = 1_000;

/// Ten endpoints, ten processes, and a directory of a thousand files with the mode that they must have.
pub(crate) struct Job<'a> {
    pub(crate) scratch: &'a Scratch,
    endpoint: Endpoint,
    // They end with the job.
    _processes: Vec<Daemon>,
}

impl<'a> Job<'a> {
    pub(crate) fn new(scratch: &'a Scratch) -> Self {
        let start = |number| {
            let log = scratch.join("sleep.log");
            let process = Daemon::start("sleep", "sleep", ["100000"], &log);
            scratch.file(&format!("pids/{number}"), &process.pid().to_string(), 0o644);
            process
        };
        let processes = (0..PROCESSES).map(start).collect();
        for file in 0..FILES {
            scratch.file(&format!("files/worker-{file:03}.hash"), "", 0o644);
        }
        scratch.chmod("files", 0o755);
        Self { scratch, endpoint: Endpoint::start(), _processes: processes }
    }

    pub(crate) fn port(&self) -> u16 {
        self.endpoint.address().port()
    }

    /// The path of one endpoint, by which is told who asked.
    pub(crate) fn path(who: &str, number: u64) -> String {
        format!("/{who}/{number}")
    }

    pub(crate) fn url(&self, who: &str, number: u64) -> String {
        format!("http://{}{}", self.endpoint.address(), Self::path(who, number))
    }

    pub(crate) fn asked(&self, who: &str) -> u64 {
        self.endpoint.asked(who)
    }

    pub(crate) fn pid_file(&self, number: u64) -> PathBuf {
        self.scratch.join(&format!("pids/{number}"))
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.scratch.join("files")
    }

    /// Lines for each endpoint, each process and each file, one after the other.
    pub(crate) fn lines(
        &self,
        endpoint: impl Fn(u64) -> String,
        process: impl Fn(u64) -> String,
        file: impl Fn(PathBuf) -> String,
    ) -> String {
        let mut text = String::new();
        let endpoints = (0..ENDPOINTS).map(endpoint);
        let processes = (0..PROCESSES).map(process);
        let files = (0..FILES).map(|number| self.folder().join(format!("worker-{number:03}.hash")));
        for line in endpoints.chain(processes).chain(files.map(file)) {
            writeln!(text, "{line}").expect("a string takes everything");
        }
        text
    }
}
