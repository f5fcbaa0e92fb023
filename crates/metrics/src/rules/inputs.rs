//! What of the settings the rules depend on.

use std::path::PathBuf;
use std::time::Duration;

use crate::availability::{Decimal, Promise};

/// What to write rules for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleInputs {
    /// Limits of memory, one rule each.
    pub memory: Vec<MemoryRule>,
    /// Roots whose entries must not deviate, one rule each; a path named twice has one rule.
    pub permissions: Vec<PermissionRule>,
    /// What availability is promised, with rules for how fast its error budget is spent.
    pub objectives: Vec<Objective>,
    /// Whether the agent shall only observe.
    pub observes: bool,
}

/// A limit for the memory of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryRule {
    /// The scrape job that has the process.
    pub job: String,
    /// The most that is still good; exactly this much is.
    pub above_bytes: u64,
    /// How long without a break it must have had more.
    pub sustained_for: Duration,
}

/// A root below which nothing may deviate from its mode or owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionRule {
    /// Name of the rule in the settings.
    pub name: String,
    /// The root as it is written there: the label that the rule looks for.
    pub path: PathBuf,
}

/// A promise of availability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objective {
    /// Its name in the settings: the label `slo`.
    pub name: String,
    /// What is promised.
    pub promise: Promise,
}

impl RuleInputs {
    /// The settings of the preset `tmux-supervisor`, which give its two rules word for word.
    pub fn plan() -> Self {
        Self {
            memory: vec![MemoryRule {
                job: "supervisor".into(),
                above_bytes: 300_000_000,
                sustained_for: Duration::from_mins(5),
            }],
            permissions: vec![PermissionRule { name: "tmux-state".into(), path: PLAN_PATH.into() }],
            objectives: vec![Objective {
                name: "workers".into(),
                promise: Promise {
                    objective: Decimal::thousandths(999),
                    window: Duration::from_hours(30 * 24),
                    slice: Duration::from_secs(30),
                    exclude_unknown_up_to: Promise::EXCLUDE_UNKNOWN_UP_TO,
                    min_bad: Promise::MIN_BAD,
                },
            }],
            observes: false,
        }
    }
}

/// The path whose rule has had its name since before evenkeel.
pub(super) const PLAN_PATH: &str = "/tmp/tmux_supervisor_state";
