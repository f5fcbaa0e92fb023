//! What is to be seen of a target before an action changes it: bounded in time and in size, and kept with the incident.
//!
//! A restart destroys what would have said why it was needed. So before an action the last log lines, the threads and where
//! in the kernel they are, open descriptors, limits, memory, cgroup and pressure are noted. Nothing here fails: what could
//! not be had is listed as missing, with why. The environment of a process is never read, its arguments are shown with
//! secrets hidden, and whatever a stranger wrote is made printable and cut.

mod logs;
mod seen;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_process::Identity;
use evenkeel_shown::Secrets;
use serde::Serialize;
use tokio::time::Instant;

pub use logs::LogTail;
pub use seen::{CgroupSeen, DescriptorsSeen, MemorySeen, ProcessSeen, ThreadSeen};

use super::{Action, Occasion};

/// How much may be spent on evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How long it may take; the action waits for it.
    pub time: Duration,
    /// How large it may be, as JSON.
    pub bytes: usize,
}

/// What evidence is to be about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scene {
    /// The process.
    pub process: Option<Identity>,
    /// A program of supervisord: the daemon's socket and the program's full name.
    pub program: Option<(PathBuf, String)>,
    /// A unit of systemd.
    pub unit: Option<String>,
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Evidence {
    /// The process, if one was known and still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessSeen>,
    /// The last lines of its logs.
    pub logs: Vec<LogTail>,
    /// Percent of the last ten seconds in which some task of the host waited, by resource.
    pub host_pressure: BTreeMap<&'static str, f64>,
    /// What could not be had, and why.
    pub missing: Vec<String>,
    /// Whether some of it was left out to keep within its size.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// How long it took.
    pub took_ms: u64,
}

impl Evidence {
    /// Hides secrets that are known, wherever what was seen repeats them.
    pub fn hide(&mut self, secrets: &Secrets) {
        let logs = self.logs.iter_mut().flat_map(|tail| tail.lines.iter_mut());
        let command = self.process.iter_mut().filter_map(|process| process.command.as_mut());
        for text in logs.chain(command).chain(self.missing.iter_mut()) {
            *text = secrets.hide(text);
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self { time: Duration::from_secs(2), bytes: 64 * 1024 }
    }
}

impl Scene {
    /// What is to be looked at before this action.
    pub fn of(action: &Action, occasion: &Occasion) -> Self {
        let part = || occasion.target.split_once('/').map(|(_, part)| part.to_owned());
        let program = match action {
            Action::SupervisorRestartProgram { socket, program }
            | Action::SupervisorSignal { socket, program, .. } => {
                program.clone().map(|program| (socket.clone(), program))
            }
            Action::SupervisorRestartGroup { socket, .. } => {
                part().map(|program| (socket.clone(), program))
            }
            _ => None,
        };
        let unit = match action {
            Action::SystemdRestart { unit, .. } | Action::SystemdOrder { unit, .. } => {
                Some(unit.to_string())
            }
            _ => None,
        };
        Self { process: occasion.process, program, unit }
    }
}

/// Notes what is to be seen, within `bounds`; never fails and never takes longer.
pub async fn gather(scene: &Scene, bounds: Bounds) -> Evidence {
    let begun = Instant::now();
    // The rest is for putting it together on a busy host.
    let until = begun + bounds.time.mul_f64(0.9);
    let (process, program, unit) =
        tokio::join!(process(scene.process, until), program(scene, until), unit(scene, until));
    let mut evidence = Evidence {
        process: process.0,
        missing: process.1,
        host_pressure: seen::pressure_of_host(),
        ..Evidence::default()
    };
    for (tails, missing) in [program, unit] {
        evidence.logs.extend(tails);
        evidence.missing.extend(missing);
    }
    evidence.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    evidence.fit(bounds.bytes);
    evidence
}

async fn process(identity: Option<Identity>, until: Instant) -> (Option<ProcessSeen>, Vec<String>) {
    let Some(identity) = identity else { return (None, Vec::new()) };
    let mut look = match seen::look(identity) {
        Ok(look) => look,
        Err(why) => return (None, vec![format!("{identity}: {why}")]),
    };
    let in_time = tokio::time::timeout_at(until, &mut look.done).await.is_ok();
    let (seen, mut missing) = look.take();
    if !in_time {
        missing.push(format!("the rest of {identity}: it hangs in the kernel"));
    }
    (seen, missing)
}

async fn program(scene: &Scene, until: Instant) -> (Vec<LogTail>, Vec<String>) {
    match &scene.program {
        Some((socket, program)) => {
            in_time(logs::of_program(socket, program, until), program, until).await
        }
        None => (Vec::new(), Vec::new()),
    }
}

async fn unit(scene: &Scene, until: Instant) -> (Vec<LogTail>, Vec<String>) {
    match &scene.unit {
        Some(unit) => in_time(logs::of_unit(unit, until), unit, until).await,
        None => (Vec::new(), Vec::new()),
    }
}

/// Each source holds its own time and then says what it was waiting for; this is for one that cannot.
async fn in_time(
    logs: impl Future<Output = (Vec<LogTail>, Vec<String>)>,
    of: &str,
    until: Instant,
) -> (Vec<LogTail>, Vec<String>) {
    let slack = Duration::from_millis(50);
    let read = tokio::time::timeout_at(until + slack, logs).await;
    read.unwrap_or_else(|_| (Vec::new(), vec![format!("logs of `{of}`: not read in time")]))
}

impl Evidence {
    /// In one line, for people: what stands out.
    pub fn summary(&self) -> String {
        let mut parts = Vec::new();
        if let Some(process) = &self.process {
            let frozen = if process.frozen { ", frozen" } else { "" };
            let threads: u64 = process.threads.values().sum();
            parts.push(format!(
                "process {} (`{}`) is {}{frozen}, {threads} threads",
                process.pid, process.name, process.state
            ));
            if let Some(open) = &process.descriptors {
                let limit = process.limits.get("open files");
                let limit = limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
                parts.push(format!("{}{limit} descriptors", open.open));
            }
            if let Some(memory) = &process.memory {
                parts.push(format!("{} MB resident", memory.rss_bytes / 1_000_000));
            }
            match process.cgroup.as_ref().and_then(|cgroup| cgroup.oom_kills) {
                Some(kills) if kills > 0 => parts.push(format!("{kills} OOM kills in its cgroup")),
                _ => {}
            }
        }
        let lines: usize = self.logs.iter().map(|log| log.lines.len()).sum();
        parts.push(format!("{lines} log lines"));
        if let Some(last) = self.logs.iter().rev().find_map(|log| log.lines.last()) {
            parts.push(format!("the last: {last}"));
        }
        if !self.missing.is_empty() {
            parts.push(format!("{} missing", self.missing.len()));
        }
        parts.join("; ")
    }

    /// Leaves out the least telling until it is small enough: old log lines, stacks, paths.
    fn fit(&mut self, bytes: usize) {
        while self.bytes() > bytes {
            self.cut = true;
            let longest = self.logs.iter_mut().max_by_key(|log| log.lines.len());
            let process = self.process.as_mut();
            match (longest, process) {
                (Some(log), _) if log.lines.len() > 10 => {
                    drop(log.lines.drain(..log.lines.len() / 2));
                }
                (_, Some(process)) if process.waiting.len() > 1 => {
                    process.waiting.truncate(process.waiting.len() / 2);
                }
                (_, Some(process)) if process.descriptors.is_some() => process.descriptors = None,
                (_, Some(process)) if process.memory.is_some() => process.memory = None,
                (Some(log), _) if !log.lines.is_empty() => drop(log.lines.remove(0)),
                _ => {
                    *self = Self { cut: true, took_ms: self.took_ms, ..Self::default() };
                    return;
                }
            }
        }
    }

    fn bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(0, |json| json.len())
    }
}

#[cfg(test)]
mod tests;
