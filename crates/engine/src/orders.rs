//! Holds and resets: what an operator ordered, and when it ends.

use evenkeel_moment::Moment;
use jiff::Timestamp;

use crate::engine::Engine;
use crate::event::Effect;
use crate::order::{Hold, Order, UnknownTarget, WHOLE_HOST, covers};
use crate::record::Record;
use crate::recovery::RecoveryCore;
use crate::refusal::Refusal;

impl Engine {
    /// Whether there is a target of that name: a recovery, `recovery/part`, a check, or `*`. Asked before an order is given,
    /// so that a slip of the fingers is an answer and not a hold of nothing.
    ///
    /// Fails with the name that was probably meant. A name that is held already is good, so that it can be released.
    pub fn knows_target(&self, name: &str) -> Result<(), UnknownTarget> {
        let parts = self.recoveries.iter().flat_map(RecoveryCore::targets).map(|target| &target.id);
        let checks = self.checks.iter().map(|check| &check.spec.name);
        let mut known: Vec<_> = parts.chain(checks).cloned().collect();
        known.sort();
        known.dedup();
        let held = self.holds.iter().any(|hold| hold.target == name);
        if name == WHOLE_HOST || held || known.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(UnknownTarget::new(name, known))
    }

    /// The holds in force, as they were ordered.
    pub fn holds(&self) -> &[Hold] {
        &self.holds
    }

    pub(crate) fn obey(&mut self, now: Moment, order: Order, effects: &mut Vec<Effect>) {
        match order {
            Order::Hold { target, until, reason, by } => {
                self.holds.retain(|hold| hold.target != target);
                effects.push(Effect::from(Record::Held {
                    target: target.clone(),
                    until: until.map(|until| self.wall(until)),
                    reason: reason.clone(),
                    by: by.clone(),
                }));
                self.holds.push(Hold { target, since: now, until, reason, by });
            }
            Order::Release { target, by } => {
                let Some(place) = self.holds.iter().position(|hold| hold.target == target) else {
                    return;
                };
                let hold = self.holds.remove(place);
                self.maintenance.let_go(&hold, now);
                let lasted = now.saturating_since(hold.since);
                effects.push(Effect::from(Record::Released { target, by, lasted }));
            }
            Order::Reset { target, by } => {
                effects.push(Effect::from(Record::Reset { target: target.clone(), by }));
                if target == WHOLE_HOST
                    && let Some(storm) = &mut self.storm
                {
                    storm.overruled = true;
                }
                for recovery in self.recoveries.iter_mut() {
                    let (name, when) = (recovery.spec.name.clone(), recovery.spec.when.clone());
                    for one in recovery.targets_mut() {
                        if covers(&target, &name, &when, &one.id) {
                            one.reset(now);
                        }
                    }
                    for check in &recovery.checks {
                        self.checks[*check].look_now(now);
                    }
                }
            }
        }
    }

    /// Ends the holds whose time is over.
    pub(crate) fn end_holds(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.holds.is_empty() {
            return;
        }
        let (over, kept) = std::mem::take(&mut self.holds)
            .into_iter()
            .partition(|hold| hold.until.is_some_and(|until| until <= now));
        self.holds = kept;
        let over: Vec<Hold> = over;
        if !over.is_empty() {
            self.maintenance.look_at(now);
        }
        for Hold { target, since, reason, .. } in over {
            let lasted = now.saturating_since(since);
            effects.push(Effect::from(Record::HoldEnded { target, reason, lasted }));
        }
    }

    /// The hold that takes in a target, as a reason to do nothing.
    pub(crate) fn held(&self, recovery: &RecoveryCore, id: &str) -> Option<Refusal> {
        let spec = &recovery.spec;
        let hold =
            self.holds.iter().find(|hold| covers(&hold.target, &spec.name, &spec.when, id))?;
        Some(Refusal::Held {
            target: hold.target.clone(),
            reason: hold.reason.clone(),
            by: hold.by.clone(),
            until: hold.until.map(|until| self.wall(until)),
        })
    }

    /// The time of day at a moment, as far as the clock has not been set since the start.
    pub(crate) fn wall(&self, moment: Moment) -> Timestamp {
        self.anchor.wall_at(moment)
    }
}
