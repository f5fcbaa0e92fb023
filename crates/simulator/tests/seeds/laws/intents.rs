//! No intent runs twice, none before it is on disk, and no attempt is made again: whatever happened to agents in between.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_engine::{Act, Effect, Input, Order, Record};
use evenkeel_moment::{Moment, from_to};
use evenkeel_recovery::actions::Action;
use evenkeel_simulator::Event;
use jiff::Timestamp;

use super::known::recovery_of;
use super::{Law, Seen};

#[derive(Default)]
pub(super) struct Intents {
    /// Those of the living agent that are on disk, and those that have begun.
    on_disk: BTreeSet<u64>,
    begun: BTreeSet<u64>,
    /// The attempts of each incident that have begun, and when they did by the clock that only goes ahead.
    attempts: BTreeMap<(u64, u32, u32), Moment>,
    ahead: Ahead,
    /// What history was told last of an intent.
    told: Option<(String, u32, u32)>,
}

/// A clock that follows the time of day, but for where that is set back: no agent takes anything to be longer ago than by this
/// clock, however the time of day was set over however many boots.
#[derive(Default)]
struct Ahead {
    now: Moment,
    seen: Option<(Moment, Timestamp)>,
}

impl Ahead {
    fn follow(&mut self, now: Moment, wall: Timestamp) {
        let (at, was) = self.seen.replace((now, wall)).unwrap_or((now, wall));
        self.now = self.now + now.saturating_since(at).max(from_to(was, wall));
    }
}

impl Law for Intents {
    fn name(&self) -> &'static str {
        "intents"
    }

    fn saw(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        self.ahead.follow(seen.now, seen.wall);
        match seen.event {
            Event::AgentStarted { .. } => {
                self.on_disk.clear();
                self.begun.clear();
            }
            event if let Some(Record::Intended { target, step, attempt, .. }) = event.record() => {
                self.told = Some((target.clone(), *step, *attempt));
            }
            Event::Effect(Effect::Act(act)) => {
                let told = self.told.take();
                if !is_second_half(act) && told != Some((act.target.clone(), act.step, act.attempt))
                {
                    return Err(format!(
                        "{} was asked for, and history told of {told:?}",
                        act.target
                    ));
                }
            }
            Event::Written { intent: Some(act) } => drop(self.on_disk.insert(act.intent)),
            // An operator gives a fresh try, and other settings have other ladders.
            Event::Input(Input::Order(Order::Reset { .. })) | Event::Reloaded(_) => {
                self.attempts.clear();
            }
            Event::ActionBegan(act) => return self.begins(seen, act),
            _ => {}
        }
        Ok(())
    }
}

impl Intents {
    fn begins(&mut self, seen: &Seen<'_>, act: &Act) -> Result<(), String> {
        let intent = act.intent;
        if !self.on_disk.contains(&intent) {
            return Err(format!("{}: {intent} begins before it is on disk", act.target));
        }
        if !self.begun.insert(intent) {
            return Err(format!("{}: {intent} begins a second time", act.target));
        }
        if is_second_half(act) {
            return Ok(());
        }
        let recovery = recovery_of(seen.host.settings(), &act.target);
        let attempt = (act.incident, act.step, act.attempt);
        let Some(before) = self.attempts.insert(attempt, self.ahead.now) else { return Ok(()) };
        // Once the ladder is used up its steps come in turn, each after that pause.
        let pause = recovery.and_then(|recovery| recovery.slow_retry);
        let passed = self.ahead.now.saturating_since(before);
        if pause.is_some_and(|pause| passed >= pause) {
            return Ok(());
        }
        Err(format!(
            "{}: attempt {} at step {} of incident {} is made again after {passed:?}",
            act.target, act.attempt, act.step, act.incident
        ))
    }
}

/// Whether it brings an attempt to its end, rather than being one.
const fn is_second_half(act: &Act) -> bool {
    matches!(act.action, Action::SupervisorFinishRestart { .. })
}
