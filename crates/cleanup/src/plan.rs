use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use evenkeel_safefs::Identity;
use serde::{Serialize, Serializer};

/// Why a file stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeepReason {
    /// No glob matches its name, or one excludes it.
    Name,
    /// A directory, link, FIFO, socket or device.
    NotAFile,
    /// Not old enough; exactly the age is not old enough.
    Young,
    /// It is dated after now: the clock was set back, and must not make a fresh file look old.
    FutureMtime,
    /// Not larger than the limit.
    Small,
    /// A process has it open.
    InUse,
    /// Sticky bit set: the owner asked for it to stay.
    Sticky,
}

/// One file that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The file.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// `delete` or `truncate`.
    pub action: &'static str,
    /// What is there to gain.
    pub bytes: u64,
    /// Why it is due.
    pub reason: String,
    #[serde(skip)]
    pub(crate) pin: Identity,
    #[serde(skip)]
    pub(crate) mtime: SystemTime,
}

/// An entry that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// What a scan found and would do. Nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The root of the rule.
    #[serde(serialize_with = "path")]
    pub root: PathBuf,
    /// Files that are due.
    pub steps: Vec<Step>,
    /// How many entries stay, by reason.
    pub kept: BTreeMap<KeepReason, u64>,
    /// Entries that could not be looked at, such as a directory without the right to read it.
    pub unseen: Vec<Unseen>,
    /// Bytes that the steps would gain.
    pub total_bytes: u64,
    /// Entries looked at.
    pub scanned: u64,
}

pub(crate) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&evenkeel_safefs::escaped(path))
}
