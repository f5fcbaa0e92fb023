//! Programs of supervisord, by its XML-RPC.

use std::path::Path;
use std::time::Duration;

use evenkeel_shown::escaped;
use evenkeel_shown::said::{ActionCode, Aim, Said};
use evenkeel_supervisord::{CallError, Client, FaultCode, Program, Restarted};
use tokio::time::Instant;

use super::aim::{cannot, reached};
use super::error::{ActionError, permanent, retryable};
use super::{Rules, Signal, StoppedProgram};

/// Stops a program, if it runs, and starts it.
pub(super) async fn restart_program(
    socket: &Path,
    program: &str,
    deadline: Instant,
    rules: &impl Rules,
) -> Result<Said, ActionError> {
    let client = Client::new(socket);
    let aim = Aim::RestartProgram { program: program.to_owned() };
    let failed = |error: CallError| of_call(&error, &aim);
    let found = client.program(program, left(deadline)).await.map_err(failed)?;
    announce(&[found], rules).await?;
    client.restart(program, left(deadline)).await.map_err(failed)?;
    Ok(reached(format!("restarted program `{program}`"), aim))
}

/// Restarts the programs of a group, but for those that were stopped on purpose.
pub(super) async fn restart_group(
    socket: &Path,
    group: &str,
    deadline: Instant,
    rules: &impl Rules,
) -> Result<Said, ActionError> {
    let client = Client::new(socket);
    let aim = Aim::RestartGroup { group: group.to_owned() };
    let failed = |error: CallError| of_call(&error, &aim);
    let found = client.programs_of(group, left(deadline)).await.map_err(failed)?;
    announce(&found, rules).await?;
    let restarted = client.restart_group(group, left(deadline)).await.map_err(failed)?;
    let Restarted { running, failed, left_stopped } = restarted;
    let mut said = vec![format!(
        "restarted group `{group}`: {} of {} run",
        running.len(),
        running.len() + failed.len()
    )];
    let failed: Vec<_> = failed.into_iter().map(|(name, why)| (name, escaped(&why))).collect();
    said.extend(failed.iter().map(|(name, why)| format!("`{name}` does not: {why}")));
    if !left_stopped.is_empty() {
        said.push(format!("left as stopped: {}", left_stopped.join(", ")));
    }
    let is_done = failed.is_empty();
    let (group, of) = (group.to_owned(), running.len() + failed.len());
    let running = running.len();
    let code = ActionCode::GroupRestarted { group, running, of, failed, left_stopped };
    let said = Said::new(said.join("; "), code);
    if is_done { Ok(said) } else { Err(retryable(said)) }
}

/// Starts those that a restart stopped and nobody started since.
pub(super) async fn finish_restart(
    socket: &Path,
    stopped: &[StoppedProgram],
    deadline: Instant,
) -> Result<Said, ActionError> {
    let client = Client::new(socket);
    let (mut said, mut failed) = (Vec::new(), None);
    for StoppedProgram { name, started } in stopped {
        match client.finish_restart(name, *started, left(deadline)).await {
            Ok((true, _)) => said.push(Said::new(
                format!("started `{name}`, which a restart had stopped"),
                ActionCode::ProgramStarted { program: name.clone() },
            )),
            Ok((false, state)) => said.push(Said::new(
                format!("left `{name}` as it is, {state}"),
                ActionCode::ProgramLeft { program: name.clone(), state: state.to_string() },
            )),
            Err(error) => {
                let error = of_call(&error, &Aim::StartProgram { program: name.clone() });
                said.push(error.reason().clone());
                failed.get_or_insert(error);
            }
        }
    }
    let said = Said::joined(said);
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
) -> Result<Said, ActionError> {
    let aim = Aim::SignalProgram { signal: signal.to_string(), program: program.to_owned() };
    let sent = Client::new(socket).signal(program, signal.name(), timeout).await;
    sent.map_err(|error| match error {
        // Whoever does not run takes no signal, however often it is sent: the next step may start it.
        error if error.is_fault(FaultCode::NotRunning) => {
            permanent(cannot(&aim, Said::new("it does not run", ActionCode::DoesNotRun)))
        }
        error => of_call(&error, &aim),
    })?;
    Ok(reached(format!("sent SIG{signal} to program `{program}`"), aim))
}

/// What a call that failed means for the next attempt; `aim` is what it was for.
pub(super) fn of_call(error: &CallError, aim: &Aim) -> ActionError {
    let unstartable =
        [FaultCode::BadName, FaultCode::BadSignal, FaultCode::NoFile, FaultCode::NotExecutable];
    let hopeless = matches!(error, CallError::Denied { .. })
        || unstartable.iter().any(|fault| error.is_fault(*fault));
    let reason = cannot(aim, error.said());
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
        let aim = || Aim::RestartProgram { program: "web".to_owned() };
        let fault = |code| of_call(&CallError::Fault { code, text: "X: web".into() }, &aim());
        for code in [10, 11, 20, 21] {
            assert!(is_permanent(&fault(code)), "{code}");
        }
        for code in [6, 30, 40, 50] {
            assert!(!is_permanent(&fault(code)), "{code}");
        }
        let denied = CallError::Denied { socket: "/s".into(), reason: "permission denied" };
        assert!(is_permanent(&of_call(&denied, &aim())));
    }
}
