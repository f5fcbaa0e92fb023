use std::path::PathBuf;

use crate::plan::Plan;
use crate::policy::Policy;

/// Why a rule could not be looked at as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The root does not exist and the policy does not make it.
    #[error("`{}` does not exist (`create = true` would make it)", path.display())]
    Missing {
        /// The root.
        path: PathBuf,
    },
    /// No such user.
    #[error("no user is named `{name}`")]
    NoUser {
        /// As the policy names it.
        name: String,
    },
    /// No such group.
    #[error("no group is named `{name}`")]
    NoGroup {
        /// As the policy names it.
        name: String,
    },
}

/// Looks at the host and says what deviates from the policy. Changes nothing.
pub fn sweep(policy: &Policy) -> Result<Plan, SweepError> {
    Ok(Plan { root: policy.path().to_owned(), steps: Vec::new(), refused: Vec::new(), scanned: 0 })
}

/// Fails if a user or group that the policy names does not exist now.
pub fn check_principals(_policy: &Policy) -> Result<(), SweepError> {
    Ok(())
}
