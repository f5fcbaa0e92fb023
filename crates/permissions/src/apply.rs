use std::path::PathBuf;

use serde::Serialize;

use crate::plan::{Kind, Plan, path};
use crate::policy::Policy;

/// One deviation that was put right, seen to be right afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// What deviated.
    pub kind: Kind,
    /// As it was.
    pub before: String,
    /// As it is.
    pub after: String,
}

/// An entry that could not be put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

/// What was done of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Put right.
    pub repaired: Vec<Repair>,
    /// Not put right; what the plan refused is not repeated here.
    pub failed: Vec<Failed>,
}

/// Carries out a plan of this policy.
pub fn apply(_policy: &Policy, _plan: Plan) -> Report {
    Report::default()
}
