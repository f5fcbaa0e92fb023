use evenkeel_command::{CommandSpec, RunAs, RunError, run};
use evenkeel_shown::said::WorkloadCode;
use tokio::time::{Instant, timeout_at};

use crate::account::account;
use crate::prober::{Attempt, milliseconds, off_thread};
use crate::{ExecTarget, FailureClass, Outcome};

/// Runs the command, within the attempt's deadline.
pub(crate) async fn measure(target: &ExecTarget, attempt: &mut Attempt) -> Outcome {
    let command = match as_whom(target, attempt).await {
        Ok(command) => command,
        Err(outcome) => return outcome,
    };
    let left = attempt.deadline.saturating_duration_since(Instant::now());
    let completed = match run(&command, left).await {
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
        let (code, signal) = (completed.code, completed.signal);
        let command = target.command.to_string();
        Outcome::bad(FailureClass::Exit, WorkloadCode::CommandEnded { command, code, signal })
    }
}

/// The command with the user and group that it is to run as.
async fn as_whom(target: &ExecTarget, attempt: &Attempt) -> Result<CommandSpec, Outcome> {
    let mut command = target.command.clone();
    if let Some(user) = target.user.clone() {
        let asked = timeout_at(attempt.deadline, off_thread(move || account(&user))).await;
        let user = asked.map_err(|_| attempt.step.timed_out(attempt.timeout))???;
        command.run_as = Some(RunAs { uid: user.uid.as_raw(), gid: user.gid.as_raw() });
    }
    Ok(command)
}

fn of_run(error: &RunError) -> Outcome {
    let detail = error.said();
    match error {
        RunError::TimedOut { .. } => Outcome::bad(FailureClass::Timeout, detail),
        // Without the command there is no look at what it would have looked at.
        RunError::Denied { .. } => Outcome::unknown(FailureClass::Denied, detail),
        RunError::Empty | RunError::NotFound { .. } => {
            Outcome::unknown(FailureClass::Missing, detail)
        }
        _ => Outcome::unknown(FailureClass::Limit, detail),
    }
}
