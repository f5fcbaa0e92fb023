use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_shown::said::{Said, TmuxCode as Code};

/// Why tmux did not say, or did not do, what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TmuxError {
    /// There is no socket file, and no server listens on one that had its name.
    #[error("there is no tmux server: no socket `{}`, and nobody listens", socket.display())]
    Missing {
        /// The socket file.
        socket: PathBuf,
    },
    /// The socket file was deleted while its server lives: it works on, and nobody can reach it.
    #[error("the socket `{}` was deleted while its tmux server lives (process {pid})", socket.display())]
    Deleted {
        /// The socket file.
        socket: PathBuf,
        /// The server.
        pid: u32,
    },
    /// The socket file is there, and nobody listens: the server is dead.
    #[error("the tmux server is dead: nobody listens on `{}`", socket.display())]
    Dead {
        /// The socket file.
        socket: PathBuf,
    },
    /// The server takes connections and does not answer.
    #[error("the tmux server at `{}` did not answer within {after:?}: frozen or overloaded", socket.display())]
    TimedOut {
        /// The socket file.
        socket: PathBuf,
        /// The deadline.
        after: Duration,
    },
    /// The caller may not use the socket.
    #[error("not permitted to use `{}`: {reason}", socket.display())]
    Denied {
        /// The socket file.
        socket: PathBuf,
        /// Who refused.
        reason: String,
    },
    /// There is no user of that name, whose server it would be.
    #[error("there is no user `{user}`")]
    NoUser {
        /// The name.
        user: String,
    },
    /// tmux itself is not installed, or may not be run.
    #[error("cannot run tmux: {reason}")]
    NoProgram {
        /// Why.
        reason: String,
    },
    /// tmux refused, in its own words.
    #[error("tmux refused: {text}")]
    Refused {
        /// The first line of what it said.
        text: String,
    },
    /// What came back is not what was asked for, or more than is read.
    #[error("tmux does not answer as expected: {reason}")]
    Protocol {
        /// What was wrong with it.
        reason: String,
    },
    /// The system failed to connect, or to look.
    #[error("cannot use `{}`", socket.display())]
    Io {
        /// The socket file.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl TmuxError {
    /// The error and what the system says of it, as a value.
    pub fn said(&self) -> Said {
        let shown = |socket: &Path| socket.display().to_string();
        let code = match self {
            Self::Missing { socket } => Code::NoServer { socket: shown(socket) },
            Self::Deleted { socket, pid } => {
                Code::SocketDeleted { socket: shown(socket), pid: *pid }
            }
            Self::Dead { socket } => Code::Dead { socket: shown(socket) },
            Self::TimedOut { socket, after } => {
                Code::NoAnswer { socket: shown(socket), after: *after }
            }
            Self::Denied { socket, reason } => {
                Code::Denied { socket: shown(socket), reason: reason.clone() }
            }
            Self::NoUser { user } => Code::NoUser { user: user.clone() },
            Self::NoProgram { reason } => Code::CannotRun { reason: reason.clone() },
            Self::Refused { text } => Code::Refused { text: text.clone() },
            Self::Protocol { reason } => Code::Protocol { reason: reason.clone() },
            Self::Io { socket, .. } => Code::CannotUse { socket: shown(socket) },
        };
        Said::with_source(self, code)
    }
}
