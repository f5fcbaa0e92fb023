//! What earlier runs left behind, and what follows from it (docs/semantics.md, 5, "What survives").

use std::time::Duration;

use evenkeel_engine::{OpenIncident, Past};
use evenkeel_journal::{
    Durability, Entry, Finding, Intent, Journal, JournalError, Stamp, Standing,
};
use evenkeel_moment::{Moment, from_to};
use evenkeel_shown::said::{AgentCode, Code, Said};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::kept::{self, Kept};

/// Charges older than any budget's window that settings may name are of no use.
const LONGEST_BUDGET: SignedDuration = SignedDuration::from_hours(24 * 31);
/// More starts than this within ten minutes: the agent crashes in a loop and must not act, for so long.
const STARTS_IN_TEN_MINUTES: u32 = 5;
const CRASH_LOOP: Duration = Duration::from_hours(1);
/// What is said of an action that an earlier agent did not see the end of.
pub(crate) const ENDED_BEFORE: &str = "the agent ended before the action did";
/// Where the journal keeps why nothing is done.
const WITHHELD: &str = "observe_only";

/// What the history says on start.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) past: Past,
    /// Why the agent may only observe.
    pub(crate) withheld: Option<Withheld>,
    /// What earlier runs left of alerts.
    pub(crate) alerts: crate::alerts::Kept,
}

/// Why the agent may only observe, whatever its settings say. It outlives the agent: a restart is no way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Withheld {
    /// Why.
    pub(crate) why: String,
    /// The same as data; absent in what an agent wrote that kept none, or another than are known here.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known")]
    why_code: Option<Box<Code>>,
    /// When that ends; `None`: with this run.
    pub(crate) until: Option<Stamp>,
    /// How long it was to last; however the clock is set, it lasts no longer.
    lasts: Duration,
}

/// A code that a later version may have written: one that is not known must not undo what it explains.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<Code>>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(Code::deserialize(value).ok().map(Box::new))
}

impl Withheld {
    /// Something that only a new start can end.
    pub(crate) fn without_end(why: Said) -> Self {
        let (why, why_code) = why.into_parts();
        Self { why, why_code, until: None, lasts: Duration::ZERO }
    }

    fn lasting(why: Said, now: &Stamp, lasts: Duration) -> Self {
        Self { until: Some(now.after(lasts)), lasts, ..Self::without_end(why) }
    }

    fn left(&self, now: &Stamp) -> Duration {
        self.until.as_ref().map_or(Duration::ZERO, |until| until.left(now, self.lasts))
    }

    /// When it ends, as a moment of this boot.
    pub(crate) fn ends(&self, now: &Stamp) -> Option<Moment> {
        self.until.as_ref().map(|_| now.boottime + self.left(now))
    }

    /// The same, for people.
    pub(crate) fn said(&self) -> Said {
        let why = match &self.why_code {
            Some(code) => Said::new(&*self.why, (**code).clone()),
            None => self.why.clone().into(),
        };
        let Some(until) = &self.until else { return why };
        let until = until.wall.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        let text = format!("{why}; until {until}");
        Said::new(text, AgentCode::Until { what: Box::new(why.into_code()), until })
    }
}

/// Reads what survives, and writes what follows from it, at `now`.
///
/// `lasting`: this is the start of an agent that is to stay, not of one pass. `period`: how long nothing is done after
/// history was lost.
pub(super) fn read(
    journal: &mut Journal,
    now: &Stamp,
    lasting: bool,
    period: Duration,
) -> Result<Found, JournalError> {
    // Before anything else: a start that does not come further counts too. One pass after the other, as cron runs them, is
    // no crash loop.
    let starts = if lasting { journal.agent_started(now.wall, &now.boot_id)? } else { 0 };
    let past = past(journal, now)?;
    let unfinished = journal.open_intents()?;
    let (earlier, withheld) = withheld(journal, now, starts, period)?;
    // All of it or nothing: an agent that ends in between finds everything as it was.
    journal.together(Durability::AtOnce, |journal| {
        for (id, _) in &unfinished {
            journal.settle(*id, now.wall, "unknown", ENDED_BEFORE)?;
        }
        Kept::of(&past).write(&Kept::default(), journal, now)?;
        journal.begin_run(now.wall)?;
        if lasting {
            let data = json!({ "boot_id": now.boot_id, "starts_in_ten_minutes": starts });
            line(journal, now.wall, "agent_started", "started", data)?;
        }
        if withheld != earlier
            && let Some(withheld) = &withheld
        {
            let value = serde_json::to_value(withheld).unwrap_or(Value::Null);
            journal.save_state(WITHHELD, &value)?;
            line(journal, now.wall, "observe_only", &withheld.said(), value)?;
        }
        if withheld.is_none() && earlier.is_some() {
            journal.forget_state(WITHHELD)?;
        }
        journal.heed_loss()
    })?;
    let alerts = crate::alerts::Kept::load(|key| journal.load_state(key))?;
    Ok(Found { past, withheld, alerts })
}

/// Why nothing may be done: as an earlier run left it, and as it is now.
fn withheld(
    journal: &Journal,
    now: &Stamp,
    starts: u32,
    period: Duration,
) -> Result<(Option<Withheld>, Option<Withheld>), JournalError> {
    let earlier: Option<Withheld> =
        journal.load_state(WITHHELD)?.and_then(|value| serde_json::from_value(value).ok());
    let mut reasons: Vec<_> = earlier.iter().cloned().collect();
    if let Some(loss) = journal.loss()? {
        reasons.push(Withheld::lasting(lost(&loss), now, period));
    }
    if starts > STARTS_IN_TEN_MINUTES {
        let text = format!(
            "the agent started {starts} times within ten minutes: it ends again and again, see its log"
        );
        let why = Said::new(text, AgentCode::CrashLoop { starts });
        reasons.push(Withheld::lasting(why, now, CRASH_LOOP));
    }
    reasons.retain(|reason| !reason.left(now).is_zero());
    let withheld = reasons.into_iter().max_by_key(|reason| reason.left(now));
    if let Some(withheld) = &withheld {
        tracing::error!(until = ?withheld.until.as_ref().map(|until| until.wall), "observe only: {}", withheld.why);
    }
    Ok((earlier, withheld))
}

/// That a history was damaged.
fn lost(loss: &Finding) -> Said {
    let code = AgentCode::HistoryLost {
        reason: loss.reason.clone(),
        file: loss.file.display().to_string(),
        moved_to: loss.moved_to.display().to_string(),
    };
    Said::new(loss.to_string(), code)
}

/// What earlier runs charged and left open, with each time as a moment of this boot.
fn past(journal: &Journal, now: &Stamp) -> Result<Past, JournalError> {
    let ledger = journal.ledger(now.wall.checked_sub(LONGEST_BUDGET).unwrap_or(Timestamp::MIN))?;
    let unfinished = journal.open_intents()?;
    let standings = journal.standings()?;
    let open = journal.open_incidents()?.into_iter().map(|incident| {
        let last = ledger.iter().rfind(|intent| intent.incident == incident.id);
        let open = OpenIncident {
            incident: u64::try_from(incident.id).unwrap_or_default(),
            since: now.boottime.before(from_to(incident.opened, now.wall)),
            used: last.map(|intent| (intent.step, intent.attempt)),
            unproved: unfinished.iter().any(|(_, intent)| intent.incident == incident.id),
            exhausted: false,
            again_at: None,
            stopped: Vec::new(),
            acted_on: Vec::new(),
            target: incident.target,
        };
        let its = |row: &&Standing| row.incident == Some(incident.id) && row.target == open.target;
        match standings.iter().find(its) {
            Some(row) => kept::stood(open, row, now),
            None => open,
        }
    });
    let mut past = Past {
        charged: ledger.iter().map(|intent| charge(intent, now)).collect(),
        open: open.collect(),
        next_incident: journal
            .last_incident()?
            .map_or(1, |last| u64::try_from(last + 1).unwrap_or(1)),
        holds: journal.holds()?.into_iter().map(|row| kept::hold(row, now)).collect(),
        ..Past::default()
    };
    for row in journal.checks()? {
        let (breaker, ring) = kept::memory(row, now);
        past.breakers.extend(breaker);
        past.flaps.extend(ring);
    }
    Ok(past)
}

/// When an action started, as a moment of this boot. A clock set back must not refund anything.
fn charge(intent: &Intent, now: &Stamp) -> (Moment, String) {
    let Intent { boot_id, boottime, wall, .. } = intent;
    let at = Stamp { boot_id: boot_id.clone(), boottime: *boottime, wall: *wall }.moment(now);
    (at, intent.target.clone())
}

fn line(
    journal: &mut Journal,
    at: Timestamp,
    kind: &str,
    message: &str,
    data: Value,
) -> Result<(), JournalError> {
    let entry = Entry { kind, target: "agent", incident: None, message, data };
    journal.append(at, &entry).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    /// How old a charge is, a minute after a boot, that was made so long before by the time of day.
    fn age_of(ago: SignedDuration) -> Duration {
        let wall = Timestamp::constant(1_800_000_000, 0);
        let now =
            Stamp { boot_id: "this".to_owned(), boottime: Moment::since_origin(MINUTE), wall };
        let intent = Intent {
            incident: 1,
            target: "web".to_owned(),
            step: 0,
            attempt: 0,
            action: "restart".to_owned(),
            boot_id: "that".to_owned(),
            boottime: Moment::since_origin(100 * MINUTE),
            wall: wall - ago,
        };
        now.boottime.saturating_since(charge(&intent, &now).0)
    }

    #[test]
    fn a_reason_that_a_later_version_wrote_keeps_the_agent_from_acting_too() {
        let now = Stamp {
            boot_id: "this".to_owned(),
            boottime: Moment::since_origin(MINUTE),
            wall: Timestamp::constant(1_800_000_000, 0),
        };
        let why = Said::new("it ends again and again", AgentCode::CrashLoop { starts: 6 });
        let withheld = Withheld::lasting(why, &now, CRASH_LOOP);
        let mut written = serde_json::to_value(&withheld).expect("it is written");
        let read = |written: &Value| Withheld::deserialize(written).expect("it is read");
        assert_eq!(read(&written), withheld);
        written["why_code"] = json!({ "agent": { "of_later": {} } });
        let unknown = read(&written);
        assert_eq!((unknown.left(&now), unknown.why_code), (CRASH_LOOP, None));
        written["why_code"].take();
        assert_eq!(read(&written).left(&now), CRASH_LOOP);
    }

    #[test]
    fn after_a_boot_a_charge_is_as_old_as_it_is_and_not_as_young_as_the_boot() {
        for minutes in [0_u32, 1, 50, 60 * 24 * 10] {
            assert_eq!(age_of(SignedDuration::from_mins(minutes.into())), MINUTE * minutes);
        }
        let to_come = SignedDuration::from_hours(-10);
        assert_eq!(age_of(to_come), Duration::ZERO, "a clock set back refunds nothing");
    }
}
