//! The private directory below a root: where what is taken away is looked at, kept and brought back from.

use std::ffi::OsStr;

use crate::metadata::{Kind, Metadata};

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

/// The private directory below a root; its name may go on, where somebody else has taken this one.
pub const PRIVATE_NAME: &str = ".evenkeel-private";

/// Whether an entry is a private directory, which is no business of any rule.
///
/// One that is open to others is not, whatever its name: it could else hide what is in it from every rule.
pub fn is_private(name: &OsStr, metadata: &Metadata) -> bool {
    name.as_encoded_bytes().starts_with(PRIVATE_NAME.as_bytes())
        && metadata.kind == Kind::Directory
        && metadata.access.mode & 0o777 == 0o700
}

#[cfg(feature = "fuzzing")]
pub(crate) fn rewritten(text: &[u8]) -> Option<String> {
    let mut written = String::new();
    manifest::read(text, |line| line.write(&mut written)).ok()?;
    Some(written)
}

/// What a run writes down before it acts.
const MANIFEST: &str = "manifest";
/// What a run makes before it takes the place of an entry.
const TEMPORARY: &str = "temporary";
