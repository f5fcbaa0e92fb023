use std::path::{Path, PathBuf};
use std::time::SystemTime;

use evenkeel_safefs::Identity;

use super::KeepReason;

/// What of an entry decides whether it alone is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// When it, or the youngest thing in it, was young last.
    pub(crate) youngest: SystemTime,
    /// Its length without a hole at its head; of a directory, of all files in it.
    pub(crate) bytes: u64,
    /// Why it is never taken, though it matches and counts.
    pub(crate) held: Option<KeepReason>,
}

/// One entry that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) path: PathBuf,
    pub(crate) pin: Identity,
    /// Names of the file; of a directory this says nothing.
    pub(crate) nlink: u32,
    pub(crate) look: Look,
    /// Allocated bytes of what has no other name.
    pub(crate) allocated: u64,
    /// Inodes that have no other name.
    pub(crate) inodes: u64,
    /// Files with several names, as far as those matter.
    pub(crate) links: Vec<Link>,
}

/// A file of several names, of which an entry is or has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    /// Device and inode.
    pub(crate) file: (u64, u64),
    /// How many of its names the entry has.
    pub(crate) names: u64,
    /// How many there are at all.
    pub(crate) nlink: u64,
    pub(crate) allocated: u64,
}

impl Candidate {
    /// The oldest first; names of one file together, because it goes only with the last of them.
    pub(crate) fn rank(&self) -> (SystemTime, (u64, u64), &Path) {
        (self.look.youngest, (self.pin.dev, self.pin.ino), &self.path)
    }
}
