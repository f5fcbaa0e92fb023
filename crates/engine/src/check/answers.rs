use std::time::Duration;

use evenkeel_health::{Eta, State};
use evenkeel_moment::Moment;
use evenkeel_probe::{Facts, Target};
use evenkeel_recovery::actions::Action;
use evenkeel_recovery::breaker::BreakerState;
use evenkeel_shown::said::{Code, Said, UnitCode};

use super::CheckCore;
use crate::limits::Limits;
use crate::subject::Subject;

impl CheckCore {
    pub(crate) const fn index(&self) -> usize {
        self.index
    }

    /// The worst of the check's own state and its parts'; a part that says nothing does not count.
    pub(crate) fn worst(&self, now: Moment) -> (State, Option<&Said>) {
        let worst = self.worst_subject(now);
        (worst.health.state(now), worst.reason.as_deref())
    }

    pub(crate) fn worst_subject(&self, now: Moment) -> &Subject {
        if self.parts.is_empty() {
            return &self.own;
        }
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

    /// Whether there is nothing to say of it but that it is up.
    pub(crate) fn is_plainly_up(&self, now: Moment) -> bool {
        self.parts.is_empty() && self.own.is_plainly_up(now)
    }

    pub(crate) fn is_steady(&self, now: Moment) -> bool {
        let counting = |subject: &Subject| subject.health.is_counting(now);
        !counting(&self.own) && !self.parts.values().any(counting)
    }

    /// When the first of its limits, or of its parts', is reached by a trend.
    pub(crate) fn limit_eta(&self) -> Option<Eta> {
        let parts = self.limits.values().filter_map(Limits::eta);
        parts.chain(self.forecasts.eta()).min_by_key(|eta| eta.likely)
    }

    pub(crate) fn last_took(&self) -> Option<Duration> {
        self.last.as_ref().map(|last| last.took)
    }

    /// That what it looks at does not exist, if the last look said so.
    pub(crate) fn missing(&self) -> Option<&Said> {
        self.last.as_ref()?.missing.as_ref()
    }

    /// Whether a condition of its own says in which states that unit is down.
    pub(crate) fn wants_unit_of(&self, action: &Action) -> bool {
        let by_condition = matches!(&self.spec.target, Target::Systemd(target) if target.any_state);
        by_condition && self.looks_at_unit_of(action)
    }

    /// Why systemd's unit does not run, if the last look said that this is no fault: it was stopped on purpose, or is on its way.
    pub(crate) fn rests(&self) -> Option<&Said> {
        use UnitCode::{AwaitsRestart, Inactive, Is, Masked};
        let rests = |why: &&Said| {
            let of_unit = |code: &Code| {
                matches!(
                    code,
                    Code::Unit(Inactive { .. } | Masked { .. } | AwaitsRestart { .. } | Is { .. })
                )
            };
            why.code().is_some_and(of_unit)
        };
        self.last.as_ref()?.unclear.as_ref().filter(rests)
    }

    pub(crate) fn facts(&self) -> Option<&Facts> {
        self.last.as_ref().map(|last| &last.facts)
    }

    /// Whether it looks at the very unit of the host's own systemd that an action is about.
    pub(crate) fn looks_at_unit_of(&self, action: &Action) -> bool {
        match (&self.spec.target, action) {
            (
                Target::Systemd(target),
                Action::SystemdRestart { unit, .. } | Action::SystemdOrder { unit, .. },
            ) => target.user.is_none() && target.unit == *unit,
            _ => false,
        }
    }

    pub(crate) fn breaker_state(&self, now: Moment) -> Option<BreakerState> {
        self.breaker.as_ref().map(|breaker| breaker.state(now))
    }
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
