//! Facts of a target that is well: such that no condition of its check is broken.

use std::collections::BTreeMap;

use evenkeel_config::Check;
use evenkeel_probe::{Condition, Facts, Test, Value};

/// What a good look at a check sees, and at each of its parts.
#[derive(Debug, Clone, Default)]
pub(super) struct Healthy {
    pub(super) own: Facts,
    pub(super) part: Facts,
}

/// What a number must be within, bounds excluded.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    low: f64,
    high: f64,
}

impl Healthy {
    pub(super) fn of(check: &Check) -> Self {
        let own = check.conditions.iter().chain(&check.degraded);
        let part = check.part_conditions.iter().chain(&check.part_degraded);
        Self { own: satisfying(own), part: satisfying(part) }
    }
}

/// Facts that break none of the conditions, as far as there are any such.
fn satisfying<'a>(conditions: impl Iterator<Item = &'a Condition>) -> Facts {
    let mut by_field: BTreeMap<&str, Vec<&Test>> = BTreeMap::new();
    for condition in conditions {
        by_field.entry(&condition.field).or_default().push(&condition.test);
    }
    by_field.into_iter().map(|(field, tests)| (field, value(&tests))).collect()
}

fn value(tests: &[&Test]) -> Value {
    if let Some(wanted) = tests.iter().find_map(|test| match test {
        Test::Differs(wanted) => Some(wanted.clone()),
        _ => None,
    }) {
        return wanted;
    }
    let is_text = |test: &&Test| {
        matches!(test, Test::Matches(_) | Test::Lacks(_) | Test::Equals(Value::Text(_)))
    };
    if tests.iter().any(is_text) { Value::Text(text(tests)) } else { Value::Number(number(tests)) }
}

fn number(tests: &[&Test]) -> f64 {
    let mut bounds = Bounds { low: f64::NEG_INFINITY, high: f64::INFINITY };
    let mut not = Vec::new();
    for test in tests {
        match test {
            Test::Above(limit)
            | Test::AtLeast(limit)
            | Test::Reaches { limit, falling: false, .. } => bounds.high = bounds.high.min(*limit),
            Test::Below(limit)
            | Test::AtMost(limit)
            | Test::Reaches { limit, falling: true, .. } => bounds.low = bounds.low.max(*limit),
            Test::Equals(Value::Number(number)) => not.push(*number),
            _ => {}
        }
    }
    let mut number = bounds.inside();
    // Each step leaves one of them; bounds that leave no room leave none at all.
    for _ in 0..not.len() {
        if !not.contains(&number) {
            break;
        }
        number = Bounds { low: bounds.low, high: number }.inside();
    }
    number
}

impl Bounds {
    /// A number well inside: far from its limits, as of a target that is well.
    fn inside(self) -> f64 {
        match (self.low.is_finite(), self.high.is_finite()) {
            (true, true) => f64::midpoint(self.low, self.high),
            (true, false) if self.low > 0.0 => self.low * 4.0,
            (true, false) => self.low + 1.0,
            (false, true) if self.high > 0.0 => self.high / 4.0,
            (false, true) => self.high - 1.0,
            (false, false) => 0.0,
        }
    }
}

/// A text that no test of these breaks, of a few that come to mind.
fn text(tests: &[&Test]) -> String {
    let named = tests.iter().filter_map(|test| match test {
        Test::Lacks(pattern) => Some(pattern.to_string()),
        _ => None,
    });
    let plain = named.clone().map(|pattern| plain(&pattern));
    let common = ["ok", "", "active", "running", "true", "0"].map(str::to_owned);
    let all: Vec<String> = plain.chain(named).chain(common).collect();
    let fits = |text: &&String| {
        tests.iter().all(|test| match test {
            Test::Matches(pattern) => !pattern.is_match(text),
            Test::Lacks(pattern) => pattern.is_match(text),
            Test::Equals(Value::Text(other)) => other != *text,
            _ => true,
        })
    };
    all.iter().find(fits).or(all.first()).cloned().unwrap_or_default()
}

/// A pattern without what has a meaning in patterns: most are words.
fn plain(pattern: &str) -> String {
    let pattern = pattern.trim_start_matches("(?i)").replace(".*", " ").replace("\\s", " ");
    let first = pattern.split('|').next().unwrap_or_default();
    first.chars().filter(|char| !"^$\\()[]?*+{}".contains(*char)).collect()
}

#[cfg(test)]
mod tests {
    use evenkeel_probe::breaches;

    use super::*;

    #[track_caller]
    fn check(settings: &str) {
        let settings = evenkeel_config::load_text("test.toml", settings).expect("settings");
        let check = &settings.checks[0];
        let healthy = Healthy::of(check);
        assert_eq!(breaches(&check.conditions, &healthy.own), [], "{:?}", healthy.own);
        assert_eq!(breaches(&check.degraded, &healthy.own), [], "{:?}", healthy.own);
        assert_eq!(breaches(&check.part_conditions, &healthy.part), [], "{:?}", healthy.part);
    }

    #[test]
    fn what_is_well_breaks_no_condition() {
        check(
            "[check.p]\nprocess = { name = \"x\" }\nconditions = [{ field = \"rss_bytes\", above = \"300MB\", for = \"5m\" }, { field = \"fds\", below = 3 }, { field = \"state\", equals = \"stopped\" }]\n",
        );
        check(
            "[check.h]\nhttp = { url = \"http://[::1]/\" }\nconditions = [{ field = \"status\", differs = 204 }, { field = \"body\", lacks = \"\\\"status\\\":\\\\s*\\\"ok\\\"\" }]\ndegraded = [{ field = \"latency_ms\", above = 500 }]\n",
        );
        check(
            "[check.s]\nsupervisor = { url = \"unix:///s\", programs = [\"*\"] }\nconditions = [{ field = \"rss_bytes\", above = \"1MB\" }]\n",
        );
        check(
            "[check.d]\ndisk = { path = \"/\" }\nconditions = [{ field = \"used_percent\", above = 90 }, { field = \"read_only\", equals = \"true\" }]\n",
        );
    }
}
