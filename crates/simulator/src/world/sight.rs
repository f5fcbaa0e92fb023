//! What a look at a check sees.

use std::time::Duration;

use evenkeel_moment::Moment;
use evenkeel_probe::{Facts, FailureClass, Measurement, Outcome, Part};

use super::World;
use super::ailment::Symptom;
use super::units::{Unit, UnitId};

/// What an attempt comes to, decided when it begins; the facts are those of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// An answer.
    Answer,
    /// Nobody is there.
    Absent,
    /// An answer that says: what it depends on is down.
    Crippled,
    /// No answer in time.
    Silence,
    /// It cannot be looked at.
    Nothing,
}

impl World {
    /// Begins an attempt of a check: what it comes to, and after how long.
    pub(crate) fn look(&mut self, check: usize) -> (Sight, Duration) {
        let quick = self.answers[check].within(self.pace.answer);
        let unit = &self.units[check];
        if unit.ailments.is_empty() && unit.down_since.is_none() {
            return if quick < unit.timeout {
                (Sight::Answer, quick)
            } else {
                (Sight::Silence, unit.timeout)
            };
        }
        self.look_at_what_is_ill(check, quick)
    }

    fn look_at_what_is_ill(&mut self, check: usize, quick: Duration) -> (Sight, Duration) {
        let unit = &self.units[check];
        let (mut sight, mut after) = (Sight::Answer, quick);
        if unit.needs.iter().any(|needed| self.is_down(*needed)) {
            sight = Sight::Crippled;
        }
        for id in &unit.ailments {
            let (worse, delay) = match &self.ailments[id].symptom {
                Symptom::Dead | Symptom::Flapping { down: true, .. } => (Sight::Absent, quick),
                Symptom::Hung if unit.answers => (Sight::Silence, unit.timeout),
                Symptom::Unreached if unit.remote => (Sight::Silence, unit.timeout),
                Symptom::Unseen => (Sight::Nothing, quick),
                Symptom::Slow(span) if unit.answers => {
                    (Sight::Answer, self.answers[check].within(*span))
                }
                _ => continue,
            };
            // Who is not there answers at once that nobody is.
            (sight, after) = match (sight, worse) {
                (_, Sight::Nothing) | (Sight::Nothing, _) => (Sight::Nothing, quick),
                (_, Sight::Absent) | (Sight::Absent, _) => (Sight::Absent, quick),
                (_, Sight::Silence) | (Sight::Silence, _) => (Sight::Silence, unit.timeout),
                (before, _) => (before, after.max(delay)),
            };
        }
        if unit.restarting > 0 || unit.stopped {
            (sight, after) = (Sight::Absent, quick);
        }
        if after >= unit.timeout { (Sight::Silence, unit.timeout) } else { (sight, after) }
    }

    /// What it has seen, by its end at `now`.
    pub(crate) fn measurement(
        &self,
        check: usize,
        sight: Sight,
        took: Duration,
        now: Moment,
    ) -> Measurement {
        let unit = &self.units[check];
        let outcome = match sight {
            Sight::Answer => Outcome::Good,
            Sight::Absent => {
                let (class, detail) = absence(unit);
                Outcome::bad(class, detail)
            }
            Sight::Crippled => Outcome::bad(FailureClass::Status, "what it depends on is down"),
            Sight::Silence => Outcome::bad(FailureClass::Timeout, "no answer in time"),
            Sight::Nothing => Outcome::unknown(FailureClass::Denied, "it cannot be looked at"),
        };
        if sight != Sight::Answer {
            return Measurement { took, outcome, facts: Facts::default(), parts: Vec::new() };
        }
        let mut facts = self.healthy[check].own.clone();
        if unit.has_life {
            facts.set("incarnation", incarnation(check, unit));
        }
        self.tell_numbers(unit, &mut facts, now);
        let parts = self.parts[check].iter().map(|part| self.part(*part, now)).collect();
        Measurement { took, outcome, facts, parts }
    }

    fn part(&self, id: UnitId, now: Moment) -> Part {
        let unit = &self.units[id];
        let name = unit.part.clone().unwrap_or_default();
        let mut facts = self.healthy[unit.check].part.clone();
        let is_dead = |id: &u64| {
            matches!(
                self.ailments[id].symptom,
                Symptom::Dead | Symptom::Flapping { down: true, .. }
            )
        };
        let (state, outcome) = if unit.stopped {
            let detail = format!("`{name}` is stopped, as on purpose");
            ("STOPPED", Outcome::unknown(FailureClass::Missing, detail))
        } else if unit.restarting > 0 {
            ("STARTING", Outcome::unknown(FailureClass::Missing, format!("`{name}` starts")))
        } else if unit.ailments.iter().any(is_dead) {
            ("FATAL", Outcome::bad(FailureClass::Exit, "FATAL: exited too quickly"))
        } else {
            ("RUNNING", Outcome::Good)
        };
        facts.set("state", state);
        facts.set("started", started(unit));
        if outcome == Outcome::Good {
            facts.set("incarnation", incarnation(id, unit));
            facts.set("uptime_seconds", now.saturating_since(unit.started).as_secs_f64());
            self.tell_numbers(unit, &mut facts, now);
        }
        Part { name, outcome, facts }
    }

    /// The numbers that something wrong moves.
    fn tell_numbers(&self, unit: &Unit, facts: &mut Facts, now: Moment) {
        for id in &unit.ailments {
            let ailment = &self.ailments[id];
            match &ailment.symptom {
                Symptom::Leaking(leak) => {
                    let hours = now.saturating_since(ailment.began).as_secs_f64() / 3_600.0;
                    facts.set(leak.field.as_str(), (leak.from + leak.per_hour * hours).floor());
                }
                Symptom::Filling { from, per_hour, since } => {
                    let hours = now.saturating_since(*since).as_secs_f64() / 3_600.0;
                    facts.set("used_percent", (from + per_hour * hours).min(100.0));
                }
                _ => {}
            }
        }
    }
}

/// How the absence of what a check looks at shows.
fn absence(unit: &Unit) -> (FailureClass, &'static str) {
    match (unit.remote || unit.is_supervisor, unit.answers) {
        (true, _) => (FailureClass::Refused, "connection refused"),
        (false, true) => (FailureClass::Exit, "it failed"),
        (false, false) => (FailureClass::Exit, "it does not run"),
    }
}

/// What names this very life of a unit.
fn incarnation(id: UnitId, unit: &Unit) -> String {
    let pid = 1_000 + id + 10_000 * (unit.life as usize % 90);
    format!("{pid}@{}", unit.started.as_nanos() / 10_000_000)
}

/// When it was started, as a supervisor says it.
pub(crate) const fn started(unit: &Unit) -> u64 {
    // A boot before the begin of the run, so that no start is at 0, which means never.
    1_700_000_000 + unit.started.as_nanos() / 1_000_000_000
}
