//! Units of systemd, by `systemctl`.

use evenkeel_command::{CommandSpec, Completed, run};
use tokio::time::Instant;

use super::command::{of_run, said};
use super::error::{ActionError, permanent, retryable};
use super::left_overs;

/// `systemctl(1)`: the unit is not loaded, because there is none.
const SYSTEMCTL_NO_SUCH_UNIT: i32 = 5;
/// `systemctl(1)`, after LSB: the caller lacks the rights.
const SYSTEMCTL_NOT_PERMITTED: i32 = 4;

/// Restarts a unit; between its stop and its start, what it left in its cgroup is ended if `end_left_overs`.
pub(super) async fn restart(
    unit: &str,
    end_left_overs: bool,
    deadline: Instant,
) -> Result<String, ActionError> {
    if !end_left_overs {
        systemctl("restart", unit, deadline).await?;
        return Ok(format!("restarted unit `{unit}`"));
    }
    // With `KillMode=process` a stop ends the main process only, and a start would run each worker twice.
    systemctl("stop", unit, deadline).await?;
    let ended = left_overs::end_of_unit(&full_name(unit), deadline).await?;
    systemctl("start", unit, deadline).await?;
    Ok(match ended {
        Some(ended) => format!("stopped unit `{unit}`, {ended}, started it"),
        None => format!("restarted unit `{unit}`; nothing was left over"),
    })
}

async fn systemctl(verb: &str, unit: &str, deadline: Instant) -> Result<(), ActionError> {
    // `--` keeps a unit's name from being an option; messages in English, because one of them is read below.
    let argv = ["systemctl", "--no-ask-password", verb, "--", unit];
    let command = CommandSpec::new(argv).env("LC_ALL", "C");
    let left = deadline.saturating_duration_since(Instant::now());
    let completed = run(&command, left).await.map_err(|error| of_run(&error))?;
    of_systemctl(verb, unit, &completed)
}

/// As `systemctl` completes it.
fn full_name(unit: &str) -> String {
    if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") }
}

fn of_systemctl(verb: &str, unit: &str, completed: &Completed) -> Result<(), ActionError> {
    if completed.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&completed.stderr);
    let hopeless = matches!(completed.code, Some(SYSTEMCTL_NO_SUCH_UNIT | SYSTEMCTL_NOT_PERMITTED))
        || ["not found.", "has not been booted with systemd", "Access denied"]
            .iter()
            .any(|sign| message.contains(sign));
    let reason = format!("cannot {verb} unit `{unit}`: {}{}", completed.ending(), said(completed));
    Err(if hopeless { permanent(reason) } else { retryable(reason) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn completed(code: i32, stderr: &str) -> Completed {
        Completed {
            code: Some(code),
            signal: None,
            stdout: Vec::new(),
            stderr: stderr.as_bytes().to_vec(),
            truncated: false,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn systemctl_is_understood() {
        let check = |code, stderr, permanent| {
            let error = of_systemctl("restart", "web", &completed(code, stderr)).unwrap_err();
            assert_eq!(matches!(error, ActionError::Permanent { .. }), permanent, "{error}");
        };
        assert_eq!(of_systemctl("restart", "web", &completed(0, "")), Ok(()));
        check(5, "Failed to restart web.service: Unit web.service not found.\n", true);
        check(1, "Failed to restart web.service: Unit web.service not found.\n", true);
        check(4, "Failed to restart web.service: Interactive authentication required.\n", true);
        check(
            1,
            "System has not been booted with systemd as init system (PID 1). Can't operate.\n",
            true,
        );
        check(
            1,
            "Job for web.service failed because the control process exited with error code.\n",
            false,
        );
        check(
            1,
            "Job for web.service failed because start of the service was attempted too often.\n",
            false,
        );
    }
}
