use evenkeel_recovery::breaker::{Compat, Config, Draft, NeverOpens, SlowCall, Window};

use super::checks::Timing;
use super::{Checker, OUT_OF_BOUNDS, counted, plain};
use crate::key::Key;
use crate::problem::Problem;
use crate::raw;
use crate::value::Lasting;

/// A result in a count window stops counting after so many intervals (docs/semantics.md, 2.3).
const MAX_AGE_INTERVALS: u32 = 10;

/// Steps in which a time window forgets, unless it says otherwise.
const BUCKETS: u32 = 10;

impl Checker {
    pub(super) fn breaker(
        &mut self,
        rule: &Key,
        raw: &raw::Breaker,
        timing: Timing,
    ) -> Option<Config> {
        let table = rule.child("breaker");
        let default = Draft::default();
        let volume = raw.request_volume_threshold.unwrap_or(default.request_volume_threshold);
        let reset_timeout = raw.reset_timeout.map_or(default.reset_timeout, |given| given.0);
        let draft = Draft {
            error_threshold: raw.error_threshold.unwrap_or(default.error_threshold),
            request_volume_threshold: volume,
            reset_timeout,
            window: self.window(&table.child("window"), raw.window.as_ref(), volume, timing)?,
            half_open_max_calls: raw.half_open_max_calls.unwrap_or(default.half_open_max_calls),
            half_open_successes: raw.half_open_successes.unwrap_or(default.half_open_successes),
            trial_lease: raw.trial_lease.map(|given| given.0),
            call_timeout: timing.timeout,
            reset_multiplier: raw.reset_multiplier.unwrap_or(default.reset_multiplier),
            reset_max: raw.reset_max.map_or(default.reset_max.max(reset_timeout), |given| given.0),
            slow_call: self.slow_call(&table.child("slow_call"), raw.slow_call.as_ref())?,
            compat: match raw.compat {
                None => Compat::None,
                Some(raw::Compat::Opossum) => Compat::Opossum,
            },
        };
        let config = Config::try_new(draft)
            .map_err(|error| {
                self.refuse_policy(
                    &table.child(error.key),
                    &error.value,
                    OUT_OF_BOUNDS,
                    &error.accepted,
                );
            })
            .ok()?;
        match config.can_ever_open(timing.attempts(), timing.interval) {
            Ok(()) => Some(config),
            Err(never) => {
                self.refuse_never_opens(rule, &table, never);
                None
            }
        }
    }

    /// `None` if it is refused; `Some(None)` if none is given.
    #[expect(clippy::option_option, reason = "refused, not given, given")]
    fn slow_call(&mut self, key: &Key, raw: Option<&raw::SlowCall>) -> Option<Option<SlowCall>> {
        let Some(raw) = raw else { return Some(None) };
        let threshold = self.need(key, "threshold", raw.threshold.as_ref(), "threshold = \"2s\"");
        let rate = self.need(key, "rate", raw.rate.as_ref(), "rate = 50");
        Some(Some(SlowCall { threshold: threshold?.0, rate: rate? }))
    }

    fn window(
        &mut self,
        key: &Key,
        raw: Option<&raw::Window>,
        volume: u32,
        timing: Timing,
    ) -> Option<Window> {
        let nothing = raw::Window::default();
        let raw = raw.unwrap_or(&nothing);
        // Without a kind, the keys tell: only a time window has a length.
        let kind = raw.kind.unwrap_or(match raw.length {
            Some(_) => raw::WindowKind::Time,
            None => raw::WindowKind::Count,
        });
        let (stray, name) = match kind {
            raw::WindowKind::Count => {
                ([("length", raw.length.is_some()), ("buckets", raw.buckets.is_some())], "count")
            }
            raw::WindowKind::Time => {
                ([("size", raw.size.is_some()), ("max_age", raw.max_age.is_some())], "time")
            }
        };
        for (stray, _) in stray.into_iter().filter(|(_, given)| *given) {
            let at = key.child(stray);
            self.refuse(
                &at,
                format!("`{at}` does not belong to a window by {name}"),
                "of no use here",
            );
        }
        match kind {
            raw::WindowKind::Count => {
                let Draft { window: Window::Count { size, .. }, .. } = Draft::default() else {
                    return None;
                };
                let max_age = timing.interval.saturating_mul(MAX_AGE_INTERVALS);
                Some(Window::Count {
                    size: raw.size.unwrap_or(size.max(volume)),
                    max_age: Some(raw.max_age.map_or(max_age, |Lasting(given)| given)),
                })
            }
            raw::WindowKind::Time => {
                let Lasting(length) =
                    self.need(key, "length", raw.length.as_ref(), "length = \"10m\"")?;
                Some(Window::Time { length, buckets: raw.buckets.unwrap_or(BUCKETS) })
            }
        }
    }

    fn refuse_never_opens(&mut self, rule: &Key, table: &Key, never: NeverOpens) {
        let key = ["window.length", "window.max_age", "request_volume_threshold"]
            .iter()
            .map(|name| table.child(name))
            .find(|key| self.tree.is_written(key))
            .unwrap_or_else(|| table.clone());
        let NeverOpens { window, interval, attempts_per_cycle, cycles, results, needed } = never;
        let problem = Problem::new(format!("the breaker of `{rule}` can never open"))
            .key_is(&key)
            .at(self.tree.place_of_value(&key))
            .label(format!(
                "{} / {} = {} × {} = {}, but it needs {needed}",
                plain(window),
                plain(interval),
                counted(cycles, "run"),
                counted(attempts_per_cycle, "attempt"),
                counted(results, "result"),
            ))
            .help("needed: floor(window / interval) × (1 + retries) ≥ request_volume_threshold");
        self.tree.add(&key, problem);
    }
}
