use std::sync::Arc;
use std::time::Duration;

use evenkeel_moment::Moment;

use super::CheckCore;
use super::series::{Attempt, Series};
use crate::agenda::{Due, earlier};
use crate::event::{Count, Effect};
use crate::subject::Subject;

/// When [`CheckCore::poll`] has something to do.
impl Due for CheckCore {
    fn due(&self) -> Option<Moment> {
        let due = match self.series {
            Some(Series { state: Attempt::RetryAt(at), .. }) => at.min(self.due),
            _ => self.due,
        };
        let of = |subject: &Subject| subject.deadline(self.polled);
        let due = of(&self.own).map_or(due, |own| own.min(due));
        if self.parts.is_empty() {
            return Some(due);
        }
        Some(self.parts.values().filter_map(of).fold(due, Moment::min))
    }
}

impl CheckCore {
    /// Starts what is due. True if that ended a series, so that states may have changed.
    pub(crate) fn poll(&mut self, now: Moment, effects: &mut Vec<Effect>) -> bool {
        self.polled = now;
        let mut concluded = self.time_went_by(now, effects);
        if let Some(Series { state: Attempt::RetryAt(at), .. }) = self.series
            && now >= at
        {
            concluded |= self.attempt(now, effects);
        }
        if now < self.due {
            return concluded;
        }
        self.due = next_due(self.due, self.spec.interval, now);
        if self.series.is_some() {
            effects.push(Effect::Count(Count::Overrun { check: Arc::clone(&self.name) }));
            return concluded;
        }
        self.series_begun += 1;
        self.series = Some(Series {
            run: self.series_begun,
            attempt: 0,
            state: Attempt::RetryAt(now),
            failed: None,
            void: false,
            doubted: false,
            began: now,
        });
        self.attempt(now, effects) || concluded
    }

    /// Looks again soon, because a state is about to change or an action is to be proved.
    pub(crate) fn look_closer(&mut self, now: Moment) {
        self.look_at(now + self.spec.look_again());
    }

    /// Looks at once, because a decision waits for it.
    pub(crate) fn look_now(&mut self, now: Moment) {
        self.look_at(now);
    }

    /// Looks soon, because somebody saw a change: however many hints there are, no more often than a closer look would.
    pub(crate) fn look_on_hint(&mut self, now: Moment) {
        if self.series.is_some() {
            // What is under way may have looked before the change.
            self.hinted = true;
            return;
        }
        let pause = self.spec.look_again();
        let at = self.concluded.map_or(now, |concluded| now.max(concluded + pause));
        self.due = self.due.min(at);
    }

    /// Looks at `at` or before; while a look is under way, which began too early, not before that has ended.
    fn look_at(&mut self, at: Moment) {
        if self.series.is_none() {
            self.due = self.due.min(at);
        } else {
            self.again = Some(self.again.map_or(at, |again| again.min(at)));
        }
    }

    /// Gives up the series that is under way, if one is, and lets a look begin that waited for its end; where it was only hinted at,
    /// after the pause of a closer look.
    pub(super) fn end_series(&mut self, now: Moment) -> Option<Series> {
        let hinted = std::mem::take(&mut self.hinted).then(|| now + self.spec.look_again());
        let next = earlier(self.again.take(), hinted);
        self.due = next.map_or(self.due, |next| self.due.min(next));
        self.series.take()
    }

    /// The host was changed by an action: results under way are void, and what the breaker learned is out of date.
    pub(crate) fn start_afresh(&mut self, now: Moment) {
        if let Some(series) = &mut self.series {
            series.void = true;
        }
        for subject in self.parts.values_mut().chain([&mut self.own]) {
            subject.proofs = 0;
        }
        if let Some(breaker) = &mut self.breaker {
            breaker.reset(now);
        }
        self.look_closer(now);
    }

    /// Looks at once for a decision that needs a look no older than `now`; a breaker that keeps away would only delay it.
    pub(crate) fn look_afresh(&mut self, now: Moment) {
        if let Some(breaker) = &mut self.breaker {
            breaker.reset(now);
        }
        self.look_at(now);
    }

    /// The agent itself was starved: what was under way meanwhile may have failed for that alone.
    pub(crate) fn doubt(&mut self) {
        if let Some(series) = &mut self.series {
            series.doubted = true;
        }
    }

    /// Whether its last look began at `since` or later.
    pub(crate) fn was_looked_at(&self, since: Moment) -> bool {
        self.look_began.is_some_and(|began| began >= since)
    }
}

/// The next multiple of `interval` after `now`, counted from `due`: a late run does not shift those after it.
fn next_due(due: Moment, interval: Duration, now: Moment) -> Moment {
    let late = now.saturating_since(due);
    if late < interval {
        return due + interval;
    }
    let missed = late.as_nanos() / interval.as_nanos().max(1);
    due + interval.saturating_mul(u32::try_from(missed + 1).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_next_start_keeps_the_cadence_and_lies_ahead(late in 0..1_000_000u64, interval in 1..10_000u64) {
            let interval = Duration::from_millis(interval);
            let due = Moment::from_nanos(77);
            let now = due + Duration::from_millis(late);
            let next = next_due(due, interval, now);
            prop_assert!(next > now);
            prop_assert!(next.saturating_since(now) <= interval);
            prop_assert_eq!(next.saturating_since(due).as_nanos() % interval.as_nanos(), 0);
        }
    }
}
