use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use evenkeel_tests::{Agent, Job, LONG, Scratch, get, signal_if, until};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;

use crate::trace::{self, Ran};

/// No wait but what is watched: some rounds of everything that comes again, and the end of a minute.
const REST: Duration = Duration::from_secs(75);
/// Likewise what follows from a repair, for some rounds.
const ROUNDS: Duration = Duration::from_secs(15);
/// So many of each as a map needs nodes for, and as a sort takes another way for.
const EACH: u64 = 12;
/// Fewer functions than this is no agent at rest.
const LEAST: usize = 1_000;

/// What runs of these functions.
pub(crate) fn order(program: &Path, functions: &Path) -> Result<String, String> {
    let read = fs::read_to_string(functions);
    let read = read.map_err(|error| format!("`{}`: {error}", functions.display()))?;
    let addresses: Result<BTreeSet<u64>, _> =
        read.lines().map(|line| u64::from_str_radix(line, 16)).collect();
    let addresses = addresses.map_err(|error| format!("`{}`: {error}", functions.display()))?;
    let ran = watch(program, &addresses)?;
    if ran.at_rest.len() < LEAST || ran.later.is_empty() {
        let (rest, later) = (ran.at_rest.len(), ran.later.len());
        return Err(format!("only {rest} functions ran until it rested, and {later} later"));
    }
    let mut text = String::new();
    for (when, addresses) in [("rest", &ran.at_rest), ("later", &ran.later)] {
        for address in addresses {
            writeln!(text, "{when} {address:x}").expect("a string takes everything");
        }
    }
    Ok(text)
}

fn watch(program: &Path, functions: &BTreeSet<u64>) -> Result<Ran, String> {
    let scratch = Scratch::new();
    let job = Job::new(&scratch, EACH);
    let (config, port) = Agent::settings_with(&scratch, "", &job.settings("evenkeel"));
    // It stops itself before it becomes the agent, so that it is followed from its first instruction.
    let agent = Command::new("sh")
        .args(["-c", "kill -STOP $$; exec \"$0\" run --config \"$1\""])
        .args([program, &config])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot run `{}`: {error}", program.display()))?;
    let pid = agent.id();
    let (runs, ended) = channel();
    let is_rest_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let is_rest_over = &is_rest_over;
        let host = Host { job: &job, page: SocketAddr::from(([127, 0, 0, 1], port)), ended };
        let asks = scope.spawn(move || {
            let _end = End { pid };
            host.play(is_rest_over)
        });
        let ran = trace::follow(Pid::from_raw(pid.cast_signed()), functions, is_rest_over);
        // Who plays the host hears of the end.
        drop(runs);
        let asked = asks.join().map_err(|_| "what the agent was to do was waited for in vain")?;
        ran.and_then(|ran| asked.map(|()| ran))
    })
}

/// Has the agent end, however the one who plays its host ends.
struct End {
    pid: u32,
}

impl Drop for End {
    fn drop(&mut self) {
        signal_if(self.pid, Signal::SIGTERM, |stat| stat.parent == std::process::id());
    }
}

/// Who asks the agent, and gives it something to repair.
struct Host<'a> {
    job: &'a Job<'a>,
    page: SocketAddr,
    /// Hung up once the agent has ended.
    ended: Receiver<()>,
}

impl Host<'_> {
    fn play(&self, is_rest_over: &AtomicBool) -> Result<(), String> {
        // As `bench idle` does before it measures.
        until("all is up", LONG * 3, || self.is_over() || self.all_is_up());
        self.for_a_while(REST)?;
        is_rest_over.store(true, Ordering::Relaxed);
        for path in ["/metrics", "/", "/api/status"] {
            let answer = get(self.page, path).map_err(|error| format!("GET {path}: {error}"))?;
            if answer.status != 200 {
                return Err(format!("GET {path}: {}", answer.head));
            }
        }
        let file = "files/worker-000.hash";
        self.job.scratch.chmod(file, 0o600);
        until("a file is repaired", LONG, || {
            self.is_over() || self.job.scratch.mode(file) == 0o644
        });
        self.for_a_while(ROUNDS)
    }

    fn all_is_up(&self) -> bool {
        let Ok(answer) = get(self.page, "/api/status") else { return false };
        let status: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let checks = status["checks"].as_array().map_or(&[][..], Vec::as_slice);
        !checks.is_empty() && checks.iter().all(|check| check["state"] == "up")
    }

    fn is_over(&self) -> bool {
        self.ended.try_recv() == Err(std::sync::mpsc::TryRecvError::Disconnected)
    }

    fn for_a_while(&self, time: Duration) -> Result<(), String> {
        match self.ended.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            _ => Err("the agent ended too soon".to_owned()),
        }
    }
}
