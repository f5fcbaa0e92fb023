use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::plan::Plan;
use crate::policy::Policy;

/// Why a rule could not be looked at as a whole, or refuses to run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// The run would take more than its cap allows; nothing was changed.
    #[error("`{}`: {found} {unit} are due, more than `{cap}` = {limit} allows; nothing was changed", path.display())]
    OverCap {
        /// The root.
        path: PathBuf,
        /// `max_files` or `max_bytes`.
        cap: &'static str,
        /// The cap's value.
        limit: u64,
        /// What the run would take.
        found: u64,
        /// `files` or `bytes`.
        unit: &'static str,
    },
}

/// Looks at the host and says which files are due at `now`. Changes nothing.
pub fn scan(policy: &Policy, _now: SystemTime) -> Result<Plan, ScanError> {
    Ok(Plan {
        root: policy.path().to_owned(),
        steps: Vec::new(),
        kept: BTreeMap::new(),
        unseen: Vec::new(),
        total_bytes: 0,
        scanned: 0,
    })
}
