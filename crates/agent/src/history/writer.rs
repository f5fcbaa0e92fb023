//! The thread that owns the journal.

use std::ops::ControlFlow;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use evenkeel_engine::{Act, Record};
use evenkeel_journal::{Durability, Entry, Intent, Journal, JournalError, Stamp};
use evenkeel_metrics::{Collector, Metrics};
use evenkeel_moment::Moment;
use evenkeel_shown::chain;
use jiff::Timestamp;
use serde_json::Value;

use super::kept::Kept;
use super::seen::Sightings;
use super::trouble::Trouble;
use super::{Batch, Event, Line, Note, Recent, is_of_a_rule, short};
use crate::clock::HostClock;

/// How long history is kept, and how large it may grow.
const KEEP: Duration = Duration::from_hours(9600);
const KEEP_BYTES: u64 = 256 * 1024 * 1024;
/// Lines between two looks at its size, and the time between them where there are few.
const PRUNE_AFTER: u32 = 10_000;
const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// How long what was seen is collected: what a kill may cost.
const COLLECT: Duration = Duration::from_secs(5);
/// The longest time without a sign of life.
const ALIVE_EVERY: Duration = Duration::from_mins(1);
const ROLL_UP_EVERY: Duration = Duration::from_mins(10);

pub(super) struct Writer {
    journal: Option<Journal>,
    pub(super) recent: Recent,
    metrics: Arc<Metrics>,
    /// What is in force, as it was last written.
    pub(super) kept: Kept,
    next_in_memory: i64,
    lines: u32,
    pub(super) sightings: Sightings,
    write_at: Moment,
    roll_up_at: Moment,
    prune_at: Moment,
    trouble: Trouble,
}

impl Writer {
    pub(super) fn new(journal: Option<Journal>, recent: Recent, metrics: Arc<Metrics>) -> Self {
        let now = HostClock.now();
        Self {
            journal,
            recent,
            trouble: Trouble::new(Arc::clone(&metrics)),
            metrics,
            kept: Kept::default(),
            next_in_memory: 1,
            lines: 0,
            sightings: Sightings::default(),
            write_at: now,
            // Not at the very start, when there is enough to do.
            roll_up_at: now + ALIVE_EVERY,
            prune_at: now + ALIVE_EVERY,
        }
    }

    pub(super) fn run(mut self, inbox: &mpsc::Receiver<Line>) {
        loop {
            match self.next(inbox) {
                Ok(line) => {
                    if self.take(line).is_break() {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.do_what_is_due();
        }
        self.write_collected(true);
    }

    fn next(&self, inbox: &mpsc::Receiver<Line>) -> Result<Line, RecvTimeoutError> {
        if self.journal.is_none() {
            return inbox.recv().map_err(|_| RecvTimeoutError::Disconnected);
        }
        let due = self.write_at.min(self.roll_up_at).min(self.prune_at);
        inbox.recv_timeout(due.saturating_since(HostClock.now()))
    }

    fn take(&mut self, line: Line) -> ControlFlow<()> {
        match line {
            Line::Batch(batch) => self.batch(*batch),
            Line::Note(at, note) => self.note(at, note),
            Line::Settle { intent, at, detail } => {
                if let Some(journal) = &mut self.journal {
                    self.trouble.note(journal.settle(intent, at, "ended", &detail));
                }
            }
            Line::State { key, value } => {
                if let Some(journal) = &mut self.journal {
                    self.trouble.note(journal.save_state(key, &value));
                }
            }
            Line::Seen => {
                self.write_at = self.write_at.min(HostClock.now() + COLLECT);
                return ControlFlow::Continue(());
            }
            Line::End => return ControlFlow::Break(()),
        }
        self.lines += 1;
        if self.lines.is_multiple_of(PRUNE_AFTER) {
            self.prune_at = HostClock.now();
        }
        ControlFlow::Continue(())
    }

    fn do_what_is_due(&mut self) {
        let now = HostClock.now();
        if self.write_at <= now {
            self.write_collected(false);
        }
        if self.roll_up_at <= now {
            self.roll_up(now);
        }
        if self.prune_at <= now
            && let Some(journal) = &mut self.journal
        {
            self.trouble.note(journal.prune(HostClock.wall(), KEEP, KEEP_BYTES));
            self.prune_at = now + PRUNE_EVERY;
        }
    }

    /// Writes what was seen, with a sign of life.
    fn write_collected(&mut self, ends: bool) {
        let Some(journal) = &mut self.journal else { return };
        let begun = HostClock.now();
        let written = self.sightings.take().write(journal, HostClock.wall(), ends);
        self.metrics.journal_appended(HostClock.now().saturating_since(begun));
        self.metrics.set_journal_bytes(journal.size_bytes());
        self.trouble.note(written);
        self.write_at = begun + ALIVE_EVERY;
    }

    /// Rolls up a portion; the next one when whoever waits has been served.
    fn roll_up(&mut self, now: Moment) {
        let Some(journal) = &mut self.journal else { return };
        let rolled = journal.roll_up_some(HostClock.wall());
        let took = HostClock.now().saturating_since(now);
        self.metrics.swept(Collector::Rollup, "journal", took, rolled.is_ok());
        let goes_on = self.trouble.note(rolled).is_some_and(|rolled| rolled.goes_on);
        self.roll_up_at = if goes_on { now } else { now + ROLL_UP_EVERY };
    }

    /// Writes all of a batch in one transaction, so that no end of the agent falls between an action's intent, its charge and
    /// where its target stands.
    fn batch(&mut self, batch: Batch) {
        let Batch { now, records, past, act, waiting } = batch;
        let kept = past.as_ref().map(Kept::of);
        let written = match &mut self.journal {
            Some(journal) => {
                let awaited = act.is_some() || !waiting.is_empty();
                let durability = durability(&records, awaited);
                let begun = HostClock.now();
                let last = &self.kept;
                let written = journal.together(durability, |journal| {
                    let ids: Result<Vec<_>, _> =
                        records.iter().map(|record| append(journal, &now, record)).collect();
                    if let Some(kept) = &kept {
                        kept.write(last, journal, &now)?;
                    }
                    let intent = act.map(|act| intend(journal, act, &now)).transpose()?;
                    Ok((ids?, intent))
                });
                self.metrics.journal_appended(HostClock.now().saturating_since(begun));
                if written.is_ok()
                    && let Some(kept) = kept
                {
                    self.kept = kept;
                }
                let error = written.as_ref().err().map(|error| chain(error));
                self.trouble.note(written).ok_or_else(|| error.unwrap_or_default())
            }
            None => {
                let first = self.next_in_memory;
                let ids: Vec<_> = (first..).take(records.len()).collect();
                self.next_in_memory = ids.last().map_or(first, |last| last + 1);
                match act {
                    Some(_) => Err("there is no history to write the intent to".to_owned()),
                    None => Ok((ids, None)),
                }
            }
        };
        // What could not be written is still shown, without a number.
        let (ids, intent) = match written {
            Ok((ids, intent)) => (ids, Ok(intent)),
            Err(error) => (vec![0; records.len()], Err(error)),
        };
        for (id, record) in ids.into_iter().zip(&records) {
            self.recent.push(event(id, now.wall, record));
        }
        for waiting in waiting {
            // Nobody waits any more: the agent ends, and the intent stays open, as it should.
            let _ = waiting.send(intent.clone());
        }
    }

    fn note(&mut self, at: Timestamp, note: Note) {
        let Note { kind, target, message, data } = note;
        let shown = short(&data);
        let id = match &mut self.journal {
            Some(journal) => {
                let entry =
                    Entry { kind, target: &target, incident: None, message: &message, data };
                self.trouble.note(journal.append(at, &entry)).unwrap_or_default()
            }
            None => {
                self.next_in_memory += 1;
                self.next_in_memory - 1
            }
        };
        let kind = kind.to_owned();
        self.recent.push(Event { id, at, kind, target, incident: None, message, data: shown });
    }
}

/// What must outlive a power cut: intents, orders, and whatever decides what is done next. What was seen is seen again.
fn durability(records: &[Record], awaited: bool) -> Durability {
    let seen = |record: &Record| {
        is_of_a_rule(record)
            || matches!(record, Record::CheckChanged { .. } | Record::BreakerChanged { .. })
    };
    if awaited || !records.iter().all(seen) { Durability::AtOnce } else { Durability::Soon }
}

/// Writes one record, and what it means for incidents and budgets.
fn append(journal: &mut Journal, now: &Stamp, record: &Record) -> Result<i64, JournalError> {
    let at = now.wall;
    let (target, message) = (record.target(), record.message());
    let data = serde_json::to_value(record).unwrap_or(Value::Null);
    match record {
        Record::IncidentOpened { incident, cause, .. } => {
            journal.open_incident(number(*incident), at, &target, cause, &data)?;
        }
        Record::IncidentClosed { incident, .. } => {
            journal.close_incident(number(*incident), at, "up")?;
        }
        Record::RestartedByOthers { charged, .. } => {
            for target in charged {
                journal.charge(&by_others(target, now), "by others")?;
            }
        }
        _ => {}
    }
    let incident = record.incident().map(number);
    let entry = Entry { kind: record.kind(), target: &target, incident, message: &message, data };
    journal.append(at, &entry)
}

fn event(id: i64, at: Timestamp, record: &Record) -> Event {
    Event {
        id,
        at,
        kind: record.kind().to_owned(),
        target: record.target(),
        incident: record.incident().map(number),
        message: record.message(),
        data: short(record),
    }
}

/// What others did to a target, which counts as an action of ours.
fn by_others(target: &str, now: &Stamp) -> Intent {
    Intent {
        incident: 0,
        target: target.to_owned(),
        step: 0,
        attempt: 0,
        action: "restarted by others".to_owned(),
        boot_id: now.boot_id.clone(),
        boottime: now.boottime,
        wall: now.wall,
    }
}

/// Writes the intent, and what is charged beside it; gives the number of the intent.
fn intend(journal: &mut Journal, act: Act, now: &Stamp) -> Result<i64, JournalError> {
    for beside in act.charges.iter().rev().skip(1) {
        let charge = Intent { action: beside.clone(), ..by_others(&act.target, now) };
        journal.charge(&charge, "with the action that follows")?;
    }
    journal.intend(&intent(act, now))
}

fn intent(act: Act, now: &Stamp) -> Intent {
    Intent {
        incident: number(act.incident),
        target: act.target,
        step: act.step,
        attempt: act.attempt,
        action: act.action.describe(),
        boot_id: now.boot_id.clone(),
        boottime: now.boottime,
        wall: now.wall,
    }
}

/// An incident's number, as the journal has it.
pub(super) fn number(incident: u64) -> i64 {
    i64::try_from(incident).unwrap_or(i64::MAX)
}
