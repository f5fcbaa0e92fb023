//! The recorder: one thread owns the journal; the agent sends lines and waits only for intents.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use evenkeel_engine::{Act, OpenIncident, Past, Record};
use evenkeel_journal::{Entry, Filter, Intent, Journal, JournalError, Reader};
use evenkeel_metrics::Metrics;
use evenkeel_moment::Moment;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::clock::HostClock;
use crate::error::AgentError;

/// Lines kept in memory for the page.
const RECENT: usize = 500;
/// How long history is kept, and how large it may grow.
const KEEP: Duration = Duration::from_hours(9600);
const KEEP_BYTES: u64 = 256 * 1024 * 1024;
/// Charges older than any budget's window that settings may name are of no use.
const LONGEST_BUDGET: SignedDuration = SignedDuration::from_hours(24 * 31);
/// More starts than this within ten minutes: the agent crashes in a loop and must not act.
const STARTS_IN_TEN_MINUTES: u32 = 5;

/// A line of history, as `/api/events` gives it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Its number in the journal.
    pub id: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: String,
    /// The check, rule or recovery target.
    pub target: String,
    /// The incident it belongs to.
    pub incident: Option<i64>,
    /// The line, for people.
    pub message: String,
}

/// The last lines of history, shared with the page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent(Arc<Mutex<VecDeque<Event>>>);

/// Where the agent sends what is to be written.
#[derive(Debug)]
pub(crate) struct History {
    lines: Option<mpsc::Sender<Line>>,
    thread: Option<JoinHandle<()>>,
    pub(crate) recent: Recent,
}

/// What the history says on start.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) past: Past,
    /// Why the agent may only observe.
    pub(crate) observe_only: Option<String>,
}

#[derive(Debug)]
enum Line {
    Record(Timestamp, Record),
    Intend {
        act: Act,
        boottime: Moment,
        wall: Timestamp,
        written: oneshot::Sender<Result<i64, String>>,
    },
    Settle {
        intent: i64,
        at: Timestamp,
        detail: String,
    },
}

impl Recent {
    /// The last `limit` lines, newest first.
    pub(crate) fn last(&self, limit: usize) -> Vec<Event> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().rev().take(limit).cloned().collect()
    }

    fn push(&self, event: Event) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() == RECENT {
            events.pop_front();
        }
        events.push_back(event);
    }
}

impl History {
    /// A history that is only kept in memory: an agent that observes writes nothing.
    pub(crate) fn in_memory(metrics: Arc<Metrics>) -> Self {
        Self::spawn(None, metrics)
    }

    /// Opens the journal in `state_dir` and reads what survives from earlier runs.
    ///
    /// `lasting`: this is the start of an agent that is to stay, not of one pass.
    pub(crate) fn open(
        state_dir: &Path,
        clock: HostClock,
        boot_id: &str,
        lasting: bool,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, Found), AgentError> {
        let failed = |source| AgentError::History { state_dir: state_dir.to_owned(), source };
        let (mut journal, findings) = Journal::open(state_dir, clock.wall()).map_err(failed)?;
        let mut found = Found::default();
        for finding in findings {
            tracing::error!(%finding, "history was damaged or is of a newer version; acting is withheld");
            found.observe_only = Some(finding.to_string());
        }
        match past(&mut journal, clock, boot_id, lasting) {
            Ok((past, starts)) => {
                found.past = past;
                if starts > STARTS_IN_TEN_MINUTES {
                    let why = format!("the agent started {starts} times within ten minutes");
                    found.observe_only.get_or_insert(why);
                }
            }
            Err(error) => {
                found.observe_only.get_or_insert(format!("history cannot be read: {error}"));
            }
        }
        let history = Self::spawn(Some((journal, boot_id.to_owned())), metrics);
        match last_lines(state_dir) {
            Ok(lines) => lines.into_iter().for_each(|line| history.recent.push(line)),
            Err(error) => tracing::warn!(%error, "the page starts without earlier events"),
        }
        Ok((history, found))
    }

    fn spawn(journal: Option<(Journal, String)>, metrics: Arc<Metrics>) -> Self {
        let (lines, inbox) = mpsc::channel();
        let recent = Recent::default();
        let writer = Writer::new(journal, recent.clone(), metrics);
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .stack_size(512 * 1024)
            .spawn(move || writer.run(&inbox))
            .ok();
        Self { lines: Some(lines), thread, recent }
    }

    /// Writes one line, soon.
    pub(crate) fn record(&self, at: Timestamp, record: Record) {
        self.send(Line::Record(at, record));
    }

    /// Writes an intent; the answer comes when it is on disk.
    pub(crate) fn intend(
        &self,
        act: Act,
        boottime: Moment,
        wall: Timestamp,
    ) -> oneshot::Receiver<Result<i64, String>> {
        let (written, answer) = oneshot::channel();
        self.send(Line::Intend { act, boottime, wall, written });
        answer
    }

    /// Writes lines from elsewhere, in the order in which they come.
    pub(crate) fn recorder(&self) -> impl Fn(Timestamp, Record) + Send + Sync + use<> {
        let lines = self.lines.clone();
        move |at, record| {
            if let Some(lines) = &lines {
                // As for every line: the thread ends last.
                let _ = lines.send(Line::Record(at, record));
            }
        }
    }

    /// Writes how an intended action ended; to be called where the action ends.
    pub(crate) fn settler(&self) -> impl Fn(i64, Timestamp, String) + Send + use<> {
        let lines = self.lines.clone();
        move |intent, at, detail| {
            if let Some(lines) = &lines {
                // As for every line: the thread ends last.
                let _ = lines.send(Line::Settle { intent, at, detail });
            }
        }
    }

    /// Writes what is still on its way and ends the thread.
    pub(crate) fn close(&mut self) {
        self.lines = None;
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was logged where it happened; there is nothing left to write to.
            let _ = thread.join();
        }
    }

    fn send(&self, line: Line) {
        if let Some(lines) = &self.lines {
            // The thread ends only when this sender is dropped, or by a panic that was logged.
            let _ = lines.send(line);
        }
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.close();
    }
}

struct Writer {
    journal: Option<(Journal, String)>,
    recent: Recent,
    metrics: Arc<Metrics>,
    next_in_memory: i64,
    lines: u32,
}

impl Writer {
    fn new(journal: Option<(Journal, String)>, recent: Recent, metrics: Arc<Metrics>) -> Self {
        Self { journal, recent, metrics, next_in_memory: 1, lines: 0 }
    }

    fn run(mut self, inbox: &mpsc::Receiver<Line>) {
        while let Ok(line) = inbox.recv() {
            match line {
                Line::Record(at, record) => self.record(at, &record),
                Line::Intend { act, boottime, wall, written } => {
                    let result = self.intend(act, boottime, wall);
                    // Nobody waits any more: the agent ends, and the intent stays open, as it should.
                    let _ = written.send(result);
                }
                Line::Settle { intent, at, detail } => {
                    if let Some((journal, _)) = &mut self.journal {
                        report(&self.metrics, journal.settle(intent, at, "ended", &detail));
                    }
                }
            }
            self.lines += 1;
            if self.lines.is_multiple_of(10_000)
                && let Some((journal, _)) = &mut self.journal
            {
                report(&self.metrics, journal.prune(HostClock.wall(), KEEP, KEEP_BYTES));
            }
        }
    }

    fn record(&mut self, at: Timestamp, record: &Record) {
        let message = record.message();
        let target = record.target();
        let data = serde_json::to_value(record).unwrap_or(Value::Null);
        if let Some((journal, _)) = &mut self.journal {
            match record {
                Record::IncidentOpened { incident, cause, .. } => {
                    let opened =
                        journal.open_incident(number(*incident), at, &target, cause, &data);
                    report(&self.metrics, opened);
                }
                Record::IncidentClosed { incident, .. } => {
                    let closed = journal.close_incident(number(*incident), at, "up");
                    report(&self.metrics, closed);
                }
                _ => {}
            }
        }
        let incident = record.incident().map(number);
        let entry =
            Entry { kind: record.kind(), target: &target, incident, message: &message, data };
        let id = match &mut self.journal {
            Some((journal, _)) => {
                report(&self.metrics, journal.append(at, &entry)).unwrap_or_default()
            }
            None => {
                self.next_in_memory += 1;
                self.next_in_memory - 1
            }
        };
        let kind = record.kind().to_owned();
        self.recent.push(Event { id, at, kind, target, incident, message });
    }

    fn intend(&mut self, act: Act, boottime: Moment, wall: Timestamp) -> Result<i64, String> {
        let Some((journal, boot_id)) = &mut self.journal else {
            return Err("there is no history to write the intent to".to_owned());
        };
        let intent = Intent {
            incident: number(act.incident),
            target: act.target,
            step: act.step,
            attempt: act.attempt,
            action: act.action.describe(),
            boot_id: boot_id.clone(),
            boottime,
            wall,
        };
        journal.intend(&intent).map_err(|error| error.to_string())
    }
}

/// The last lines that earlier runs wrote, oldest first.
fn last_lines(state_dir: &Path) -> Result<Vec<Event>, Box<dyn std::error::Error>> {
    let limit = u32::try_from(RECENT).ok();
    let events = Reader::open(state_dir)?.events(&Filter { limit, ..Filter::default() })?;
    let line = |event: evenkeel_journal::Event| Event {
        id: event.id,
        at: event.at,
        kind: event.kind,
        target: event.target,
        incident: event.incident,
        message: event.message,
    };
    Ok(events.into_iter().map(line).collect())
}

/// What earlier runs charged and left open, with each action's start as a moment of this boot.
fn past(
    journal: &mut Journal,
    clock: HostClock,
    boot_id: &str,
    lasting: bool,
) -> Result<(Past, u32), JournalError> {
    let (now, wall) = (clock.now(), clock.wall());
    // One pass after the other, as cron runs them, is no crash loop.
    let starts = if lasting { journal.agent_started(wall, boot_id)? } else { 0 };
    let ledger = journal.ledger(wall - LONGEST_BUDGET)?;
    let charged = ledger
        .iter()
        .map(|intent| {
            let at = if intent.boot_id == boot_id {
                intent.boottime
            } else {
                // Another boot: only the time of day tells, and a clock set back must not refund anything.
                let age = Duration::try_from(wall.duration_since(intent.wall)).unwrap_or_default();
                Moment::from_nanos(
                    now.as_nanos()
                        .saturating_sub(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX)),
                )
            };
            (at, intent.target.clone())
        })
        .collect();
    let unfinished = journal.open_intents()?;
    for (id, _) in &unfinished {
        journal.settle(*id, wall, "unknown", "the agent ended before the action did")?;
    }
    let moment = |at: Timestamp| before(now, wall, at);
    let open = journal
        .open_incidents()?
        .into_iter()
        .map(|incident| {
            let last = ledger.iter().rfind(|intent| intent.incident == incident.id);
            OpenIncident {
                incident: u64::try_from(incident.id).unwrap_or_default(),
                since: moment(incident.opened),
                used: last.map(|intent| (intent.step, intent.attempt)),
                unproved: unfinished.iter().any(|(_, intent)| intent.incident == incident.id),
                exhausted: false,
                again_at: None,
                target: incident.target,
            }
        })
        .collect();
    let next_incident = journal.last_incident()?.map_or(1, |last| last + 1);
    let next_incident = u64::try_from(next_incident).unwrap_or(1);
    if lasting {
        let data = json!({ "boot_id": boot_id, "starts_in_ten_minutes": starts });
        let message = "started";
        let entry = Entry { kind: "agent_started", target: "agent", incident: None, message, data };
        journal.append(wall, &entry)?;
    }
    Ok((Past { charged, open, next_incident, ..Past::default() }, starts))
}

/// The time of day `at` as a moment, given that it is `wall` at `now`; never after `now`.
fn before(now: Moment, wall: Timestamp, at: Timestamp) -> Moment {
    let age = Duration::try_from(wall.duration_since(at)).unwrap_or_default();
    let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
    Moment::from_nanos(now.as_nanos().saturating_sub(age))
}

fn number(incident: u64) -> i64 {
    i64::try_from(incident).unwrap_or(i64::MAX)
}

/// What was written; `None` if it could not be, which is logged and counted.
fn report<T>(metrics: &Metrics, result: Result<T, JournalError>) -> Option<T> {
    result
        .inspect_err(|error| {
            tracing::error!(%error, "cannot write to the history");
            metrics.journal_failed();
        })
        .ok()
}
