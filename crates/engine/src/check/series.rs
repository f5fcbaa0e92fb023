use std::collections::VecDeque;
use std::sync::Arc;

use evenkeel_health::Sample;
use evenkeel_moment::Moment;
use evenkeel_probe::Measurement;
use evenkeel_recovery::breaker::{Breaker, BreakerState, Permit, Reason};
use evenkeel_shown::said::{Note, Said};

use super::CheckCore;
use super::judge::Judged;
use crate::event::{Count, Effect};
use crate::record::{Causes, Record};

#[derive(Debug)]
pub(super) struct Series {
    pub(super) run: u64,
    pub(super) attempt: u32,
    pub(super) state: Attempt,
    /// How the last attempt failed; the series ends with it if the breaker refuses a further one.
    pub(super) failed: Option<Box<(Measurement, Judged)>>,
    /// The host was changed by an action while this attempt was under way: its result says nothing.
    pub(super) void: bool,
    /// The agent itself was starved meanwhile: neither a failure nor how long it took says anything.
    pub(super) doubted: bool,
    pub(super) began: Moment,
}

#[derive(Debug)]
pub(super) enum Attempt {
    UnderWay(Option<Permit>),
    RetryAt(Moment),
}

impl CheckCore {
    /// Takes in the end of an attempt. True if that ended the series, so that states may have changed.
    pub(crate) fn measured(
        &mut self,
        now: Moment,
        run: u64,
        mut measurement: Measurement,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(series) = self.series.as_mut().filter(|series| series.run == run) else {
            return false;
        };
        let Attempt::UnderWay(permit) = &mut series.state else { return false };
        let permit = permit.take().map(|permit| permit.that_took(measurement.took, now));
        let Series { attempt, void, doubted, began, .. } = *series;
        self.hide_secrets(&mut measurement);
        let mut judged = self.judge(now, &measurement);
        if doubted && judged.is_bad() {
            judged.sample = Sample::Unknown;
            judged.note(Note::WhileStarved);
        }
        let held = self.doubts_timeouts && judged.is_bad() && judged.timed_out();
        if held {
            judged.sample = Sample::Unknown;
            judged.note(Note::WhileMostTimeOut);
        }
        if self.tells_figures {
            effects.push(Effect::Count(Count::Attempt {
                check: Arc::clone(&self.name),
                took: measurement.took,
                failure: judged.class,
            }));
        }
        let times_calls =
            self.spec.breaker.as_ref().is_some_and(|breaker| breaker.slow_call().is_some());
        // Who measures is starved with the agent: how long the call took cannot be told.
        let says_nothing = void || doubted && times_calls;
        let sample = if says_nothing { Sample::Unknown } else { judged.sample };
        self.tell_breaker(now, permit, sample, judged.reason.as_ref(), effects);
        if void {
            self.look_now(now);
            self.end_series(now);
            return false;
        }
        if judged.sample == Sample::Bad && attempt < self.spec.retries {
            let state = Attempt::RetryAt(now + self.spec.retry_delay);
            let failed = Some(Box::new((measurement, judged)));
            let attempt = attempt + 1;
            self.series = Some(Series { run, attempt, state, failed, void, doubted, began });
            return false;
        }
        self.conclude(now, measurement, judged, effects);
        true
    }

    /// Starts an attempt, if the breaker lets it. True if its refusal ended a series that had failed so far.
    pub(super) fn attempt(&mut self, now: Moment, effects: &mut Vec<Effect>) -> bool {
        let Ok(permit) = self.admit(now, effects) else {
            let failed = self.end_series(now).and_then(|series| series.failed);
            if let Some(failed) = failed {
                let (measurement, judged) = *failed;
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
        note_breaker(&self.spec.name, breaker, &mut self.failures, effects);
        admitted.map(Some).map_err(drop)
    }

    fn tell_breaker(
        &mut self,
        now: Moment,
        permit: Option<Permit>,
        sample: Sample,
        reason: Option<&Arc<Said>>,
        effects: &mut Vec<Effect>,
    ) {
        let (Some(breaker), Some(permit)) = (&mut self.breaker, permit) else { return };
        // A verdict that comes too late is void by itself; nothing follows from it.
        match sample {
            Sample::Good | Sample::Degraded => drop(breaker.success(permit, now)),
            Sample::Bad | Sample::BadForSure => {
                let counted = breaker.state(now) == BreakerState::Closed;
                // What has left the window is no cause any more; the oldest leave first.
                let before = breaker.counts(now).failures as usize;
                let counts = breaker.failure(permit, now);
                if counts && counted {
                    let gone = self.failures.len().saturating_sub(before);
                    self.failures.drain(..gone);
                    let reason = reason.cloned().unwrap_or_default();
                    // Most fail as the one before did.
                    let same = self.failures.back().filter(|last| **last == reason).cloned();
                    self.failures.push_back(same.unwrap_or(reason));
                }
            }
            Sample::Unknown => drop(breaker.ignore(permit, now)),
        }
        note_breaker(&self.spec.name, breaker, &mut self.failures, effects);
    }
}

fn note_breaker(
    check: &str,
    breaker: &mut Breaker,
    failures: &mut VecDeque<Arc<Said>>,
    effects: &mut Vec<Effect>,
) {
    for change in breaker.drain_changes().into_iter().filter(|change| change.from != change.to) {
        let check = check.to_owned();
        // Whatever it changes to, its window is empty from then on.
        let failures = std::mem::take(failures);
        let causes = match (&change.reason, failures.front(), failures.back()) {
            (Reason::Tripped(_), Some(first), Some(last)) => Some(Causes::new(first, last)),
            _ => None,
        };
        effects.push(Effect::from(Record::BreakerChanged { check, change, causes }));
    }
}
