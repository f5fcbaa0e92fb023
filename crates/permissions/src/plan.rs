use std::path::{Path, PathBuf};

use evenkeel_safefs::{Access, Identity};
use serde::{Serialize, Serializer};

/// What is wrong with an entry, or was put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The mode.
    Mode,
    /// The owner.
    Owner,
    /// The group.
    Group,
    /// The root was missing.
    Created,
}

impl Kind {
    /// The name that metrics and documents use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Group => "group",
            Self::Created => "created",
        }
    }
}

/// One deviation, and what would put it right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// What deviates.
    pub kind: Kind,
    /// As it is: `0600`, `root`, `absent`.
    pub before: String,
    /// As it should be.
    pub after: String,
    /// Which part of the policy asks for it.
    pub reason: String,
    #[serde(skip)]
    pub(crate) pin: Option<Identity>,
    #[serde(skip)]
    pub(crate) wanted: Access,
}

/// An entry that deviates, or could not be looked at, and is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why it is left alone.
    pub reason: String,
}

/// What a sweep found and would do. Nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The root of the rule.
    #[serde(serialize_with = "path")]
    pub root: PathBuf,
    /// Deviations that can be put right; those of one entry follow one another.
    pub steps: Vec<Step>,
    /// Deviations that cannot.
    pub refused: Vec<Refused>,
    /// Entries looked at, the root included.
    pub scanned: u64,
}

impl Plan {
    /// Whether everything is as the policy says.
    pub fn holds(&self) -> bool {
        self.steps.is_empty() && self.refused.is_empty()
    }
}

pub(crate) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&evenkeel_safefs::escaped(path))
}
