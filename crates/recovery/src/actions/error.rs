use evenkeel_process::LookError;
use evenkeel_shown::said::Said;

/// Why an action did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// No other attempt can do better: what is acted on does not exist, or may not be acted on.
    #[error("{reason}")]
    Permanent {
        /// What went wrong.
        reason: Said,
    },
    /// Another attempt may work.
    #[error("{reason}")]
    Retryable {
        /// What went wrong.
        reason: Said,
    },
}

impl ActionError {
    /// What went wrong.
    pub fn reason(&self) -> &Said {
        match self {
            Self::Permanent { reason } | Self::Retryable { reason } => reason,
        }
    }

    /// The same, for whoever has no other use for the error.
    pub fn into_reason(self) -> Said {
        match self {
            Self::Permanent { reason } | Self::Retryable { reason } => reason,
        }
    }
}

pub(super) fn permanent(reason: impl Into<Said>) -> ActionError {
    ActionError::Permanent { reason: reason.into() }
}

pub(super) fn retryable(reason: impl Into<Said>) -> ActionError {
    ActionError::Retryable { reason: reason.into() }
}

/// An error and what it came from, on one line.
pub(super) fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// What a process that could not be looked at or signalled means for the next attempt.
pub(super) fn of_look(error: &LookError) -> ActionError {
    let reason = error.said();
    if error.is_gone() || error.is_denied() { permanent(reason) } else { retryable(reason) }
}
