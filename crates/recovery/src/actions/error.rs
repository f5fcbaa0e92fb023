use evenkeel_process::LookError;

/// Why an action did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// No other attempt can do better: what is acted on does not exist, or may not be acted on.
    #[error("{reason}")]
    Permanent {
        /// What went wrong, in words.
        reason: String,
    },
    /// Another attempt may work.
    #[error("{reason}")]
    Retryable {
        /// What went wrong, in words.
        reason: String,
    },
}

impl ActionError {
    /// What went wrong, in words.
    pub fn reason(&self) -> &str {
        match self {
            Self::Permanent { reason } | Self::Retryable { reason } => reason,
        }
    }
}

pub(super) fn permanent(reason: impl Into<String>) -> ActionError {
    ActionError::Permanent { reason: reason.into() }
}

pub(super) fn retryable(reason: impl Into<String>) -> ActionError {
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
    let reason = with_source(error);
    if error.is_gone() || error.is_denied() { permanent(reason) } else { retryable(reason) }
}
