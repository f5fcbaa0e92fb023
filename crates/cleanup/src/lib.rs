//! Removes what is too old and shortens what is too large.
//!
//! A [`Draft`] is checked into a [`Policy`]; [`scan`] looks at the host and returns a [`Plan`], which is the dry run;
//! [`apply`] carries it out and returns a [`Report`]. A file goes only if it is the very object that was planned and still
//! due; more than a cap allows is refused before the first write. Nothing follows a link.
//!
//! When to run is left to the caller. Directories, links, devices, FIFOs and sockets are never removed.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use evenkeel_cleanup::{Action, AgeBy, Draft, Policy, Rule, apply, scan};
//!
//! # #[allow(clippy::disallowed_methods)]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let scratch = tempfile::tempdir()?;
//! # let path = scratch.path().to_owned();
//! # std::fs::write(path.join("a.hash"), "")?;
//! let week = Duration::from_secs(7 * 24 * 3600);
//! let rule = Rule::OlderThan { age: week, by: AgeBy::All };
//! let policy = Policy::try_new(Draft {
//!     matches: vec!["*.hash".to_owned()],
//!     max_files: Some(10_000),
//!     ..Draft::new(path, rule, Action::Delete)
//! })?;
//! let in_two_weeks = SystemTime::now() + 2 * week;
//! let report = apply(&policy, scan(&policy, in_two_weeks)?, in_two_weeks);
//! assert_eq!(report.taken.len(), 1);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")
)]

mod policy;

mod observe;

mod plan;

mod apply;

pub use apply::{Failed, Progress, Recovered, Report, Skipped, Taken, apply, apply_watched};
pub use observe::{ScanError, check_host, scan};
pub use plan::{KeepReason, Plan, Step, Unseen};
pub use policy::{
    Action, AgeBy, DEFAULT_MAX_DEPTH, Draft, Policy, PolicyError, Rule, TRUNCATE_MARGIN_BYTES,
};
