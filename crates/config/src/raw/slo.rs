use serde::Deserialize;

use crate::value::{Lasting, OneOrMany, Scalar};

/// How available something is promised to be.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Slo {
    /// The checks that must be up, all of them. Needed.
    pub(crate) checks: Option<OneOrMany<String>>,
    /// The promise, above 0 and below 1, such as `0.999` or `"99.9%"`; kept as it is written, in decimals.
    pub(crate) objective: Option<Scalar>,
    /// Over how long it is kept, at most `400d`.
    pub(crate) window: Option<Lasting>,
    /// Which share of unknown time is left out; what is beyond counts as bad.
    pub(crate) exclude_unknown_up_to: Option<Scalar>,
    /// So many bad slices in the longer window before a burn rate is told.
    pub(crate) min_bad: Option<u64>,
}
