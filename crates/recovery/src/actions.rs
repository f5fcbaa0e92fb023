//! What a recovery can do to the host. The one module here that reaches outside.
//!
//! Whether an action healed anything is not its own to say: the check that found the fault must find it gone. So an
//! action only tells an attempt that may work another time from one that cannot.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_command::{CommandSpec, Completed, RunError, run};
use evenkeel_supervisord::{CallError, Client, FaultCode};

/// How much of what a failed command said is repeated.
const SAID_LIMIT: usize = 200;
/// `systemctl(1)`: the unit is not loaded, because there is none.
const SYSTEMCTL_NO_SUCH_UNIT: i32 = 5;
/// `systemctl(1)`, after LSB: the caller lacks the rights.
const SYSTEMCTL_NOT_PERMITTED: i32 = 4;

/// One thing a recovery can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Stops one program of supervisord, if it runs, and starts it.
    SupervisorRestartProgram {
        /// supervisord's socket.
        socket: PathBuf,
        /// The program by its full name; `None` until the check says which one is down.
        program: Option<String>,
    },
    /// Restarts a unit of systemd.
    SystemdRestart {
        /// The unit; `.service` may be left out, as for `systemctl`.
        unit: String,
    },
    /// Runs a command.
    Exec {
        /// The command.
        command: CommandSpec,
    },
}

/// Why an action did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// No other attempt can do better: what is acted on does not exist, or may not be acted on.
    #[error("{reason}")]
    Permanent {
        /// What went wrong, in words.
        reason: String,
    },
    /// Another attempt may work.
    #[error("{reason}")]
    Retryable {
        /// What went wrong, in words.
        reason: String,
    },
}

/// Performs `action`; done, or given up and cleaned up, within `timeout`. Returns what was done, in words.
///
/// Fails with [`ActionError::Permanent`] if the program, unit or command does not exist or access to it is denied; with
/// [`ActionError::Retryable`] otherwise. After a failure the target may be stopped.
pub async fn perform(action: &Action, timeout: Duration) -> Result<String, ActionError> {
    match action {
        Action::SupervisorRestartProgram { program: None, .. } => {
            Err(permanent("no program was named to restart"))
        }
        Action::SupervisorRestartProgram { socket, program: Some(program) } => {
            Client::new(socket)
                .restart(program, timeout)
                .await
                .map_err(|error| of_call(&error, program))?;
            Ok(format!("restarted program `{program}`"))
        }
        Action::SystemdRestart { unit } => systemd_restart(unit, timeout).await,
        Action::Exec { command } => {
            let completed = run(command, timeout).await.map_err(|error| of_run(&error))?;
            if completed.success() {
                Ok(format!("ran `{command}`"))
            } else {
                Err(retryable(format!(
                    "`{command}` ended with {}{}",
                    completed.ending(),
                    said(&completed)
                )))
            }
        }
    }
}

async fn systemd_restart(unit: &str, timeout: Duration) -> Result<String, ActionError> {
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

impl Action {
    /// The name that settings, metrics and the journal use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SupervisorRestartProgram { .. } => "supervisor.restart-program",
            Self::SystemdRestart { .. } => "systemd.restart",
            Self::Exec { .. } => "exec",
        }
    }

    /// The name, and what it acts on.
    pub fn describe(&self) -> String {
        self.to_string()
    }

    /// The action for one part of a check, such as one program of a supervisor, or for the whole check.
    ///
    /// `None` if it cannot apply: restarting a program takes the name of one.
    #[must_use]
    pub fn for_part(&self, part: Option<&str>) -> Option<Self> {
        match self {
            Self::SupervisorRestartProgram { socket, program } => {
                Some(Self::SupervisorRestartProgram {
                    socket: socket.clone(),
                    program: Some(program.clone().or_else(|| part.map(str::to_owned))?),
                })
            }
            Self::SystemdRestart { .. } | Self::Exec { .. } => Some(self.clone()),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        match self {
            Self::SupervisorRestartProgram { program: None, .. } => Ok(()),
            Self::SupervisorRestartProgram { program: Some(program), .. } => {
                write!(formatter, " {program}")
            }
            Self::SystemdRestart { unit } => write!(formatter, " {unit}"),
            Self::Exec { command } => write!(formatter, " {command}"),
        }
    }
}

impl ActionError {
    /// What went wrong, in words.
    pub fn reason(&self) -> &str {
        match self {
            Self::Permanent { reason } | Self::Retryable { reason } => reason,
        }
    }
}

fn of_call(error: &CallError, program: &str) -> ActionError {
    let unstartable = [FaultCode::BadName, FaultCode::NoFile, FaultCode::NotExecutable];
    let hopeless = matches!(error, CallError::Denied { .. })
        || unstartable.iter().any(|fault| error.is_fault(*fault));
    let reason = format!("cannot restart program `{program}`: {}", with_source(error));
    if hopeless { permanent(reason) } else { retryable(reason) }
}

fn of_run(error: &RunError) -> ActionError {
    let reason = with_source(error);
    match error {
        RunError::Empty | RunError::NotFound { .. } | RunError::Denied { .. } => permanent(reason),
        _ => retryable(reason),
    }
}

fn permanent(reason: impl Into<String>) -> ActionError {
    ActionError::Permanent { reason: reason.into() }
}

fn retryable(reason: impl Into<String>) -> ActionError {
    ActionError::Retryable { reason: reason.into() }
}

fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// The last line of standard error, which says why more often than the first.
fn said(completed: &Completed) -> String {
    let text = String::from_utf8_lossy(&completed.stderr);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.map(|line| format!(": {}", line.chars().take(SAID_LIMIT).collect::<String>()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
