use std::path::PathBuf;
use std::time::SystemTime;

use serde::Serialize;

use crate::plan::{Plan, path};
use crate::policy::Policy;

/// One file that was deleted or shortened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// The file.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// `delete` or `truncate`.
    pub action: &'static str,
    /// What was gained.
    pub bytes: u64,
    /// How a file was shortened: `collapsed`, `punched`, `rewritten` or `emptied`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'static str>,
}

/// A file that could not be taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The file.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

/// A file that was due when the plan was made and is left alone now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// What was done of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Taken away.
    pub taken: Vec<Taken>,
    /// Not taken away.
    pub failed: Vec<Failed>,
    /// No longer due: changed, locked, in use, or gone.
    pub skipped: Vec<Skipped>,
}

/// Carries out a plan of this policy; a file is looked at again as of `now`.
pub fn apply(_policy: &Policy, _plan: Plan, _now: SystemTime) -> Report {
    Report::default()
}
