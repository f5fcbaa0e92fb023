use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_config::Check;
use evenkeel_health::{Eta, Hard, Health, Policy, Sample, State, Sustained};
use evenkeel_moment::Moment;
use evenkeel_probe::{Facts, FailureClass, Measurement, Outcome, breaches};
use evenkeel_recovery::actions::Identity;
use evenkeel_recovery::breaker::{Breaker, BreakerState, Permit, Snapshot};
use jiff::Timestamp;

use crate::event::{Count, Effect};
use crate::forecasts::Forecasts;
use crate::limits::Limits;
use crate::occasion::process_of;
use crate::programs::Looked;
use crate::record::Record;

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
    forecasts: Forecasts,
    pub(crate) own: Subject,
    pub(crate) parts: BTreeMap<String, Subject>,
    /// What the last look said of each part; `None` if nobody could be asked.
    pub(crate) looked: Option<Looked>,
    /// The conditions on each part, where there are any.
    limits: BTreeMap<String, Limits>,
    last: Option<Last>,
    /// When the last series came to its end.
    pub(crate) concluded: Option<Moment>,
}

/// The check itself, or one part of it, over time.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) health: Health,
    pub(crate) since: Moment,
    pub(crate) reason: Option<String>,
    /// When a limit is reached, if that is all that is wrong.
    pub(crate) only_trend: Option<Eta>,
    /// Its process, as it was seen last; a dead one's too.
    pub(crate) process: Option<Identity>,
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
    only_trend: Option<Eta>,
}

impl Subject {
    fn new(policy: &Policy, now: Moment) -> Self {
        Self {
            health: Health::new(policy.clone(), now),
            since: now,
            reason: None,
            only_trend: None,
            process: None,
        }
    }

    fn record(
        &mut self,
        now: Moment,
        sample: Sample,
        reason: Option<String>,
    ) -> Option<(State, State)> {
        let transition = self.health.record(now, sample);
        self.reason = reason;
        transition.map(|transition| {
            self.since = now;
            (transition.from, transition.to)
        })
    }
}

impl CheckCore {
    pub(crate) fn new(spec: Check, index: usize, now: Moment, unit: f64) -> Self {
        // Spread within a tenth of the interval, so that checks of one interval do not start in step.
        let phase = (spec.interval / 10).mul_f64(unit);
        Self {
            index,
            due: now + spec.initial_delay + phase,
            series: None,
            series_begun: 0,
            breaker: spec.breaker.clone().map(|config| Breaker::new(config, now)),
            sustained: spec
                .conditions
                .iter()
                .map(|condition| condition.sustained_for.map(Sustained::new))
                .collect(),
            forecasts: Forecasts::new(&spec.conditions),
            own: Subject::new(&spec.health, now),
            parts: BTreeMap::new(),
            looked: None,
            limits: BTreeMap::new(),
            last: None,
            concluded: None,
            spec,
        }
    }

    /// When [`CheckCore::poll`] has something to do.
    pub(crate) fn deadline(&self) -> Moment {
        match self.series {
            Some(Series { state: Attempt::RetryAt(at), .. }) => at.min(self.due),
            _ => self.due,
        }
    }

    /// Starts what is due. True if that ended a series, so that states may have changed.
    pub(crate) fn poll(&mut self, now: Moment, effects: &mut Vec<Effect>) -> bool {
        let mut concluded = false;
        if let Some(Series { state: Attempt::RetryAt(at), .. }) = self.series
            && now >= at
        {
            concluded = self.attempt(now, effects);
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
        if let Some(breaker) = &mut self.breaker {
            breaker.reset(now);
        }
        self.look_closer(now);
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
        let (attempt, void) = (series.attempt, series.void);
        let judged = self.judge(now, &measurement);
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
            self.series = Some(Series { run, attempt: attempt + 1, state, failed, void });
            return false;
        }
        self.conclude(now, measurement, judged, effects);
        true
    }

    /// The worst of the check's own state and its parts'; a part that says nothing does not count.
    pub(crate) fn worst(&self, now: Moment) -> (State, Option<&str>) {
        let own = (self.own.health.state(now), self.own.reason.as_deref());
        self.parts
            .values()
            .map(|part| (part.health.state(now), part.reason.as_deref()))
            .filter(|(state, _)| *state != State::Unknown)
            .chain([own])
            .max_by_key(|(state, _)| badness(*state))
            .unwrap_or(own)
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

    /// When the first of its limits, or of its parts', is reached by a trend.
    pub(crate) fn limit_eta(&self) -> Option<Eta> {
        let parts = self.limits.values().filter_map(Limits::eta);
        parts.chain(self.forecasts.eta()).min_by_key(|eta| eta.likely)
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
            let reason = Some(failure.detail.clone());
            return Judged { sample, reason, class, only_trend: None };
        }
        let (conditions, facts) = (&self.spec.conditions, &measurement.facts);
        let mut breaches = breaches(conditions, facts);
        breaches.extend(self.forecasts.observe(now, conditions, facts));
        let mut judged =
            Judged { sample: Sample::Good, reason: None, class: None, only_trend: None };
        let mut leaks_only = true;
        for (index, sustained) in self.sustained.iter_mut().enumerate() {
            let breach = breaches.iter().find(|breach| breach.condition == index);
            // Held for as long as the rule says: counting results on top would only wait twice.
            let held = sustained.as_mut().map(|sustained| sustained.observe(now, breach.is_some()));
            let sample = match (held, breach) {
                (None, Some(_)) => Sample::Bad,
                (Some(true), _) => Sample::BadForSure,
                _ => continue,
            };
            leaks_only &= breach.is_some_and(|breach| breach.class == FailureClass::Leak);
            if judged.sample != Sample::BadForSure {
                judged.sample = sample;
                judged.reason = breach.map(|breach| breach.detail.clone());
                judged.class = breach.map(|breach| breach.class);
            }
        }
        judged.only_trend = self.forecasts.eta().filter(|_| leaks_only);
        judged
    }

    fn conclude(
        &mut self,
        now: Moment,
        measurement: Measurement,
        judged: Judged,
        effects: &mut Vec<Effect>,
    ) {
        let Measurement { took, outcome, facts, parts } = measurement;
        let Judged { sample, reason, only_trend, .. } = judged;
        if sample != Sample::Unknown {
            self.own.only_trend = only_trend;
        }
        self.series = None;
        self.concluded = Some(now);
        self.own.process = process_of(&facts, self.own.process);
        self.last = Some(Last { took, facts });
        let changed = self.own.record(now, sample, reason.clone());
        self.note_state(None, changed, reason, effects);
        let listed = matches!(outcome, Outcome::Good);
        self.looked = listed.then(|| Looked::at(&parts));
        if listed {
            self.parts.retain(|name, _| parts.iter().any(|part| part.name == *name));
            self.limits.retain(|name, _| self.parts.contains_key(name));
        } else {
            // Nobody could be asked about them.
            let reason = self.own.reason.clone();
            for part in self.parts.values_mut() {
                part.record(now, Sample::Unknown, reason.clone());
            }
        }
        for part in parts {
            let works = matches!(part.outcome, Outcome::Good);
            let (sample, reason) = match part.outcome {
                Outcome::Good => self.judge_part(now, &part.name, &part.facts),
                Outcome::Bad(failure) => (Sample::Bad, Some(failure.detail)),
                Outcome::Unknown(failure) => (Sample::Unknown, Some(failure.detail)),
            };
            let limits = self.limits.get(&part.name).filter(|_| works);
            let only_trend = limits.and_then(Limits::only_trend);
            let policy = &self.spec.health;
            let subject =
                self.parts.entry(part.name.clone()).or_insert_with(|| Subject::new(policy, now));
            if sample != Sample::Unknown {
                subject.only_trend = only_trend;
            }
            subject.process = process_of(&part.facts, subject.process);
            let changed = subject.record(now, sample, reason.clone());
            self.note_state(Some(part.name), changed, reason, effects);
        }
    }

    /// What a part's facts mean that does what it is for.
    fn judge_part(&mut self, now: Moment, name: &str, facts: &Facts) -> (Sample, Option<String>) {
        if self.spec.part_conditions.is_empty() {
            return (Sample::Good, None);
        }
        let limits = self.limits.entry(name.to_owned()).or_insert_with(|| Limits::new(&self.spec));
        limits.judge(now, &self.spec, facts)
    }

    fn note_state(
        &self,
        part: Option<String>,
        changed: Option<(State, State)>,
        reason: Option<String>,
        effects: &mut Vec<Effect>,
    ) {
        // A second failure on the way down, or a second success on the way up, is no news.
        if let Some((from, to)) = changed.filter(|(from, to)| from.as_str() != to.as_str()) {
            let check = self.spec.name.clone();
            effects.push(Effect::Record(Record::CheckChanged { check, part, from, to, reason }));
        }
    }
}

/// What the recovery of a target may take from a hard state.
pub(crate) fn hard(subject: &Subject, now: Moment) -> Hard {
    subject.health.hard(now)
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
