//! Programs of supervisord, by its XML-RPC.

use std::path::Path;
use std::time::Duration;

use evenkeel_supervisord::{CallError, Client, FaultCode};

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

/// What a call that failed means for the next attempt; `aim` is what it was for.
pub(super) fn of_call(error: &CallError, aim: &str) -> ActionError {
    let unstartable = [FaultCode::BadName, FaultCode::NoFile, FaultCode::NotExecutable];
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
        for code in [10, 20, 21] {
            assert!(is_permanent(&fault(code)), "{code}");
        }
        for code in [6, 30, 40, 50] {
            assert!(!is_permanent(&fault(code)), "{code}");
        }
        let denied = CallError::Denied { socket: "/s".into(), reason: "permission denied" };
        assert!(is_permanent(&of_call(&denied, "restart program `web`")));
    }
}
