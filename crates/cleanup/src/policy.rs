//! What a rule says, checked.

mod action;
mod age;
mod check;
mod trigger;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use evenkeel_names::GlobSet;

pub use self::action::{Action, ActionKind, DEFAULT_TRASH_TTL, Unit};
pub use self::age::{AgeBy, Stamp};
pub use self::trigger::{Resource, Share, ShareError, Trigger, Watermark};

/// The deepest level below the root that a rule looks at, unless its draft says otherwise.
pub const DEFAULT_MAX_DEPTH: u32 = 64;

/// Room that a truncation needs between what it keeps and what is too large: files are cut in whole blocks.
pub const TRUNCATE_MARGIN_BYTES: u64 = 4096;

/// What [`Action::Compress`] puts at the end of a name; a name that ends so is not compressed again.
pub const COMPRESSED_SUFFIX: &str = ".gz";

/// A policy as it was written down, unchecked; [`Policy::try_new`] checks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The root: entries in this directory.
    pub path: PathBuf,
    /// Globs for names; an entry must match one.
    pub matches: Vec<String>,
    /// Names that are left alone: an excluded directory is not entered, and a directory that holds an excluded name stays.
    pub exclude: Vec<String>,
    /// Whether entries at every level below the root count.
    pub recursive: bool,
    /// What one entry is.
    pub unit: Unit,
    /// When an entry is due.
    pub trigger: Trigger,
    /// Which times tell its age, and so which entries are the oldest.
    pub age_by: AgeBy,
    /// So many of the newest that match are never taken.
    pub keep_newest: Option<u64>,
    /// What happens to an entry that is due.
    pub action: Action,
    /// A run that would take more entries refuses.
    pub max_files: Option<u64>,
    /// A run that would take more bytes refuses.
    pub max_bytes: Option<u64>,
    /// A run that would take a larger share of the entries that match refuses.
    pub max_ratio: Option<Share>,
    /// Whether an entry that a process has open is left alone.
    pub skip_in_use: bool,
    /// Levels below the root beyond which a run fails; `None` means [`DEFAULT_MAX_DEPTH`].
    pub max_depth: Option<u32>,
    /// The user as whom the work is done, by name or number; `None`: the caller.
    pub run_as: Option<String>,
    /// Whether the root may be `/` or a directory of the system.
    pub allow_system_path: bool,
}

impl Draft {
    /// A draft with nothing but what must be said; `matches` is empty, which [`Policy::try_new`] refuses.
    pub fn new(path: impl Into<PathBuf>, trigger: Trigger, action: Action) -> Self {
        Self {
            path: path.into(),
            matches: Vec::new(),
            exclude: Vec::new(),
            recursive: false,
            unit: Unit::File,
            trigger,
            age_by: AgeBy::ALL,
            keep_newest: None,
            action,
            max_files: None,
            max_bytes: None,
            max_ratio: None,
            skip_in_use: false,
            max_depth: None,
            run_as: None,
            allow_system_path: false,
        }
    }
}

/// A setting that cannot be meant, and what would be accepted in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` = `{value}`: {message}; accepted: {accepted}")]
pub struct PolicyError {
    /// The key in the rule, such as `match` or `watermark.low`.
    pub key: String,
    /// The value that was given.
    pub value: String,
    /// What is wrong with it.
    pub message: String,
    /// What would be right.
    pub accepted: String,
}

/// A checked policy.
#[derive(Debug, Clone)]
pub struct Policy {
    draft: Draft,
    matches: GlobSet,
    exclude: GlobSet,
}

impl Policy {
    /// Checks a draft; fails with the key, the value and what is accepted.
    pub fn try_new(draft: Draft) -> Result<Self, PolicyError> {
        let (matches, exclude) = check::check(&draft)?;
        Ok(Self { draft, matches, exclude })
    }

    /// The root.
    pub fn path(&self) -> &Path {
        &self.draft.path
    }

    /// The draft that was checked.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// What happens to an entry that is due.
    pub fn action(&self) -> Action {
        self.draft.action
    }

    /// The names that are meant, of which [`Self::excluded`] takes some away.
    pub fn matching(&self) -> &GlobSet {
        &self.matches
    }

    /// The names that are left alone.
    pub fn excluded(&self) -> &GlobSet {
        &self.exclude
    }

    /// Levels below the root beyond which a run fails.
    pub fn max_depth(&self) -> u32 {
        self.draft.max_depth.unwrap_or(DEFAULT_MAX_DEPTH)
    }

    pub(crate) fn matches(&self, name: &OsStr) -> bool {
        let compressed = || name.as_encoded_bytes().ends_with(COMPRESSED_SUFFIX.as_bytes());
        self.matches.is_match(name)
            && !self.exclude.is_match(name)
            && !(self.draft.action == Action::Compress && compressed())
    }

    pub(crate) fn excludes(&self, name: &OsStr) -> bool {
        self.exclude.is_match(name)
    }
}

/// Policies are equal if they were drafted alike.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.draft == other.draft
    }
}

fn refuse(key: &str, value: &str, message: &str, accepted: &str) -> PolicyError {
    PolicyError {
        key: key.to_owned(),
        value: value.to_owned(),
        message: message.to_owned(),
        accepted: accepted.to_owned(),
    }
}
