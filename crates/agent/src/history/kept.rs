//! What is in force, as rows of the journal and back: moments become stamps, which mean something after a restart too.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_engine::{BreakerPast, FlapRing, Hold, OpenIncident, Past};
use evenkeel_health::HardStates;
use evenkeel_journal::{CheckMemory, Journal, JournalError, Stamp, Standing};
use evenkeel_moment::from_to;
use evenkeel_recovery::breaker::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::writer::number;

/// What is in force at one time.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Kept {
    holds: BTreeMap<String, Hold>,
    open: BTreeMap<String, OpenIncident>,
    checks: BTreeMap<String, Memory>,
}

/// What of a check, or of a part of it, survives.
#[derive(Debug, Clone, Default, PartialEq)]
struct Memory {
    breaker: Option<Snapshot>,
    ring: Option<FlapRing>,
}

/// A [`Memory`] as it is written.
#[derive(Debug, Serialize, Deserialize)]
struct WrittenMemory {
    check: Arc<str>,
    part: Option<String>,
    breaker: Option<Snapshot>,
    ups: Option<HardStates>,
    flapping_since: Option<Stamp>,
}

impl Kept {
    pub(super) fn of(survives: &Past) -> Self {
        let mut kept = Self::default();
        for hold in &survives.holds {
            kept.holds.insert(hold.target.clone(), hold.clone());
        }
        for open in &survives.open {
            kept.open.insert(open.target.clone(), open.clone());
        }
        for known in &survives.breakers {
            kept.checks.entry(known.check.clone()).or_default().breaker = Some(known.breaker);
        }
        for ring in &survives.flaps {
            let below = ring.part.as_ref().map(|part| format!("/{part}")).unwrap_or_default();
            let name = ring.check.to_string() + &below;
            kept.checks.entry(name).or_default().ring = Some(ring.clone());
        }
        kept
    }

    /// Writes what differs from `last`, which is what the journal has.
    pub(super) fn write(
        &self,
        last: &Self,
        journal: &mut Journal,
        now: &Stamp,
    ) -> Result<(), JournalError> {
        for (target, hold) in changed(&self.holds, &last.holds) {
            match hold {
                Some(hold) => journal.hold(&hold_row(hold, now))?,
                None => drop(journal.release(target)?),
            }
        }
        for (target, open) in changed(&self.open, &last.open) {
            match open {
                Some(open) => journal.stand(&standing_row(open, now))?,
                None => drop(journal.forget_standing(target)?),
            }
        }
        for (name, memory) in changed(&self.checks, &last.checks) {
            match memory {
                Some(memory) => journal.remember_check(&memory_row(name, memory, now))?,
                None => drop(journal.forget_check(name)?),
            }
        }
        Ok(())
    }
}

/// What is new or other, with its value, and what is gone, without.
fn changed<'a, T: PartialEq>(
    new: &'a BTreeMap<String, T>,
    old: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = (&'a str, Option<&'a T>)> {
    let other = new.iter().filter(|(name, value)| old.get(*name) != Some(value));
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    other
        .map(|(name, value)| (name.as_str(), Some(value)))
        .chain(gone.map(|name| (name.as_str(), None)))
}

fn hold_row(hold: &Hold, now: &Stamp) -> evenkeel_journal::Hold {
    evenkeel_journal::Hold {
        target: hold.target.clone(),
        reason: hold.reason.clone(),
        by: hold.by.clone(),
        since: now.at(hold.since).wall,
        until: hold.until.map(|until| now.at(until)),
    }
}

fn standing_row(open: &OpenIncident, now: &Stamp) -> Standing {
    let phase = match open {
        OpenIncident { unproved: true, .. } => "verifying",
        OpenIncident { exhausted: true, .. } => "exhausted",
        OpenIncident { again_at: Some(_), .. } => "waiting",
        _ => "down",
    };
    let (step, attempt) = open.used.unwrap_or_default();
    Standing {
        target: open.target.clone(),
        phase: phase.to_owned(),
        step,
        attempt,
        incident: Some(number(open.incident)),
        since: now.wall,
        until: open.again_at.map(|again| now.at(again)),
        data: json!({
            "stopped": open.stopped,
            "acted_on": open.acted_on,
            "acted": open.used.is_some(), "unproved": open.unproved, "exhausted": open.exhausted,
        }),
    }
}

fn memory_row(name: &str, memory: &Memory, now: &Stamp) -> CheckMemory {
    let (check, part) = match &memory.ring {
        Some(ring) => (ring.check.clone(), ring.part.clone()),
        None => (name.into(), None),
    };
    let written = WrittenMemory {
        check,
        part,
        breaker: memory.breaker,
        ups: memory.ring.as_ref().map(|ring| ring.ups),
        flapping_since: memory
            .ring
            .as_ref()
            .and_then(|ring| ring.flapping_since)
            .map(|since| now.at(since)),
    };
    let data = serde_json::to_value(written).unwrap_or(Value::Null);
    CheckMemory { name: name.to_owned(), since: now.wall, data }
}

/// A hold that was written, as the engine has it.
pub(super) fn hold(row: evenkeel_journal::Hold, now: &Stamp) -> Hold {
    let until = row.until.as_ref().map(|until| {
        // However the clock was set meanwhile, it never holds for longer than it was ordered for.
        now.boottime + until.left(now, from_to(row.since, until.wall))
    });
    let since = now.boottime.before(from_to(row.since, now.wall));
    Hold { target: row.target, since, until, reason: row.reason, by: row.by }
}

/// What a target's row says of its open incident. It was written with each of its intents, and with each reset.
pub(super) fn stood(open: OpenIncident, row: &Standing, now: &Stamp) -> OpenIncident {
    let flag = |name: &str| row.data[name].as_bool() == Some(true);
    let used = flag("acted").then_some((row.step, row.attempt));
    OpenIncident {
        used,
        unproved: open.unproved || flag("unproved"),
        exhausted: flag("exhausted"),
        stopped: serde_json::from_value(row.data["stopped"].clone()).unwrap_or_default(),
        acted_on: serde_json::from_value(row.data["acted_on"].clone()).unwrap_or_default(),
        again_at: row.until.as_ref().map(|until| {
            // Likewise: never longer than it was to wait when that was written.
            now.boottime + until.left(now, from_to(row.since, until.wall))
        }),
        ..open
    }
}

/// What a check's row says of its breaker and its changes of state; nothing if it cannot be read any more.
pub(super) fn memory(row: CheckMemory, now: &Stamp) -> (Option<BreakerPast>, Option<FlapRing>) {
    let Ok(written) = serde_json::from_value::<WrittenMemory>(row.data) else {
        return (None, None);
    };
    let WrittenMemory { check, part, breaker, ups, flapping_since } = written;
    let flapping_since = flapping_since.map(|since| since.moment(now));
    (
        breaker.map(|breaker| BreakerPast { check: check.to_string(), breaker }),
        ups.map(|ups| FlapRing { check, part, ups, flapping_since }),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use evenkeel_moment::Moment;
    use evenkeel_recovery::actions::StoppedProgram;
    use evenkeel_recovery::breaker::BreakerState;
    use jiff::Timestamp;

    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::ORIGIN + Duration::from_secs(seconds)
    }

    fn now(boot_id: &str, boottime: u64, wall: i64) -> Stamp {
        let wall = Timestamp::from_second(1_800_000_000 + wall).expect("a time");
        Stamp { boot_id: boot_id.to_owned(), boottime: at(boottime), wall }
    }

    fn past() -> Past {
        let hold = |target: &str, until| Hold {
            target: target.to_owned(),
            since: at(900),
            until,
            reason: "migration".to_owned(),
            by: "root (pid 1)".to_owned(),
        };
        let open = |target: &str, incident, again_at: Option<Moment>| OpenIncident {
            incident,
            target: target.to_owned(),
            since: at(800),
            used: Some((1, 2)),
            unproved: false,
            exhausted: again_at.is_none(),
            again_at,
            stopped: vec![StoppedProgram { name: "a".to_owned(), started: 77 }],
            acted_on: vec!["web.service".to_owned()],
        };
        Past {
            open: vec![open("db", 1, None), open("web/a", 2, Some(at(1_060)))],
            holds: vec![hold("*", None), hold("web", Some(at(1_100)))],
            flaps: vec![FlapRing {
                check: "health".into(),
                part: Some("a/b".to_owned()),
                ups: HardStates::from_iter([true, false]),
                flapping_since: Some(at(950)),
            }],
            breakers: vec![BreakerPast {
                check: "health".to_owned(),
                breaker: Snapshot {
                    state: BreakerState::Open,
                    open_until_wall_ms: Some(1_800_000_030_000),
                    failed_trials: 2,
                },
            }],
            ..Past::default()
        }
    }

    /// What `past`, written at second 1000 of one boot, is when it is read at `now`.
    fn reread(past: &Past, now: &Stamp) -> Past {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let written = self::now("that", 1_000, 0);
        let (mut journal, _) =
            Journal::open(&scratch.path().join("state"), written.wall).expect("a journal");
        journal
            .together(evenkeel_journal::Durability::AtOnce, |journal| {
                Kept::of(past).write(&Kept::default(), journal, &written)
            })
            .expect("it is written");
        let memories = journal.checks().expect("they are read").into_iter();
        let memories: Vec<_> = memories.map(|row| memory(row, now)).collect();
        let standings = journal.standings().expect("they are read");
        let resumed = past.open.iter().map(|open| {
            let bare = OpenIncident {
                used: None,
                exhausted: false,
                again_at: None,
                stopped: Vec::new(),
                acted_on: Vec::new(),
                ..open.clone()
            };
            let row = standings.iter().find(|row| row.target == open.target).expect("its row");
            stood(bare, row, now)
        });
        let holds = journal.holds().expect("they are read").into_iter();
        Past {
            holds: holds.map(|row| hold(row, now)).collect(),
            open: resumed.collect(),
            breakers: memories.iter().filter_map(|(breaker, _)| breaker.clone()).collect(),
            flaps: memories.iter().filter_map(|(_, ring)| ring.clone()).collect(),
            ..Past::default()
        }
    }

    #[test]
    fn in_the_same_boot_all_comes_back_as_it_was_whatever_the_time_of_day_says() {
        let again = reread(&past(), &now("that", 1_010, 5_000_000));
        assert_eq!(
            (&again.open, &again.breakers, &again.flaps),
            (&past().open, &past().breakers, &past().flaps)
        );
        assert_eq!(again.holds[1].until, Some(at(1_100)));
    }

    #[test]
    fn in_another_boot_what_is_left_is_told_by_the_time_of_day_and_is_never_more_than_it_was() {
        // A minute after the row was written: 40 s of the hold are left, and the wait is over.
        let later = reread(&past(), &now("this", 10, 60));
        assert_eq!(later.holds[1].until, Some(at(10 + 40)));
        assert_eq!(later.open[1].again_at, Some(at(10)));
        assert!(later.open[0].exhausted, "exhausted stays");
        // A clock that was set back by an hour: 200 s from its order to its end, 60 s of the wait.
        let back = reread(&past(), &now("this", 10, -3_600));
        assert_eq!(back.holds[1].until, Some(at(10 + 200)));
        assert_eq!(back.open[1].again_at, Some(at(10 + 60)));
        assert_eq!(back.flaps[0].flapping_since, Some(at(10)), "never before it is now");
    }

    #[test]
    fn only_what_changed_is_written_and_what_is_gone_is_forgotten() {
        let (old, mut new) = (Kept::of(&past()), Kept::of(&past()));
        assert_eq!(changed(&new.holds, &old.holds).count(), 0);
        new.holds.remove("*");
        new.holds.get_mut("web").expect("it is held").until = None;
        let changes: Vec<_> =
            changed(&new.holds, &old.holds).map(|(name, hold)| (name, hold.is_some())).collect();
        assert_eq!(changes, [("web", true), ("*", false)]);
    }
}
