use std::time::Duration;

use evenkeel_config::Check;
use evenkeel_health::{Eta, Sample, Sustained};
use evenkeel_moment::Moment;
use evenkeel_probe::{Facts, Value, breaches};
use evenkeel_shown::said::{Note, Said};

use crate::check::{Worst, sustained, worst};
use crate::forecasts::Forecasts;

/// What identifies one life of a part: after a restart its limits are counted afresh.
const LIFE: [&str; 2] = ["incarnation", "pid"];
/// How long a part is alive, where that is known.
const AGE: &str = "uptime_seconds";

/// The conditions on one part, over time.
#[derive(Debug)]
pub(crate) struct Limits {
    sustained: Vec<Option<Sustained>>,
    degraded: Vec<Option<Sustained>>,
    forecasts: Forecasts,
    life: Option<Value>,
    /// When a limit is reached, if that is all that is wrong.
    only_trend: Option<Eta>,
}

impl Limits {
    pub(crate) fn new(check: &Check) -> Self {
        Self::of_life(check, None)
    }

    fn of_life(check: &Check, life: Option<Value>) -> Self {
        Self {
            sustained: sustained(&check.part_conditions),
            degraded: sustained(&check.part_degraded),
            forecasts: Forecasts::new(&check.part_conditions),
            life,
            only_trend: None,
        }
    }

    /// When the first of the limits is reached by a trend.
    pub(crate) fn eta(&self) -> Option<Eta> {
        self.forecasts.eta()
    }

    /// The same, if by the last look nothing else was wrong.
    pub(crate) const fn only_trend(&self) -> Option<Eta> {
        self.only_trend
    }

    /// What the facts of a part that works mean, and why.
    ///
    /// A part that was started less than the check's grace ago breaks no condition yet: that may be how it starts.
    pub(crate) fn judge(
        &mut self,
        now: Moment,
        check: &Check,
        facts: &Facts,
    ) -> (Sample, Option<Said>) {
        let life = LIFE.iter().find_map(|field| facts.get(field)).cloned();
        if life != self.life {
            *self = Self::of_life(check, life);
        }
        let conditions = &check.part_conditions;
        let mut breaches = breaches(conditions, facts);
        breaches.extend(self.forecasts.observe(now, conditions, facts));
        self.only_trend = None;
        if let (Some(breach), Some(left)) = (breaches.first(), grace_left(check, facts)) {
            return (Sample::Unknown, Some(breach.detail.clone().noted(Note::Starts(left))));
        }
        let Worst { found, leaks_only } = worst(now, &breaches, &mut self.sustained);
        let broken = evenkeel_probe::breaches(&check.part_degraded, facts);
        let degraded = worst(now, &broken, &mut self.degraded).found;
        self.only_trend = self.forecasts.eta().filter(|_| leaks_only);
        match (found, degraded) {
            (Some((sample, breach)), _) => (sample, Some(breach.detail)),
            (None, Some((_, breach))) => (Sample::Degraded, Some(breach.detail)),
            (None, None) => (Sample::Good, None),
        }
    }
}

/// The seconds that are left of the grace of a part whose age is known, if there are any.
fn grace_left(check: &Check, facts: &Facts) -> Option<u64> {
    let grace: Duration = check.health.startup_grace();
    let left = grace.as_secs_f64() - facts.number(AGE)?;
    (left > 0.0)
        .then(|| Duration::try_from_secs_f64(left.round_ties_even()).unwrap_or(grace).as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(more: &str) -> Check {
        let text = format!(
            "[check.p]\nsupervisor = {{ url = \"unix:///s\", programs = [\"*\"] }}\n{more}\n"
        );
        evenkeel_config::load_text("test.toml", &text).unwrap().checks.remove(0)
    }

    fn at(seconds: u64) -> Moment {
        Moment::ORIGIN + Duration::from_secs(seconds)
    }

    fn facts(pid: u32, uptime: u64, rss: u64) -> Facts {
        let mut facts = Facts::default();
        facts.set("pid", pid);
        facts.set("uptime_seconds", uptime);
        facts.set("rss_bytes", rss);
        facts
    }

    #[test]
    fn a_limit_counts_once_it_was_passed_for_long_enough_by_one_life() {
        let check =
            check("conditions = [{ field = \"rss_bytes\", above = \"1MB\", for = \"20s\" }]");
        let mut limits = Limits::new(&check);
        let mut judge =
            |seconds, pid, rss| limits.judge(at(seconds), &check, &facts(pid, 500, rss)).0;
        assert_eq!(judge(0, 7, 2_000_000), Sample::Good);
        assert_eq!(judge(19, 7, 2_000_000), Sample::Good);
        assert_eq!(judge(20, 7, 2_000_000), Sample::BadForSure);
        assert_eq!(judge(25, 8, 2_000_000), Sample::Good, "another process: counted afresh");
        assert_eq!(judge(45, 8, 2_000_000), Sample::BadForSure);
        assert_eq!(judge(50, 8, 1_000_000), Sample::Good, "exactly at the limit is within it");
    }

    #[test]
    fn what_was_started_just_now_breaks_no_limit_yet() {
        let check = check(
            "startup_grace = \"60s\"\nconditions = [{ field = \"rss_bytes\", above = \"1MB\" }]",
        );
        let mut limits = Limits::new(&check);
        let mut judge = |uptime, rss| limits.judge(at(0), &check, &facts(7, uptime, rss)).0;
        assert_eq!(judge(59, 2_000_000), Sample::Unknown);
        assert_eq!(judge(59, 500_000), Sample::Good);
        assert_eq!(judge(60, 2_000_000), Sample::Bad);
    }
}
