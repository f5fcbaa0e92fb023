//! Programs of supervisord, by its XML-RPC.

use std::path::Path;
use std::time::Duration;

use evenkeel_shown::escaped;
use evenkeel_supervisord::{CallError, Client, FaultCode, Program, Restarted};
use tokio::time::Instant;

use super::error::{ActionError, permanent, retryable, with_source};
use super::{Rules, Signal, StoppedProgram};

/// Stops a program, if it runs, and starts it.
pub(super) async fn restart_program(
    socket: &Path,
    program: &str,
    deadline: Instant,
    rules: &impl Rules,
) -> Result<String, ActionError> {
    let client = Client::new(socket);
    let failed = |error: CallError| of_call(&error, &format!("restart program `{program}`"));
    let found = client.program(program, left(deadline)).await.map_err(failed)?;
    announce(&[found], rules).await?;
    client.restart(program, left(deadline)).await.map_err(failed)?;
    Ok(format!("restarted program `{program}`"))
}

/// Restarts the programs of a group, but for those that were stopped on purpose.
pub(super) async fn restart_group(
    socket: &Path,
    group: &str,
    deadline: Instant,
    rules: &impl Rules,
) -> Result<String, ActionError> {
    let client = Client::new(socket);
    let failed = |error: CallError| of_call(&error, &format!("restart group `{group}`"));
    let found = client.programs_of(group, left(deadline)).await.map_err(failed)?;
    announce(&found, rules).await?;
    let restarted = client.restart_group(group, left(deadline)).await.map_err(failed)?;
    let Restarted { running, failed, left_stopped } = restarted;
    let mut said = vec![format!(
        "restarted group `{group}`: {} of {} run",
        running.len(),
        running.len() + failed.len()
    )];
    said.extend(failed.iter().map(|(name, why)| format!("`{name}` does not: {}", escaped(why))));
    if !left_stopped.is_empty() {
        said.push(format!("left as stopped: {}", left_stopped.join(", ")));
    }
    let said = said.join("; ");
    if failed.is_empty() { Ok(said) } else { Err(retryable(said)) }
}

/// Starts those that a restart stopped and nobody started since.
pub(super) async fn finish_restart(
    socket: &Path,
    stopped: &[StoppedProgram],
    deadline: Instant,
) -> Result<String, ActionError> {
    let client = Client::new(socket);
    let (mut said, mut failed) = (Vec::new(), None);
    for StoppedProgram { name, started } in stopped {
        match client.finish_restart(name, *started, left(deadline)).await {
            Ok((true, _)) => said.push(format!("started `{name}`, which a restart had stopped")),
            Ok((false, state)) => said.push(format!("left `{name}` as it is, {state}")),
            Err(error) => {
                let error = of_call(&error, &format!("start program `{name}`"));
                said.push(error.reason().to_owned());
                failed.get_or_insert(error);
            }
        }
    }
    let said = said.join("; ");
    match failed {
        None => Ok(said),
        Some(ActionError::Permanent { .. }) => Err(permanent(said)),
        Some(ActionError::Retryable { .. }) => Err(retryable(said)),
    }
}

/// Has it kept which of these programs a stop would end.
async fn announce(programs: &[Program], rules: &impl Rules) -> Result<(), ActionError> {
    let runs = |program: &&Program| program.state.can_be_stopped();
    let stopped: Vec<_> = programs
        .iter()
        .filter(runs)
        .map(|program| StoppedProgram { name: program.full_name(), started: program.started })
        .collect();
    if stopped.is_empty() { Ok(()) } else { rules.stopping(stopped).await }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Has supervisord signal a program.
pub(super) async fn signal(
    socket: &Path,
    program: &str,
    signal: Signal,
    timeout: Duration,
) -> Result<String, ActionError> {
    let aim = format!("send SIG{signal} to program `{program}`");
    let sent = Client::new(socket).signal(program, signal.name(), timeout).await;
    sent.map_err(|error| match error {
        // Whoever does not run takes no signal, however often it is sent: the next step may start it.
        error if error.is_fault(FaultCode::NotRunning) => {
            permanent(format!("cannot {aim}: it does not run"))
        }
        error => of_call(&error, &aim),
    })?;
    Ok(format!("sent SIG{signal} to program `{program}`"))
}

/// What a call that failed means for the next attempt; `aim` is what it was for.
pub(super) fn of_call(error: &CallError, aim: &str) -> ActionError {
    let unstartable =
        [FaultCode::BadName, FaultCode::BadSignal, FaultCode::NoFile, FaultCode::NotExecutable];
    let hopeless = matches!(error, CallError::Denied { .. })
        || unstartable.iter().any(|fault| error.is_fault(*fault));
    let reason = format!("cannot {aim}: {}", with_source(error));
    if hopeless { permanent(reason) } else { retryable(reason) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_permanent(error: &ActionError) -> bool {
        matches!(error, ActionError::Permanent { .. })
    }

    #[test]
    fn faults_that_no_attempt_can_mend_are_permanent() {
        let fault = |code| {
            of_call(&CallError::Fault { code, text: "X: web".into() }, "restart program `web`")
        };
        for code in [10, 11, 20, 21] {
            assert!(is_permanent(&fault(code)), "{code}");
        }
        for code in [6, 30, 40, 50] {
            assert!(!is_permanent(&fault(code)), "{code}");
        }
        let denied = CallError::Denied { socket: "/s".into(), reason: "permission denied" };
        assert!(is_permanent(&of_call(&denied, "restart program `web`")));
    }
}
