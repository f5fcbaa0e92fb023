//! Runs the agent as a service manager does: whenever it ends it is started again.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use evenkeel_tests::{Daemon, LONG, find_bin, get, until};
use nix::sys::signal::Signal;

/// Between an end and the next start.
const PAUSE: Duration = Duration::from_millis(300);
/// An agent that is started more than five times in ten minutes only observes, and is right to; a bit longer, for both of the clocks.
const STARTS: usize = 5;
const WITHIN: Duration = Duration::from_mins(11);
/// Where Debian has the library that fakes the clock, below a folder of the architecture in `/usr/lib`.
const FAKETIME: &str = "faketime/libfaketimeMT.so.1";

/// The agent, however often it was started.
#[derive(Debug)]
pub(crate) struct Keeper {
    place: PathBuf,
    config: PathBuf,
    pub(crate) address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    agent: Option<Daemon>,
    starts: Vec<Instant>,
    /// Ends that nobody asked for.
    crashes: Vec<String>,
    /// An end was asked for: by a fault, or by the end of the run.
    expected: bool,
    ended: bool,
}

impl Keeper {
    pub(crate) fn start(place: &Path, config: PathBuf, port: u16) -> Self {
        let shared = Shared {
            agent: None,
            starts: Vec::new(),
            crashes: Vec::new(),
            expected: false,
            ended: false,
        };
        let keeper = Self {
            place: place.to_owned(),
            config,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            shared: Arc::new(Mutex::new(shared)),
        };
        keeper.set_clock("+0s");
        let mut first = keeper.shared();
        first.agent = Some(keeper.spawn());
        first.starts.push(Instant::now());
        drop(first);
        until("the agent answers", LONG, || keeper.answers());
        keeper
    }

    /// Starts the agent again if it has ended; to be called now and then.
    pub(crate) fn see_to(&self) {
        let mut shared = self.shared();
        let ended = shared.agent.as_mut().and_then(Daemon::ended);
        let Some(status) = ended.filter(|_| !shared.ended) else { return };
        if !std::mem::take(&mut shared.expected) {
            let log = shared.agent.as_ref().map(Daemon::log).unwrap_or_default();
            let last = log.lines().last().unwrap_or_default().to_owned();
            shared.crashes.push(format!("{status}: {last}"));
        }
        std::thread::sleep(PAUSE);
        shared.agent = Some(self.spawn());
        shared.starts.push(Instant::now());
    }

    /// Whether the agent may be killed once more without being taken for one that crashes in a loop.
    pub(crate) fn may_be_killed(&self) -> bool {
        let shared = self.shared();
        shared.starts.iter().filter(|start| start.elapsed() < WITHIN).count() < STARTS
    }

    /// Kills the agent; it will be started again.
    pub(crate) fn kill(&self) {
        let mut shared = self.shared();
        shared.expected = true;
        if let Some(agent) = &shared.agent {
            agent.signal(Signal::SIGKILL);
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(agent) = &self.shared().agent {
            agent.signal(signal);
        }
    }

    /// Ends the agent for good, as a service manager does; whether it ended well.
    pub(crate) fn end(&self) -> bool {
        let mut shared = self.shared();
        (shared.ended, shared.expected) = (true, true);
        let Some(agent) = &mut shared.agent else { return true };
        agent.signal(Signal::SIGTERM);
        agent.wait(LONG).success()
    }

    /// Starts it once more after [`Keeper::end`], and waits until it answers.
    pub(crate) fn start_anew(&self) {
        self.shared().agent = Some(self.spawn());
        until("the agent answers", LONG, || self.answers());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.shared().agent.as_ref().map_or(0, Daemon::pid)
    }

    pub(crate) fn starts(&self) -> usize {
        self.shared().starts.len()
    }

    pub(crate) fn crashes(&self) -> Vec<String> {
        self.shared().crashes.clone()
    }

    /// The end of what it logged.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read(self.place.join("agent.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    pub(crate) fn answers(&self) -> bool {
        get(self.address, "/health").is_ok()
    }

    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// Sets the agent's clock off by so much, such as `-3600s`; its monotonic clocks stay as they are.
    pub(crate) fn set_clock(&self, offset: &str) {
        let (next, file) = (self.place.join("clock.next"), self.clock());
        std::fs::write(&next, offset).expect("the scratch directory can be written");
        std::fs::rename(next, file).expect("the scratch directory can be written");
    }

    fn clock(&self) -> PathBuf {
        self.place.join("clock")
    }

    fn spawn(&self) -> Daemon {
        let mut words: Vec<std::ffi::OsString> = Vec::new();
        if let Some(library) = faketime() {
            let clock = format!("FAKETIME_TIMESTAMP_FILE={}", self.clock().display());
            let preload = format!("LD_PRELOAD={}", library.display());
            let more = ["FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "NO_FAKE_STAT=1"];
            words.extend([preload, clock].map(Into::into));
            words.extend(more.map(Into::into));
        }
        words.push(find_bin("evenkeel").into());
        words.extend(["run".into(), "--config".into(), self.config.clone().into()]);
        Daemon::start(
            "evenkeel run",
            "env",
            words.iter().map(AsRef::<OsStr>::as_ref),
            &self.place.join("agent.log"),
        )
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the clock of a program can be faked here.
pub(crate) fn has_faketime() -> bool {
    faketime().is_some()
}

fn faketime() -> Option<PathBuf> {
    let architectures = std::fs::read_dir("/usr/lib").ok()?.flatten();
    architectures.map(|folder| folder.path().join(FAKETIME)).find(|library| library.is_file())
}
