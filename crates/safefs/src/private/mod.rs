//! The private directory below a root: where what is taken away is looked at, kept and brought back from.

mod area;
mod manifest;
mod restore;
mod run;
mod temporary;

pub use area::{Private, RunInfo};
pub use manifest::{Parent, Record};
pub use restore::{Recovered, Restored, Returned, UndoError, Undone};
pub use run::{Held, Intent, Purpose, Run, TakeError};
pub(crate) use run::{is_unchanged, lock_object};
pub use temporary::Temporary;

/// The private directory below a root; a scan leaves it out, with whatever begins so.
pub const PRIVATE_NAME: &str = ".evenkeel-private";

/// What a run writes down before it acts.
const MANIFEST: &str = "manifest";
/// What a run makes before it takes the place of an entry.
const TEMPORARY: &str = "temporary";
