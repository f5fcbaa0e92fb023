//! Maintenance that the settings declare: at its times, a check is held as if an operator had ordered it.

use std::time::Duration;

use evenkeel_moment::Moment;
use jiff::Timestamp;

use crate::engine::Engine;
use crate::event::Effect;
use crate::order::Order;

/// Who orders these holds.
const BY: &str = "settings";
/// Windows are asked for so often, since somebody may set the clock of the host.
const LOOK: Duration = Duration::from_mins(5);

/// When windows are asked for next, and until when what they said was done.
#[derive(Debug, Default)]
pub(crate) struct Maintenance {
    /// `None`: no check has windows.
    pub(crate) due: Option<Moment>,
    /// By check: the end of the window that was last seen to. A hold that was released within it is not ordered anew.
    until: Vec<Moment>,
}

impl Maintenance {
    pub(crate) fn new(checks: &[evenkeel_config::Check], now: Moment) -> Self {
        let any = checks.iter().any(|check| check.maintenance.is_some());
        let checks = if any { checks.len() } else { 0 };
        Self { due: any.then_some(now), until: vec![Moment::ORIGIN; checks] }
    }
}

impl Engine {
    /// Holds the checks whose window is open, until it closes; one that somebody holds is left to him.
    pub(crate) fn keep_windows(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.maintenance.due.is_none_or(|due| now < due) {
            return;
        }
        let wall = self.wall(now);
        let after = |at: Timestamp| now + at.duration_since(wall).unsigned_abs();
        let mut next = now + LOOK;
        let mut orders = Vec::new();
        for (check, seen) in self.settings.checks.iter().zip(&mut self.maintenance.until) {
            let Some(windows) = &check.maintenance else { continue };
            if !windows.contains(wall, &self.zone) {
                let opening = windows.next_opening(wall, &self.zone);
                next = opening.map_or(next, |opening| next.min(after(opening)));
                continue;
            }
            if now < *seen {
                next = next.min(*seen);
                continue;
            }
            if self.holds.iter().any(|hold| hold.target == check.name) {
                continue;
            }
            let until = windows.closing(wall, &self.zone).map(after);
            *seen = until.unwrap_or(now + LOOK);
            next = next.min(*seen);
            orders.push(Order::Hold {
                target: check.name.clone(),
                until: Some(*seen),
                reason: format!("maintenance {windows}"),
                by: BY.to_owned(),
            });
        }
        self.maintenance.due = Some(next);
        for order in orders {
            self.obey(now, order, effects);
        }
    }
}
