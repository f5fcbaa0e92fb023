use std::sync::Arc;

use evenkeel_health::{Eta, Sample, Sustained};
use evenkeel_moment::Moment;
use evenkeel_probe::{Breach, Condition, Facts, FailureClass, Measurement, Outcome, breaches};
use evenkeel_shown::said::{Note, Said};

use super::CheckCore;
use crate::limits::Limits;
use crate::occasion::INCARNATION;

#[derive(Debug)]
pub(super) struct Judged {
    pub(super) sample: Sample,
    pub(super) reason: Option<Arc<Said>>,
    pub(super) class: Option<FailureClass>,
    pub(super) only_trend: Option<Eta>,
}

impl Judged {
    pub(super) fn is_bad(&self) -> bool {
        matches!(self.sample, Sample::Bad | Sample::BadForSure)
    }

    /// Says something of why.
    pub(super) fn note(&mut self, note: Note) {
        let reason = self.reason.take().unwrap_or_default();
        self.reason = Some(Arc::new(Arc::unwrap_or_clone(reason).noted(note)));
    }

    pub(super) fn timed_out(&self) -> bool {
        self.class == Some(FailureClass::Timeout)
    }
}

impl CheckCore {
    pub(super) fn judge(&mut self, now: Moment, measurement: &Measurement) -> Judged {
        let failure = match &measurement.outcome {
            Outcome::Good => None,
            Outcome::Bad(failure) => Some((Sample::Bad, failure)),
            Outcome::Unknown(failure) => Some((Sample::Unknown, failure)),
        };
        if let Some((sample, failure)) = failure {
            let class = Some(failure.class);
            let reason = Some(Arc::new(failure.detail.clone()));
            return Judged { sample, reason, class, only_trend: None };
        }
        let facts = &measurement.facts;
        let spec = &self.spec;
        if spec.conditions.is_empty() && spec.degraded.is_empty() {
            return Judged { sample: Sample::Good, reason: None, class: None, only_trend: None };
        }
        if self.own.is_other_life(facts.get(INCARNATION)) {
            // How long another process had broken a condition says nothing of this one.
            self.sustained = sustained(&spec.conditions);
            self.degraded = sustained(&spec.degraded);
        }
        let mut broken = breaches(&spec.conditions, facts);
        broken.extend(self.forecasts.observe(now, &spec.conditions, facts));
        let Worst { found, leaks_only } = worst(now, &broken, &mut self.sustained);
        let broken = breaches(&spec.degraded, facts);
        let degraded = worst(now, &broken, &mut self.degraded).found;
        let only_trend = self.forecasts.eta().filter(|_| leaks_only);
        match (found, degraded) {
            (Some((sample, breach)), _) => {
                let (reason, class) = (Some(self.told(&breach.detail)), Some(breach.class));
                Judged { sample, reason, class, only_trend }
            }
            (None, Some((_, breach))) => {
                let (sample, reason) = (Sample::Degraded, Some(self.told(&breach.detail)));
                Judged { sample, reason, class: None, only_trend }
            }
            (None, None) => Judged { sample: Sample::Good, reason: None, class: None, only_trend },
        }
    }

    /// What a part's facts mean that does what it is for.
    pub(super) fn judge_part(
        &mut self,
        now: Moment,
        name: &str,
        facts: &Facts,
    ) -> (Sample, Option<Arc<Said>>) {
        if self.spec.part_conditions.is_empty() && self.spec.part_degraded.is_empty() {
            return (Sample::Good, None);
        }
        let limits = self.limits.entry(name.to_owned()).or_insert_with(|| Limits::new(&self.spec));
        let (sample, reason) = limits.judge(now, &self.spec, facts);
        (sample, reason.map(|reason| self.told(&reason)))
    }

    /// What is told of a result: from here on it is in the log, the history and on pages.
    fn told(&self, reason: &Said) -> Arc<Said> {
        Arc::new(reason.hide(&self.spec.secrets))
    }

    /// What a look found, without the secrets that the target may have repeated.
    pub(super) fn hide_secrets(&self, measurement: &mut Measurement) {
        let outcomes = measurement.parts.iter_mut().map(|part| &mut part.outcome);
        for outcome in outcomes.chain([&mut measurement.outcome]) {
            if let Outcome::Bad(failure) | Outcome::Unknown(failure) = outcome {
                failure.detail = failure.detail.hide(&self.spec.secrets);
            }
        }
    }
}

/// For how long each condition must have been broken.
pub(crate) fn sustained(conditions: &[Condition]) -> Vec<Option<Sustained>> {
    conditions.iter().map(|condition| condition.sustained_for.map(Sustained::new)).collect()
}

/// What is broken, taken together.
#[derive(Debug)]
pub(crate) struct Worst {
    /// The worst of it: what was broken for as long as its condition says comes before what is broken now.
    pub(crate) found: Option<(Sample, Breach)>,
    /// Whether nothing is wrong but that a trend reaches a limit.
    pub(crate) leaks_only: bool,
}

pub(crate) fn worst(
    now: Moment,
    breaches: &[Breach],
    sustained: &mut [Option<Sustained>],
) -> Worst {
    let mut worst = Worst { found: None, leaks_only: true };
    for (index, sustained) in sustained.iter_mut().enumerate() {
        let breach = breaches.iter().find(|breach| breach.condition == index);
        // Held for as long as the rule says: counting results on top would only wait twice.
        let held = sustained.as_mut().map(|sustained| sustained.observe(now, breach.is_some()));
        let sample = match held {
            None => Sample::Bad,
            Some(true) => Sample::BadForSure,
            Some(false) => continue,
        };
        let Some(breach) = breach else { continue };
        worst.leaks_only &= breach.class == FailureClass::Leak;
        if worst.found.as_ref().is_none_or(|(found, _)| *found != Sample::BadForSure) {
            worst.found = Some((sample, breach.clone()));
        }
    }
    worst
}
