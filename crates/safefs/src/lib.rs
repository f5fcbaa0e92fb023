//! Files by open descriptor only: nothing outside a root is touched, whoever races.
//!
//! For programs that work, often as root, in directories that other users can write. There a path means one thing when
//! it is looked at and another when it is used. So no path is used twice: [`Root::open`] opens the root component by
//! component, below it [`Dir`] opens entries following no link and entering no mount, a [`Pinned`] entry can only be
//! looked at, and a [`Judged`] one alone can get another mode or owner, or be shortened. In a [`Private`] directory what was
//! looked at is deleted exactly, or kept and brought back. [`walk`] visits a tree.
//!
//! Which entries are to be changed is left to others. Linux 5.8 or later; works for root and, on his own files, for
//! anyone.
//!
//! ```
//! use evenkeel_safefs::{Access, Root, Terms, Trust};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let scratch = tempfile::tempdir()?;
//! # std::fs::write(scratch.path().join("a.hash"), "")?;
//! let root = Root::open(scratch.path(), Trust::Owners)?;
//! let terms = Terms { mnt_id: root.metadata().identity.mnt_id, owners: None };
//! let judged = root.dir().pin("a.hash".as_ref())?.judge(&terms)?;
//! let access = judged.metadata().access;
//! let change = judged.set_access(Access { mode: 0o640, ..access })?;
//! assert_eq!(change.after.mode, 0o640);
//! # Ok(())
//! # }
//! ```
#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")
)]

mod name;

mod metadata;

mod acl;

mod identity;

mod object;

mod root;

mod locked;

mod dir;

mod walk;

mod moving;

mod tree;

mod private;

mod aside;

mod openers;

mod said;
mod shorten;

mod usage;

mod boot;

pub mod events;

mod sys;

mod whole;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

pub use acl::{Acl, AclKind};
pub use aside::is_without_room;
pub use boot::boot_time;
pub use dir::{Dir, Working};
pub use identity::{User, as_user, start_alike};
pub use metadata::{Access, Identity, Kind, Metadata};
pub use name::{escaped, is_system_path};
pub use object::{ActError, Change, Judged, Lists, Pinned, Refusal, Terms, Wish, judge};
pub use openers::{OpenFiles, Writer, WrittenBy, find_writer, writers};
pub use private::{
    Held, Intent, PRIVATE_NAME, Parent, Private, Purpose, Record, Recovered, Restored, Returned,
    Run, RunInfo, TakeError, Temporary, UndoError, Undone, is_private,
};
pub use root::{Fresh, KnownRoot, OpenError, Root, Trust};
pub use shorten::{Method, ShortenError, Shortened};
pub use tree::Removed;
pub use usage::FilesystemUsage;
pub use walk::{Found, Problem, Reach, Visit, by_place, useful_threads, walk, walk_in_parallel};
pub use whole::write_whole;

/// Keeps descriptors that this program was handed from the programs that it starts: all but the standard three are closed
/// when another program is executed.
///
/// Fails where the kernel lacks the call (before 5.11); then nothing is changed.
pub fn withhold_descriptors() -> std::io::Result<()> {
    sys::withhold_descriptors()
}
