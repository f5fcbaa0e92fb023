//! Delays between the attempts of one step (docs/semantics.md, 3.2).
//!
//! The one place that uses the crate `backoff`, and only its interval arithmetic: no jitter of its own (it comes after
//! the cap and cannot be seeded), no limit of elapsed time (it would end all retries after 15 minutes), no retry loop.

use std::time::{Duration, Instant};

use backoff::backoff::Backoff;
use backoff::exponential::ExponentialBackoff;
use backoff::{Clock, SystemClock};

/// The least delay where settings name none; see [`RetryPlan::try_new`].
pub const DEFAULT_FLOOR: Duration = Duration::from_secs(1);
/// The longest delay: beyond it the interval arithmetic, which is in floating point, is no longer exact.
pub const LONGEST_DELAY: Duration = Duration::from_hours(30 * 24);
/// The most retries of one step; a plan with more would never give up within its service life.
pub const MOST_RETRIES: u32 = 1_000;

/// How long to wait before each further attempt, and how many there are.
///
/// Attempt `n` (0 is the first retry) waits `min(initial * multiplier^n, cap)`, shortened by jitter, never below the floor:
///
/// ```
/// use evenkeel_recovery::backoff::RetryPlan;
/// use std::time::Duration;
///
/// let seconds = Duration::from_secs;
/// let plan = RetryPlan::try_new(seconds(10), 2.0, seconds(300), 0.1, 3, seconds(1))?;
/// assert_eq!(plan.next(0, 0.0), Some(seconds(10)));
/// assert_eq!(plan.next(2, 0.0), Some(seconds(40)));
/// assert_eq!(plan.next(2, 0.5), Some(seconds(38)));
/// assert_eq!(plan.next(3, 0.0), None);
/// # Ok::<(), evenkeel_recovery::backoff::PlanError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPlan {
    initial: Duration,
    multiplier: f64,
    cap: Duration,
    jitter: f64,
    max_retries: u32,
    floor: Duration,
}

/// A plan that cannot be: which setting, what it was, and what would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key} = {value}` is not accepted: {accepted}")]
pub struct PlanError {
    /// The setting: `initial`, `multiplier`, `max`, `jitter`, `max_retries` or `floor`.
    pub key: &'static str,
    /// What it was.
    pub value: String,
    /// What is accepted.
    pub accepted: String,
}

/// A clock that stands: the sequence of delays must not depend on the time at which it is asked for.
#[derive(Debug, Clone)]
struct Still(Instant);

impl RetryPlan {
    /// A checked plan.
    ///
    /// `initial` is the delay before the first retry and `cap` the longest one; `multiplier` is at least 1; `jitter`, in
    /// `0.0..=1.0`, is the largest share by which chance shortens a delay; `max_retries` counts further tries after
    /// the first; `floor`, above zero and at most `initial`, is the least delay.
    ///
    /// Fails for a value outside of what is said above, naming the key as settings spell it (`max` for the cap).
    pub fn try_new(
        initial: Duration,
        multiplier: f64,
        cap: Duration,
        jitter: f64,
        max_retries: u32,
        floor: Duration,
    ) -> Result<Self, PlanError> {
        let refuse = |key, value: String, accepted: String| Err(PlanError { key, value, accepted });
        if initial.is_zero() || initial > cap {
            let accepted = format!("more than 0 and at most `max` ({})", time(cap));
            return refuse("initial", time(initial), accepted);
        }
        if cap > LONGEST_DELAY {
            return refuse("max", time(cap), format!("at most {}", time(LONGEST_DELAY)));
        }
        if !(1.0..=1_000.0).contains(&multiplier) {
            return refuse("multiplier", multiplier.to_string(), "1 to 1000".to_owned());
        }
        if !(0.0..=1.0).contains(&jitter) {
            return refuse("jitter", jitter.to_string(), "0.0 to 1.0".to_owned());
        }
        if max_retries > MOST_RETRIES {
            return refuse("max_retries", max_retries.to_string(), format!("0 to {MOST_RETRIES}"));
        }
        if floor.is_zero() || floor > initial {
            let accepted = format!("more than 0 and at most `initial` ({})", time(initial));
            return refuse("floor", time(floor), accepted);
        }
        Ok(Self { initial, multiplier, cap, jitter, max_retries, floor })
    }

    /// The delay before retry `attempt`, counted from 0; `None` once the retries are used up.
    ///
    /// `unit` is chance, in `0.0..1.0`: it only shortens, by at most the plan's jitter; anything else counts as the
    /// nearest end of that range. The delay is never zero, never below the floor, never above the cap.
    pub fn next(&self, attempt: u32, unit: f64) -> Option<Duration> {
        if attempt >= self.max_retries {
            return None;
        }
        let whole = self.interval(attempt);
        let share = self.jitter * if unit.is_nan() { 0.0 } else { unit.clamp(0.0, 1.0) };
        let delay = if share > 0.0 { whole.mul_f64(1.0 - share).min(whole) } else { whole };
        Some(delay.clamp(self.floor, self.cap))
    }

    /// How many further tries follow the first.
    pub const fn max_retries(&self) -> u32 {
        self.max_retries
    }

    /// The longest delay.
    pub const fn cap(&self) -> Duration {
        self.cap
    }

    /// The delay without jitter.
    fn interval(&self, attempt: u32) -> Duration {
        // The crate has no other way to an instant, and the pure core may not read a clock; no delay depends on it.
        let start_time = ExponentialBackoff::<SystemClock>::default().start_time;
        let mut sequence = ExponentialBackoff {
            current_interval: self.initial,
            initial_interval: self.initial,
            randomization_factor: 0.0,
            multiplier: self.multiplier,
            max_interval: self.cap,
            start_time,
            max_elapsed_time: None,
            clock: Still(start_time),
        };
        for _ in 0..attempt {
            if sequence.current_interval >= self.cap {
                break;
            }
            // What it returns is off by a nanosecond at times even with factor 0: it adds a random part of one and
            // rounds. The interval itself is exact.
            let _ = sequence.next_backoff();
        }
        sequence.current_interval.min(self.cap)
    }
}

impl Clock for Still {
    fn now(&self) -> Instant {
        self.0
    }
}

fn time(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn plan(initial: u64, cap: u64, jitter: f64, max_retries: u32) -> RetryPlan {
        RetryPlan::try_new(seconds(initial), 2.0, seconds(cap), jitter, max_retries, seconds(1))
            .unwrap()
    }

    #[test]
    fn the_delays_double_up_to_the_cap() {
        let plan = plan(1, 30, 0.0, 7);
        let delays: Vec<u64> =
            (0..7).map(|attempt| plan.next(attempt, 0.9).unwrap().as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn three_retries_are_three_and_then_none() {
        let plan = plan(10, 300, 0.1, 3);
        assert!((0..3).all(|attempt| plan.next(attempt, 0.5).is_some()));
        assert_eq!(plan.next(3, 0.5), None);
        assert_eq!(plan.next(u32::MAX, 0.5), None);
    }

    #[test]
    fn no_retries_means_no_delay_at_all() {
        assert_eq!(plan(10, 300, 0.0, 0).next(0, 0.0), None);
    }

    #[test]
    fn chance_outside_its_range_counts_as_the_nearest_end() {
        let plan = plan(10, 300, 0.5, 3);
        assert_eq!(plan.next(0, f64::NAN), Some(seconds(10)));
        assert_eq!(plan.next(0, -7.0), Some(seconds(10)));
        assert_eq!(plan.next(0, 7.0), Some(seconds(5)));
    }

    #[test]
    fn full_jitter_still_waits_the_floor() {
        assert_eq!(plan(10, 300, 1.0, 3).next(2, 1.0), Some(seconds(1)));
    }

    #[test]
    fn a_plan_that_cannot_be_names_the_key_and_what_is_accepted() {
        let try_new = |initial, multiplier, cap, jitter, retries, floor| {
            RetryPlan::try_new(initial, multiplier, cap, jitter, retries, floor)
                .map_err(|error| error.key)
        };
        let (one, ten) = (seconds(1), seconds(10));
        assert_eq!(try_new(Duration::ZERO, 2.0, ten, 0.1, 3, one), Err("initial"));
        assert_eq!(try_new(seconds(11), 2.0, ten, 0.1, 3, one), Err("initial"));
        assert_eq!(try_new(one, 2.0, LONGEST_DELAY + one, 0.1, 3, one), Err("max"));
        assert_eq!(try_new(one, 0.5, ten, 0.1, 3, one), Err("multiplier"));
        assert_eq!(try_new(one, f64::NAN, ten, 0.1, 3, one), Err("multiplier"));
        assert_eq!(try_new(one, 2.0, ten, 1.5, 3, one), Err("jitter"));
        assert_eq!(try_new(one, 2.0, ten, f64::NAN, 3, one), Err("jitter"));
        assert_eq!(try_new(one, 2.0, ten, 0.1, 1_001, one), Err("max_retries"));
        assert_eq!(try_new(one, 2.0, ten, 0.1, 3, Duration::ZERO), Err("floor"));
        assert_eq!(try_new(one, 2.0, ten, 0.1, 3, seconds(2)), Err("floor"));
        let error = RetryPlan::try_new(seconds(11), 2.0, ten, 0.1, 3, one).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`initial = 11s` is not accepted: more than 0 and at most `max` (10s)"
        );
    }

    proptest! {
        #[test]
        fn the_delay_without_jitter_is_the_capped_power(
            initial_ms in 1..100_000u64,
            cap_ms in 1..10_000_000u64,
            attempt in 0..1_000u32,
        ) {
            prop_assume!(initial_ms <= cap_ms);
            let (initial, cap) = (Duration::from_millis(initial_ms), Duration::from_millis(cap_ms));
            let plan = RetryPlan::try_new(initial, 2.0, cap, 0.0, 1_000, Duration::from_millis(1)).unwrap();
            let power = 1u64.checked_shl(attempt).and_then(|factor| initial_ms.checked_mul(factor));
            let expected = power.map_or(cap, |millis| Duration::from_millis(millis).min(cap));
            prop_assert_eq!(plan.next(attempt, 0.7), Some(expected));
        }

        #[test]
        fn jitter_only_shortens_and_by_no_more_than_it_says(
            initial in 1..100u64,
            cap in 1..1_000u64,
            jitter in 0.0..=1.0f64,
            unit in 0.0..1.0f64,
            attempt in 0..50u32,
        ) {
            prop_assume!(initial <= cap);
            let jittered = plan(initial, cap, jitter, 50).next(attempt, unit).unwrap();
            let whole = plan(initial, cap, 0.0, 50).next(attempt, unit).unwrap();
            prop_assert!(jittered <= whole && whole <= seconds(cap));
            let least = whole.mul_f64(1.0 - jitter).max(seconds(1));
            prop_assert!(jittered + Duration::from_nanos(1) >= least);
        }

        #[test]
        fn no_delay_is_ever_zero(
            initial_ns in 1..u64::MAX,
            multiplier in 1.0..1_000.0f64,
            jitter in 0.0..=1.0f64,
            unit: f64,
            attempt in 0..100u32,
        ) {
            let initial = Duration::from_nanos(initial_ns).min(LONGEST_DELAY);
            let least = Duration::from_nanos(1);
            let plan = RetryPlan::try_new(initial, multiplier, LONGEST_DELAY, jitter, 100, least).unwrap();
            let delay = plan.next(attempt, unit).unwrap();
            prop_assert!(!delay.is_zero() && delay <= LONGEST_DELAY);
        }

        #[test]
        fn the_same_question_has_the_same_answer(multiplier in 1.0..10.0f64, attempt in 0..100u32, unit in 0.0..1.0f64) {
            let plan = RetryPlan::try_new(seconds(10), multiplier, seconds(3_000), 0.3, 100, seconds(1)).unwrap();
            prop_assert_eq!(plan.next(attempt, unit), plan.next(attempt, unit));
        }
    }
}
