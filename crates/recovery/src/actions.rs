//! What a recovery can do to the host. The one module here that reaches outside.
//!
//! Whether an action healed anything is not its own to say: the check that found the fault must find it gone. So an
//! action only tells an attempt that may work another time from one that cannot.

mod command;
mod error;
mod supervisor;
mod systemd;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_command::CommandSpec;

pub use error::ActionError;
use error::permanent;

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
            supervisor::restart_program(socket, program, timeout).await
        }
        Action::SystemdRestart { unit } => systemd::restart(unit, timeout).await,
        Action::Exec { command } => command::exec(command, timeout).await,
    }
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

#[cfg(test)]
mod tests;
