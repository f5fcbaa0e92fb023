use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use crate::{Daemon, Endpoint, Scratch};

const FILES: u64 = 1_000;

/// What keeps an agent at rest busy: endpoints, as many processes, and a directory of a thousand files with the mode that they must
/// have, each to be looked at every five seconds.
#[derive(Debug)]
pub struct Job<'a> {
    /// Where all of it is.
    pub scratch: &'a Scratch,
    /// How many endpoints there are, and how many processes.
    pub each: u64,
    endpoint: Endpoint,
    // They end with the job.
    _processes: Vec<Daemon>,
}

impl<'a> Job<'a> {
    /// How often everything is to be looked at.
    pub const EVERY: Duration = Duration::from_secs(5);

    /// So many endpoints, and as many processes.
    pub fn new(scratch: &'a Scratch, each: u64) -> Self {
        let start = |number| {
            let log = scratch.join("sleep.log");
            let process = Daemon::start("sleep", "sleep", ["100000"], &log);
            scratch.file(&format!("pids/{number}"), &process.pid().to_string(), 0o644);
            process
        };
        let processes = (0..each).map(start).collect();
        for file in 0..FILES {
            scratch.file(&format!("files/worker-{file:03}.hash"), "", 0o644);
        }
        scratch.chmod("files", 0o755);
        Self { scratch, each, endpoint: Endpoint::start(), _processes: processes }
    }

    /// The port of all endpoints.
    pub fn port(&self) -> u16 {
        self.endpoint.address().port()
    }

    /// The path of one endpoint, by which is told who asked.
    pub fn path(who: &str, number: u64) -> String {
        format!("/{who}/{number}")
    }

    /// One endpoint's address, for this asker.
    pub fn url(&self, who: &str, number: u64) -> String {
        format!("http://{}{}", self.endpoint.address(), Self::path(who, number))
    }

    /// How often somebody asked.
    pub fn asked(&self, who: &str) -> u64 {
        self.endpoint.asked(who)
    }

    /// The file with the number of one process.
    pub fn pid_file(&self, number: u64) -> PathBuf {
        self.scratch.join(&format!("pids/{number}"))
    }

    /// The directory of the files.
    pub fn folder(&self) -> PathBuf {
        self.scratch.join("files")
    }

    /// What an agent is to be told of it, besides `[agent]`.
    pub fn settings(&self, asker: &str) -> String {
        let every = Self::EVERY.as_secs();
        let mut text = String::new();
        for number in 0..self.each {
            write!(
                text,
                "[check.http-{number}]\nhttp = {{ url = \"{}\" }}\ntimeout = \"3s\"\ninterval = \"{every}s\"\n\
                 [check.process-{number}]\nprocess = {{ pidfile = \"{}\" }}\ninterval = \"{every}s\"\n",
                self.url(asker, number),
                self.pid_file(number).display()
            )
            .expect("a string takes everything");
        }
        text + &format!(
            "[permissions.files]\npath = \"{}\"\nfiles = [{{ match = \"*.hash\", mode = \"0644\" }}]\nwatch = true\ninterval = \"{every}s\"\n",
            self.folder().display()
        )
    }

    /// Lines for each endpoint, each process and each file, one after the other.
    pub fn lines(
        &self,
        endpoint: impl Fn(u64) -> String,
        process: impl Fn(u64) -> String,
        file: impl Fn(PathBuf) -> String,
    ) -> String {
        let mut text = String::new();
        let endpoints = (0..self.each).map(endpoint);
        let processes = (0..self.each).map(process);
        let files = (0..FILES).map(|number| self.folder().join(format!("worker-{number:03}.hash")));
        for line in endpoints.chain(processes).chain(files.map(file)) {
            writeln!(text, "{line}").expect("a string takes everything");
        }
        text
    }
}
