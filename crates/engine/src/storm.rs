//! Is it them, or is it me? When most targets go down together, the host, the network or the agent itself is suspected, and
//! nobody is restarted (R17); when the agent was starved, what failed meanwhile says nothing.

use std::time::Duration;

use evenkeel_moment::Moment;

use crate::engine::Engine;
use crate::event::Effect;
use crate::record::Record;
use crate::recovery::RecoveryCore;
use crate::refusal::Refusal;

/// A line of history names so many targets at most.
const NAMED: usize = 10;
/// History is told of starvation once in this time.
const TOLD_ONCE_IN: Duration = Duration::from_mins(1);

/// Most targets are down together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Storm {
    pub(crate) since: Moment,
    pub(crate) down: usize,
    pub(crate) of: usize,
    /// An operator said that it is none: targets may be acted on all the same.
    pub(crate) overruled: bool,
    /// Whether so many fail by timeouts alone that the one who looks is suspected.
    pub(crate) of_timeouts: bool,
}

impl Engine {
    /// Notes whether a storm begins or ends.
    pub(crate) fn watch_for_storms(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let Some(rule) = self.settings.agent.storm else { return };
        let targets = usize::try_from(rule.targets).unwrap_or(usize::MAX);
        let standing = &self.standing;
        if self.storm.is_none()
            && (standing.failing.is_empty() || standing.most_failing() < targets)
        {
            return;
        }
        let of = self.standing.total;
        let enough = |count: usize| {
            #[expect(clippy::cast_precision_loss, reason = "far fewer targets than 2^52")]
            let share = count as f64 / of.max(1) as f64;
            share >= rule.share
        };
        // Victims of a dependency have their cause already.
        let failing: Vec<_> = self
            .standing
            .failing
            .iter()
            .map(|place| &self.recoveries[*place])
            .flat_map(|recovery| recovery.targets().map(move |target| (recovery, target)))
            .filter(|(_, target)| target.blocked.is_empty())
            .filter_map(|(recovery, target)| Some((recovery, target, target.failing_since?)))
            .collect();
        let late = failing.iter().filter(|(_, target, _)| target.timed_out).count();
        let of_timeouts = late >= targets && enough(late);
        if let Some(storm) = &mut self.storm {
            storm.of_timeouts = of_timeouts;
            (storm.down, storm.of) = (failing.len(), of);
            if !enough(failing.len()) {
                let lasted = now.saturating_since(storm.since);
                self.storm = None;
                effects.push(Effect::from(Record::StormEnded { lasted }));
            }
            return;
        }
        if failing.len() < targets {
            return;
        }
        let longest = failing
            .iter()
            .flat_map(|(recovery, ..)| &recovery.checks)
            .map(|check| self.checks[*check].spec.interval)
            .max();
        let within = rule.within.or(longest.map(|longest| longest * 2)).unwrap_or_default();
        let mut failing: Vec<_> =
            failing.iter().map(|(_, target, since)| (*since, target.id.clone())).collect();
        failing.sort();
        let together = (0..failing.len())
            .map(|first| {
                let since = failing[first].0;
                let near = |(at, _): &&(Moment, String)| at.saturating_since(since) <= within;
                failing[first..].iter().take_while(near).count()
            })
            .max()
            .unwrap_or(0);
        if together < targets || !enough(together) {
            return;
        }
        let down = failing.len();
        self.storm = Some(Storm { since: now, down, of, overruled: false, of_timeouts });
        effects.push(Effect::from(Record::StormBegan {
            targets: failing.into_iter().take(NAMED).map(|(_, id)| id).collect(),
            down,
            of,
            within,
            of_timeouts,
        }));
    }

    /// Whether most time out together, so that the host or the prober is suspected: a timeout says nothing of its target then.
    pub(crate) fn doubts_timeouts(&self) -> bool {
        self.storm.as_ref().is_some_and(|storm| storm.of_timeouts && !storm.overruled)
    }

    /// Whether a storm keeps targets from being acted on.
    pub(crate) fn storm_rages(&self) -> bool {
        self.storm.as_ref().is_some_and(|storm| !storm.overruled)
    }

    pub(crate) fn storm_refusal(&self) -> Option<Refusal> {
        let storm = self.storm.as_ref().filter(|storm| !storm.overruled)?;
        let (down, of, since) = (storm.down, storm.of, self.wall(storm.since));
        Some(Refusal::Storm { down, of, since })
    }

    /// Notes whether the agent itself was kept from running: it comes much later than it asked to be called.
    ///
    /// What was under way meanwhile may have failed for that alone, and proofs get the time back that was lost.
    pub(crate) fn notice_starvation(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let Some(late) = self.asked_for.map(|asked| now.saturating_since(asked)) else { return };
        // A shell that is ending only takes answers in, when they come.
        if late < self.settings.agent.starved_after || self.gate_closed {
            return;
        }
        self.checks.iter_mut().for_each(crate::check::CheckCore::doubt);
        for target in self.recoveries.iter_mut().flat_map(RecoveryCore::targets_mut) {
            target.machine.postpone_verdict(late);
        }
        if self.starved.is_none_or(|told| now.saturating_since(told) >= TOLD_ONCE_IN) {
            self.starved = Some(now);
            effects.push(Effect::from(Record::Starved { late }));
        }
    }
}
