//! The recorder: one thread owns the journal; the agent sends what happened and waits only where it must be on disk first.

mod kept;
mod late;
mod seen;
mod start;
mod trouble;
mod writer;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use evenkeel_config::Settings;
use evenkeel_engine::{Act, Past, Record};
use evenkeel_journal::{Filter, Journal, Reader, Stamp};
use evenkeel_metrics::Metrics;
use evenkeel_shown::said::{AgentCode, Said};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use self::kept::Kept;
pub(crate) use self::seen::Seen;
use self::seen::{Added, Sightings};
pub(crate) use self::start::{ENDED_BEFORE, Found, Withheld};
use self::writer::Writer;
use crate::error::AgentError;

/// Kinds of lines that are the agent's own, beside those of [`Record::KINDS`].
pub(crate) const KINDS: [&str; 3] = ["agent_started", "observe_only", "observe_only_ended"];
/// Lines kept in memory for the page.
const RECENT: usize = 500;
/// The longest data of such a line; evidence may have much more.
const RECENT_DATA: usize = 4 * 1024;

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
    /// All that it says, as JSON, if that is not long.
    #[serde(skip)]
    pub(crate) data: Option<Box<str>>,
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
    /// What was seen and is not written yet; `None` where nothing is written.
    sightings: Option<Sightings>,
    metrics: Arc<Metrics>,
}

/// What an agent is there for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// To stay, and not for one pass.
    pub(crate) lasting: bool,
    /// For these settings alone, which are a part of the host's: what is known of the rest stays in the journal as it is.
    pub(crate) only: Option<&'a Settings>,
}

/// All that one input led to: written whole or not at all.
#[derive(Debug)]
pub(crate) struct Batch {
    /// When.
    pub(crate) now: Stamp,
    /// What happened.
    pub(crate) records: Vec<Record>,
    /// What is in force from now on, if that may have changed.
    pub(crate) past: Option<Past>,
    /// The action that waits for its intent to be on disk.
    pub(crate) act: Option<Act>,
    /// Who waits until it is written; told the number of the intent, if there is one.
    pub(crate) waiting: Vec<oneshot::Sender<Written>>,
}

/// What came of a batch: the number of its intent, or why nothing of it was written.
pub(crate) type Written = Result<Option<i64>, String>;

/// A line that no engine decided on.
#[derive(Debug)]
pub(crate) struct Note {
    /// One of [`KINDS`].
    pub(crate) kind: &'static str,
    /// What it is about.
    pub(crate) target: String,
    /// The line, for people.
    pub(crate) message: String,
    /// All the rest.
    pub(crate) data: Value,
}

#[derive(Debug)]
enum Line {
    Batch(Box<Batch>),
    Note(Timestamp, Note),
    Settle {
        intent: i64,
        at: Timestamp,
        detail: String,
    },
    State {
        key: &'static str,
        value: Value,
    },
    /// There is something to write of what was seen.
    Seen,
    /// Nothing after it is written: an action that outlasts the agent has a sender of its own.
    End,
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
        Self::spawn(Writer::new(None, Recent::default(), Arc::clone(&metrics)), None, metrics)
    }

    /// Opens the journal in `state_dir` and reads what survives from earlier runs.
    ///
    /// `period`: how long nothing is done after history was lost.
    pub(crate) fn open(
        state_dir: &Path,
        now: &Stamp,
        scope: Scope<'_>,
        period: Duration,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, Found), AgentError> {
        let failed = |source| AgentError::History { state_dir: state_dir.to_owned(), source };
        let (mut journal, findings) = Journal::open(state_dir, now.wall).map_err(failed)?;
        for finding in &findings {
            tracing::error!(%finding, "history was damaged or is of a newer version; acting is withheld");
        }
        let mut found =
            start::read(&mut journal, now, scope.lasting, period).unwrap_or_else(|error| {
                tracing::error!(%error, "history cannot be read; acting is withheld");
                let text = format!("history cannot be read: {error}");
                let code = AgentCode::HistoryUnreadable { error: error.to_string() };
                let why = Said::new(text, code);
                Found { withheld: Some(Withheld::without_end(why)), ..Found::default() }
            });
        if let Some(settings) = scope.only {
            found.past.keep_to(settings);
        }
        let mut writer = Writer::new(Some(journal), Recent::default(), Arc::clone(&metrics));
        writer.kept = Kept::of(&found.past);
        let sightings = writer.sightings.clone();
        let history = Self::spawn(writer, Some(sightings), metrics);
        match last_lines(state_dir) {
            Ok(lines) => lines.into_iter().for_each(|line| history.recent.push(line)),
            Err(error) => tracing::warn!(%error, "the page starts without earlier events"),
        }
        Ok((history, found))
    }

    fn spawn(writer: Writer, sightings: Option<Sightings>, metrics: Arc<Metrics>) -> Self {
        let (lines, inbox) = mpsc::channel();
        let recent = writer.recent.clone();
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .stack_size(512 * 1024)
            .spawn(move || writer.run(&inbox))
            .ok();
        Self { lines: Some(lines), thread, recent, sightings, metrics }
    }

    /// Writes all of it, soon; whoever waits is told when.
    pub(crate) fn write(&self, batch: Batch) {
        self.send(Line::Batch(Box::new(batch)));
    }

    /// Writes a line of the agent's own, soon.
    pub(crate) fn note(&self, at: Timestamp, note: Note) {
        self.send(Line::Note(at, note));
    }

    /// Keeps a value under a key, in the place of the one before, soon.
    pub(crate) fn keep(&self, key: &'static str, value: Value) {
        self.send(Line::State { key, value });
    }

    /// Keeps what was seen, within a few seconds; not all of it if there is more than the journal can keep up with.
    pub(crate) fn see(&self, at: Timestamp, seen: Seen) {
        let Some(sightings) = self.sightings.as_ref().filter(|_| !seen.is_empty()) else { return };
        let values = seen.len();
        match sightings.add(at, seen) {
            Added::First => self.send(Line::Seen),
            Added::More => {}
            Added::TooMuch => self.metrics.journal_lagged(values as u64),
        }
    }

    /// Writes what was seen on the way to an action, where it was seen; in the order in which it comes.
    pub(crate) fn recorder(&self) -> impl Fn(Stamp, Record) + Send + Sync + use<> {
        let lines = self.lines.clone();
        move |now, record| {
            if let Some(lines) = &lines {
                let batch = Batch { records: vec![record], ..Batch::at(now) };
                // Nobody takes it where the agent has ended: the intent stays open.
                let _ = lines.send(Line::Batch(Box::new(batch)));
            }
        }
    }

    /// Writes how an intended action ended; to be called where the action ends.
    pub(crate) fn settler(&self) -> impl Fn(i64, Timestamp, String) + Send + use<> {
        let lines = self.lines.clone();
        move |intent, at, detail| {
            if let Some(lines) = &lines {
                // Nobody takes it where the agent has ended: the intent stays open.
                let _ = lines.send(Line::Settle { intent, at, detail });
            }
        }
    }

    /// Writes what was sent by now and ends the thread, whoever else still has something to say.
    pub(crate) fn close(&mut self) {
        if let Some(lines) = self.lines.take() {
            // It has ended only by a panic that was logged.
            let _ = lines.send(Line::End);
        }
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

impl Batch {
    /// A batch of nothing yet.
    pub(crate) fn at(now: Stamp) -> Self {
        Self { now, records: Vec::new(), past: None, act: None, waiting: Vec::new() }
    }

    /// Whether there is anything to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.past.is_none()
            && self.act.is_none()
            && self.waiting.is_empty()
    }

    /// Whether what survives may have changed with these records.
    pub(crate) fn changes_what_survives(&self) -> bool {
        // Who waits, waits for what the next agent shall know.
        self.act.is_some()
            || !self.waiting.is_empty()
            || self.records.iter().any(|record| !is_of_a_rule(record))
    }

    /// Whether more may have changed than what is remembered of checks, or somebody waits: that is written with the batch itself.
    pub(crate) fn changes_what_is_in_force(&self) -> bool {
        let is_of_a_check = |record: &Record| {
            matches!(record, Record::CheckChanged { .. } | Record::BreakerChanged { .. })
        };
        self.act.is_some()
            || !self.waiting.is_empty()
            || self.records.iter().any(|record| !is_of_a_rule(record) && !is_of_a_check(record))
    }
}

/// Whether a record is about files: what survives has nothing to do with it, and there may be many.
const fn is_of_a_rule(record: &Record) -> bool {
    matches!(
        record,
        Record::Repaired { .. }
            | Record::RepairedMore { .. }
            | Record::Fought { .. }
            | Record::FoughtMore { .. }
            | Record::RuleFailed { .. }
            | Record::Cleaned { .. }
            | Record::Purged { .. }
    )
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
        data: short(&event.data),
    };
    Ok(events.into_iter().map(line).collect())
}

/// Data as JSON, if it may stay in memory. What a line does not say by itself is left out.
fn short(data: &impl Serialize) -> Option<Box<str>> {
    let text = serde_json::to_string(data).ok()?;
    if text.len() <= RECENT_DATA {
        return Some(text.into());
    }
    let mut data = serde_json::from_str::<Value>(&text).ok()?;
    for list in ["sample", "sample_code"] {
        drop(data.as_object_mut()?.remove(list));
    }
    let text = data.to_string();
    (text.len() <= RECENT_DATA).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn of_a_long_line_is_kept_what_it_says() {
        let path = |entry: usize| format!("/srv/{}/{entry}", "deep/".repeat(30));
        let sample: Vec<_> = (0..20).map(path).collect();
        let cleaned = |entries| {
            let sample = &sample[..entries];
            serde_json::json!({ "entries": entries, "sample": sample, "sample_code": sample })
        };
        let kept =
            |data: &Value| short(data).map(|text| serde_json::from_str::<Value>(&text).unwrap());
        assert_eq!(kept(&cleaned(2)), Some(cleaned(2)));
        assert_eq!(kept(&cleaned(20)), Some(serde_json::json!({ "entries": 20 })));
        assert_eq!(kept(&serde_json::json!({ "detail": "x".repeat(RECENT_DATA) })), None);
    }

    #[test]
    fn it_ends_though_an_action_that_outlasts_it_has_still_something_to_say() {
        let metrics = Arc::new(Metrics::new("0", SystemTime::UNIX_EPOCH));
        let mut history = History::in_memory(metrics);
        let settle = history.settler();
        let (told, ended) = mpsc::channel();
        std::thread::spawn(move || {
            history.close();
            told.send(())
        });
        assert_eq!(ended.recv_timeout(Duration::from_mins(1)), Ok(()));
        settle(1, Timestamp::UNIX_EPOCH, "it ended later".to_owned());
    }
}
