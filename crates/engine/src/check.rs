use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_config::Check;
use evenkeel_health::{Flapping, Sample, State, Sustained};
use evenkeel_moment::Moment;
use evenkeel_probe::{Breach, Condition, Facts, FailureClass, Measurement, Outcome, breaches};
use evenkeel_recovery::breaker::{Breaker, BreakerState, Permit, Snapshot};
use jiff::Timestamp;

use crate::event::{Count, Effect};
use crate::limits::Limits;
use crate::past::FlapRing;
use crate::record::Record;
use crate::subject::{Changed, Subject};

/// The fact that identifies the life of what runs.
const INCARNATION: &str = "incarnation";

/// One check: when it is due, the series of attempts that runs, its breaker, and what health makes of its results.
#[derive(Debug)]
pub(crate) struct CheckCore {
    pub(crate) spec: Check,
    index: usize,
    due: Moment,
    series: Option<Series>,
    series_begun: u64,
    breaker: Option<Breaker>,
    sustained: Vec<Option<Sustained>>,
    pub(crate) own: Subject,
    pub(crate) parts: BTreeMap<String, Subject>,
    /// The conditions on each part, where there are any.
    limits: BTreeMap<String, Limits>,
    last: Option<Last>,
    /// When the last series came to its end.
    pub(crate) concluded: Option<Moment>,
    /// When the last series that could tell anything began: what it saw is not older than that.
    pub(crate) looked: Option<Moment>,
    /// The checks without which this one cannot be up, near and far, by their place in the settings.
    pub(crate) dependencies: Vec<usize>,
    /// Parts that were started anew since the last look, `None` for what the check itself watches.
    pub(crate) reborn: Vec<Option<String>>,
    /// Conditions that make it degraded.
    degraded: Vec<Option<Sustained>>,
}

#[derive(Debug)]
struct Last {
    took: Duration,
    facts: Facts,
}

#[derive(Debug)]
struct Series {
    run: u64,
    attempt: u32,
    state: Attempt,
    /// How the last attempt failed; the series ends with it if the breaker refuses a further one.
    failed: Option<(Measurement, Judged)>,
    /// The host was changed by an action while this attempt was under way: its result says nothing.
    void: bool,
    /// The agent itself was starved meanwhile: a failure says nothing.
    doubted: bool,
    began: Moment,
}

#[derive(Debug)]
enum Attempt {
    UnderWay(Option<Permit>),
    RetryAt(Moment),
}

#[derive(Debug)]
struct Judged {
    sample: Sample,
    reason: Option<String>,
    class: Option<FailureClass>,
}

impl Judged {
    fn timed_out(&self) -> bool {
        self.class == Some(FailureClass::Timeout)
    }
}

impl CheckCore {
    /// A check whose first look is due after its delay and `phase`.
    pub(crate) fn new(spec: Check, index: usize, now: Moment, phase: Duration) -> Self {
        Self {
            index,
            due: now + spec.initial_delay + phase,
            series: None,
            series_begun: 0,
            breaker: spec.breaker.clone().map(|config| Breaker::new(config, now)),
            sustained: sustained(&spec.conditions),
            degraded: sustained(&spec.degraded),
            own: Subject::new(&spec, now),
            looked: None,
            dependencies: Vec::new(),
            reborn: Vec::new(),
            parts: BTreeMap::new(),
            limits: BTreeMap::new(),
            last: None,
            concluded: None,
            spec,
        }
    }

    /// When [`CheckCore::poll`] has something to do.
    pub(crate) fn deadline(&self, now: Moment) -> Moment {
        let due = match self.series {
            Some(Series { state: Attempt::RetryAt(at), .. }) => at.min(self.due),
            _ => self.due,
        };
        let subjects = self.parts.values().chain([&self.own]);
        subjects.filter_map(|subject| subject.deadline(now)).fold(due, Moment::min)
    }

    /// Starts what is due. True if that ended a series, so that states may have changed.
    pub(crate) fn poll(&mut self, now: Moment, effects: &mut Vec<Effect>) -> bool {
        let mut concluded = self.time_went_by(now, effects);
        if let Some(Series { state: Attempt::RetryAt(at), .. }) = self.series
            && now >= at
        {
            concluded |= self.attempt(now, effects);
        }
        if now < self.due {
            return concluded;
        }
        self.due = next_due(self.due, self.spec.interval, now);
        if self.series.is_some() {
            effects.push(Effect::Count(Count::Overrun { check: self.spec.name.clone() }));
            return concluded;
        }
        self.series_begun += 1;
        self.series = Some(Series {
            run: self.series_begun,
            attempt: 0,
            state: Attempt::RetryAt(now),
            failed: None,
            void: false,
            doubted: false,
            began: now,
        });
        self.attempt(now, effects) || concluded
    }

    /// Looks again soon, because a state is about to change or an action is to be proved.
    pub(crate) fn look_closer(&mut self, now: Moment) {
        self.due = self.due.min(now + self.spec.look_again());
    }

    /// Looks at once, because a decision waits for it.
    pub(crate) fn look_now(&mut self, now: Moment) {
        self.due = self.due.min(now);
    }

    /// Looks soon, because somebody saw a change: however many hints there are, no more often than a closer look would.
    pub(crate) fn look_on_hint(&mut self, now: Moment) {
        let pause = self.spec.look_again();
        let at = match (&self.series, self.concluded) {
            // What is under way may have looked before the change.
            (Some(_), _) => now + pause,
            (None, Some(concluded)) => now.max(concluded + pause),
            (None, None) => now,
        };
        self.due = self.due.min(at);
    }

    /// The host was changed by an action: results under way are void, and what the breaker learned is out of date.
    pub(crate) fn start_afresh(&mut self, now: Moment) {
        if let Some(series) = &mut self.series {
            series.void = true;
        }
        for subject in self.parts.values_mut().chain([&mut self.own]) {
            subject.proofs = 0;
        }
        if let Some(breaker) = &mut self.breaker {
            breaker.reset(now);
        }
        self.look_closer(now);
    }

    /// Looks at once for a decision that needs a look no older than `now`; a breaker that keeps away would only delay it.
    pub(crate) fn look_afresh(&mut self, now: Moment) {
        if let Some(breaker) = &mut self.breaker {
            breaker.reset(now);
        }
        // A look that is under way began too early; the next one starts when it has ended.
        self.due = self.due.min(now);
    }

    /// The agent itself was starved: what was under way meanwhile may have failed for that alone.
    pub(crate) fn doubt(&mut self) {
        if let Some(series) = &mut self.series {
            series.doubted = true;
        }
    }

    /// Whether its last look began at `since` or later.
    pub(crate) fn was_looked_at(&self, since: Moment) -> bool {
        self.looked.is_some_and(|looked| looked >= since)
    }

    /// What time alone changed. True if a state did.
    fn time_went_by(&mut self, now: Moment, effects: &mut Vec<Effect>) -> bool {
        let mut parts = std::mem::take(&mut self.parts);
        let mut told = false;
        for (name, part) in &mut parts {
            let changed = part.poll(now);
            told |= changed.state.is_some() || changed.flapping.is_some();
            self.note_state(Some(name), &changed, part, effects);
        }
        self.parts = parts;
        let changed = self.own.poll(now);
        told |= changed.state.is_some() || changed.flapping.is_some();
        self.note_state(None, &changed, &self.own, effects);
        told
    }

    /// Takes in the end of an attempt. True if that ended the series, so that states may have changed.
    pub(crate) fn measured(
        &mut self,
        now: Moment,
        run: u64,
        measurement: Measurement,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(series) = self.series.as_mut().filter(|series| series.run == run) else {
            return false;
        };
        let Attempt::UnderWay(permit) = &mut series.state else { return false };
        let permit = permit.take();
        let Series { attempt, void, doubted, began, .. } = *series;
        let mut judged = self.judge(now, &measurement);
        if doubted && matches!(judged.sample, Sample::Bad | Sample::BadForSure) {
            judged.sample = Sample::Unknown;
            let reason = judged.reason.unwrap_or_default();
            judged.reason = Some(format!("{reason}, while the agent itself was starved"));
        }
        effects.push(Effect::Count(Count::Attempt {
            check: self.spec.name.clone(),
            took: measurement.took,
            failure: judged.class,
        }));
        self.tell_breaker(now, permit, if void { Sample::Unknown } else { judged.sample }, effects);
        if void {
            self.series = None;
            self.due = now;
            return false;
        }
        if judged.sample == Sample::Bad && attempt < self.spec.retries {
            let state = Attempt::RetryAt(now + self.spec.retry_delay);
            let failed = Some((measurement, judged));
            let attempt = attempt + 1;
            self.series = Some(Series { run, attempt, state, failed, void, doubted, began });
            return false;
        }
        self.conclude(now, measurement, judged, effects);
        true
    }

    pub(crate) const fn index(&self) -> usize {
        self.index
    }

    /// The worst of the check's own state and its parts'; a part that says nothing does not count.
    pub(crate) fn worst(&self, now: Moment) -> (State, Option<&str>) {
        let worst = self.worst_subject(now);
        (worst.health.state(now), worst.reason.as_deref())
    }

    pub(crate) fn worst_subject(&self, now: Moment) -> &Subject {
        self.parts
            .values()
            .filter(|part| part.health.state(now) != State::Unknown)
            .chain([&self.own])
            .max_by_key(|subject| badness(subject.health.state(now)))
            .unwrap_or(&self.own)
    }

    /// Whether the check as a whole is up, down, or cannot be told.
    pub(crate) fn up(&self, now: Moment) -> Option<bool> {
        match self.worst(now).0 {
            State::Unknown => None,
            State::Up | State::Suspect { .. } | State::Degraded => Some(true),
            State::Down | State::Recovering { .. } => Some(false),
        }
    }

    pub(crate) fn is_steady(&self, now: Moment) -> bool {
        let unsteady = |subject: &Subject| {
            matches!(subject.health.state(now), State::Suspect { .. } | State::Recovering { .. })
        };
        !unsteady(&self.own) && !self.parts.values().any(unsteady)
    }

    pub(crate) fn last_took(&self) -> Option<Duration> {
        self.last.as_ref().map(|last| last.took)
    }

    pub(crate) fn facts(&self) -> Option<&Facts> {
        self.last.as_ref().map(|last| &last.facts)
    }

    pub(crate) fn breaker_state(&self, now: Moment) -> Option<BreakerState> {
        self.breaker.as_ref().map(|breaker| breaker.state(now))
    }

    /// The breaker as it is kept, if the check has one.
    pub(crate) fn breaker_snapshot(&self, now: Moment, wall: Timestamp) -> Option<Snapshot> {
        self.breaker.as_ref().map(|breaker| breaker.snapshot(now, wall.as_millisecond()))
    }

    /// Goes on with the breaker as it was kept.
    pub(crate) fn restore_breaker(&mut self, kept: &Snapshot, now: Moment, wall: Timestamp) {
        if let Some(config) = self.spec.breaker.clone() {
            self.breaker = Some(Breaker::restore(config, kept, now, wall.as_millisecond()));
        }
    }

    /// The last states of the check and of its parts, as they are kept.
    pub(crate) fn flap_rings(&self) -> Vec<FlapRing> {
        let parts = self.parts.iter().map(|(name, part)| (Some(name.clone()), part));
        parts
            .chain([(None, &self.own)])
            .filter_map(|(part, subject)| {
                let flapping = subject.flapping.as_ref()?;
                let ups: Vec<_> = flapping.ups().collect();
                let (check, flapping_since) = (self.spec.name.clone(), flapping.since());
                (!ups.is_empty()).then_some(FlapRing { check, part, ups, flapping_since })
            })
            .collect()
    }

    /// Goes on with the last states as they were kept.
    pub(crate) fn restore_flapping(&mut self, ring: &FlapRing, now: Moment) {
        let Some(policy) = self.spec.flap else { return };
        let subject = match &ring.part {
            None => &mut self.own,
            Some(part) => {
                let spec = &self.spec;
                self.parts.entry(part.clone()).or_insert_with(|| Subject::new(spec, now))
            }
        };
        subject.flapping = Some(Flapping::restore(policy, &ring.ups, ring.flapping_since));
    }

    /// Starts an attempt, if the breaker lets it. True if its refusal ended a series that had failed so far.
    fn attempt(&mut self, now: Moment, effects: &mut Vec<Effect>) -> bool {
        let Ok(permit) = self.admit(now, effects) else {
            if let Some((measurement, judged)) = self.series.take().and_then(|series| series.failed)
            {
                self.conclude(now, measurement, judged, effects);
                return true;
            }
            // Skipped: neither good nor bad, and the last state holds.
            self.own.health.touch(now);
            for part in self.parts.values_mut() {
                part.health.touch(now);
            }
            return false;
        };
        if let Some(series) = &mut self.series {
            series.state = Attempt::UnderWay(permit);
            effects.push(Effect::Probe { check: self.index, run: series.run });
        }
        false
    }

    fn admit(&mut self, now: Moment, effects: &mut Vec<Effect>) -> Result<Option<Permit>, ()> {
        let Some(breaker) = &mut self.breaker else { return Ok(None) };
        let admitted = breaker.try_acquire(now);
        note_breaker(&self.spec.name, breaker, effects);
        admitted.map(Some).map_err(drop)
    }

    fn tell_breaker(
        &mut self,
        now: Moment,
        permit: Option<Permit>,
        sample: Sample,
        effects: &mut Vec<Effect>,
    ) {
        let (Some(breaker), Some(permit)) = (&mut self.breaker, permit) else { return };
        // A verdict that comes too late is void by itself; nothing follows from it.
        match sample {
            Sample::Good | Sample::Degraded => drop(breaker.success(permit, now)),
            Sample::Bad | Sample::BadForSure => drop(breaker.failure(permit, now)),
            Sample::Unknown => drop(breaker.ignore(permit, now)),
        }
        note_breaker(&self.spec.name, breaker, effects);
    }

    fn judge(&mut self, now: Moment, measurement: &Measurement) -> Judged {
        let failure = match &measurement.outcome {
            Outcome::Good => None,
            Outcome::Bad(failure) => Some((Sample::Bad, failure)),
            Outcome::Unknown(failure) => Some((Sample::Unknown, failure)),
        };
        if let Some((sample, failure)) = failure {
            let class = Some(failure.class);
            return Judged { sample, reason: Some(failure.detail.clone()), class };
        }
        let facts = &measurement.facts;
        let spec = &self.spec;
        let down = worst(now, &spec.conditions, &mut self.sustained, facts);
        let degraded = worst(now, &spec.degraded, &mut self.degraded, facts);
        match (down, degraded) {
            (Some((sample, breach)), _) => {
                Judged { sample, reason: Some(breach.detail), class: Some(breach.class) }
            }
            (None, Some((_, breach))) => {
                let reason = Some(breach.detail);
                Judged { sample: Sample::Degraded, reason, class: None }
            }
            (None, None) => Judged { sample: Sample::Good, reason: None, class: None },
        }
    }

    fn conclude(
        &mut self,
        now: Moment,
        measurement: Measurement,
        judged: Judged,
        effects: &mut Vec<Effect>,
    ) {
        let Measurement { took, outcome, facts, parts } = measurement;
        let timed_out = judged.timed_out();
        let Judged { sample, reason, .. } = judged;
        let began = self.series.take().map(|series| series.began);
        if sample != Sample::Unknown {
            self.looked = began.max(self.looked);
        }
        self.concluded = Some(now);
        if self.own.lives_as(facts.get(INCARNATION)) {
            self.reborn.push(None);
        }
        self.last = Some(Last { took, facts });
        let changed = self.own.record(now, sample, reason, timed_out);
        self.note_state(None, &changed, &self.own, effects);
        let listed = matches!(outcome, Outcome::Good);
        if listed {
            self.parts.retain(|name, _| parts.iter().any(|part| part.name == *name));
            self.limits.retain(|name, _| self.parts.contains_key(name));
        } else {
            // Nobody could be asked about them.
            let reason = self.own.reason.clone();
            for part in self.parts.values_mut() {
                part.record(now, Sample::Unknown, reason.clone(), false);
            }
        }
        for part in parts {
            let mut timed_out = false;
            let (sample, reason) = match part.outcome {
                Outcome::Good => self.judge_part(now, &part.name, &part.facts),
                Outcome::Bad(failure) => {
                    timed_out = failure.class == FailureClass::Timeout;
                    (Sample::Bad, Some(failure.detail))
                }
                Outcome::Unknown(failure) => (Sample::Unknown, Some(failure.detail)),
            };
            let spec = &self.spec;
            let mut subject =
                self.parts.remove(&part.name).unwrap_or_else(|| Subject::new(spec, now));
            if subject.lives_as(part.facts.get(INCARNATION)) {
                self.reborn.push(Some(part.name.clone()));
            }
            let changed = subject.record(now, sample, reason, timed_out);
            self.note_state(Some(&part.name), &changed, &subject, effects);
            self.parts.insert(part.name, subject);
        }
    }

    /// What a part's facts mean that does what it is for.
    fn judge_part(&mut self, now: Moment, name: &str, facts: &Facts) -> (Sample, Option<String>) {
        if self.spec.part_conditions.is_empty() && self.spec.part_degraded.is_empty() {
            return (Sample::Good, None);
        }
        let limits = self.limits.entry(name.to_owned()).or_insert_with(|| Limits::new(&self.spec));
        limits.judge(now, &self.spec, facts)
    }

    fn note_state(
        &self,
        part: Option<&str>,
        changed: &Changed,
        subject: &Subject,
        effects: &mut Vec<Effect>,
    ) {
        let check = || self.spec.name.clone();
        let part = || part.map(str::to_owned);
        // A second failure on the way down, or a second success on the way up, is no news.
        if let Some((from, to)) = changed.state.filter(|(from, to)| from.as_str() != to.as_str()) {
            let (check, part, reason) = (check(), part(), subject.reason.clone());
            effects.push(Effect::Record(Record::CheckChanged { check, part, from, to, reason }));
        }
        let percent = subject.flapping.as_ref().map_or(0.0, Flapping::percent);
        match changed.flapping {
            Some(true) => {
                let (check, part) = (check(), part());
                effects.push(Effect::Record(Record::FlappingStarted { check, part, percent }));
            }
            Some(false) => {
                let (check, part) = (check(), part());
                effects.push(Effect::Record(Record::FlappingEnded { check, part, percent }));
            }
            None => {}
        }
    }
}

/// For how long each condition must have been broken.
pub(crate) fn sustained(conditions: &[Condition]) -> Vec<Option<Sustained>> {
    conditions.iter().map(|condition| condition.sustained_for.map(Sustained::new)).collect()
}

/// The worst of what is broken: what was broken for as long as its condition says comes before what is broken now.
pub(crate) fn worst(
    now: Moment,
    conditions: &[Condition],
    sustained: &mut [Option<Sustained>],
    facts: &Facts,
) -> Option<(Sample, Breach)> {
    let mut worst = None;
    let mut broken = breaches(conditions, facts).into_iter().peekable();
    for (index, sustained) in sustained.iter_mut().enumerate() {
        let breach = broken.next_if(|breach| breach.condition == index);
        // Held for as long as the rule says: counting results on top would only wait twice.
        let held = sustained.as_mut().map(|sustained| sustained.observe(now, breach.is_some()));
        let sample = match held {
            None => Sample::Bad,
            Some(true) => Sample::BadForSure,
            Some(false) => continue,
        };
        let Some(breach) = breach else { continue };
        if worst.as_ref().is_none_or(|(worst, _)| *worst != Sample::BadForSure) {
            worst = Some((sample, breach));
        }
    }
    worst
}

fn note_breaker(check: &str, breaker: &mut Breaker, effects: &mut Vec<Effect>) {
    for change in breaker.drain_changes().into_iter().filter(|change| change.from != change.to) {
        let check = check.to_owned();
        effects.push(Effect::Record(Record::BreakerChanged { check, change }));
    }
}

/// The next multiple of `interval` after `now`, counted from `due`: a late run does not shift those after it.
fn next_due(due: Moment, interval: Duration, now: Moment) -> Moment {
    let missed = now.saturating_since(due).as_nanos() / interval.as_nanos().max(1);
    due + interval.saturating_mul(u32::try_from(missed + 1).unwrap_or(u32::MAX))
}

fn badness(state: State) -> u8 {
    match state {
        State::Up => 0,
        State::Unknown => 1,
        State::Degraded => 2,
        State::Suspect { .. } => 3,
        State::Recovering { .. } => 4,
        State::Down => 5,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_next_start_keeps_the_cadence_and_lies_ahead(late in 0..1_000_000u64, interval in 1..10_000u64) {
            let interval = Duration::from_millis(interval);
            let due = Moment::from_nanos(77);
            let now = due + Duration::from_millis(late);
            let next = next_due(due, interval, now);
            prop_assert!(next > now);
            prop_assert!(next.saturating_since(now) <= interval);
            prop_assert_eq!(next.saturating_since(due).as_nanos() % interval.as_nanos(), 0);
        }
    }
}
