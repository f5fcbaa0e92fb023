use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_health::QuietWindows;
use evenkeel_recovery::backoff::{DEFAULT_FLOOR, RetryPlan};
use evenkeel_recovery::budget::{Budgets, Rate};

use super::{Checker, OUT_OF_BOUNDS, plain};
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::settings::{Check, Recovery};
use crate::value::{Lasting, OneOrMany};

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

impl Checker {
    pub(super) fn recoveries(&mut self, raw: &raw::Settings, checked: &[Check]) -> Vec<Recovery> {
        let permissions: Vec<_> = raw.permissions.keys().map(String::as_str).collect();
        let cleanup: Vec<_> = raw.cleanup.keys().map(String::as_str).collect();
        let known =
            Known { raw: &raw.check, checked, permissions: &permissions, cleanup: &cleanup };
        raw.recovery.iter().filter_map(|(name, raw)| self.recovery(name, raw, known)).collect()
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
        let quiet = raw.quiet.as_ref().map(|texts| self.quiet(&rule, texts));
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
            quiet: quiet.map_or(Ok(None), |quiet| quiet.map(Some)).ok()?,
        };
        (named && self.budget_can_bind(&rule, &recovery)).then_some(recovery)
    }

    /// When what only a trend asks for is done; `Err`: it was refused.
    fn quiet(
        &mut self,
        rule: &Key,
        OneOrMany(texts): &OneOrMany<String>,
    ) -> Result<QuietWindows, ()> {
        QuietWindows::try_new(texts).map_err(|error| {
            let key = rule.child("quiet");
            let place = texts.iter().position(|text| *text == error.text);
            let item = place.map(|place| key.item(place));
            let key = item.filter(|item| self.tree.locate(item).is_some()).unwrap_or(key);
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
        let per_host = self.rate(&table.child("per_host"), raw?.per_host.as_deref());
        Some(Budgets { per_target: per_target?, per_host: per_host? })
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
        let steps = u32::try_from(recovery.steps.len()).unwrap_or(u32::MAX);
        let rate = recovery.budgets.per_target;
        let Err(never) = rate.can_ever_bind(&recovery.retry, steps, recovery.stable_for) else {
            return true;
        };
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
