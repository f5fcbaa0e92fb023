//! Takes away what is too old, too large or too much, and brings back what it kept.
//!
//! A [`Draft`] is checked into a [`Policy`]; [`scan`] looks at the host and returns a [`Plan`], which is the dry run, with
//! the [`Reason`] of each step; [`apply`] carries it out and returns a [`Report`]. An entry goes only if it is the very
//! object that was planned and still due; more than a cap allows is refused before the first write. What went to the trash
//! an [`Undo`] brings back. Nothing follows a link.
//!
//! When to run is left to the caller. Entries are files, or by [`Unit::Directory`] directories as a whole; links, devices,
//! FIFOs and sockets are none.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use evenkeel_cleanup::{Action, Draft, Policy, Trigger, apply, scan};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let scratch = tempfile::tempdir()?;
//! # let path = scratch.path().to_owned();
//! # std::fs::write(path.join("a.hash"), "")?;
//! let week = Duration::from_secs(7 * 24 * 3600);
//! let policy = Policy::try_new(Draft {
//!     matches: vec!["*.hash".to_owned()],
//!     max_files: Some(10_000),
//!     ..Draft::new(path, Trigger::OlderThan(week), Action::Delete)
//! })?;
//! let in_two_weeks = SystemTime::now() + 2 * week;
//! let report = apply(&policy, scan(&policy, in_two_weeks)?, in_two_weeks);
//! assert_eq!(report.taken.len(), 1);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod policy;

mod clock;

mod observe;

mod plan;

mod apply;

mod undo;

pub use apply::{
    Failed, Progress, Purged, Recovered, Report, Skipped, Taken, apply, apply_watched,
};
pub use clock::Clock;
/// Globs as policies have them.
pub use evenkeel_names::GlobSet;
pub use observe::{CountOf, ScanError, check_host, scan};
pub use plan::{KeepReason, Level, Measure, Plan, Reason, Step, Unseen};
pub use policy::{
    Action, ActionKind, AgeBy, COMPRESSED_SUFFIX, DEFAULT_MAX_DEPTH, DEFAULT_TRASH_TTL, Draft,
    Policy, PolicyError, Resource, Share, ShareError, Stamp, TRUNCATE_MARGIN_BYTES, Trigger, Unit,
    Watermark,
};
pub use undo::{Restored, Undo, UndoError, UndoReport, kept};
