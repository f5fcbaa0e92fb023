//! Programs of supervisord, by its XML-RPC.

use std::path::Path;
use std::time::Duration;

use evenkeel_shown::escaped;
use evenkeel_supervisord::{CallError, Client, FaultCode, Restarted};

use super::Signal;
use super::error::{ActionError, permanent, retryable, with_source};

/// Stops a program, if it runs, and starts it.
pub(super) async fn restart_program(
    socket: &Path,
    program: &str,
    timeout: Duration,
) -> Result<String, ActionError> {
    let restarted = Client::new(socket).restart(program, timeout).await;
    restarted.map_err(|error| of_call(&error, &format!("restart program `{program}`")))?;
    Ok(format!("restarted program `{program}`"))
}

/// Restarts the programs of a group, but for those that were stopped on purpose.
pub(super) async fn restart_group(
    socket: &Path,
    group: &str,
    timeout: Duration,
) -> Result<String, ActionError> {
    let restarted = Client::new(socket).restart_group(group, timeout).await;
    let restarted =
        restarted.map_err(|error| of_call(&error, &format!("restart group `{group}`")))?;
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
