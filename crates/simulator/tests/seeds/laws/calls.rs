//! No busy loop: the engine asks to be called at once again only so often before time has to go on.

use evenkeel_engine::Input;
use evenkeel_moment::Moment;
use evenkeel_simulator::Event;

use super::{Law, Seen};

/// Far more than anything takes that has an end.
const MOST_TICKS_AT_ONCE: u32 = 50;
/// More ticks than this within a second, each by itself doing next to nothing, are a loop as well.
const MOST_TICKS_IN_A_SECOND: u32 = 400;

#[derive(Default)]
pub(super) struct Calls {
    at: Moment,
    at_once: u32,
    second: Moment,
    in_second: u32,
}

impl Law for Calls {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn saw(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        if !matches!(seen.event, Event::Input(Input::Tick)) {
            return Ok(());
        }
        if seen.now < self.at {
            return Err("time goes back".to_owned());
        }
        self.at_once = if seen.now == self.at { self.at_once + 1 } else { 1 };
        self.at = seen.now;
        if seen.now.saturating_since(self.second).as_secs() >= 1 {
            (self.second, self.in_second) = (seen.now, 0);
        }
        self.in_second += 1;
        if self.at_once > MOST_TICKS_AT_ONCE {
            return Err(format!("called {} times at one moment", self.at_once));
        }
        let checks = u32::try_from(seen.host.settings().checks.len()).unwrap_or(u32::MAX);
        // Each check starts on a time of its own, and so does each of its retries.
        if self.in_second > MOST_TICKS_IN_A_SECOND + 40 * checks {
            return Err(format!("called {} times within a second", self.in_second));
        }
        Ok(())
    }
}
