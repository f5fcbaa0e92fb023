//! What was used of each budget, in the window in which it was most.

use std::collections::BTreeMap;

use evenkeel_config::{Recovery, Settings};
use evenkeel_engine::Act;
use evenkeel_moment::Moment;
use evenkeel_recovery::budget::Rate;
use serde::Serialize;

use crate::windows::in_windows;

/// What was used of one budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BudgetUse {
    /// Whose it is: `target`, `group` or `host`.
    pub scope: &'static str,
    /// The target, or the group; empty for the host.
    pub of: String,
    /// The most that was charged within one window, restarts by others too.
    pub used: u64,
    /// How much may be.
    pub limit: u64,
    /// The window, in seconds.
    pub window_seconds: u64,
    /// How many actions of evenkeel began though it was used up: none, if evenkeel keeps its word.
    pub over: u64,
}

/// What was charged, and when.
#[derive(Debug)]
pub(super) struct Charges {
    groups: BTreeMap<String, String>,
    charged: Vec<Charge>,
}

#[derive(Debug)]
struct Charge {
    at: Moment,
    target: String,
    ours: bool,
}

impl Charges {
    pub(super) fn new(settings: &Settings) -> Self {
        let group = |recovery: &Recovery| (recovery.name.clone(), recovery.group.clone());
        Self { groups: settings.recoveries.iter().map(group).collect(), charged: Vec::new() }
    }

    pub(super) fn act(&mut self, at: Moment, act: &Act) {
        for _ in &act.charges {
            self.charged.push(Charge { at, target: act.target.clone(), ours: true });
        }
    }

    pub(super) fn by_others(&mut self, at: Moment, target: &str) {
        self.charged.push(Charge { at, target: target.to_owned(), ours: false });
    }

    /// Each budget that anything was charged to; those nearest to their limit first.
    pub(super) fn used(&self, settings: &Settings) -> Vec<BudgetUse> {
        let mut uses: Vec<BudgetUse> = Vec::new();
        let mut add = |scope, of: &str, rate: Rate, charges: &[&Charge]| {
            let budget = BudgetUse {
                scope,
                of: of.to_owned(),
                used: 0,
                limit: u64::from(rate.count()),
                window_seconds: rate.window().as_secs(),
                over: 0,
            };
            // Recoveries of one group may have limits of their own; alike ones are told once.
            let same = |one: &BudgetUse| {
                (one.scope, &one.of, one.limit, one.window_seconds)
                    == (scope, &budget.of, budget.limit, budget.window_seconds)
            };
            if !charges.is_empty() && !uses.iter().any(same) {
                let (most_used, over) = most(charges, rate);
                uses.push(BudgetUse { used: most_used, over, ..budget });
            }
        };
        let all: Vec<_> = self.charged.iter().collect();
        for recovery in &settings.recoveries {
            let of_host = all.iter().any(|charge| of(&charge.target) == recovery.name);
            if !of_host {
                continue;
            }
            let mut targets: BTreeMap<&str, Vec<&Charge>> = BTreeMap::new();
            for charge in all.iter().filter(|charge| of(&charge.target) == recovery.name) {
                targets.entry(&charge.target).or_default().push(charge);
            }
            for (target, charges) in &targets {
                add("target", target, recovery.budgets.per_target, charges);
            }
            let in_group =
                |charge: &&&Charge| self.groups.get(of(&charge.target)) == Some(&recovery.group);
            let group: Vec<_> = all.iter().filter(in_group).copied().collect();
            add("group", &recovery.group, recovery.budgets.per_group, &group);
            add("host", "", recovery.budgets.per_host, &all);
        }
        // Shares as products of whole numbers: the same order on every machine.
        uses.sort_by(|a, b| (b.used * a.limit).cmp(&(a.used * b.limit)));
        uses
    }
}

/// The recovery of a target.
fn of(target: &str) -> &str {
    target.split('/').next().unwrap_or(target)
}

/// The most of these, which are in order, that lie within one window, and how many of ours began with nothing left.
fn most(charges: &[&Charge], rate: Rate) -> (u64, u64) {
    let times: Vec<_> = charges.iter().map(|charge| charge.at).collect();
    let (mut used, mut over) = (0, 0);
    for (charge, within) in charges.iter().zip(in_windows(&times, rate.window())) {
        used = used.max(within);
        over += u64::from(charge.ours && within > rate.count() as usize);
    }
    (used as u64, over)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn charge(second: u64, ours: bool) -> Charge {
        let at = Moment::ORIGIN + Duration::from_secs(second);
        Charge { at, target: "web".to_owned(), ours }
    }

    #[test]
    fn the_fullest_window_counts_and_a_charge_leaves_it_exactly_at_its_end() {
        let rate = Rate::try_new(2, Duration::from_mins(1)).expect("a rate");
        let all = [0, 30, 60, 61, 200].map(|second| charge(second, true));
        let all: Vec<_> = all.iter().collect();
        // At 60 the first one is out; at 61 there are three: 30, 60, 61.
        assert_eq!(most(&all, rate), (3, 1));
    }

    #[test]
    fn what_others_did_is_used_and_is_not_over() {
        let rate = Rate::try_new(1, Duration::from_mins(1)).expect("a rate");
        let all = [charge(0, true), charge(1, false)];
        assert_eq!(most(&all.iter().collect::<Vec<_>>(), rate), (2, 0));
    }
}
