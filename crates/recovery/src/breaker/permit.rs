use std::num::NonZeroU64;

use evenkeel_moment::Moment;

use super::state::PermitKind;

/// Leave for one call. Give it back with how the call ended.
///
/// A permit that is dropped instead is harmless while the breaker is closed; a dropped trial counts as lost when its
/// lease runs out (T11). One permit is one verdict: it cannot be copied.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit is given back with `success`, `failure` or `ignore`"]
pub struct Permit {
    pub(super) generation: u64,
    pub(super) trial: Option<NonZeroU64>,
    pub(super) started: Moment,
}

impl Permit {
    /// What the permit is for.
    pub const fn kind(&self) -> PermitKind {
        match self.trial {
            None => PermitKind::Normal,
            Some(_) => PermitKind::Trial,
        }
    }
}
