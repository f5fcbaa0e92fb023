use std::sync::Arc;

use evenkeel_health::{Flapping, Sample};
use evenkeel_moment::Moment;
use evenkeel_probe::{FailureClass, Measurement, Outcome, Part, Target};
use evenkeel_recovery::actions::StoppedProgram;
use evenkeel_shown::said::{Said, WorkloadCode};

use super::judge::Judged;
use super::{CheckCore, Last};
use crate::event::Effect;
use crate::limits::Limits;
use crate::occasion::{INCARNATION, children_of, process_of};
use crate::programs::Looked;
use crate::record::Record;
use crate::subject::{Changed, Subject};

/// The state of a program of supervisord that was told to stop.
const STOPPED: &str = "STOPPED";

impl CheckCore {
    /// Takes in what time alone changed. True if a state did.
    pub(super) fn time_went_by(&mut self, now: Moment, effects: &mut Vec<Effect>) -> bool {
        let mut told = false;
        if !self.parts.is_empty() {
            let mut parts = std::mem::take(&mut self.parts);
            for (name, part) in &mut parts {
                let changed = part.poll(now);
                told |= changed.state.is_some() || changed.flapping.is_some();
                self.note_state(Some(name), &changed, part, effects);
            }
            self.parts = parts;
        }
        let changed = self.own.poll(now);
        told |= changed.state.is_some() || changed.flapping.is_some();
        self.note_state(None, &changed, &self.own, effects);
        told
    }

    pub(super) fn conclude(
        &mut self,
        now: Moment,
        measurement: Measurement,
        judged: Judged,
        effects: &mut Vec<Effect>,
    ) {
        let Measurement { took, outcome, facts, mut parts } = measurement;
        let timed_out = judged.timed_out();
        let Judged { sample, reason, only_trend, .. } = judged;
        if sample != Sample::Unknown {
            self.own.only_trend = only_trend;
        }
        self.own.process = process_of(&facts, self.own.process);
        let began = self.end_series(now).map(|series| series.began);
        if sample != Sample::Unknown {
            self.look_began = began.max(self.look_began);
        }
        (self.began, self.concluded) = (began, Some(now));
        if sample != Sample::Unknown && self.tells_figures {
            effects.extend(self.sampled(took, &facts).map(Effect::Sample));
        }
        if self.own.lives_as(facts.get(INCARNATION)) {
            self.reborn.push(None);
        }
        let unclear = unclear(&outcome);
        self.last = Some(Last { took, facts, missing: missing(&outcome), unclear });
        let changed = self.own.record(now, sample, reason, timed_out);
        self.own.held = sample == Sample::Unknown && timed_out && self.doubts_timeouts;
        self.note_state(None, &changed, &self.own, effects);
        let listed = matches!(outcome, Outcome::Good);
        match self.last.as_ref().and_then(|last| children_of(&last.facts)) {
            Some(children) => self.children = children,
            // Who is listed is known by name from then on.
            None if listed => self.children.clear(),
            None => {}
        }
        if parts.is_empty() && self.parts.is_empty() {
            // As most targets are: they have no parts.
            if !listed {
                self.looked = None;
            } else if !self.looked.as_ref().is_some_and(Looked::is_empty) {
                self.looked = Some(Looked::default());
            }
            if listed && !self.limits.is_empty() {
                self.limits.clear();
            }
            return;
        }
        let ours: Vec<_> = parts.iter().map(|part| is_our_stop(&self.our_stops, part)).collect();
        self.looked = listed.then(|| Looked::at(&parts, &ours));
        if self.judges_states() {
            let stopped = parts.iter_mut().zip(ours).filter(|(_, ours)| *ours);
            stopped.for_each(|(part, _)| part.outcome = cut_off(&part.name));
        }
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
            self.conclude_part(now, part, effects);
        }
    }

    /// Whether it says of a program that does not run that it is down.
    fn judges_states(&self) -> bool {
        matches!(&self.spec.target, Target::Supervisor(target) if target.judge_states)
    }

    fn conclude_part(&mut self, now: Moment, part: Part, effects: &mut Vec<Effect>) {
        let works = matches!(part.outcome, Outcome::Good);
        let mut timed_out = false;
        let (sample, reason) = match part.outcome {
            Outcome::Good => self.judge_part(now, &part.name, &part.facts),
            Outcome::Bad(failure) => {
                timed_out = failure.class == FailureClass::Timeout;
                let held = timed_out && self.doubts_timeouts;
                let sample = if held { Sample::Unknown } else { Sample::Bad };
                (sample, Some(Arc::new(failure.detail)))
            }
            Outcome::Unknown(failure) => (Sample::Unknown, Some(Arc::new(failure.detail))),
        };
        let spec = &self.spec;
        let mut subject = self.parts.remove(&part.name).unwrap_or_else(|| Subject::new(spec, now));
        if sample != Sample::Unknown {
            let limits = self.limits.get(&part.name).filter(|_| works);
            subject.only_trend = limits.and_then(Limits::only_trend);
        }
        subject.process = process_of(&part.facts, subject.process);
        if sample != Sample::Unknown && self.tells_figures {
            effects.extend(self.part_sampled(&part.name, &part.facts).map(Effect::Sample));
        }
        if subject.lives_as(part.facts.get(INCARNATION)) {
            self.reborn.push(Some(part.name.clone()));
        }
        let changed = subject.record(now, sample, reason, timed_out);
        subject.held = sample == Sample::Unknown && timed_out && self.doubts_timeouts;
        self.note_state(Some(&part.name), &changed, &subject, effects);
        self.parts.insert(part.name, subject);
    }

    fn note_state(
        &self,
        part: Option<&str>,
        changed: &Changed,
        subject: &Subject,
        effects: &mut Vec<Effect>,
    ) {
        if changed.state.is_none() && changed.flapping.is_none() {
            return;
        }
        let check = || self.spec.name.clone();
        let part = || part.map(str::to_owned);
        // A second failure on the way down, or a second success on the way up, is no news.
        if let Some((from, to)) = changed.state.filter(|(from, to)| from.as_str() != to.as_str()) {
            let (check, part) = (check(), part());
            let (reason, reason_code) = subject.reason.as_deref().map(Said::to_parts).unzip();
            let reason_code = reason_code.flatten();
            let changed = Record::CheckChanged { check, part, from, to, reason, reason_code };
            effects.push(Effect::from(changed));
        }
        let percent = subject.flapping.as_ref().map_or(0.0, Flapping::percent);
        match changed.flapping {
            Some(true) => {
                let (check, part) = (check(), part());
                effects.push(Effect::from(Record::FlappingStarted { check, part, percent }));
            }
            Some(false) => {
                let (check, part) = (check(), part());
                effects.push(Effect::from(Record::FlappingEnded { check, part, percent }));
            }
            None => {}
        }
    }
}

/// That there is no such thing, if a look says so.
pub(crate) fn missing(outcome: &Outcome) -> Option<Said> {
    match outcome {
        Outcome::Bad(failure) if failure.class == FailureClass::Missing => {
            Some(failure.detail.clone())
        }
        _ => None,
    }
}

/// Why it is neither good nor bad, if a look says so.
pub(crate) fn unclear(outcome: &Outcome) -> Option<Said> {
    match outcome {
        Outcome::Unknown(failure) => Some(failure.detail.clone()),
        _ => None,
    }
}

/// Whether a program is stopped because a restart of ours stopped it, and nobody started it since.
fn is_our_stop(ours: &[StoppedProgram], part: &Part) -> bool {
    let of = |name: &str| ours.iter().find(|stopped| stopped.name == name);
    part.facts.text("state") == Some(STOPPED)
        && of(&part.name).is_some_and(|stopped| {
            #[expect(clippy::cast_precision_loss, reason = "seconds, far fewer than 2^52")]
            let started = stopped.started as f64;
            part.facts.number("started") == Some(started)
        })
}

/// What supervisord calls stopped on purpose, although it was not.
fn cut_off(name: &str) -> Outcome {
    Outcome::bad(FailureClass::Exit, WorkloadCode::ProgramCutOff { program: name.to_owned() })
}
