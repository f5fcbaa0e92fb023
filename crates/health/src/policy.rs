use std::time::Duration;

/// The most results that a threshold may look back on.
pub const LONGEST_WINDOW: u32 = 64;

/// Down after `failures` bad results among the last `within`; equal numbers mean in a row.
///
/// In a row alone would never find 1-0-1-0 (Monit has both forms, for the same reason).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// Bad results needed, 1 to `within`.
    pub failures: u32,
    /// Results looked back on, at most [`LONGEST_WINDOW`]; unknown ones do not count.
    pub within: u32,
}

/// When a check's results make it up or down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(crate) failure_threshold: Threshold,
    pub(crate) success_threshold: u32,
    pub(crate) startup_grace: Duration,
    pub(crate) stale_after: Duration,
}

/// A policy that cannot be: which setting, what it was, and what would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key} = {value}` is not accepted: {accepted}")]
pub struct PolicyError {
    /// The setting, such as `failure_threshold.failures`.
    pub key: &'static str,
    /// What it was.
    pub value: String,
    /// What is accepted.
    pub accepted: String,
}

impl Policy {
    /// A checked policy.
    ///
    /// - `failure_threshold`: see [`Threshold`];
    /// - `success_threshold`: good results in a row that make it up, 1 to 64;
    /// - `startup_grace`: never down before it is over, unless there was a good result before; may be zero;
    /// - `stale_after`: how long without a good or bad result until nothing is known any more; above zero, three intervals
    ///   of the check as a rule.
    ///
    /// Fails for anything else, naming the key.
    pub fn try_new(
        failure_threshold: Threshold,
        success_threshold: u32,
        startup_grace: Duration,
        stale_after: Duration,
    ) -> Result<Self, PolicyError> {
        let refuse = |key, value, accepted| Err(PolicyError { key, value, accepted });
        let Threshold { failures, within } = failure_threshold;
        if within == 0 || within > LONGEST_WINDOW {
            let accepted = format!("1 to {LONGEST_WINDOW}");
            return refuse("failure_threshold.within", within.to_string(), accepted);
        }
        if failures == 0 || failures > within {
            let accepted = format!("1 to `within` ({within})");
            return refuse("failure_threshold.failures", failures.to_string(), accepted);
        }
        if success_threshold == 0 || success_threshold > LONGEST_WINDOW {
            let accepted = format!("1 to {LONGEST_WINDOW}");
            return refuse("success_threshold", success_threshold.to_string(), accepted);
        }
        if stale_after.is_zero() {
            return refuse("stale_after", "0s".to_owned(), "more than 0".to_owned());
        }
        Ok(Self { failure_threshold, success_threshold, startup_grace, stale_after })
    }

    /// When failures make it down.
    pub const fn failure_threshold(&self) -> Threshold {
        self.failure_threshold
    }

    /// Good results in a row that make it up.
    pub const fn success_threshold(&self) -> u32 {
        self.success_threshold
    }

    /// How long after the start nothing is down.
    pub const fn startup_grace(&self) -> Duration {
        self.startup_grace
    }

    /// How long without a good or bad result until nothing is known any more.
    pub const fn stale_after(&self) -> Duration {
        self.stale_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_cannot_be_names_the_key_and_what_is_accepted() {
        let try_new = |failures, within, successes, stale| {
            let threshold = Threshold { failures, within };
            Policy::try_new(threshold, successes, Duration::ZERO, Duration::from_secs(stale))
                .map_err(|error| error.to_string())
        };
        let refused = |text: &str| Err(text.to_owned());
        assert_eq!(
            try_new(3, 65, 2, 90),
            refused("`failure_threshold.within = 65` is not accepted: 1 to 64")
        );
        assert_eq!(
            try_new(1, 0, 2, 90),
            refused("`failure_threshold.within = 0` is not accepted: 1 to 64")
        );
        assert_eq!(
            try_new(6, 5, 2, 90),
            refused("`failure_threshold.failures = 6` is not accepted: 1 to `within` (5)")
        );
        assert_eq!(
            try_new(0, 5, 2, 90),
            refused("`failure_threshold.failures = 0` is not accepted: 1 to `within` (5)")
        );
        assert_eq!(
            try_new(3, 5, 0, 90),
            refused("`success_threshold = 0` is not accepted: 1 to 64")
        );
        assert_eq!(try_new(3, 5, 2, 0), refused("`stale_after = 0s` is not accepted: more than 0"));
        assert!(try_new(64, 64, 64, 1).is_ok());
    }
}
