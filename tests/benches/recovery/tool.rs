//! Who heals, and what it says of that.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use evenkeel_tests::{Agent, Daemon, LONG, until};

use crate::fault::{Fault, with_control};
use crate::stage::Stage;

/// How often each tool looks.
pub(crate) const CYCLE: Duration = Duration::from_secs(5);

/// Who heals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Evenkeel,
    Monit,
}

/// One that runs; it ends with this.
#[derive(Debug)]
pub(crate) struct Running {
    _daemon: Daemon,
    pub(crate) log: PathBuf,
}

/// What a tool said after a fault, and how long after.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told {
    pub(crate) detected: Option<Duration>,
    pub(crate) acted: Option<Duration>,
    pub(crate) verified: Option<Duration>,
}

impl Tool {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Evenkeel => "evenkeel",
            Self::Monit => "Monit",
        }
    }

    /// Starts it, and waits until it has looked and found all well.
    pub(crate) fn start(self, fault: &Fault, stage: &Stage) -> Running {
        match self {
            Self::Evenkeel => {
                let agent = Agent::start(&stage.scratch, &stage.fill(fault.evenkeel));
                let all_up = || {
                    let checks = agent.status()["checks"].as_array().cloned().unwrap_or_default();
                    !checks.is_empty() && checks.iter().all(|check| check["state"] == "up")
                };
                until("all is up", LONG, all_up);
                Running { _daemon: agent.daemon, log: stage.join("agent.log") }
            }
            Self::Monit => {
                let log = stage.join("monit.log");
                let text = format!(
                    "set daemon {}\nset log PLACE/monit.log\nset pidfile PLACE/monit.pid\nset idfile PLACE/monit.id\nset statefile PLACE/monit.state\n{}",
                    CYCLE.as_secs(),
                    with_control(fault.monit)
                );
                let conf = stage.scratch.file("monitrc", &stage.fill(&text), 0o600);
                let args = ["-I".as_ref(), "-c".as_ref(), conf.as_os_str()];
                let daemon = Daemon::start("monit", "monit", args, &stage.join("monit.out"));
                until("Monit is started", LONG, || {
                    std::fs::read_to_string(&log).is_ok_and(|said| said.contains("started"))
                });
                // It says nothing of what is well; after a cycle and a half it has looked.
                std::thread::sleep(CYCLE * 3 / 2);
                Running { _daemon: daemon, log }
            }
        }
    }

    /// What its log says of a fault that was brought about at `since`.
    pub(crate) fn told(self, lines: &[(Instant, String)], since: Instant) -> Told {
        let (detected, acted, verified): (&[&str], &[&str], &[&str]) = match self {
            Self::Evenkeel => (
                &["kind=\"incident_opened\""],
                &["kind=\"intended\""],
                &["verified by the same checks"],
            ),
            Self::Monit => (
                &["] error "],
                &["trying to restart", "start:", "exec:"],
                &[
                    "process is running",
                    "connection succeeded",
                    "check succeeded",
                    "status succeeded",
                ],
            ),
        };
        let first = |from: Instant, words: &[&str]| {
            let said = |line: &str| words.iter().any(|word| line.contains(word));
            lines.iter().find(|(at, line)| *at >= from && said(line)).map(|(at, _)| *at)
        };
        let detected = first(since, detected);
        let acted = first(since, acted);
        // What is well before anything was done proves nothing.
        let verified = acted.and_then(|acted| first(acted, verified));
        let after = |at: Option<Instant>| at.map(|at| at.duration_since(since));
        Told { detected: after(detected), acted: after(acted), verified: after(verified) }
    }
}
