//! What one run came to.

use std::time::Duration;

use evenkeel_simulator::{Chronicled, Done, Lane, Look, Summary};

use super::many;
use crate::written::lasting;

/// Budgets that are shown: those nearest to their limit.
pub(super) const MOST_BUDGETS: usize = 12;

/// What one run came to: as counts, and as what happened to whom and when.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) summary: Summary,
    pub(super) chronicled: Chronicled,
}

/// How the outages of a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) all: usize,
    pub(super) healed: usize,
    pub(super) by_themselves: usize,
    pub(super) open: usize,
}

impl Outcome {
    /// What matters, in a sentence.
    pub(super) fn headline(&self) -> String {
        let mut ends = Ends::default();
        for lane in self.chronicled.targets.values() {
            ends.add(lane);
        }
        let totals = &self.summary.totals;
        let exhausted: u64 = self.summary.targets.values().map(|target| target.exhausted).sum();
        let lasted = Duration::from_millis(self.summary.lasted_ms);
        let time = match lasted.as_secs() {
            seconds if seconds > 0 && seconds % 86_400 == 0 => many(seconds / 86_400, "day"),
            _ => lasting(lasted.as_secs_f64()),
        };
        format!(
            "{time}, {}: {}, {} healed by an action, {} ended by themselves, {} open at the end; {}, {} of them false; \
             {exhausted} exhausted, {} over budget",
            many(self.chronicled.targets.len() as u64, "target"),
            many(ends.all as u64, "outage"),
            ends.healed,
            ends.by_themselves,
            ends.open,
            many(totals.actions, "action"),
            totals.false_actions,
            self.over_budget(),
        )
    }

    /// Actions that began though a budget was used up.
    pub(super) fn over_budget(&self) -> u64 {
        self.chronicled.budgets.iter().map(|budget| budget.over).sum()
    }

    /// The targets on which anything happened, the longest down first.
    pub(super) fn eventful(&self) -> Vec<(&str, &Lane)> {
        let is_eventful = |name: &str, lane: &Lane| {
            !lane.outages.is_empty()
                || !lane.actions.is_empty()
                || !lane.down.is_empty()
                || self.summary.targets.get(name).is_some_and(|target| !target.refused.is_empty())
        };
        let lanes = self.chronicled.targets.iter();
        let mut lanes: Vec<_> = lanes
            .map(|(name, lane)| (name.as_str(), lane))
            .filter(|(name, lane)| is_eventful(name, lane))
            .collect();
        lanes.sort_by(|(_, a), (_, b)| down_seconds(b).total_cmp(&down_seconds(a)));
        lanes
    }
}

impl Ends {
    pub(super) fn of(lane: &Lane) -> Self {
        let mut ends = Self::default();
        ends.add(lane);
        ends
    }

    fn add(&mut self, lane: &Lane) {
        for outage in &lane.outages {
            self.all += 1;
            match outage.until {
                None => self.open += 1,
                Some(_) if outage.healed => self.healed += 1,
                Some(_) => self.by_themselves += 1,
            }
        }
    }
}

/// How long a target was down for any reason.
pub(super) fn down_seconds(lane: &Lane) -> f64 {
    let times = lane.down.iter().map(|down| down.end.duration_since(down.start).as_secs_f64());
    // A sum of nothing would be -0.
    times.fold(0.0, |sum, time| sum + time)
}

/// How long it took to find the outages that were found, the shortest first, in seconds.
pub(super) fn found_seconds<'a>(lanes: impl Iterator<Item = &'a Lane>) -> Vec<f64> {
    let found =
        lanes.flat_map(|lane| lane.outages.iter().filter_map(|outage| outage.found_after_ms));
    let mut found: Vec<_> =
        found.map(|millis| Duration::from_millis(millis).as_secs_f64()).collect();
    found.sort_by(f64::total_cmp);
    found
}

/// The share of the time that is known in which evenkeel saw a target up.
pub(super) fn seen_availability(lane: &Lane) -> Option<f64> {
    let time = |look: Look| -> f64 {
        let of_look = lane.seen.iter().filter(|stretch| stretch.look == look);
        of_look.map(|stretch| stretch.until.duration_since(stretch.from).as_secs_f64()).sum()
    };
    let (good, bad) = (time(Look::Good), time(Look::Bad));
    (good + bad > 0.0).then(|| good / (good + bad))
}

/// Actions by what came of them, such as `3 recovered, 1 failed`.
pub(super) fn outcomes(actions: &[Done]) -> String {
    let count =
        |outcome: Option<&str>| actions.iter().filter(|done| done.outcome == outcome).count();
    let kinds = [
        (Some("recovered"), "recovered"),
        (Some("relapsed"), "relapsed"),
        (Some("failed"), "failed"),
        (None, "not judged"),
    ];
    let told = kinds.into_iter().map(|(kind, word)| (count(kind), word));
    let told = told.filter(|(count, _)| *count > 0);
    told.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// The one in the middle of sorted numbers; of an even number of them, what lies between the two.
pub(super) fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middles() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[1.0, 2.0, 9.0]), Some(2.0));
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), Some(3.0));
    }
}
