use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_metrics::availability::{Decimal, Promise};

use super::{Checker, OUT_OF_BOUNDS, plain};
use crate::key::Key;
use crate::raw;
use crate::settings::{Check, Slo};
use crate::value::Scalar;

/// No window may be longer: so long the history keeps time slices.
const LONGEST_WINDOW: Duration = Duration::from_hours(24 * 400);
/// The longest window that a burn rate is told of.
const LONGEST_BURN: Duration = Duration::from_hours(24 * 3);
const OBJECTIVES: &str = "accepted: above 0 and below 1, such as 0.999";

impl Checker {
    pub(super) fn slos(
        &mut self,
        rules: &BTreeMap<String, raw::Slo>,
        checks: &BTreeMap<String, raw::Check>,
        good: &[Check],
    ) -> Vec<Slo> {
        rules.iter().filter_map(|(name, raw)| self.slo(name, raw, checks, good)).collect()
    }

    fn slo(
        &mut self,
        name: &str,
        raw: &raw::Slo,
        checks: &BTreeMap<String, raw::Check>,
        good: &[Check],
    ) -> Option<Slo> {
        let rule = Key::of(&["slo"]).named(name);
        let good_name = self.name_is_good(&rule);
        let names = self.need(&rule, "checks", raw.checks.as_ref(), "checks = [\"health\"]");
        let known = names
            .as_ref()
            .is_some_and(|names| self.checks_are_known(&rule.child("checks"), &names.0, checks));
        let window = self.above_zero(&rule, "window", raw.window);
        let objective = self.objective(&rule, raw.objective.as_ref());
        let exclude_unknown_up_to =
            self.unknown_share(&rule, raw.exclude_unknown_up_to.as_ref())?;
        let min_bad = raw.min_bad.unwrap_or(Promise::MIN_BAD);
        let names = names.filter(|_| good_name && known)?.0;
        let intervals =
            good.iter().filter(|check| names.contains(&check.name)).map(|check| check.interval);
        let promise = Promise {
            objective: objective?,
            window: window?,
            // Without one of its checks the settings are refused for that check.
            slice: intervals.min()?,
            exclude_unknown_up_to,
            min_bad,
        };
        self.promise_can_be_kept(&rule, &promise).then(|| Slo {
            name: name.to_owned(),
            checks: names,
            promise,
        })
    }

    fn objective(&mut self, rule: &Key, given: Option<&Scalar>) -> Option<Decimal> {
        let given = given?.to_string();
        let key = rule.child("objective");
        let objective = given.parse().ok().filter(|share: &Decimal| *share <= Decimal::ONE);
        if let Some(objective) = objective
            && objective > Decimal::ZERO
            && objective < Decimal::ONE
        {
            return Some(objective);
        }
        let as_percent =
            format!("{given}%").parse().ok().filter(|share: &Decimal| *share < Decimal::ONE);
        let label = match (objective, as_percent) {
            (None, Some(share)) => format!("a share, not a percentage: {share}"),
            (Some(_), _) => "nothing is up all the time, and no promise is none".to_owned(),
            (None, None) => {
                "not a decimal number with at most twelve digits behind the point".to_owned()
            }
        };
        self.refuse_with(&key, format!("`{key}` cannot be {given}"), label, &[OBJECTIVES]);
        None
    }

    fn unknown_share(&mut self, rule: &Key, given: Option<&Scalar>) -> Option<Decimal> {
        let Some(given) = given.map(Scalar::to_string) else {
            return Some(Promise::EXCLUDE_UNKNOWN_UP_TO);
        };
        let share = given.parse().ok().filter(|share| *share <= Decimal::ONE);
        if share.is_none() {
            let key = rule.child("exclude_unknown_up_to");
            self.refuse_with(
                &key,
                format!("`{key}` cannot be `{given}`"),
                "not a share",
                &["accepted: a share of a whole: a percentage such as `5%`, or a number from 0 to 1"],
            );
        }
        share
    }

    /// Whether a promise allows for one bad slice at least, and its burn can be told.
    fn promise_can_be_kept(&mut self, rule: &Key, promise: &Promise) -> bool {
        let Promise { objective, window, slice, min_bad, .. } = promise;
        let key = rule.child("window");
        let (percent, slices) = (objective.percent(), plain(*slice));
        if *window > LONGEST_WINDOW {
            let longest = plain(LONGEST_WINDOW);
            self.refuse_with(
                &key,
                format!("`{key}` is longer than the history is kept: {longest}"),
                "more than is known",
                &[&format!("accepted: up to {longest}")],
            );
            return false;
        }
        let allowed = promise.allowed_slices();
        if allowed < Decimal::ONE {
            self.refuse_with(
                &key,
                format!(
                    "at {percent} % a window of {} with {slices} slices allows {allowed} bad slices: one bad slice breaks it",
                    plain(*window)
                ),
                "too short for this objective",
                &[&format!(
                    "accepted: from {} on, or a lower objective, or a shorter interval of its checks",
                    plain(least_window(promise))
                )],
            );
            return false;
        }
        let most = (LONGEST_BURN.as_nanos() / slice.as_nanos().max(1)).max(1);
        if u128::from(*min_bad) > most || *min_bad == 0 {
            let key = rule.child("min_bad");
            self.refuse_with(
                &key,
                format!(
                    "`{key}` cannot be {min_bad}: the longest window that a burn rate is told of is {}, {most} slices of {slices}",
                    plain(LONGEST_BURN)
                ),
                OUT_OF_BOUNDS,
                &[&format!("accepted: 1 to {most}")],
            );
            return false;
        }
        true
    }

    /// Whether there are names, all of them of checks, none of them twice; if not, a problem.
    pub(super) fn checks_are_known(
        &mut self,
        key: &Key,
        names: &[String],
        checks: &BTreeMap<String, raw::Check>,
    ) -> bool {
        let known: Vec<_> = checks.keys().map(String::as_str).collect();
        let mut good = true;
        if names.is_empty() {
            let accepted = format!(
                "accepted: {}",
                if known.is_empty() { "names of checks".to_owned() } else { known.join(", ") }
            );
            self.refuse_with(key, format!("`{key}` names no check"), "an empty list", &[&accepted]);
            good = false;
        }
        for (index, name) in names.iter().enumerate() {
            let item = key.item(index);
            if !checks.contains_key(name) {
                self.refuse_unknown(
                    &item,
                    format!("`{key}` names a check that does not exist: `{name}`"),
                    name,
                    &known,
                );
                good = false;
            } else if names[..index].contains(name) {
                self.refuse(
                    &item,
                    format!("`{key}` names the check `{name}` twice"),
                    "the second time",
                );
                good = false;
            }
        }
        good
    }
}

/// The shortest window that allows for one bad slice; beyond two hours in whole ones, as nobody writes another.
fn least_window(promise: &Promise) -> Duration {
    let slices = promise.error_budget().inverse_rounded_up().unwrap_or(u64::MAX);
    let window = promise.slice.saturating_mul(u32::try_from(slices).unwrap_or(u32::MAX));
    let hours = window.as_secs().div_ceil(3600);
    if hours > 2 { Duration::from_secs(hours.saturating_mul(3600)) } else { window }
}
