//! Maintenance that the settings declare: at its times, a check is held as if an operator had ordered it.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_config::Settings;
use evenkeel_moment::Moment;
use jiff::Timestamp;

use crate::engine::Engine;
use crate::event::Effect;
use crate::order::{Hold, Order};
use crate::record::Record;

/// Who orders these holds. No user has a name with a space in it.
const BY: &str = "the settings";
/// Windows that close or open on no day are asked for again so often.
const LOOK: Duration = Duration::from_hours(24);

/// When windows are asked for next, and which of them an operator has ended.
#[derive(Debug, Default)]
pub(crate) struct Maintenance {
    /// `None`: no check has windows, and none is held for one.
    pub(crate) due: Option<Moment>,
    /// By check: the end, if it has one, of a window whose hold was released. It is not ordered anew within it.
    released: BTreeMap<String, Option<Moment>>,
}

impl Maintenance {
    /// Windows of these settings, asked for at once; `holds` may be those of other windows.
    pub(crate) fn new(settings: &Settings, holds: &[Hold], now: Moment) -> Self {
        let any = settings.checks.iter().any(|check| check.maintenance.is_some());
        let due = (any || holds.iter().any(is_of_settings)).then_some(now);
        Self { due, released: BTreeMap::new() }
    }

    /// As new, but for what an operator has released.
    pub(crate) fn go_on(&mut self, before: Self) {
        self.released = before.released;
    }

    /// A hold is over before its time, or may be over otherwise than by its window: another look is due.
    pub(crate) fn let_go(&mut self, hold: &Hold, now: Moment) {
        if is_of_settings(hold) {
            self.released.insert(hold.target.clone(), hold.until);
        }
        self.look_at(now);
    }

    /// Windows are looked at now, if there are any.
    pub(crate) fn look_at(&mut self, now: Moment) {
        self.due = self.due.map(|_| now);
    }
}

fn is_of_settings(hold: &Hold) -> bool {
    hold.by == BY
}

impl Engine {
    /// Holds the checks whose window is open, until it closes; one that somebody holds is left to him for so long. A hold whose
    /// window is not open any more, as the settings or the clock have it now, ends.
    pub(crate) fn keep_windows(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.maintenance.due.is_none_or(|due| now < due) {
            return;
        }
        let wall = self.wall(now);
        let after = |at: Timestamp| now + at.duration_since(wall).unsigned_abs();
        let mut next: Option<Moment> = None;
        let mut at = |moment: Moment| next = Some(next.map_or(moment, |next| next.min(moment)));
        let (mut orders, mut open) = (Vec::new(), Vec::new());
        self.maintenance.released.retain(|_, until| until.is_none_or(|until| now < until));
        for check in &self.settings.checks {
            let Some(windows) = &check.maintenance else { continue };
            if !windows.contains(wall, &self.zone) {
                let opening = windows.next_opening(wall, &self.zone);
                at(opening.map_or(now + LOOK, after));
                continue;
            }
            open.push(check.name.clone());
            let until = windows.closing(wall, &self.zone).map(after);
            at(until.unwrap_or(now + LOOK));
            let is_held = self.holds.iter().any(|hold| hold.target == check.name);
            if !is_held && !self.maintenance.released.contains_key(&check.name) {
                orders.push(Order::Hold {
                    target: check.name.clone(),
                    until,
                    reason: format!("maintenance {windows}"),
                    by: BY.to_owned(),
                });
            }
        }
        self.maintenance.due = next;
        let is_closed = |hold: &Hold| is_of_settings(hold) && !open.contains(&hold.target);
        let (closed, kept) = std::mem::take(&mut self.holds).into_iter().partition(is_closed);
        self.holds = kept;
        let closed: Vec<Hold> = closed;
        for Hold { target, since, reason, .. } in closed {
            let lasted = now.saturating_since(since);
            effects.push(Effect::from(Record::HoldEnded { target, reason, lasted }));
        }
        for order in orders {
            self.obey(now, order, effects);
        }
    }
}
