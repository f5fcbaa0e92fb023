//! Removes what is too old and shortens what is too large.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")
)]

mod policy;

mod observe;

mod plan;

mod apply;

pub use apply::{Failed, Report, Skipped, Taken, apply};
pub use observe::{ScanError, scan};
pub use plan::{KeepReason, Plan, Step, Unseen};
pub use policy::{
    Action, AgeBy, DEFAULT_MAX_DEPTH, Draft, Policy, PolicyError, Rule, TRUNCATE_MARGIN_BYTES,
};
