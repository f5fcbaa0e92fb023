use std::time::Duration;

/// Most results a count window may hold, and most buckets of a time window.
const MOST_RESULTS: u32 = 10_000;
const MOST_BUCKETS: u32 = 1_000;
const MOST_TRIALS: u32 = 1_000;
/// Ages and deadlines beyond this say nothing of a peer any more.
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// Settings of a breaker before they are checked; [`Draft::default`] has the defaults of docs/semantics.md, 2.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Opens at this share of failures or above it, in percent, 1 to 100. Default 50.
    pub error_threshold: u32,
    /// Never opens with fewer results than this in its window, 1 or more. Default 10.
    pub request_volume_threshold: u32,
    /// How long it stays open the first time. Default 30 s.
    pub reset_timeout: Duration,
    /// Which results count. Default the last 20, however old; a health check also wants a `max_age` of ten intervals.
    pub window: Window,
    /// Trials that may be under way at once while it is half open, 1 to 1000. Default 1.
    pub half_open_max_calls: u32,
    /// Trials that must succeed for it to close, 1 or more. Default 1.
    pub half_open_successes: u32,
    /// How long a trial may take before it counts as lost; default the larger of twice `call_timeout` and `reset_timeout`.
    pub trial_lease: Option<Duration>,
    /// How long a call may take, for the default of `trial_lease`; zero if that is not known.
    pub call_timeout: Duration,
    /// By how much each trial that fails makes the next wait longer, 1 to 10. Default 1.
    pub reset_multiplier: u32,
    /// The longest it stays open, at least `reset_timeout`. Default 5 min.
    pub reset_max: Duration,
    /// Which calls are slow, and what share of them opens it too; `None`, the default, for no matter how slow.
    pub slow_call: Option<SlowCall>,
    /// Whose rules hold. Default evenkeel's own.
    pub compat: Compat,
}

/// When slowness is as bad as failure: a peer that answers everything late ties up its callers as surely as one that fails.
///
/// A slow success never closes a breaker that is half open: it ends the trial as a failure would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowCall {
    /// A call that takes longer than this, from its permit to its result, is slow, whether it succeeds or fails.
    pub threshold: Duration,
    /// Opens at this share of slow calls or above it, in percent, 1 to 100.
    pub rate: u32,
}

/// Whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compat {
    /// T1 to T16.
    #[default]
    None,
    /// Step by step what opossum 10 does, defects included, for those who move from it and must not see a change.
    ///
    /// The share must be above the threshold; it is failures over calls begun, refused ones too, compared in floating
    /// point; a late result counts, and closes or opens what is half open by then; the window outlives each change; a trial
    /// without a result is waited for, for ever. What opossum's own would not know is refused: a window by count, more than
    /// one trial, a growing wait, slow calls. Commands and snapshots are evenkeel's (T14, T16).
    Opossum,
}

/// Which results count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The last `size` results, of which those aged `max_age` or more no longer count.
    Count {
        /// How many results.
        size: u32,
        /// At which age a result stops counting.
        max_age: Option<Duration>,
    },
    /// The results of the last `length`, forgotten in `buckets` steps.
    Time {
        /// At this age a result no longer counts; it may be forgotten up to one step earlier.
        length: Duration,
        /// In how many steps.
        buckets: u32,
    },
}

/// A breaker's checked settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub(super) error_threshold: u32,
    pub(super) request_volume_threshold: u32,
    pub(super) reset_timeout: Duration,
    pub(super) window: Window,
    pub(super) half_open_max_calls: u32,
    pub(super) half_open_successes: u32,
    pub(super) trial_lease: Duration,
    pub(super) reset_multiplier: u32,
    pub(super) reset_max: Duration,
    pub(super) slow_call: Option<SlowCall>,
    pub(super) compat: Compat,
}

/// Settings that cannot be: which one, what it was, and what would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key} = {value}` is not accepted: {accepted}")]
pub struct ConfigError {
    /// The setting, as in [`Draft`]; those of the window as `window.size` and so on.
    pub key: &'static str,
    /// What it was.
    pub value: String,
    /// What is accepted.
    pub accepted: String,
}

/// The arithmetic of a breaker that cannot be relied on to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this breaker can never open: a window of {} holds {cycles} cycles of {}, each with at most {attempts_per_cycle} \
     attempts, so {results} results, and request_volume_threshold is {needed}",
    humantime::format_duration(*window),
    humantime::format_duration(*interval)
)]
pub struct NeverOpens {
    /// The window's length, or the age at which a result stops counting.
    pub window: Duration,
    /// From one cycle of the check to the next.
    pub interval: Duration,
    /// Attempts of a cycle that fails: 1 + retries.
    pub attempts_per_cycle: u32,
    /// Whole cycles that fit into the window.
    pub cycles: u64,
    /// Results that the window can be relied on to hold.
    pub results: u64,
    /// Results that it must hold.
    pub needed: u32,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            error_threshold: 50,
            request_volume_threshold: 10,
            reset_timeout: Duration::from_secs(30),
            window: Window::Count { size: 20, max_age: None },
            half_open_max_calls: 1,
            half_open_successes: 1,
            trial_lease: None,
            call_timeout: Duration::ZERO,
            reset_multiplier: 1,
            reset_max: Duration::from_mins(5),
            slow_call: None,
            compat: Compat::None,
        }
    }
}

impl Config {
    /// Checked settings. Fails for a value outside of what [`Draft`] and [`Window`] say, naming the key.
    #[expect(clippy::needless_pass_by_value, reason = "a draft is made to be used up")]
    pub fn try_new(draft: Draft) -> Result<Self, ConfigError> {
        // Above 0 % of no calls at all: that is how opossum opens at the first failure.
        let lowest = u32::from(draft.compat == Compat::None);
        within("error_threshold", draft.error_threshold, lowest, 100)?;
        within("request_volume_threshold", draft.request_volume_threshold, lowest, MOST_RESULTS)?;
        time_within("reset_timeout", draft.reset_timeout, LONGEST)?;
        time_within("reset_max", draft.reset_max, LONGEST)?;
        if draft.reset_max < draft.reset_timeout {
            let accepted = format!("at least `reset_timeout` ({})", time(draft.reset_timeout));
            return Err(ConfigError { key: "reset_max", value: time(draft.reset_max), accepted });
        }
        within("half_open_max_calls", draft.half_open_max_calls, 1, MOST_TRIALS)?;
        within("half_open_successes", draft.half_open_successes, 1, MOST_TRIALS)?;
        within("reset_multiplier", draft.reset_multiplier, 1, 10)?;
        let trial_lease = match draft.trial_lease {
            Some(lease) => lease,
            None => draft.call_timeout.saturating_mul(2).max(draft.reset_timeout).min(LONGEST),
        };
        time_within("trial_lease", trial_lease, LONGEST)?;
        check_window(&draft)?;
        if let Some(slow_call) = draft.slow_call {
            within("slow_call.rate", slow_call.rate, 1, 100)?;
            time_within("slow_call.threshold", slow_call.threshold, LONGEST)?;
        }
        if draft.compat == Compat::Opossum {
            check_compat(&draft)?;
        }
        Ok(Self {
            error_threshold: draft.error_threshold,
            request_volume_threshold: draft.request_volume_threshold,
            reset_timeout: draft.reset_timeout,
            window: draft.window,
            half_open_max_calls: draft.half_open_max_calls,
            half_open_successes: draft.half_open_successes,
            trial_lease,
            reset_multiplier: draft.reset_multiplier,
            reset_max: draft.reset_max,
            slow_call: draft.slow_call,
            compat: draft.compat,
        })
    }

    /// Whether a check with this cadence can open the breaker at all (docs/semantics.md, 2.3).
    ///
    /// `attempts_per_cycle` is 1 + retries, what a failing cycle gives; `interval` is from one cycle to the next. What
    /// counts are whole cycles, `floor(window / interval)`: that a further one may fall partly into the window is
    /// nothing to rely on. A count window without `max_age` can always open.
    ///
    /// Fails with the arithmetic.
    pub fn can_ever_open(
        &self,
        attempts_per_cycle: u32,
        interval: Duration,
    ) -> Result<(), NeverOpens> {
        let window = match self.window {
            Window::Count { max_age: None, .. } => return Ok(()),
            Window::Count { max_age: Some(age), .. } => age,
            Window::Time { length, .. } => length,
        };
        let cycles = window.as_nanos() / interval.as_nanos().max(1);
        let cycles = u64::try_from(cycles).unwrap_or(u64::MAX);
        let results = cycles.saturating_mul(u64::from(attempts_per_cycle));
        let needed = self.request_volume_threshold;
        if results >= u64::from(needed) {
            return Ok(());
        }
        Err(NeverOpens { window, interval, attempts_per_cycle, cycles, results, needed })
    }

    /// Which results count.
    pub const fn window(&self) -> Window {
        self.window
    }

    /// How long a trial may take before it counts as lost.
    pub const fn trial_lease(&self) -> Duration {
        self.trial_lease
    }

    /// The longest the breaker stays open.
    pub const fn reset_max(&self) -> Duration {
        self.reset_max
    }

    /// Which calls are slow, and what share of them opens the breaker.
    pub const fn slow_call(&self) -> Option<SlowCall> {
        self.slow_call
    }

    /// Whose rules hold.
    pub const fn compat(&self) -> Compat {
        self.compat
    }

    /// How long it stays open after `failed_trials` trials in a row that did not succeed.
    pub(super) fn open_for(&self, failed_trials: u32) -> Duration {
        self.reset_multiplier
            .checked_pow(failed_trials)
            .map_or(self.reset_max, |factor| self.reset_timeout.saturating_mul(factor))
            .min(self.reset_max)
    }
}

fn check_window(draft: &Draft) -> Result<(), ConfigError> {
    match draft.window {
        Window::Count { size, max_age } => {
            within("window.size", size, 1, MOST_RESULTS)?;
            if size < draft.request_volume_threshold {
                let accepted = format!(
                    "at least `request_volume_threshold` ({}): with fewer results it can never open",
                    draft.request_volume_threshold
                );
                return Err(ConfigError { key: "window.size", value: size.to_string(), accepted });
            }
            max_age.map_or(Ok(()), |age| time_within("window.max_age", age, LONGEST))
        }
        Window::Time { length, buckets } => {
            within("window.buckets", buckets, 1, MOST_BUCKETS)?;
            time_within("window.length", length, LONGEST)?;
            if length < Duration::from_millis(u64::from(buckets)) {
                let accepted = format!("at least 1ms for each of its {buckets} buckets");
                return Err(ConfigError { key: "window.length", value: time(length), accepted });
            }
            Ok(())
        }
    }
}

/// Settings that opossum does not know would be promises that `compat` does not keep.
fn check_compat(draft: &Draft) -> Result<(), ConfigError> {
    let refused = |key, value: String, accepted: &str| {
        let accepted = format!("{accepted} with `compat = \"opossum\"`");
        Err(ConfigError { key, value, accepted })
    };
    if let Window::Count { size, .. } = draft.window {
        return refused("window.size", size.to_string(), "a window by time");
    }
    for (key, value) in [
        ("half_open_max_calls", draft.half_open_max_calls),
        ("half_open_successes", draft.half_open_successes),
        ("reset_multiplier", draft.reset_multiplier),
    ] {
        if value != 1 {
            return refused(key, value.to_string(), "1");
        }
    }
    match draft.slow_call {
        Some(slow_call) => refused("slow_call.rate", slow_call.rate.to_string(), "no slow_call"),
        None => Ok(()),
    }
}

fn within(key: &'static str, value: u32, least: u32, most: u32) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ConfigError { key, value: value.to_string(), accepted: format!("{least} to {most}") })
}

fn time_within(key: &'static str, value: Duration, most: Duration) -> Result<(), ConfigError> {
    if !value.is_zero() && value <= most {
        return Ok(());
    }
    let accepted = format!("more than 0 and at most {} days", most.as_secs() / 86_400);
    Err(ConfigError { key, value: time(value), accepted })
}

fn time(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}
