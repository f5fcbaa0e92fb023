use evenkeel_command::{RunError, run};

use crate::prober::{Attempt, milliseconds};
use crate::{ExecTarget, FailureClass, Outcome};

/// Runs the command, within the attempt's deadline.
pub(crate) async fn measure(target: &ExecTarget, attempt: &mut Attempt) -> Outcome {
    let completed = match run(&target.command, attempt.timeout).await {
        Ok(completed) => completed,
        Err(error) => return of_run(&error),
    };
    attempt.facts.set("exit_code", completed.code.unwrap_or(-1));
    attempt.facts.set("latency_ms", milliseconds(completed.took));
    for (field, output) in [("stdout", &completed.stdout), ("stderr", &completed.stderr)] {
        attempt.facts.set(field, String::from_utf8_lossy(output).trim());
    }
    if completed.success() || target.any_exit && completed.code.is_some() {
        Outcome::Good
    } else {
        Outcome::bad(
            FailureClass::Exit,
            format!("`{}` ended with {}", target.command, completed.ending()),
        )
    }
}

fn of_run(error: &RunError) -> Outcome {
    let detail = error.to_string();
    match error {
        RunError::TimedOut { .. } => Outcome::bad(FailureClass::Timeout, detail),
        // Without the command there is no look at what it would have looked at.
        RunError::Denied { .. } => Outcome::unknown(FailureClass::Denied, detail),
        RunError::Empty | RunError::NotFound { .. } => {
            Outcome::unknown(FailureClass::Missing, detail)
        }
        RunError::Io { source, .. } => {
            Outcome::unknown(FailureClass::Limit, format!("{detail}: {source}"))
        }
        _ => Outcome::unknown(FailureClass::Limit, detail),
    }
}
