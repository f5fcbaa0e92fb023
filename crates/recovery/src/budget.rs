//! How many actions may start in a sliding window, per target, group and host (docs/semantics.md, 5).
//!
//! A [`Ledger`] keeps when actions started. It is charged before the act, survives the agent (the caller restores it from
//! the journal) and is never refunded: an action that helped was still an action.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_moment::Moment;
use serde::{Deserialize, Serialize};

use crate::backoff::RetryPlan;

/// The longest window of a rate: starts older than this are forgotten by every ledger.
pub const LONGEST_WINDOW: Duration = Duration::from_hours(31 * 24);

/// At most `count` starts in any stretch of time as long as `window`; written `3/1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    window: Duration,
}

/// The budgets of one recovery; an action needs room in all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budgets {
    /// For actions on one target. Default of docs/semantics.md, 5: 3 in 1 h.
    pub per_target: Rate,
    /// For actions on the targets of one group, taken together. Default of docs/semantics.md, 5: 6 in 1 h.
    pub per_group: Rate,
    /// For actions on this host, whatever their target. Default of docs/semantics.md, 5: 10 in 1 h.
    pub per_host: Rate,
}

/// When actions started, and on which targets. A clone of it costs nothing until either is charged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(Moment, String)>", into = "Vec<(Moment, String)>")]
pub struct Ledger {
    /// Oldest first.
    starts: Arc<VecDeque<(Moment, String)>>,
}

/// Starts that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// On this target.
    pub per_target: u32,
    /// In its group.
    pub per_group: u32,
    /// On this host.
    pub per_host: u32,
}

/// Whose budget it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The target's.
    Target,
    /// Its group's.
    Group,
    /// The host's.
    Host,
}

/// There is no room for another action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the budget per {} is used up; room again in {}", scope.as_str(), humantime::format_duration(*retry_after))]
pub struct Empty {
    /// The budget that is empty; of several, the one that has room last.
    pub scope: Scope,
    /// What it allows.
    pub rate: Rate,
    /// How many starts it has room for now; fewer than are needed.
    pub left: u32,
    /// How long until every budget has room, if nothing else starts.
    pub retry_after: Duration,
}

/// Text, or numbers, that are no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{value}` is not a rate: accepted is a count from 1, `/`, and a window of at most 31 days, such as `3/1h`"
)]
pub struct RateError {
    /// What was given.
    pub value: String,
}

/// What decides how close together the actions on one target can be.
#[derive(Debug, Clone, Copy)]
pub struct Densest<'a> {
    /// The delays between the attempts of a step.
    pub plan: &'a RetryPlan,
    /// How many steps its ladder has.
    pub steps: u32,
    /// How long it must be up until its incident is over.
    pub stable_for: Duration,
    /// The time between fresh attempts once its ladder is used up, if there are any.
    pub slow_retry: Option<Duration>,
}

/// A rate that can never be reached, so that it limits nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the budget `{rate}` can never be used up: with these delays at most {most_starts} actions start within {}",
    humantime::format_duration(rate.window)
)]
pub struct NeverBinds {
    /// The rate.
    pub rate: Rate,
    /// The most starts that fit into its window.
    pub most_starts: u32,
}

impl Rate {
    /// A checked rate. Fails for a count of 0 (to act never, observe) and for a window that is zero or more than 31 days.
    pub fn try_new(count: u32, window: Duration) -> Result<Self, RateError> {
        let rate = Self { count, window };
        if count == 0 || window.is_zero() || window > LONGEST_WINDOW {
            return Err(RateError { value: rate.to_string() });
        }
        Ok(rate)
    }

    /// How many starts fit into the window.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The window, which slides.
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// Whether this rate per target can ever refuse an action, given the delays between attempts; see [`Densest::starts`].
    ///
    /// A backoff and a rate can cancel each other out (docs/semantics.md, 3.3): at a delay of 60 s ten starts fit into 10 min, so
    /// `60/10m` never refuses anything.
    ///
    /// Fails with the number of starts that do fit, when that number is not above the rate's count.
    pub fn can_ever_bind(self, series: &Densest<'_>) -> Result<(), NeverBinds> {
        let most_starts = series.starts(self.window, self.count.saturating_add(1));
        if most_starts > self.count {
            return Ok(());
        }
        Err(NeverBinds { rate: self, most_starts })
    }

    /// Whether `wider`, to which all that is charged here is charged too, is always used up by then: this one limits nothing.
    pub fn is_within(self, wider: Self) -> bool {
        self != wider && wider.count <= self.count && wider.window >= self.window
    }
}

impl Densest<'_> {
    /// The most starts of one target within any stretch as long as `window`, counted up to `enough`.
    ///
    /// Counted is the densest series that one target can make: every attempt of each step as soon as its delay allows (jitter
    /// at its most, actions and proofs that take no time), and after the last one a fresh attempt once the target has been
    /// up for `stable_for`, or by the slow retry if that comes first. What an operator resets by hand is not counted.
    pub fn starts(&self, window: Duration, enough: u32) -> u32 {
        let Self { plan, steps, stable_for, slow_retry } = *self;
        let after_incident = slow_retry.map_or(stable_for, |period| period.min(stable_for));
        let mut recent = VecDeque::new();
        let mut most_starts = 0;
        let mut at = Duration::ZERO;
        // Two whole incidents hold every stretch there is: from then on the series repeats.
        let incident = u64::from(steps) * (u64::from(plan.max_retries()) + 1);
        for start in 0..incident.saturating_mul(2).saturating_add(u64::from(enough)) {
            recent.push_back(at);
            while recent.front().is_some_and(|first| at.saturating_sub(*first) >= window) {
                recent.pop_front();
            }
            most_starts = most_starts.max(recent.len());
            if most_starts >= enough as usize || incident == 0 {
                break;
            }
            let attempt = start % (u64::from(plan.max_retries()) + 1);
            let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
            let last_of_incident = (start + 1).is_multiple_of(incident);
            // The next step follows at once; a fresh incident only after the last one is over.
            let after_step = if last_of_incident { after_incident } else { Duration::ZERO };
            let wait = plan.next(attempt, 1.0).unwrap_or(after_step);
            at = at.saturating_add(wait);
        }
        u32::try_from(most_starts).unwrap_or(u32::MAX)
    }
}

impl FromStr for Rate {
    type Err = RateError;

    /// Reads `COUNT/WINDOW`, such as `3/1h` or `10/90m`; blanks around the parts do not matter.
    fn from_str(text: &str) -> Result<Self, RateError> {
        let refuse = || RateError { value: text.to_owned() };
        let (count, window) = text.split_once('/').ok_or_else(refuse)?;
        let count = count.trim().parse().map_err(|_| refuse())?;
        let window = humantime::parse_duration(window.trim()).map_err(|_| refuse())?;
        Self::try_new(count, window).map_err(|_| refuse())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = humantime::format_duration(self.window).to_string();
        write!(formatter, "{}/{}", self.count, window.replace(' ', ""))
    }
}

impl Scope {
    /// `target`, `group` or `host`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Group => "group",
            Self::Host => "host",
        }
    }
}

impl Ledger {
    /// A ledger without a start. After a restart of the agent, make it of what the journal knows: nobody may assume a fresh
    /// budget.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that an action on `target` starts. Call it before the act, so that an action that never ends is not free.
    ///
    /// Also forgets starts older than [`LONGEST_WINDOW`], so that the ledger stays bounded.
    pub fn charge(&mut self, now: Moment, target: &str) {
        self.prune(now);
        insert(Arc::make_mut(&mut self.starts), now, target.to_owned());
    }

    /// Whether every budget has room for `needed` actions on `target` at once, and how much. `in_group` says of a target whether
    /// it is of the same group.
    ///
    /// A rate that never has so much room says so for its whole window again and again.
    /// A start counts for exactly its rate's window; a start dated after `now` counts as one at `now`.
    /// Fails with the budget that is empty and how long that lasts.
    pub fn room(
        &self,
        now: Moment,
        (target, needed): (&str, u32),
        in_group: impl Fn(&str) -> bool,
        budgets: &Budgets,
    ) -> Result<Remaining, Empty> {
        let per_target = self.left(now, |of| of == target, needed, budgets.per_target);
        let per_group = self.left(now, in_group, needed, budgets.per_group);
        let per_host = self.left(now, |_| true, needed, budgets.per_host);
        let scopes = [
            (Scope::Target, budgets.per_target, per_target),
            (Scope::Group, budgets.per_group, per_group),
            (Scope::Host, budgets.per_host, per_host),
        ];
        let empty = scopes
            .into_iter()
            .rev()
            .filter_map(|(scope, rate, left)| {
                let (left, retry_after) = left.err()?;
                Some(Empty { scope, rate, left, retry_after })
            })
            // Of equals the last: the target's own budget is named before the group's and the host's.
            .max_by_key(|empty| empty.retry_after);
        match empty {
            Some(empty) => Err(empty),
            None => Ok(Remaining {
                per_target: per_target.unwrap_or(0),
                per_group: per_group.unwrap_or(0),
                per_host: per_host.unwrap_or(0),
            }),
        }
    }

    /// How many actions on `target` may start right now, one after the other: the smallest of what the budgets leave.
    pub fn remaining(
        &self,
        now: Moment,
        target: &str,
        in_group: impl Fn(&str) -> bool,
        budgets: &Budgets,
    ) -> u32 {
        self.room(now, (target, 1), in_group, budgets)
            .map_or(0, |room| room.per_target.min(room.per_group).min(room.per_host))
    }

    /// How many actions on `target` started within `rate`'s window.
    pub fn used(&self, now: Moment, target: &str, rate: Rate) -> u32 {
        let starts = self.counted(now, |of| of == target, rate).count();
        u32::try_from(starts).unwrap_or(u32::MAX)
    }

    /// How many starts are still known.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// All starts that are still known, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (Moment, &str)> {
        self.starts.iter().map(|(at, target)| (*at, target.as_str()))
    }

    /// Forgets starts older than [`LONGEST_WINDOW`], and dates those after `now` to `now`: a clock set back keeps a
    /// charge for one window at most.
    pub fn prune(&mut self, now: Moment) {
        let starts = Arc::make_mut(&mut self.starts);
        while starts.front().is_some_and(|(at, _)| now.saturating_since(*at) >= LONGEST_WINDOW) {
            starts.pop_front();
        }
        for (at, _) in starts.iter_mut().rev().take_while(|(at, _)| *at > now) {
            *at = now;
        }
    }

    /// Starts that `rate` leaves; if these are fewer than `needed`, also how long until they are as many.
    fn left(
        &self,
        now: Moment,
        of: impl Fn(&str) -> bool,
        needed: u32,
        rate: Rate,
    ) -> Result<u32, (u32, Duration)> {
        let starts = u32::try_from(self.counted(now, &of, rate).count()).unwrap_or(u32::MAX);
        let left = rate.count.saturating_sub(starts);
        if left >= needed {
            return Ok(left);
        }
        // There is room once fewer than this many are left, which is when this one has left the window.
        let allowed = rate.count.saturating_sub(needed);
        let at = self.counted(now, &of, rate).nth(allowed as usize);
        let wait =
            at.map_or(rate.window, |at| rate.window.saturating_sub(now.saturating_since(at)));
        Err((left, wait))
    }

    /// Starts within `rate`'s window, newest first.
    fn counted(
        &self,
        now: Moment,
        of: impl Fn(&str) -> bool,
        rate: Rate,
    ) -> impl Iterator<Item = Moment> {
        self.starts
            .iter()
            .rev()
            .take_while(move |(at, _)| now.saturating_since(*at) < rate.window)
            .filter(move |(_, target)| of(target))
            .map(|(at, _)| *at)
    }
}

/// Starts of earlier runs, as moments of this boot, in any order.
impl FromIterator<(Moment, String)> for Ledger {
    fn from_iter<Starts: IntoIterator<Item = (Moment, String)>>(starts: Starts) -> Self {
        let mut sorted = VecDeque::new();
        starts.into_iter().for_each(|(at, target)| insert(&mut sorted, at, target));
        Self { starts: Arc::new(sorted) }
    }
}

impl From<Vec<(Moment, String)>> for Ledger {
    fn from(starts: Vec<(Moment, String)>) -> Self {
        starts.into_iter().collect()
    }
}

impl From<Ledger> for Vec<(Moment, String)> {
    fn from(ledger: Ledger) -> Self {
        ledger.starts.iter().cloned().collect()
    }
}

fn insert(starts: &mut VecDeque<(Moment, String)>, at: Moment, target: String) {
    let place = starts.partition_point(|(earlier, _)| *earlier <= at);
    starts.insert(place, (at, target));
}

#[cfg(test)]
#[path = "budget/tests.rs"]
mod tests;
