//! What of an agent is on disk, and what the next one finds there: as `evenkeel-agent` writes it (docs/semantics.md, 5, "What
//! survives").

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_engine::{Act, BreakerPast, FlapRing, Hold, OpenIncident, Past, Record};
use evenkeel_moment::{Moment, from_to};
use jiff::Timestamp;

/// Starts within this time of one another are counted together.
const STARTS_WITHIN: Duration = Duration::from_mins(10);
/// More starts than this within that time: the agent crashes in a loop and must not act, for so long.
const STARTS_IN_TEN_MINUTES: usize = 5;
const CRASH_LOOP: Duration = Duration::from_hours(1);
/// So many of the last starts are kept.
const STARTS_KEPT: usize = 1_000;

/// A point in time, in a boot that is known by its number.
type Stamp = evenkeel_moment::Stamp<u32>;

/// The history of one host.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// Whether writes fail.
    pub(crate) full: bool,
    /// Counts the boots of the host: a moment of an earlier one means nothing to an agent.
    boot: u32,
    /// What is charged to budgets, oldest first.
    ledger: Vec<Charge>,
    /// Incidents that were opened and not closed: their targets, and the time of day then.
    incidents: BTreeMap<u64, (String, Timestamp)>,
    last_incident: u64,
    /// What is in force, as of when it was written.
    standings: Vec<(Stamp, OpenIncident)>,
    holds: Vec<(Stamp, Hold)>,
    flaps: Vec<(Stamp, FlapRing)>,
    breakers: Vec<BreakerPast>,
    /// Intents whose end nobody has written, with their incidents.
    open_intents: BTreeMap<u64, u64>,
    next_intent: u64,
    starts: Vec<Timestamp>,
    withheld: Option<(String, Stamp)>,
}

#[derive(Debug)]
struct Charge {
    at: Stamp,
    target: String,
    incident: u64,
    used: (u32, u32),
}

/// All that one input led to: written whole or not at all.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) at: Moment,
    pub(crate) wall: Timestamp,
    pub(crate) records: Vec<Record>,
    /// What is in force from now on, if that may have changed.
    pub(crate) past: Option<Past>,
    /// The action that waits for its intent to be on disk.
    pub(crate) act: Option<Act>,
    /// The action that waits for its announcement, by its intent.
    pub(crate) announced: Option<u64>,
    /// Whether an operator waits.
    pub(crate) ordered: bool,
}

/// What an agent finds that starts.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) past: Past,
    /// Why it may only observe, and until when; `None`: in all of this run.
    pub(crate) withheld: Option<(String, Option<Moment>)>,
}

impl Batch {
    /// Whether what survives may have changed with these records.
    pub(crate) fn changes_what_survives(&self) -> bool {
        self.act.is_some()
            || self.announced.is_some()
            || self.ordered
            || self.records.iter().any(|record| !is_of_a_rule(record))
    }
}

/// A hold that was written, as the boot of `now` has it.
fn hold_of(written: Stamp, hold: &Hold, now: Stamp) -> Hold {
    let since = written.at(hold.since);
    let until = hold.until.map(|until| {
        let until = written.at(until);
        // However the clock was set meanwhile, it never holds for longer than it was ordered for.
        now.boottime + until.left(&now, from_to(since.wall, until.wall))
    });
    Hold { since: now.boottime.before(from_to(since.wall, now.wall)), until, ..hold.clone() }
}

/// When something was written: what stays as it was in this boot is not written anew.
fn since_when<Row: PartialEq>(rows: &[(Stamp, Row)], row: &Row, now: Stamp) -> Stamp {
    let same = |(written, known): &&(Stamp, Row)| written.boot_id == now.boot_id && known == row;
    rows.iter().find(same).map_or(now, |(written, _)| *written)
}

/// Whether a record is about files: what survives has nothing to do with it.
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

impl Disk {
    /// Writes all of a batch, or nothing. Gives the number of its intent, if it has one; fails while the disk is full.
    pub(crate) fn write(&mut self, batch: &mut Batch) -> Result<Option<u64>, ()> {
        if self.full {
            return Err(());
        }
        for record in &batch.records {
            self.append(batch, record);
        }
        // Also of an incident whose begin was lost: its number is never another's.
        let of_records = batch.records.iter().filter_map(Record::incident);
        let of_act = batch.act.as_ref().map(|act| act.incident);
        let of_past = batch.past.iter().flat_map(|past| &past.open).map(|open| open.incident);
        let all = of_records.chain(of_act).chain(of_past);
        self.last_incident = all.fold(self.last_incident, u64::max);
        let at = self.stamp(batch.at, batch.wall);
        if let Some(past) = batch.past.take() {
            self.keep(at, past);
        }
        Ok(batch.act.as_ref().filter(|act| act.action.is_attempt()).map(|act| {
            let charges = act.charges.len().max(1);
            for _ in 0..charges {
                self.ledger.push(Charge {
                    at,
                    target: act.target.clone(),
                    incident: act.incident,
                    used: (act.step, act.attempt),
                });
            }
            self.next_intent += 1;
            self.open_intents.insert(self.next_intent, act.incident);
            self.next_intent
        }))
    }

    fn append(&mut self, batch: &Batch, record: &Record) {
        match record {
            Record::IncidentOpened { incident, target, .. } => {
                self.incidents.insert(*incident, (target.clone(), batch.wall));
            }
            Record::IncidentClosed { incident, .. } => drop(self.incidents.remove(incident)),
            Record::RestartedByOthers { charged, .. } => {
                let at = self.stamp(batch.at, batch.wall);
                self.ledger.extend(charged.iter().map(|target| Charge {
                    at,
                    target: target.clone(),
                    incident: 0,
                    used: (0, 0),
                }));
            }
            _ => {}
        }
    }

    fn keep(&mut self, at: Stamp, past: Past) {
        let holds = past.holds.into_iter().map(|hold| (since_when(&self.holds, &hold, at), hold));
        self.holds = holds.collect();
        let open = past.open.into_iter();
        let open = open.map(|open| (since_when(&self.standings, &open, at), open));
        self.standings = open.collect();
        let flaps = past.flaps.into_iter().map(|ring| {
            let flaps = ring.flapping_since.is_some();
            (if flaps { since_when(&self.flaps, &ring, at) } else { at }, ring)
        });
        self.flaps = flaps.collect();
        self.breakers = past.breakers;
    }

    /// The host has booted.
    pub(crate) const fn booted(&mut self) {
        self.boot += 1;
    }

    const fn stamp(&self, at: Moment, wall: Timestamp) -> Stamp {
        Stamp { boot_id: self.boot, boottime: at, wall }
    }

    /// Writes that an intended action has ended; lost while the disk is full.
    pub(crate) fn settle(&mut self, intent: u64) {
        if !self.full {
            self.open_intents.remove(&intent);
        }
    }

    /// An agent starts: reads what survives, and writes what follows from it.
    pub(crate) fn start(&mut self, now: Moment, wall: Timestamp) -> Found {
        if self.full {
            let why = "history cannot be written: no space left on device".to_owned();
            return Found { past: Past::default(), withheld: Some((why, None)) };
        }
        self.starts.push(wall);
        let excess = self.starts.len().saturating_sub(STARTS_KEPT);
        self.starts.drain(..excess);
        let near = |start: &&Timestamp| start.duration_since(wall).unsigned_abs() < STARTS_WITHIN;
        let starts = self.starts.iter().filter(near).count();
        let now = self.stamp(now, wall);
        let past = self.past(now);
        self.open_intents.clear();
        self.keep(now, past.clone());
        let looping = (starts > STARTS_IN_TEN_MINUTES).then(|| {
            let why = format!("the agent started {starts} times within ten minutes");
            (why, now.after(CRASH_LOOP))
        });
        let left = |(_, until): &(String, Stamp)| until.left(&now, CRASH_LOOP);
        let reasons = self.withheld.take().into_iter().chain(looping);
        self.withheld = reasons.filter(|reason| !left(reason).is_zero()).max_by_key(left);
        let ends = |reason: &(String, Stamp)| (reason.0.clone(), Some(now.boottime + left(reason)));
        let withheld = self.withheld.as_ref().map(ends);
        Found { past, withheld }
    }

    /// What is charged and open, as moments of this boot.
    fn past(&self, now: Stamp) -> Past {
        let open = self.incidents.iter().map(|(incident, (target, opened))| {
            let last = self.ledger.iter().rfind(|charge| charge.incident == *incident);
            let unproved = self.open_intents.values().any(|of| of == incident);
            // The history has a time of day; a clock that was set meanwhile makes an incident look older or younger.
            let since = now.boottime.before(from_to(*opened, now.wall));
            let bare = OpenIncident {
                incident: *incident,
                target: target.clone(),
                since,
                used: last.map(|charge| charge.used),
                unproved,
                exhausted: false,
                again_at: None,
                stopped: Vec::new(),
                acted_on: Vec::new(),
            };
            match self
                .standings
                .iter()
                .find(|(_, known)| known.incident == *incident && known.target == *target)
            {
                Some((written, known)) => {
                    // Never longer than it was to wait when that was written.
                    let again_at = known.again_at.map(|again| {
                        let most = again.saturating_since(written.boottime);
                        now.boottime + written.at(again).left(&now, most)
                    });
                    let unproved = unproved || known.unproved;
                    OpenIncident { since, unproved, again_at, ..known.clone() }
                }
                None => bare,
            }
        });
        Past {
            charged: self
                .ledger
                .iter()
                .map(|charge| (charge.at.moment(&now), charge.target.clone()))
                .collect(),
            open: open.collect(),
            next_incident: self.last_incident + 1,
            holds: self.holds.iter().map(|(written, hold)| hold_of(*written, hold, now)).collect(),
            flaps: self
                .flaps
                .iter()
                .map(|(written, ring)| {
                    let since = ring.flapping_since.map(|since| written.at(since).moment(&now));
                    FlapRing { flapping_since: since, ..ring.clone() }
                })
                .collect(),
            breakers: self.breakers.clone(),
        }
    }

    pub(crate) fn open_incidents(&self) -> usize {
        self.incidents.len()
    }
}
