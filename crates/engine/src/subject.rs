use std::sync::Arc;

use evenkeel_config::Check;
use evenkeel_health::{Eta, Flapping, Hard, Health, Sample, State};
use evenkeel_moment::Moment;
use evenkeel_probe::Value;
use evenkeel_recovery::actions::Identity;
use evenkeel_shown::said::Said;

use crate::agenda::earlier;

/// The check itself, or one part of it, over time.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) health: Health,
    pub(crate) since: Moment,
    pub(crate) reason: Option<Arc<Said>>,
    /// Whether the last result was a failure by timeout: many of them together point at the host.
    pub(crate) timed_out: bool,
    /// Whether that failure counts as unknown, because most checks time out together.
    pub(crate) held: bool,
    pub(crate) flapping: Option<Flapping>,
    /// Whether the last look could tell anything.
    pub(crate) told: bool,
    /// Good results in a row since the last action: the proof that it helped.
    pub(crate) proofs: u32,
    /// When a limit is reached, if that is all that is wrong.
    pub(crate) only_trend: Option<Eta>,
    /// Its process, as it was seen last; a dead one's too.
    pub(crate) process: Option<Identity>,
    /// What identifies the life of what runs.
    incarnation: Option<Value>,
}

/// What a result changed.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    pub(crate) state: Option<(State, State)>,
    /// Whether it flaps now, if that is news.
    pub(crate) flapping: Option<bool>,
}

impl Subject {
    pub(crate) fn new(spec: &Check, now: Moment) -> Self {
        Self {
            health: Health::new(spec.health.clone(), now),
            since: now,
            reason: None,
            timed_out: false,
            held: false,
            told: false,
            flapping: spec.flap.map(Flapping::new),
            proofs: 0,
            only_trend: None,
            process: None,
            incarnation: None,
        }
    }

    pub(crate) fn record(
        &mut self,
        now: Moment,
        sample: Sample,
        reason: Option<Arc<Said>>,
        timed_out: bool,
    ) -> Changed {
        let transition = self.health.record(now, sample);
        self.reason = reason;
        self.timed_out = timed_out;
        self.told = sample != Sample::Unknown;
        match sample {
            Sample::Good | Sample::Degraded => self.proofs = self.proofs.saturating_add(1),
            Sample::Bad | Sample::BadForSure => self.proofs = 0,
            Sample::Unknown => {}
        }
        let state = transition.map(|transition| {
            self.since = now;
            (transition.from, transition.to)
        });
        // Soft failures are no states, and a look that told nothing is none either.
        let up = match self.health.state(now) {
            State::Up | State::Degraded => Some(true),
            State::Down => Some(false),
            State::Unknown | State::Suspect { .. } | State::Recovering { .. } => None,
        };
        let up = up.filter(|_| self.told);
        let flapping = match (&mut self.flapping, up) {
            (Some(flapping), Some(up)) => flapping.observe(now, up),
            _ => None,
        };
        Changed { state, flapping }
    }

    /// What time alone changed: nothing heard for too long, a hold of flapping that is over.
    pub(crate) fn poll(&mut self, now: Moment) -> Changed {
        let state = self.health.poll(now).map(|transition| {
            self.since = now;
            (transition.from, transition.to)
        });
        let flapping = self.flapping.as_mut().and_then(|flapping| flapping.poll(now));
        Changed { state, flapping }
    }

    /// When [`Subject::poll`], which was called at `polled`, has something to do once more.
    pub(crate) fn deadline(&self, polled: Moment) -> Option<Moment> {
        let later = |moment: &Moment| *moment > polled;
        let stale = Some(self.health.next_stale()).filter(later);
        let calm = self.flapping.as_ref().and_then(Flapping::deadline).filter(later);
        earlier(stale, calm)
    }

    /// Since when it has been flapping, if it is.
    pub(crate) fn flapping_since(&self) -> Option<Moment> {
        self.flapping.as_ref().and_then(Flapping::since)
    }

    /// Whether it was proved to be up since the last action: so many good results in a row as make it up.
    pub(crate) fn is_proved(&self) -> bool {
        self.proofs >= self.health.policy().success_threshold()
    }

    /// Whether there is nothing to say of it but that it is up.
    pub(crate) fn is_plainly_up(&self, now: Moment) -> bool {
        self.health.state(now) == State::Up && !self.held && self.flapping_since().is_none()
    }

    pub(crate) fn hard(&self, now: Moment) -> Hard {
        self.health.hard(now)
    }

    /// Whether that is another life than the one known before.
    pub(crate) fn is_other_life(&self, incarnation: Option<&Value>) -> bool {
        matches!((&self.incarnation, incarnation), (Some(before), Some(now)) if before != now)
    }

    /// Takes in what identifies the life of what runs. True if that is another life than the one known before.
    pub(crate) fn lives_as(&mut self, incarnation: Option<&Value>) -> bool {
        let is_other = self.is_other_life(incarnation);
        if let Some(incarnation) = incarnation {
            self.incarnation = Some(incarnation.clone());
        }
        is_other
    }
}
