//! What a recovery can do to the host. The one module here that reaches outside.
//!
//! Whether an action healed anything is not its own to say: the check that found the fault must find it gone. So an
//! action only tells an attempt that may work another time from one that cannot, and says precisely what it did.

mod aim;
mod command;
mod error;
mod name;
mod occasion;
mod supervisor;
mod systemd;
mod tmux;

pub mod evidence;
pub mod left_overs;
mod signal;

use std::path::PathBuf;
use std::time::Duration;

use evenkeel_command::CommandSpec;
use evenkeel_shown::said::{ActionCode, Named, Said};
pub use evenkeel_systemd::UnitName;
use evenkeel_tmux::Place;
use tokio::time::Instant;

pub use error::ActionError;
use error::{permanent, retryable};
pub use evenkeel_process::Identity;
pub use occasion::{Occasion, Rules, StoppedProgram, VARIABLES};
pub use signal::Signal;
pub use systemd::UnitOrder;

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
    /// Stops the programs of a group of supervisord and starts them; those that were stopped on purpose stay so.
    SupervisorRestartGroup {
        /// supervisord's socket.
        socket: PathBuf,
        /// The group; `None` until the check says of which group a program is down.
        group: Option<String>,
    },
    /// Starts programs of supervisord that a restart stopped before it was cut off, and that nobody started since. No
    /// attempt of its own but the second half of one: settings cannot name it.
    SupervisorFinishRestart {
        /// supervisord's socket.
        socket: PathBuf,
        /// The programs.
        stopped: Vec<StoppedProgram>,
    },
    /// Has supervisord send a signal to a program that runs.
    SupervisorSignal {
        /// supervisord's socket.
        socket: PathBuf,
        /// The program by its full name; `None` until the check says which one is down.
        program: Option<String>,
        /// The signal.
        signal: Signal,
    },
    /// Restarts a unit of systemd.
    SystemdRestart {
        /// The unit.
        unit: UnitName,
        /// Whether what the unit left in its cgroup is ended between the stop and the start.
        end_left_overs: bool,
    },
    /// Gives systemd another order about a unit.
    SystemdOrder {
        /// What is to be done.
        order: UnitOrder,
        /// With which unit.
        unit: UnitName,
    },
    /// Starts the command of a pane of tmux anew.
    TmuxRespawnPane {
        /// The server.
        place: Place,
        /// The pane as `session:window.pane`; `None` until the check says which one is down.
        pane: Option<String>,
    },
    /// Has a tmux server that lives make its deleted socket again.
    TmuxRecreateSocket {
        /// The server.
        place: Place,
    },
    /// Sends a signal to the process that the check named, and to no other that has its number now.
    Signal {
        /// The signal.
        signal: Signal,
    },
    /// Runs a command.
    Exec {
        /// The command.
        command: CommandSpec,
        /// The socket of a supervisord that is dead: what is left of its programs is ended before the command.
        left_overs_of: Option<PathBuf>,
    },
    /// Tells somebody. Not an attempt to heal: it is neither charged, nor verified, nor tried again.
    Notify {
        /// The command that tells him; `None`: the log and the history do.
        command: Option<CommandSpec>,
    },
    /// Repairs what deviates from a permission rule, by the rule's own policy.
    PermissionsRepair {
        /// The rule.
        rule: String,
    },
    /// Runs a cleanup rule, within its own caps.
    CleanupRun {
        /// The rule.
        rule: String,
    },
}

/// Performs `action`; done, or given up and cleaned up, within `timeout`. Returns what was done.
///
/// Fails with [`ActionError::Permanent`] if what it acts on does not exist, access to it is denied, or its precondition does
/// not hold; with [`ActionError::Retryable`] otherwise. After a failure the target may be stopped. What a rule does is
/// left to `rules`, which gives up by itself at the deadline it is told, or is no longer waited for.
pub async fn perform(
    action: &Action,
    timeout: Duration,
    occasion: &Occasion,
    rules: &impl Rules,
) -> Result<Said, ActionError> {
    let deadline = Instant::now() + timeout;
    let work = work(action, timeout, deadline, occasion, rules);
    // Each bounds itself and says what it had come to; this is for whoever fails to.
    let slack = Duration::from_secs(1);
    tokio::time::timeout_at(deadline + slack, work).await.unwrap_or_else(|_| {
        let action = action.describe();
        let text = format!("{action}: not done within {timeout:?}");
        Err(retryable(Said::new(text, ActionCode::NotDoneWithin { action, after: timeout })))
    })
}

async fn work(
    action: &Action,
    timeout: Duration,
    deadline: Instant,
    occasion: &Occasion,
    rules: &impl Rules,
) -> Result<Said, ActionError> {
    match action {
        Action::SupervisorRestartProgram { program: None, .. }
        | Action::SupervisorSignal { program: None, .. } => {
            Err(not_named("no check names the program that is meant", Named::Program))
        }
        Action::SupervisorRestartGroup { group: None, .. } => {
            Err(not_named("no check names the group that is meant", Named::Group))
        }
        Action::SupervisorRestartProgram { socket, program: Some(program) } => {
            supervisor::restart_program(socket, program, deadline, rules).await
        }
        Action::SupervisorRestartGroup { socket, group: Some(group) } => {
            supervisor::restart_group(socket, group, deadline, rules).await
        }
        Action::SupervisorFinishRestart { socket, stopped } => {
            supervisor::finish_restart(socket, stopped, deadline).await
        }
        Action::SupervisorSignal { socket, program: Some(program), signal } => {
            supervisor::signal(socket, program, *signal, timeout).await
        }
        Action::SystemdRestart { unit, end_left_overs } => {
            let leave_stopped = !occasion.unit_is_wanted;
            systemd::restart(unit, *end_left_overs, leave_stopped, deadline).await
        }
        Action::SystemdOrder { order, unit } => systemd::order(*order, unit, deadline).await,
        Action::TmuxRespawnPane { pane: None, .. } => {
            Err(not_named("no check names the pane that is meant", Named::Pane))
        }
        Action::TmuxRespawnPane { place, pane: Some(pane) } => {
            tmux::respawn_pane(place, pane, deadline).await
        }
        Action::TmuxRecreateSocket { place } => tmux::recreate_socket(place, deadline).await,
        Action::Signal { signal } => signal::send(*signal, occasion.process, deadline).await,
        Action::Exec { command, left_overs_of } => {
            let ended = match left_overs_of {
                Some(socket) => {
                    left_overs::end_of_supervisord(socket, &occasion.workers, deadline).await?
                }
                None => None,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let ran = command::exec(command, left, occasion).await?;
            Ok(match ended {
                Some(ended) => Said::joined(vec![ended.said(), ran]),
                None => ran,
            })
        }
        Action::Notify { command: None } => Ok(occasion.said()),
        Action::Notify { command: Some(command) } => {
            command::exec(command, timeout, occasion).await
        }
        Action::PermissionsRepair { rule } => rules.repair(rule, timeout).await,
        Action::CleanupRun { rule } => rules.clean(rule, timeout).await,
    }
}

fn not_named(text: &str, what: Named) -> ActionError {
    permanent(Said::new(text, ActionCode::NotNamed(what)))
}

#[cfg(test)]
mod tests;
