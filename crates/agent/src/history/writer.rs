//! The thread that owns the journal.

use std::ops::ControlFlow;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use evenkeel_engine::{Act, Record};
use evenkeel_journal::{Durability, Entry, Intent, Journal, JournalError, Stamp};
use evenkeel_metrics::{Collector, Metrics};
use evenkeel_moment::Moment;
use jiff::Timestamp;
use serde_json::Value;

use super::kept::Kept;
use super::late::{self, Late, Owed};
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
    late: Late,
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
            late: Late::default(),
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
        self.end();
    }

    /// Writes what is left, or says how much of it is lost.
    fn end(&mut self) {
        let written = match &mut self.journal {
            Some(journal) => self.late.write_now(journal, &mut self.kept, &mut self.trouble),
            None => Ok(()),
        };
        if written.is_ok() {
            self.write_collected(true);
        }
        self.trouble.end(self.late.lines());
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
            Line::Settle { intent, at, detail } => self.settle(intent, at, detail),
            Line::State { key, value } => {
                if let Some(journal) = &mut self.journal
                    && let Err(error) = journal.save_state(key, &value)
                {
                    self.trouble.fails(&error);
                }
            }
            Line::Seen => {
                self.write_soon();
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
            if let Err(error) = journal.prune(HostClock.wall(), KEEP, KEEP_BYTES) {
                self.trouble.fails(&error);
            }
            self.prune_at = now + PRUNE_EVERY;
        }
    }

    /// Writes what comes now, after all that is owed; `write` is told what is in force as the journal has it.
    fn write<T>(
        &mut self,
        write: impl FnOnce(&mut Journal, &Kept) -> Result<T, JournalError>,
    ) -> Result<T, Unwritten> {
        let Some(journal) = &mut self.journal else {
            let why = "there is no history to write to".to_owned();
            return Err(Unwritten { why, is_owed: false });
        };
        self.late
            .write(journal, &mut self.kept, &mut self.trouble)
            .map_err(|why| Unwritten { why, is_owed: true })?;
        match write(journal, &self.kept) {
            Ok(written) => {
                self.trouble.is_over();
                Ok(written)
            }
            Err(error) => {
                let why = self.trouble.fails(&error);
                Err(Unwritten { why, is_owed: error.may_pass() })
            }
        }
    }

    /// What was not written is written later, unless the journal refuses it for what it is.
    fn owe_unless<T>(&mut self, written: &Result<T, Unwritten>, owed: Owed) {
        match written {
            Err(Unwritten { is_owed: true, .. }) => {
                self.trouble.lose(self.late.owe(owed));
                self.write_soon();
            }
            Err(_) if self.journal.is_some() => self.trouble.lose(owed.lines()),
            _ => {}
        }
    }

    fn write_soon(&mut self) {
        self.write_at = self.write_at.min(HostClock.now() + COLLECT);
    }

    fn settle(&mut self, intent: i64, at: Timestamp, detail: String) {
        let written = self.write(|journal, _| journal.settle(intent, at, "ended", &detail));
        self.owe_unless(&written, Owed::Settled { intent, at, detail });
    }

    /// Writes what was seen, with a sign of life.
    fn write_collected(&mut self, ends: bool) {
        let sightings = self.sightings.clone();
        let metrics = Arc::clone(&self.metrics);
        let mut tried = None;
        let _ = self.write(|journal, _| {
            let begun = *tried.insert(HostClock.now());
            let written = sightings.take().write(journal, HostClock.wall(), ends);
            metrics.journal_appended(HostClock.now().saturating_since(begun));
            metrics.set_journal_bytes(journal.size_bytes());
            written
        });
        // As long as something is owed, what was seen is still collected: it comes after it.
        self.write_at =
            tried.map_or_else(|| HostClock.now() + COLLECT, |begun| begun + ALIVE_EVERY);
    }

    /// Rolls up a portion; the next one when whoever waits has been served.
    fn roll_up(&mut self, now: Moment) {
        let Some(journal) = &mut self.journal else { return };
        let rolled = journal.roll_up_some(HostClock.wall());
        let took = HostClock.now().saturating_since(now);
        self.metrics.swept(Collector::Rollup, "journal", took, rolled.is_ok());
        let goes_on = match rolled {
            Ok(rolled) => rolled.goes_on,
            Err(error) => {
                self.trouble.fails(&error);
                false
            }
        };
        self.roll_up_at = if goes_on { now } else { now + ROLL_UP_EVERY };
    }

    /// Writes all of a batch in one transaction, so that no end of the agent falls between an action's intent, its charge and
    /// where its target stands.
    fn batch(&mut self, batch: Batch) {
        let Batch { now, mut records, past, act, waiting } = batch;
        let mut kept = past.as_ref().map(Kept::of);
        let durability = durability(&records, act.is_some() || !waiting.is_empty());
        let written = if self.journal.is_none() && act.is_none() {
            let first = self.next_in_memory;
            self.next_in_memory += number(records.len() as u64);
            Ok(((first..).take(records.len()).collect(), None))
        } else {
            let metrics = Arc::clone(&self.metrics);
            self.write(|journal, last| {
                let begun = HostClock.now();
                let written = journal.together(durability, |journal| {
                    let ids: Result<Vec<_>, _> =
                        records.iter().map(|record| append(journal, &now, record)).collect();
                    // `SQLite` may have ended the transaction by itself: nothing may follow.
                    let ids = ids?;
                    if let Some(kept) = &kept {
                        kept.write(last, journal, &now)?;
                    }
                    let intent = act.map(|act| intend(journal, act, &now)).transpose()?;
                    Ok((ids, intent))
                });
                metrics.journal_appended(HostClock.now().saturating_since(begun));
                written
            })
        };
        if written.is_ok()
            && let Some(kept) = kept.take()
        {
            self.kept = kept;
        }
        // What could not be written is still shown, without a number.
        let (ids, intent) = match &written {
            Ok((ids, intent)) => (ids.clone(), Ok(*intent)),
            Err(Unwritten { why, .. }) => (vec![0; records.len()], Err(why.clone())),
        };
        for (id, record) in ids.into_iter().zip(&records) {
            self.recent.push(event(id, now.wall, record));
        }
        for waiting in waiting {
            // Nobody waits any more: the agent ends, and the intent stays open, as it should.
            let _ = waiting.send(intent.clone());
        }
        if let Err(Unwritten { is_owed: true, .. }) = &written {
            // What could not be written did not begin.
            records.retain(|record| !matches!(record, Record::Intended { .. }));
            if let Some(kept) = kept {
                self.late.owe_kept(now.clone(), kept);
            }
        }
        self.owe_unless(&written, Owed::Records { now, records });
    }

    fn note(&mut self, at: Timestamp, note: Note) {
        let written = if self.journal.is_none() {
            self.next_in_memory += 1;
            Ok(self.next_in_memory - 1)
        } else {
            self.write(|journal, _| journal.append(at, &late::entry(&note)))
        };
        let Note { kind, target, message, data } = &note;
        self.recent.push(Event {
            id: written.as_ref().copied().unwrap_or_default(),
            at,
            kind: (*kind).to_owned(),
            target: target.clone(),
            incident: None,
            message: message.clone(),
            data: short(data),
        });
        self.owe_unless(&written, Owed::Note { at, note });
    }
}

/// Why something was not written.
#[derive(Debug)]
struct Unwritten {
    why: String,
    /// Whether it may be written later.
    is_owed: bool,
}

/// What must outlive a power cut: intents, orders, and whatever decides what is done next. What was seen is seen again.
pub(super) fn durability(records: &[Record], awaited: bool) -> Durability {
    let seen = |record: &Record| {
        is_of_a_rule(record)
            || matches!(record, Record::CheckChanged { .. } | Record::BreakerChanged { .. })
    };
    if awaited || !records.iter().all(seen) { Durability::AtOnce } else { Durability::Soon }
}

/// Writes one record, and what it means for incidents and budgets.
pub(super) fn append(
    journal: &mut Journal,
    now: &Stamp,
    record: &Record,
) -> Result<i64, JournalError> {
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
