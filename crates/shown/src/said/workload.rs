#![expect(missing_docs, reason = "a field is named after what it is")]

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use super::host::hint;

/// What is wrong with something that others run: a command, a program of supervisord, a pane of tmux.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkloadCode {
    CommandEnded {
        command: String,
        code: Option<i32>,
        signal: Option<i32>,
    },
    NoProgram {
        program: String,
        near: Vec<String>,
    },
    ProgramFails {
        program: String,
        state: String,
        reason: Option<String>,
    },
    ProgramDone {
        program: String,
        status: i64,
    },
    ProgramSignalled {
        program: String,
    },
    ProgramExited {
        program: String,
        status: i64,
    },
    ProgramNotStarted {
        program: String,
    },
    ProgramStopped {
        program: String,
    },
    ProgramIs {
        program: String,
        state: String,
    },
    /// supervisord says that it runs, and names no process.
    ProgramWithoutProcess {
        program: String,
    },
    /// A restart of evenkeel's stopped it and did not start it again.
    ProgramCutOff {
        program: String,
    },
    NoSession {
        sessions: Vec<String>,
    },
    PaneStalled {
        pane: String,
        seconds: u64,
    },
    PaneSignalled {
        pane: String,
        signal: i32,
    },
    PaneDone {
        pane: String,
    },
    PaneExited {
        pane: String,
        status: i32,
    },
    PaneDead {
        pane: String,
    },
    PaneDying {
        pane: String,
    },
    PaneUnread {
        pane: String,
    },
    /// No tmux client uses the folder of the socket.
    FolderRefused {
        folder: String,
        why: BadFolder,
    },
}

/// Why tmux clients refuse a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadFolder {
    NoDirectory,
    Owner { owner: u32, wanted: u32 },
    Mode(String),
}

impl Display for WorkloadCode {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandEnded { command, code, signal } => {
                write!(to, "`{command}` ended with ")?;
                match (code, signal) {
                    (Some(code), _) => write!(to, "exit code {code}"),
                    (None, Some(signal)) => write!(to, "signal {signal}"),
                    (None, None) => to.write_str("an unknown end"),
                }
            }
            Self::NoProgram { program, near } => {
                write!(to, "supervisord has no program `{program}`{}", hint(near))
            }
            Self::ProgramFails { program, state, reason: None } => {
                write!(to, "`{program}` is {state}")
            }
            Self::ProgramFails { program, state, reason: Some(reason) } => {
                write!(to, "`{program}` is {state}: {reason}")
            }
            Self::ProgramDone { program, status } => {
                write!(to, "`{program}` exited with {status}, as one that is done")
            }
            Self::ProgramSignalled { program } => write!(to, "`{program}` was ended by a signal"),
            Self::ProgramExited { program, status } => {
                write!(to, "`{program}` exited with {status}")
            }
            Self::ProgramNotStarted { program } => {
                write!(to, "`{program}` was not started yet, and nobody asked for it")
            }
            Self::ProgramStopped { program } => {
                write!(to, "`{program}` is stopped, as on purpose")
            }
            Self::ProgramIs { program, state } => write!(to, "`{program}` is {state}"),
            Self::ProgramWithoutProcess { program } => {
                write!(to, "supervisord says that `{program}` runs, and names no process")
            }
            Self::ProgramCutOff { program } => write!(
                to,
                "`{program}` was stopped by a restart of evenkeel's that did not start it again"
            ),
            Self::NoSession { sessions } => {
                let names: Vec<_> = sessions.iter().map(|name| format!("`{name}`")).collect();
                write!(to, "tmux has no session {}", names.join(" and none "))
            }
            Self::PaneStalled { pane, seconds } => {
                write!(to, "the pane `{pane}` has shown the same for {seconds}s: stalled")
            }
            Self::PaneSignalled { pane, signal } => {
                write!(to, "the pane `{pane}` was ended by signal {signal}")
            }
            Self::PaneDone { pane } => {
                write!(to, "the pane `{pane}` exited with 0, as one that is done")
            }
            Self::PaneExited { pane, status } => {
                write!(to, "the pane `{pane}` exited with {status}")
            }
            Self::PaneDead { pane } => {
                write!(to, "the pane `{pane}` is dead, and tmux does not say how it ended")
            }
            Self::PaneDying { pane } => write!(to, "the pane `{pane}` is about to be dead"),
            Self::PaneUnread { pane } => write!(
                to,
                "what the pane `{pane}` shows was not read: it is gone, or all panes together show too much"
            ),
            Self::FolderRefused { folder, why } => {
                write!(to, "every tmux client refuses the folder `{folder}`: {why}")
            }
        }
    }
}

impl Display for BadFolder {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDirectory => to.write_str("it is no directory"),
            Self::Owner { owner, wanted } => {
                write!(to, "it belongs to user {owner}, not to {wanted}")
            }
            Self::Mode(mode) => write!(to, "its mode is {mode}, and must be 0700"),
        }
    }
}
