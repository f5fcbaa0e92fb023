//! Commands: what a step runs, and what it says of how they ended.

use std::time::Duration;

use evenkeel_command::{CommandSpec, Completed, RunError, run};
use evenkeel_shown::said::{ActionCode, Said};
use evenkeel_shown::{escaped, redact};

use super::Occasion;
use super::error::{ActionError, permanent, retryable};

/// How much of what a failed command said is repeated.
const SAID_LIMIT: usize = 200;

/// Runs a command; its whole process group is killed at the deadline.
pub(super) async fn exec(
    command: &CommandSpec,
    timeout: Duration,
    occasion: &Occasion,
) -> Result<Said, ActionError> {
    let completed = run(&occasion.tell(command), timeout).await.map_err(|error| of_run(&error))?;
    if completed.success() {
        let code = ActionCode::CommandRan { command: command.to_string() };
        return Ok(Said::new(format!("ran `{command}`"), code));
    }
    let said = said(&completed);
    let tail = said.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
    let text = format!("`{command}` ended with {}{tail}", completed.ending());
    let (command, code, signal) = (command.to_string(), completed.code, completed.signal);
    Err(retryable(Said::new(text, ActionCode::CommandEnded { command, code, signal, said })))
}

pub(super) fn of_run(error: &RunError) -> ActionError {
    let reason = error.said();
    match error {
        RunError::Empty | RunError::NotFound { .. } | RunError::Denied { .. } => permanent(reason),
        _ => retryable(reason),
    }
}

/// The last line of standard error, which says why more often than the first. What does not print is escaped.
pub(super) fn said(completed: &Completed) -> Option<String> {
    let text = String::from_utf8_lossy(&completed.stderr);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    let cut = |line: &str| line.chars().take(SAID_LIMIT).collect::<String>();
    line.map(|line| escaped(&redact(&cut(line))))
}
