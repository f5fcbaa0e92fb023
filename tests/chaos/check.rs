//! What must never be, whatever happens: looked for all the time, and once more at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use evenkeel_tests::{LONG, more_open, open_files, until};
use serde_json::Value;

use crate::history::History;
use crate::log;
use crate::world::{OF_DAEMON, WORKERS, World};

/// The budgets of the settings: per target, and on the host.
const BUDGETS: [(&str, u64, u64); 6] = [
    ("killed", 40, 600),
    ("frozen", 40, 600),
    ("daemon", 40, 600),
    ("tmux", 40, 600),
    ("peer", 40, 600),
    ("hopeless", 3, 300),
];
const ON_HOST: (u64, u64) = (400, 3600);
const SPARE_THREADS: usize = 2;
/// Opened at the first need, and then kept: the way to a descriptor by its number; and the memory of what fakes the clock, which
/// has a process number in its name.
const OPENED_ONCE: [&str; 2] = ["/proc/PID/fd: 0, then 1", "/dev/shm/faketime_shm_"];
/// Two looks so far apart that see the same two copies saw no exchange.
const BETWEEN: Duration = Duration::from_secs(1);

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    next: Option<Instant>,
    /// More than one copy at the last look.
    copies: BTreeMap<&'static str, BTreeSet<u32>>,
    touched: BTreeSet<String>,
    twice: BTreeSet<String>,
    looks: u64,
}

/// Everything that must hold, each with what breaks it.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Files outside of every rule.
    pub(crate) touched: Vec<String>,
    /// Lines of logs, lines of history.
    pub(crate) lost: Vec<String>,
    /// All the rest.
    pub(crate) broken: Vec<String>,
    /// How much was looked at, for people.
    pub(crate) looked_at: Vec<String>,
}

impl Watch {
    /// Looks, if it is time to.
    pub(crate) fn look(&self, world: &World) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.next.is_some_and(|next| Instant::now() < next) {
            return;
        }
        seen.next = Some(Instant::now() + BETWEEN);
        seen.looks += 1;
        seen.touched.extend(world.canaries.touched());
        for name in WORKERS.iter().chain(&OF_DAEMON) {
            let copies: BTreeSet<u32> = world.copies(name).into_iter().collect();
            let before = seen.copies.insert(name, copies.clone()).unwrap_or_default();
            let same: Vec<_> = copies.intersection(&before).copied().collect();
            if same.len() > 1 {
                seen.twice.insert(format!("`{name}` runs {} times: {same:?}", same.len()));
            }
        }
    }
}

/// Ends the agent and looks at everything once more.
pub(crate) fn at_the_end(world: &World, watch: &Watch) -> Findings {
    let mut findings = Findings::default();
    let open = leaked(world, &mut findings);
    let lines = world.history.lines();
    until("the history has been read to its end", LONG, || {
        let last = world.history.query("SELECT max(id) AS id FROM events");
        let last = last.as_deref().and_then(|rows| rows.first()?["id"].as_i64());
        last.is_some_and(|last| world.history.lines().last().is_some_and(|line| line.id >= last))
    });
    findings.lost.extend(world.flood.end());
    for name in WORKERS.iter().chain(&OF_DAEMON) {
        findings.lost.extend(log::lost(&world.join(&format!("logs/{name}.log"))));
    }
    kept(&world.history, &lines, "the host", &mut findings);
    ledger(world, &mut findings);
    if let Some(unit) = &world.unit {
        kept(&unit.history, &unit.history.lines(), "the unit's host", &mut findings);
    }
    findings.broken.extend(
        world
            .keeper
            .crashes()
            .into_iter()
            .map(|crash| format!("the agent ended by itself: {crash}")),
    );
    let seen = watch.0.lock().unwrap_or_else(PoisonError::into_inner);
    let touched = seen.touched.iter().cloned().chain(world.canaries.touched());
    findings.touched = touched.collect::<BTreeSet<_>>().into_iter().collect();
    findings.broken.extend(seen.twice.iter().cloned());
    findings.looked_at = vec![
        format!(
            "{} looks at {} canary entries and at copies of 4 programs",
            seen.looks,
            world.canaries.len()
        ),
        format!(
            "{} lines of a flooded log, {} starts of the agent",
            world.flood.written(),
            world.keeper.starts()
        ),
        open,
    ];
    findings
}

/// An agent that came through all this has no more open than one that has just been started in the same world.
fn leaked(world: &World, findings: &mut Findings) -> String {
    let old = Open::least(world.keeper.pid());
    if !world.keeper.end() {
        findings.broken.push("the agent did not end well when asked to".to_owned());
    }
    world.keeper.start_anew();
    let fresh = Open::least(world.keeper.pid());
    let mut more = more_open(&fresh.files, &old.files);
    more.retain(|what| !OPENED_ONCE.iter().any(|once| what.contains(once)));
    if !more.is_empty() {
        findings.broken.push(format!("more is open than in a fresh agent: {}", more.join(", ")));
    }
    // Threads for calls that block come and go by themselves, ten seconds after they were of use.
    if old.threads > fresh.threads + SPARE_THREADS {
        let (old, fresh) = (old.threads, fresh.threads);
        findings.broken.push(format!("{old} threads, {fresh} in a fresh agent"));
    }
    if !world.keeper.end() {
        findings.broken.push("the fresh agent did not end well when asked to".to_owned());
    }
    format!(
        "{} descriptors and {} threads at the end, {} and {} in a fresh agent",
        old.files.values().sum::<usize>(),
        old.threads,
        fresh.files.values().sum::<usize>(),
        fresh.threads
    )
}

/// What stays open between probes.
#[derive(Debug)]
struct Open {
    files: BTreeMap<String, usize>,
    threads: usize,
}

impl Open {
    /// Of each the least that there is within fifteen seconds; a fresh agent comes to its first probes before they begin.
    fn least(pid: u32) -> Self {
        let threads = || fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
        let begun = Instant::now();
        let mut least: Option<Self> = None;
        until("twenty seconds are over", LONG, || {
            if begun.elapsed() < Duration::from_secs(5) {
                return false;
            }
            let now = Self { files: open_files(pid), threads: threads() };
            least = Some(match least.take() {
                None => now,
                Some(least) => least.min(&now),
            });
            begun.elapsed() > Duration::from_secs(20)
        });
        least.unwrap_or(Self { files: BTreeMap::new(), threads: 0 })
    }

    fn min(mut self, other: &Self) -> Self {
        for (what, count) in &mut self.files {
            *count = (*count).min(other.files.get(what).copied().unwrap_or(0));
        }
        self.threads = self.threads.min(other.threads);
        self
    }
}

/// Every line that was ever seen in a history is in it still, and the file is sound.
fn kept(history: &History, lines: &[crate::history::Line], whose: &str, findings: &mut Findings) {
    let Some(rows) = history.query("SELECT id, at_ms, kind, target, message FROM events") else {
        findings.lost.push(format!("the history of {whose} cannot be read"));
        return;
    };
    let there: BTreeSet<(i64, i64, &str, &str, &str)> = rows
        .iter()
        .filter_map(|row| {
            let text = |key: &str| row[key].as_str();
            Some((
                row["id"].as_i64()?,
                row["at_ms"].as_i64()?,
                text("kind")?,
                text("target")?,
                text("message")?,
            ))
        })
        .collect();
    for line in lines {
        let key = (line.id, line.at_ms, &*line.kind, &*line.target, &*line.message);
        if !there.contains(&key) {
            findings
                .lost
                .push(format!("line {} of the history of {whose}: {}", line.id, line.message));
        }
    }
    let check = history.query("PRAGMA integrity_check");
    let check = check.as_deref().and_then(|rows| rows.first()?["integrity_check"].as_str());
    if check != Some("ok") {
        findings.broken.push(format!("the history of {whose}: integrity check says {check:?}"));
    }
}

/// What the ledger of actions says, and what really was run.
fn ledger(world: &World, findings: &mut Findings) {
    let sql =
        "SELECT id, target, incident, step, attempt, boottime_ns FROM intents ORDER BY boottime_ns";
    let Some(intents) = world.history.query(sql) else {
        findings.lost.push("the ledger of actions cannot be read".to_owned());
        return;
    };
    let of = |target: &str| -> Vec<u64> {
        let is_of = |intent: &&Value| {
            intent["target"].as_str().and_then(|name| name.split('/').next()) == Some(target)
        };
        intents.iter().filter(is_of).filter_map(|intent| intent["boottime_ns"].as_u64()).collect()
    };
    for (target, count, seconds) in BUDGETS {
        let most = most_within(&of(target), seconds);
        if most > count {
            findings.broken.push(format!(
                "{most} actions for `{target}` in {seconds} s, its budget is {count}"
            ));
        }
    }
    let all: Vec<_> = intents.iter().filter_map(|intent| intent["boottime_ns"].as_u64()).collect();
    let most = most_within(&all, ON_HOST.1);
    if most > ON_HOST.0 {
        findings.broken.push(format!("{most} actions on the host, its budget is {}", ON_HOST.0));
    }
    let known: BTreeSet<String> = intents.iter().map(|intent| intent["id"].to_string()).collect();
    let mut ran = BTreeSet::new();
    for intent in fs::read_to_string(world.join("ran")).unwrap_or_default().lines() {
        if !known.contains(intent) {
            findings.broken.push(format!("action {intent} ran, and no intent says so"));
        }
        if !ran.insert(intent.to_owned()) {
            findings.broken.push(format!("the action of intent {intent} ran twice"));
        }
    }
    for name in WORKERS {
        let starts = fs::read_to_string(world.join(&format!("starts.{name}"))).unwrap_or_default();
        let (starts, intended) = (starts.lines().count(), of(name).len());
        if starts > intended + 1 {
            findings
                .broken
                .push(format!("`{name}` was started {starts} times for {intended} intents"));
        }
    }
}

/// The most of these moments, in order and in nanoseconds, that lie within so many seconds.
fn most_within(moments: &[u64], seconds: u64) -> u64 {
    let within = |first: &u64| {
        moments
            .iter()
            .filter(|moment| **moment >= *first && **moment - first < seconds * 1_000_000_000)
            .count() as u64
    };
    moments.iter().map(within).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_slides_over_the_moments() {
        let second = 1_000_000_000;
        let moments = [0, 100, 250, 299, 310].map(|at| at * second);
        assert_eq!(most_within(&moments, 300), 4);
        assert_eq!(most_within(&moments, 10), 1);
        assert_eq!(most_within(&moments, 11), 1);
        assert_eq!(most_within(&moments, 12), 2);
        assert_eq!(most_within(&[], 300), 0);
    }
}
