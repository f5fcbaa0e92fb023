//! Durable history: what happened, what was decided and why, what was done (docs/semantics.md, 5, "What survives").
//!
//! One agent owns a state directory and its [`Journal`]; anyone who may read the directory looks through a [`Reader`] at
//! the same time. It is an `SQLite` file, `journal.db`, that the `sqlite3` shell reads as well: times are whole milliseconds
//! since 1970-01-01 UTC, free data is JSON text, kinds of events and outcomes are the caller's words.
//!
//! An intent is on the disk before [`Journal::intend`] returns, so that an action can be charged and recorded before it
//! runs. Other writes survive the end of the process at once, and a power cut from the next checkpoint or intent on. What
//! belongs together is written [`together`](Journal::together), all of it or nothing: an intent with the new
//! [`Standing`] of its target, an order with its line.
//!
//! Measured values are written as [samples](Journal::observe), which [become](Journal::roll_up) minutes and hours with time and
//! are read as [curves](Reader::curve); time is counted in [stretches](Journal::extend) of one verdict, and when nobody
//! looked at all is told by the [runs](Reader::runs) of the agent.
//!
//! A file that is torn, or of a newer version, is moved aside and a [`Finding`] says so: the caller must then only observe,
//! for nobody may assume a fresh budget. The fresh file knows that too, until [`Journal::heed_loss`].
//!
//! ```
//! use evenkeel_journal::{Entry, Filter, Journal, Reader};
//!
//! # let scratch = tempfile::tempdir()?;
//! # let state_dir = scratch.path().join("state");
//! let now: jiff::Timestamp = "2026-11-24T12:00:00Z".parse()?;
//! let (mut journal, findings) = Journal::open(&state_dir, now)?;
//! assert!(findings.is_empty());
//! let data = serde_json::json!({ "from": "up", "to": "down" });
//! journal.append(now, &Entry { kind: "check_changed", target: "health", incident: None, message: "up -> down", data })?;
//!
//! let events = Reader::open(&state_dir)?.events(&Filter::default())?;
//! assert_eq!(events[0].message, "up -> down");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")
)]

mod curve;
mod directory;
mod error;
mod fold;
mod journal;
mod prune;
mod reader;
mod record;
mod rollup;
mod sample;
mod schema;
mod standing;
mod stretch;

pub use curve::{Curve, Point};
pub use error::{Finding, JournalError, OpenError};
pub use evenkeel_moment::Stamp;
pub use journal::{Durability, Journal};
pub use prune::Pruned;
pub use reader::{Filter, Reader};
pub use record::{
    CheckMemory, Entry, Event, Hold, Incident, Intent, IntentRecord, Settled, Standing, Why,
};
pub use rollup::RolledUp;
pub use sample::{LARGEST, LONGEST_NAME, MOST_SERIES, Sample};
pub use stretch::{AgentRun, Stretch};

/// The name of the `SQLite` file in the state directory.
pub const FILE_NAME: &str = "journal.db";
/// The name of the file that the owning agent locks.
pub const LOCK_NAME: &str = "lock";

#[cfg(test)]
mod tests;
