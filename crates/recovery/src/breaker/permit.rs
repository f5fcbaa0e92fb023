use std::num::NonZeroU64;
use std::time::Duration;

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

    /// Has the call count as one that took `took` until `now`, where its own clock knows better than whoever was told of its end
    /// only later: a call is slow (`slow_call`) by how long it took, not by how long nobody came to its result.
    pub fn that_took(self, took: Duration, now: Moment) -> Self {
        Self { started: now.before(took), ..self }
    }
}
