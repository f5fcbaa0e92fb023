//! Keeps mode, owner and group of a tree as a policy says.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")
)]

mod policy;

mod observe;

mod plan;

mod apply;

#[cfg(feature = "watch")]
mod watch;

pub use apply::{Failed, Repair, Report, apply};
pub use observe::{SweepError, check_principals, sweep};
pub use plan::{Kind, Plan, Refused, Step};
pub use policy::{DEFAULT_MAX_DEPTH, Draft, FileRule, Policy, PolicyError, Principal};
#[cfg(feature = "watch")]
pub use watch::{Touched, Watcher};
