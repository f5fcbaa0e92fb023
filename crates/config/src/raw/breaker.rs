use serde::Deserialize;

use crate::value::Lasting;

/// A circuit breaker over a check's attempts: it opens when too many of them fail, and tries again later.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Breaker {
    /// Which share of the attempts in the window must have failed, in percent from 1 to 100.
    pub(crate) error_threshold: Option<u32>,
    /// With fewer attempts than this in the window it stays closed.
    pub(crate) request_volume_threshold: Option<u32>,
    /// How long it stays open before it tries.
    pub(crate) reset_timeout: Option<Lasting>,
    /// By how much that time grows with each trial that fails.
    pub(crate) reset_multiplier: Option<u32>,
    /// How long that time becomes at most.
    pub(crate) reset_max: Option<Lasting>,
    /// How many trials may be under way at once.
    pub(crate) half_open_max_calls: Option<u32>,
    /// How many trials must succeed until it closes.
    pub(crate) half_open_successes: Option<u32>,
    /// A trial that has not ended by then counts as failed. Default: twice the timeout or `reset_timeout`, whichever is longer.
    pub(crate) trial_lease: Option<Lasting>,
    /// Which attempts count: the last so many, or those of the last so long.
    pub(crate) window: Option<Window>,
    /// Makes slow attempts count like failed ones. Not unless given.
    pub(crate) slow_call: Option<SlowCall>,
    /// Does step by step what opossum does, its defects included; needs a window by time.
    pub(crate) compat: Option<Compat>,
}

/// When attempts are too slow.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SlowCall {
    /// An attempt that takes longer is slow. Needed.
    pub(crate) threshold: Option<Lasting>,
    /// Which share of them must be slow, in percent from 1 to 100. Needed.
    pub(crate) rate: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Compat {
    Opossum,
}

/// Which attempts a breaker counts.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Window {
    /// By their number (`size`, `max_age`) or by their time (`length`, `buckets`). Default: what the other keys say.
    pub(crate) kind: Option<WindowKind>,
    /// The last so many. Default: 20, or `request_volume_threshold` if that is more.
    pub(crate) size: Option<u32>,
    /// None of them older than this. Default: ten intervals of the check.
    pub(crate) max_age: Option<Lasting>,
    /// Those of the last so long.
    pub(crate) length: Option<Lasting>,
    /// In how many steps they are forgotten. Default: 10.
    pub(crate) buckets: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum WindowKind {
    Count,
    Time,
}
