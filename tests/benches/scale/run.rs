//! One number of checks: an agent on one processor, and what it takes.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use evenkeel_figures::quantile;
use evenkeel_tests::{Agent, Connection, Memory, Samples, Scratch, cpu_time, find_bin, get};

use crate::arrivals::{Arrivals, delays};
use crate::pinned::{Timer, first_processor};

pub(crate) const EVERY: Duration = Duration::from_secs(10);
/// A check looks more often until it is known to be up; then it keeps to its times.
const SETTLE: Duration = Duration::from_secs(25);
/// An agent that has not seen all of them up by then is measured all the same, and is told to miss that.
const PATIENCE: Duration = Duration::from_mins(1);
const PAGES: usize = 9;

/// What it took.
pub(crate) struct Taken {
    pub(crate) checks: u32,
    /// How long was measured.
    pub(crate) seconds: f64,
    /// From its start until it answers.
    pub(crate) start_ms: f64,
    /// Processor time within the measured time, of threads that lived at its end.
    pub(crate) cpu_ms: f64,
    pub(crate) rss_mb: f64,
    /// Median time of a page of metrics, and of the status page.
    pub(crate) metrics_ms: f64,
    pub(crate) page_ms: f64,
    /// Runs that were left out since the agent started, by its own count.
    pub(crate) overruns: f64,
    /// How much later than its time each look came.
    delays: Vec<f64>,
    /// Checks that came more seldom than their interval wants.
    missing: u32,
    /// Checks that were not up when it was measured, though the server answers all.
    pub(crate) down: f64,
    pub(crate) bare_p99_ms: f64,
}

impl Taken {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub(crate) fn looks(&self) -> f64 {
        self.delays.len() as f64
    }

    pub(crate) fn delay(&self, share: f64) -> f64 {
        quantile(self.delays.iter().copied(), share)
    }

    pub(crate) fn missing(&self) -> f64 {
        f64::from(self.missing)
    }
}

pub(crate) fn run(checks: u32, lasts: Duration) -> Taken {
    let scratch = Scratch::new();
    let arrivals = Arrivals::start();
    let (config, port) = Agent::settings_with(&scratch, "", &settings(checks, &arrivals));
    let processor = first_processor();
    let (pinned, program) = (processor.to_string(), find_bin("evenkeel"));
    let by = ["taskset", "--cpu-list", &pinned].map(OsStr::new);
    let by: Vec<_> = by.into_iter().chain([program.as_os_str()]).collect();
    let began = Instant::now();
    let mut agent = Agent::spawn_by(&by, &scratch, &config, port, &[]);
    // Sooner than a test would look: the start of a small one takes milliseconds.
    while TcpStream::connect(agent.address()).is_err() && began.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(1));
    }
    agent.await_answer();
    let start_ms = began.elapsed().as_secs_f64() * 1e3;
    let patience = Instant::now();
    while up(&agent) < checks.into() && patience.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_secs(1));
    }
    std::thread::sleep(SETTLE);
    let down = u64::from(checks).saturating_sub(up(&agent));

    let pid = agent.daemon.pid();
    let timer = Timer::start(processor);
    arrivals.forget();
    let (measured, cpu) = (Instant::now(), cpu_time(pid));
    std::thread::sleep(lasts);
    let (seen, cpu) = (arrivals.take(), cpu_time(pid).saturating_sub(cpu));
    let seconds = measured.elapsed().as_secs_f64();
    let bare_p99_ms = timer.p99_ms();
    let memory = Memory::of(pid).expect("the agent runs");
    // One look may fall out of the window at either end.
    let least = (lasts.as_secs() / EVERY.as_secs()).saturating_sub(1);
    let is_whole = |check: &u32| seen.get(check).is_some_and(|times| times.len() as u64 >= least);
    let missing = (0..checks).filter(|check| !is_whole(check)).count();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    Taken {
        checks,
        seconds,
        start_ms,
        cpu_ms: cpu.as_secs_f64() * 1e3,
        rss_mb: memory.rss as f64 / 1e6,
        metrics_ms: page(&agent, "/metrics"),
        page_ms: page(&agent, "/"),
        overruns: agent.count("evenkeel_agent_check_overruns_total", &[]) as f64,
        delays: delays(&seen, EVERY),
        missing: u32::try_from(missing).unwrap_or(u32::MAX),
        down: down as f64,
        bare_p99_ms,
    }
}

fn settings(checks: u32, arrivals: &Arrivals) -> String {
    let mut text = String::new();
    for check in 0..checks {
        write!(
            text,
            "[check.c{check}]\nhttp = {{ url = \"{}\" }}\ninterval = \"10s\"\ntimeout = \"3s\"\nretries = 0\n",
            arrivals.url(check)
        )
        .expect("a string takes everything");
    }
    text
}

/// How many checks are up; none while the agent has no time to tell.
fn up(agent: &Agent) -> u64 {
    let page = get(agent.address(), "/metrics").map(|page| Samples::parse(&page.body));
    page.map_or(0, |page| page.count("evenkeel_check_up", &[]))
}

/// Median of the time until all of a page is there.
fn page(agent: &Agent, path: &str) -> f64 {
    let mut connection = Connection::open(agent.address());
    let times = (0..PAGES).map(|_| connection.get(path, "").as_secs_f64() * 1e3);
    quantile(times, 0.5)
}
