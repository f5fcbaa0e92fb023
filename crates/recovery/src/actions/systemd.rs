//! Units of systemd, by `systemctl`.

use std::time::Duration;

use evenkeel_command::{CommandSpec, Completed, run};

use super::command::{of_run, said};
use super::error::{ActionError, permanent, retryable};

/// `systemctl(1)`: the unit is not loaded, because there is none.
const SYSTEMCTL_NO_SUCH_UNIT: i32 = 5;
/// `systemctl(1)`, after LSB: the caller lacks the rights.
const SYSTEMCTL_NOT_PERMITTED: i32 = 4;

pub(super) async fn restart(unit: &str, timeout: Duration) -> Result<String, ActionError> {
    // `--` keeps a unit's name from being an option; messages in English, because one of them is read below.
    let argv = ["systemctl", "--no-ask-password", "restart", "--", unit];
    let command = CommandSpec::new(argv).env("LC_ALL", "C");
    let completed = run(&command, timeout).await.map_err(|error| of_run(&error))?;
    of_systemctl(unit, &completed)
}

fn of_systemctl(unit: &str, completed: &Completed) -> Result<String, ActionError> {
    if completed.success() {
        return Ok(format!("restarted unit `{unit}`"));
    }
    let message = String::from_utf8_lossy(&completed.stderr);
    let hopeless = matches!(completed.code, Some(SYSTEMCTL_NO_SUCH_UNIT | SYSTEMCTL_NOT_PERMITTED))
        || ["not found.", "has not been booted with systemd", "Access denied"]
            .iter()
            .any(|sign| message.contains(sign));
    let reason = format!("cannot restart unit `{unit}`: {}{}", completed.ending(), said(completed));
    Err(if hopeless { permanent(reason) } else { retryable(reason) })
}

#[cfg(test)]
mod tests {
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
            let error = of_systemctl("web", &completed(code, stderr)).unwrap_err();
            assert_eq!(matches!(error, ActionError::Permanent { .. }), permanent, "{error}");
        };
        assert_eq!(of_systemctl("web", &completed(0, "")), Ok("restarted unit `web`".to_owned()));
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
