//! Commands: what a step runs, and what it says of how they ended.

use std::time::Duration;

use evenkeel_command::{CommandSpec, Completed, RunError, run};
use evenkeel_shown::{escaped, redact};

use super::Occasion;
use super::error::{ActionError, permanent, retryable, with_source};

/// How much of what a failed command said is repeated.
const SAID_LIMIT: usize = 200;

/// Runs a command; its whole process group is killed at the deadline.
pub(super) async fn exec(
    command: &CommandSpec,
    timeout: Duration,
    occasion: &Occasion,
) -> Result<String, ActionError> {
    let completed = run(&occasion.tell(command), timeout).await.map_err(|error| of_run(&error))?;
    if completed.success() {
        return Ok(format!("ran `{command}`"));
    }
    Err(retryable(format!("`{command}` ended with {}{}", completed.ending(), said(&completed))))
}

pub(super) fn of_run(error: &RunError) -> ActionError {
    let reason = with_source(error);
    match error {
        RunError::Empty | RunError::NotFound { .. } | RunError::Denied { .. } => permanent(reason),
        _ => retryable(reason),
    }
}

/// The last line of standard error, which says why more often than the first. What does not print is escaped.
pub(super) fn said(completed: &Completed) -> String {
    let text = String::from_utf8_lossy(&completed.stderr);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    let cut = |line: &str| line.chars().take(SAID_LIMIT).collect::<String>();
    line.map(|line| format!(": {}", escaped(&redact(&cut(line))))).unwrap_or_default()
}
