//! Circuit breakers from outside: who is refused is not called, who is called in a trial is few, and what works closes again.

use std::collections::BTreeMap;

use evenkeel_config::Check;
use evenkeel_engine::{Effect, Input, Record};
use evenkeel_moment::Moment;
use evenkeel_recovery::breaker::{BreakerState, Change, Compat, Config, Reason};
use evenkeel_simulator::Event;

use super::sight::{self, Sight};
use super::{Law, Seen};

#[derive(Default)]
pub(super) struct Breakers {
    of: BTreeMap<String, Of>,
    /// The attempt that the engine is being told of.
    told: Option<(String, Attempt)>,
}

/// An attempt that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Attempt {
    sight: Sight,
    /// Whether it took longer than the settings let a call take.
    slow: bool,
}

/// What is known of one breaker.
#[derive(Default)]
struct Of {
    state: Option<BreakerState>,
    since: Moment,
    /// Results that may count since it was closed: all of them, and those that may have been failures.
    results: u32,
    failures: u32,
    trials_under_way: u32,
}

impl Law for Breakers {
    fn name(&self) -> &'static str {
        "breakers"
    }

    fn saw(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match seen.event {
            // Where each of them stands then is known to whoever kept it; from outside it is seen with its next change.
            Event::AgentStarted { .. } | Event::Reloaded(_) => self.of.clear(),
            Event::Input(input) => {
                self.told = None;
                let Input::Measured { check, measurement, .. } = input else { return Ok(()) };
                let Some(spec) = seen.host.settings().checks.get(*check) else { return Ok(()) };
                if spec.breaker.is_none() {
                    return Ok(());
                }
                let slow = spec.breaker.as_ref().and_then(Config::slow_call);
                let slow = slow.is_some_and(|slow| measurement.took > slow.threshold);
                let attempt = Attempt { sight: sight::of_check(spec, measurement), slow };
                self.told = Some((spec.name.clone(), attempt));
                self.of.entry(spec.name.clone()).or_default().told(attempt);
            }
            Event::Effect(Effect::Probe { check, .. }) => {
                let Some(spec) = seen.host.settings().checks.get(*check) else { return Ok(()) };
                let of = self.of.entry(spec.name.clone()).or_default();
                return of.called(spec).map_err(|why| format!("{}: {why}", spec.name));
            }
            event if let Some(Record::BreakerChanged { check, change, .. }) = event.record() => {
                let spec = seen.host.settings().checks.iter().find(|spec| spec.name == *check);
                let Some(spec) = spec else { return Err(format!("{check}: there is none")) };
                let told =
                    self.told.as_ref().filter(|(of, _)| of == check).map(|(_, attempt)| *attempt);
                let of = self.of.entry(check.clone()).or_default();
                let changed = of.changed(spec, change, told);
                return changed.map_err(|why| format!("{check}: {why}"));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Attempt {
    fn is_quick_success(self) -> bool {
        self.sight == Sight::Good && !self.slow
    }
}

impl Of {
    /// An attempt is asked for.
    fn called(&mut self, spec: &Check) -> Result<(), String> {
        match self.state {
            Some(BreakerState::Open) => Err("called while it is open".to_owned()),
            Some(BreakerState::HalfOpen) => {
                self.trials_under_way += 1;
                // A look makes its attempts one after the other, so one trial is under way at most.
                if self.trials_under_way > 1 {
                    return Err(format!(
                        "{} trials of `{}` at once",
                        self.trials_under_way, spec.name
                    ));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn told(&mut self, attempt: Attempt) {
        self.trials_under_way = 0;
        match attempt.sight {
            Sight::Nothing => return,
            // What was under way when the host was changed says nothing, nor does what failed while the agent was starved.
            Sight::Good | Sight::Depends | Sight::Bad => self.results += 1,
        }
        self.failures += u32::from(!attempt.is_quick_success());
    }

    fn changed(
        &mut self,
        spec: &Check,
        change: &Change,
        told: Option<Attempt>,
    ) -> Result<(), String> {
        let Some(config) = &spec.breaker else { return Err("it has no breaker".to_owned()) };
        let (from, to) = (change.from, change.to);
        if self.state.is_some_and(|state| state != from) {
            return Err(format!("it was {:?}, and goes from {from:?} to {to:?}", self.state));
        }
        let by_command = change.reason == Reason::Command;
        match (from, to) {
            (BreakerState::Closed, BreakerState::Open) => {
                let quick_success = told.is_some_and(Attempt::is_quick_success);
                if quick_success && config.compat() == Compat::None {
                    return Err("a quick success trips it".to_owned());
                }
                if told.is_none() {
                    return Err("it trips without a result".to_owned());
                }
                if self.state.is_some() && self.failures == 0 {
                    return Err(format!("it trips, and none of {} results failed", self.results));
                }
            }
            (BreakerState::Open, BreakerState::HalfOpen) => {
                let open_for = change.at.saturating_since(self.since);
                if self.state.is_some() && open_for > config.reset_max() {
                    return Err(format!(
                        "open for {open_for:?}, longer than {:?}",
                        config.reset_max()
                    ));
                }
            }
            (BreakerState::HalfOpen, BreakerState::Closed) if !by_command => {
                let sight = told.map(|attempt| attempt.sight);
                let slow = told.is_some_and(|attempt| attempt.slow);
                if slow || sight != Some(Sight::Good) && sight != Some(Sight::Depends) {
                    return Err(format!("it closes by {told:?}"));
                }
            }
            (BreakerState::HalfOpen, BreakerState::Open) if change.reason == Reason::LostTrial => {}
            (BreakerState::HalfOpen, BreakerState::Open) => {
                if told.is_some_and(Attempt::is_quick_success) {
                    return Err("a quick and good trial opens it".to_owned());
                }
            }
            _ if by_command => {}
            _ => return Err(format!("it goes from {from:?} to {to:?} by {:?}", change.reason)),
        }
        *self = Self { state: Some(to), since: change.at, ..Self::default() };
        Ok(())
    }
}
