//! What the results of checks mean for availability: time slices, of each check and of each objective.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_config::{Check, Settings};
use evenkeel_health::State;
use evenkeel_metrics::availability::{self, Join, Seen, Slicer, Threshold, Verdict};
use evenkeel_moment::Moment;
use jiff::Timestamp;

use crate::anchor::Anchor;
use crate::check::CheckCore;
use crate::engine::Engine;
use crate::event::Effect;
use crate::order::WHOLE_HOST;

/// Slices that are settled, one after the other and of one verdict (docs/availability.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The check, or `slo:NAME`.
    pub subject: Arc<str>,
    /// The check, by its place in the settings; `None` where it is an objective.
    pub check: Option<u32>,
    /// How it was.
    pub verdict: Verdict,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How many slices that are.
    pub slices: u32,
}

/// What stands before the name of an objective where slices tell of it.
pub const SLO_SUBJECT: &str = "slo:";

/// What history calls the objective `name`, beside the checks that it joins.
pub fn slo_subject(name: &str) -> String {
    format!("{SLO_SUBJECT}{name}")
}

/// How far off the time of day may be until slices begin anew: what is smaller is no step of the clock.
const STEP: Duration = Duration::from_secs(2);

/// So long it takes until time alone may have settled something more, a quarter of an interval in between.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Cuts time into slices.
#[derive(Debug)]
pub(crate) struct Slices {
    checks: Vec<OfCheck>,
    objectives: Vec<OfObjective>,
    /// When time alone may next settle something.
    due: Moment,
    /// How long after that again.
    pace: Duration,
    /// Until when time alone changes nothing of any check, unless something is declared.
    all_rest_until: Timestamp,
    /// Empty, and kept for its room: something is settled at nearly each look.
    room: Vec<availability::Slice>,
}

#[derive(Debug)]
struct OfCheck {
    name: Arc<str>,
    interval: Duration,
    threshold: Threshold,
    slicer: Slicer,
    /// The look that was counted last, by its end.
    counted: Option<Moment>,
    /// Until when time alone changes nothing, unless something is declared.
    rests_until: Timestamp,
}

#[derive(Debug)]
struct OfObjective {
    subject: Arc<str>,
    /// Its checks, by their places in the settings.
    checks: Vec<usize>,
    length: Duration,
    join: Join,
}

impl Slices {
    /// Slices of these checks and objectives, from those that `wall`, which is `now`, lies in.
    pub(crate) fn new(settings: &Settings, now: Moment, wall: Timestamp) -> Self {
        let checks = settings.checks.iter().map(|check| OfCheck::new(check, wall)).collect();
        let objective = |slo: &evenkeel_config::Slo| {
            let place = |name: &String| settings.checks.iter().position(|one| one.name == *name);
            let checks: Vec<_> = slo.checks.iter().filter_map(place).collect();
            let intervals: Vec<_> =
                checks.iter().map(|check| settings.checks[*check].interval).collect();
            OfObjective {
                subject: slo_subject(&slo.name).into(),
                length: slo.promise.slice,
                join: Join::new(&intervals, wall),
                checks,
            }
        };
        let shortest = settings.checks.iter().map(|check| check.interval / 4).min();
        Self {
            checks,
            all_rest_until: Timestamp::MIN,
            pace: shortest.unwrap_or(LONGEST).clamp(SHORTEST, LONGEST),
            objectives: settings.slos.iter().map(objective).collect(),
            due: now,
            room: Vec::new(),
        }
    }

    /// Goes on with what an earlier engine of this run began, as far as the settings leave it as it was.
    pub(crate) fn go_on(&mut self, earlier: Self) {
        let of_checks = earlier.checks;
        for objective in earlier.objectives {
            let same = |new: &&mut OfObjective| {
                let all = new.checks.iter().map(|check| &self.checks[*check]);
                let before = objective.checks.iter().map(|check| &of_checks[*check]);
                new.subject == objective.subject
                    && all.map(OfCheck::identity).eq(before.map(OfCheck::identity))
            };
            if let Some(new) = self.objectives.iter_mut().find(same) {
                new.join = objective.join;
            }
        }
        for before in of_checks {
            if let Some(check) =
                self.checks.iter_mut().find(|new| new.identity() == before.identity())
            {
                // What was counted last was counted of another core.
                *check = OfCheck { counted: None, ..before };
            }
        }
    }

    /// Tells what was settled of the check at that place, and what of objectives is settled by it.
    fn tell(
        &mut self,
        place: usize,
        mut settled: Vec<availability::Slice>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(check) = self.checks.get(place) else { return };
        for slice in settled.drain(..) {
            let of_check = u32::try_from(place).ok();
            effects.push(told(Arc::clone(&check.name), of_check, check.interval, slice));
            for objective in &mut self.objectives {
                let Some(at) = objective.checks.iter().position(|check| *check == place) else {
                    continue;
                };
                let mut joined = Vec::new();
                objective.join.add(at, slice, &mut joined);
                let subject = &objective.subject;
                let length = objective.length;
                effects.extend(
                    joined.into_iter().map(|slice| told(Arc::clone(subject), None, length, slice)),
                );
            }
        }
        self.room = settled;
    }
}

impl OfCheck {
    fn new(check: &Check, wall: Timestamp) -> Self {
        let threshold = check.health.failure_threshold();
        let threshold = Threshold { failures: threshold.failures, within: threshold.within };
        Self {
            name: check.name.as_str().into(),
            interval: check.interval,
            slicer: Slicer::new(check.interval, threshold, wall),
            threshold,
            counted: None,
            rests_until: Timestamp::MIN,
        }
    }

    fn identity(&self) -> (&str, Duration, Threshold) {
        (&self.name, self.interval, self.threshold)
    }
}

impl Engine {
    /// Slices that no look can change any more, because nobody will look: to be asked for once, at the end.
    pub fn settle(&mut self, now: Moment) -> Vec<Effect> {
        let wall = self.wall(now);
        let mut effects = Vec::new();
        for place in 0..self.slices.checks.len() {
            let mut settled = std::mem::take(&mut self.slices.room);
            self.slices.checks[place].slicer.end(wall, &mut settled);
            self.slices.tell(place, settled, &mut effects);
        }
        effects
    }

    /// Says what time of day it is. Where that is not what the time since the last word would make it, the clock was set:
    /// slices begin anew, and what was not settled is not known.
    pub fn set_clock(&mut self, now: Moment, wall: Timestamp) {
        let expected = self.wall(now);
        if wall == expected || wall.duration_since(expected).unsigned_abs() <= STEP {
            return;
        }
        self.anchor = Anchor { moment: now, wall };
        self.slices = Slices::new(&self.settings, now, wall);
        self.maintenance.look_at(now);
    }

    /// Counts the look at a check that has just ended, if one has.
    pub(crate) fn count_look(&mut self, now: Moment, place: usize, effects: &mut Vec<Effect>) {
        let (Some(core), Some(of_check)) = (self.checks.get(place), self.slices.checks.get(place))
        else {
            return;
        };
        if core.concluded == of_check.counted || core.concluded.is_none() {
            return;
        }
        let seen = match stands(core, now) {
            Seen::Down => Seen::Down,
            _ if !core.own.told => Seen::Nothing,
            Seen::Suspect => Seen::Suspect,
            // A first good look does not make it up for sure, and is good.
            Seen::Good | Seen::Nothing => Seen::Good,
        };
        let began = core.began.or(core.concluded).unwrap_or(now);
        let (began, held, concluded) = (self.wall(began), self.is_declared(core), core.concluded);
        let mut settled = std::mem::take(&mut self.slices.room);
        let of_check = &mut self.slices.checks[place];
        of_check.counted = concluded;
        of_check.slicer.look(began, seen, held, &mut settled);
        of_check.rests_until = of_check.slicer.rests_until().unwrap_or(Timestamp::MIN);
        self.slices.all_rest_until = self.slices.all_rest_until.min(of_check.rests_until);
        self.slices.tell(place, settled, effects);
    }

    /// Settles what time alone settles.
    pub(crate) fn settle_by_time(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if now < self.slices.due {
            return;
        }
        self.slices.due = now + self.slices.pace;
        let wall = self.wall(now);
        if self.holds.is_empty() && wall < self.slices.all_rest_until {
            return;
        }
        for place in 0..self.checks.len() {
            // What is down is never at rest, so the looks that made it so have ended that.
            if self.holds.is_empty() && wall < self.slices.checks[place].rests_until {
                continue;
            }
            let core = &self.checks[place];
            let (stands, held) = (stands(core, now), self.is_declared(core));
            let mut settled = std::mem::take(&mut self.slices.room);
            let of_check = &mut self.slices.checks[place];
            of_check.slicer.advance(wall, stands, held, &mut settled);
            of_check.rests_until = of_check.slicer.rests_until().unwrap_or(Timestamp::MIN);
            self.slices.tell(place, settled, effects);
        }
        let rests = self.slices.checks.iter().map(|check| check.rests_until);
        self.slices.all_rest_until = rests.min().unwrap_or(Timestamp::MIN);
    }

    /// Whether it was declared that a check may be down: by a hold of it, of the whole host, or of every recovery that listens
    /// to it.
    fn is_declared(&self, check: &CheckCore) -> bool {
        !self.holds.is_empty()
            && (self
                .holds
                .iter()
                .any(|hold| hold.target == WHOLE_HOST || hold.target == check.spec.name)
                || self.holds_all_of(check))
    }
}

/// How a check stands, its parts taken together.
fn stands(core: &CheckCore, now: Moment) -> Seen {
    match core.worst(now).0 {
        State::Down | State::Recovering { .. } => Seen::Down,
        State::Suspect { .. } => Seen::Suspect,
        State::Up | State::Degraded => Seen::Good,
        State::Unknown => Seen::Nothing,
    }
}

fn told(
    subject: Arc<str>,
    check: Option<u32>,
    length: Duration,
    slice: availability::Slice,
) -> Effect {
    let availability::Slice { verdict, from, until } = slice;
    let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX).max(1);
    let slices = (until.as_millisecond() - from.as_millisecond()) / length;
    let slices = u32::try_from(slices).unwrap_or(u32::MAX);
    Effect::Slice(Slice { subject, check, verdict, from, until, slices })
}
