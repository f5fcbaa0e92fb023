use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_health::DailyWindows;
use evenkeel_recovery::backoff::{DEFAULT_FLOOR, RetryPlan};
use evenkeel_recovery::budget::{Budgets, Densest, Rate};

use super::{Checker, OUT_OF_BOUNDS, plain};
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::settings::{Check, Recovery};
use crate::value::{Lasting, OneOrMany, OrNever, OrOff};

/// What a recovery knows of the checks of the settings.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) raw: &'a BTreeMap<String, raw::Check>,
    pub(super) checked: &'a [Check],
    /// The names of the permission rules.
    pub(super) permissions: &'a [&'a str],
    /// The names of the cleanup rules.
    pub(super) cleanup: &'a [&'a str],
}

/// The densest series of actions that one target of a recovery can make.
fn densest(recovery: &Recovery) -> Densest<'_> {
    Densest {
        plan: &recovery.retry,
        steps: u32::try_from(recovery.steps.len()).unwrap_or(u32::MAX),
        stable_for: recovery.stable_for,
        slow_retry: recovery.slow_retry,
    }
}

impl Checker {
    pub(super) fn recoveries(&mut self, raw: &raw::Settings, checked: &[Check]) -> Vec<Recovery> {
        let permissions: Vec<_> = raw.permissions.keys().map(String::as_str).collect();
        let cleanup: Vec<_> = raw.cleanup.keys().map(String::as_str).collect();
        let known =
            Known { raw: &raw.check, checked, permissions: &permissions, cleanup: &cleanup };
        let recoveries: Vec<_> =
            raw.recovery.iter().filter_map(|(name, raw)| self.recovery(name, raw, known)).collect();
        if recoveries.len() == raw.recovery.len() {
            self.shared_budgets_can_bind(&recoveries, known);
        }
        recoveries
    }

    fn recovery(&mut self, name: &str, raw: &raw::Recovery, known: Known<'_>) -> Option<Recovery> {
        let rule = Key::of(&["recovery"]).named(name);
        let named = self.name_is_good(&rule);
        let when =
            self.need(&rule, "when", raw.when.as_ref(), "when = [\"health\"]").map(|when| when.0);
        let when = when.filter(|when| self.checks_are_known(&rule.child("when"), when, known.raw));
        let steps = self.steps(&rule, raw, when.as_deref().unwrap_or_default(), known);
        let retry = self.retry_plan(&rule, raw);
        let budgets = self.budgets(&rule, raw.budget.as_ref());
        let verify_timeout = self.above_zero(&rule, "verify_timeout", raw.verify_timeout);
        let stable_for = self.above_zero(&rule, "stable_for", raw.stable_for);
        let group = self.group(&rule, name, raw.group.as_ref());
        let slow_retry = self.slow_retry(&rule, raw.slow_retry);
        let quiet = raw.quiet.as_ref().map(|texts| self.daily(&rule.child("quiet"), texts));
        if let (Some(when), Some(verify_timeout)) = (&when, verify_timeout) {
            self.refuse_hasty_verdict(&rule, when, verify_timeout, known.checked);
        }
        let recovery = Recovery {
            name: name.to_owned(),
            when: when?,
            steps: steps?,
            retry: retry?,
            budgets: budgets?,
            verify_timeout: verify_timeout?,
            stable_for: stable_for?,
            evidence: raw.evidence.unwrap_or(true),
            group: group?,
            slow_retry: slow_retry?.into_option(),
            quiet: quiet.map_or(Ok(None), |quiet| quiet.map(Some)).ok()?,
        };
        (named && self.budget_can_bind(&rule, &recovery)).then_some(recovery)
    }

    fn group(&mut self, rule: &Key, name: &str, given: Option<&String>) -> Option<String> {
        let Some(group) = given else { return Some(name.to_owned()) };
        if group.trim().is_empty() || group.chars().any(char::is_control) {
            let key = rule.child("group");
            self.refuse_policy(&key, group, "not a name", "a name such as \"workers\"");
            return None;
        }
        Some(group.clone())
    }

    /// The time between fresh attempts once the ladder is used up.
    fn slow_retry(&mut self, rule: &Key, given: Option<OrNever>) -> Option<OrOff<Duration>> {
        match given? {
            OrNever::Never => Some(OrOff::Off),
            OrNever::After(given) => {
                self.above_zero(rule, "slow_retry", Some(given)).map(OrOff::On)
            }
        }
    }

    /// Windows of each day; `Err`: they were refused.
    pub(super) fn daily(
        &mut self,
        key: &Key,
        OneOrMany(texts): &OneOrMany<String>,
    ) -> Result<DailyWindows, ()> {
        DailyWindows::try_new(texts).map_err(|error| {
            let place = texts.iter().position(|text| *text == error.text);
            let item = place.map(|place| key.item(place));
            let key =
                item.filter(|item| self.tree.locate(item).is_some()).unwrap_or_else(|| key.clone());
            self.refuse_policy(&key, &error.text, &error.message, error.accepted);
        })
    }

    fn retry_plan(&mut self, rule: &Key, raw: &raw::Recovery) -> Option<RetryPlan> {
        let backoff = raw.backoff.as_ref()?;
        let table = rule.child("backoff");
        let (Lasting(initial), Lasting(max)) = (backoff.initial?, backoff.max?);
        let floor = DEFAULT_FLOOR.min(initial);
        let plan = RetryPlan::try_new(
            initial,
            backoff.multiplier?,
            max,
            backoff.jitter?,
            raw.max_retries?,
            floor,
        );
        plan.map_err(|error| {
            let key = if error.key == "max_retries" {
                rule.child(error.key)
            } else {
                table.child(error.key)
            };
            self.refuse_policy(&key, &error.value, OUT_OF_BOUNDS, &error.accepted);
        })
        .ok()
    }

    fn budgets(&mut self, rule: &Key, raw: Option<&raw::Budget>) -> Option<Budgets> {
        let table = rule.child("budget");
        let per_target = self.rate(&table.child("per_target"), raw?.per_target.as_deref());
        let per_group = self.rate(&table.child("per_group"), raw?.per_group.as_deref());
        let per_host = self.rate(&table.child("per_host"), raw?.per_host.as_deref());
        Some(Budgets { per_target: per_target?, per_group: per_group?, per_host: per_host? })
    }

    fn rate(&mut self, key: &Key, text: Option<&str>) -> Option<Rate> {
        let text = text?;
        text.parse()
            .map_err(|_| {
                let accepted =
                    "a count from 1, a slash, and a window of at most 31 days, such as \"3/1h\"";
                self.refuse_policy(key, text, "not a rate", accepted);
            })
            .ok()
    }

    /// A budget that the delays never let be used up is no limit, though it looks like one.
    fn budget_can_bind(&mut self, rule: &Key, recovery: &Recovery) -> bool {
        let rate = recovery.budgets.per_target;
        let Err(never) = rate.can_ever_bind(&densest(recovery)) else { return true };
        let key = rule.child("budget.per_target");
        let most = never.most_starts;
        let problem = Problem::new(format!("`{key}` can never be used up"))
            .key_is(&key)
            .at(self.tree.place_of_value(&key))
            .label(format!(
                "with these delays at most {most} actions start within {}",
                plain(rate.window())
            ))
            .see(self.tree.place_of_key(&rule.child("backoff")), "the delays between attempts")
            .help(format!(
                "accepted: a count of less than {most}, a longer window, or shorter delays"
            ));
        self.tree.add(&key, problem);
        false
    }

    /// The same of a budget that several targets share, where it was written and not only left as it is.
    ///
    /// How many programs a supervisor has is not known here, so such a target can use up any budget.
    fn shared_budgets_can_bind(&mut self, recoveries: &[Recovery], known: Known<'_>) {
        let has_parts = |recovery: &Recovery| {
            let mut checks =
                known.checked.iter().filter(|check| recovery.when.contains(&check.name));
            checks.any(|check| !check.target.part_fields().is_empty())
        };
        for recovery in recoveries {
            let budgets = &recovery.budgets;
            for (name, rate) in [("per_group", budgets.per_group), ("per_host", budgets.per_host)] {
                let key = Key::of(&["recovery"]).named(&recovery.name).child("budget").child(name);
                let sharing: Vec<_> = recoveries
                    .iter()
                    .filter(|other| name == "per_host" || other.group == recovery.group)
                    .collect();
                if !self.tree.is_written(&key) || sharing.iter().any(|other| has_parts(other)) {
                    continue;
                }
                let enough = rate.count().saturating_add(1);
                let starts = |of: &&Recovery| densest(of).starts(rate.window(), enough);
                let each: Vec<_> = sharing.iter().map(starts).collect();
                let most = each.iter().fold(0u32, |sum, starts| sum.saturating_add(*starts));
                if most > rate.count() {
                    continue;
                }
                let sum: Vec<_> = sharing
                    .iter()
                    .zip(&each)
                    .map(|(other, starts)| format!("{starts} of `{}`", other.name))
                    .collect();
                let problem = Problem::new(format!("`{key}` can never be used up"))
                    .key_is(&key)
                    .at(self.tree.place_of_value(&key))
                    .label(format!(
                        "with these delays at most {most} actions start within {}: {}",
                        plain(rate.window()),
                        sum.join(" + ")
                    ))
                    .help(format!(
                        "accepted: a count of less than {most}, a longer window, or shorter delays"
                    ));
                self.tree.add(&key, problem);
            }
        }
    }

    /// The proof needs `success_threshold` good results in a row, each as long as an attempt may take.
    fn refuse_hasty_verdict(
        &mut self,
        rule: &Key,
        when: &[String],
        verify_timeout: Duration,
        checks: &[Check],
    ) {
        for check in checks.iter().filter(|check| when.contains(&check.name)) {
            let successes = check.health.success_threshold();
            let (look, attempt) = (check.look_again(), check.timeout);
            let needed = (look + attempt) * successes;
            if needed <= verify_timeout {
                continue;
            }
            let key = rule.child("verify_timeout");
            let check_key = Key::of(&["check"]).named(&check.name);
            let arithmetic = format!(
                "{successes} × ({} + {}) = {}, more than {}",
                plain(look),
                plain(attempt),
                plain(needed),
                plain(verify_timeout)
            );
            let problem = Problem::new(format!("`{key}` is too short for the check `{}` to prove anything", check.name))
                .key_is(&key)
                .at(self.tree.place_of_value(&key))
                .label(arithmetic)
                .see(self.tree.place_of_key(&check_key), "needs that long at worst")
                .help("the proof is `success_threshold` good results, each a pause of a tenth of the interval (100ms to 5s) and at most `timeout`");
            self.tree.add(&key, problem);
            return;
        }
    }
}
