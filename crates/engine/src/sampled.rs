//! Which facts are worth a curve: those whose course over time says something that the last value does not.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_probe::{Condition, Facts, Target, Test};

use crate::check::CheckCore;

/// What one result said in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// The check, or `check/part`.
    pub subject: Arc<str>,
    /// Each field, with its unit in its name, and its value.
    pub values: Vec<(Cow<'static, str>, f64)>,
}

const LATENCY: &str = "latency_ms";
/// Fields that are curves for whoever has them; besides these, each that a condition of the settings limits.
const FIELDS: [&str; 15] = [
    LATENCY,
    "rss_bytes",
    "pss_bytes",
    "swap_bytes",
    "tree_rss_bytes",
    "tree_pss_bytes",
    "memory_bytes",
    "cgroup_memory_bytes",
    "fds",
    "threads",
    "processes",
    "used_percent",
    "inodes_used_percent",
    "cert_days",
    "size_bytes",
];

/// Whether what is measured of a target has a latency.
pub(crate) fn has_latency(target: &Target) -> bool {
    target.fields().iter().any(|field| field.name == LATENCY)
}

impl CheckCore {
    /// The facts of the check itself that are worth a curve. Where a target has a latency, a result that came without one
    /// took at least as long.
    pub(crate) fn sampled(&self, took: Duration, facts: &Facts) -> Option<Sampled> {
        let spec = &self.spec;
        let conditions = spec.conditions.iter().chain(&spec.degraded);
        let mut sampled = Sampled::of(Arc::clone(&self.name), conditions, facts);
        if self.has_latency && facts.number(LATENCY).is_none() {
            sampled.values.push((LATENCY.into(), took.as_secs_f64() * 1_000.0));
        }
        sampled.unless_empty()
    }

    /// The facts of a part that are worth a curve.
    pub(crate) fn part_sampled(&self, part: &str, facts: &Facts) -> Option<Sampled> {
        let spec = &self.spec;
        let conditions = spec.part_conditions.iter().chain(&spec.part_degraded);
        Sampled::of(format!("{}/{part}", spec.name).into(), conditions, facts).unless_empty()
    }
}

impl Sampled {
    fn of<'a>(
        subject: Arc<str>,
        conditions: impl Iterator<Item = &'a Condition>,
        facts: &Facts,
    ) -> Self {
        if facts.is_empty() {
            return Self { subject, values: Vec::new() };
        }
        let mut values: Vec<_> = FIELDS
            .iter()
            .filter_map(|field| Some((Cow::Borrowed(*field), facts.number(field)?)))
            .collect();
        for condition in conditions.filter(|condition| limits(&condition.test)) {
            let field = condition.field.as_str();
            if let Some(value) = facts.number(field)
                && !values.iter().any(|(known, _)| known == field)
            {
                values.push((field.to_owned().into(), value));
            }
        }
        Self { subject, values }
    }

    fn unless_empty(self) -> Option<Self> {
        (!self.values.is_empty()).then_some(self)
    }
}

/// Whether a test has a limit that a curve comes near to.
const fn limits(test: &Test) -> bool {
    matches!(
        test,
        Test::Above(_) | Test::Below(_) | Test::AtLeast(_) | Test::AtMost(_) | Test::Reaches { .. }
    )
}
