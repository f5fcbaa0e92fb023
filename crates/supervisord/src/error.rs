use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_shown::said::{Listener, Said, SupervisordCode as Code};

use crate::Daemon;

/// Why supervisord did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// There is no socket file, and nobody listens on one that had its name.
    #[error("there is no socket `{}`", socket.display())]
    Missing {
        /// The socket file.
        socket: PathBuf,
    },
    /// The socket file was deleted, but the daemon that made it still listens: it lives and cannot be reached.
    #[error("the socket `{}` was deleted while its daemon lives{}", socket.display(), who(daemon.as_ref()))]
    Deleted {
        /// The socket file.
        socket: PathBuf,
        /// Who listens there, where that can be seen.
        daemon: Option<Daemon>,
    },
    /// The socket file is there, but nobody listens: the daemon is dead.
    #[error("nobody listens on `{}`", socket.display())]
    Refused {
        /// The socket file.
        socket: PathBuf,
    },
    /// The caller may not use the socket, or supervisord asks for a password.
    #[error("not permitted to use `{}`: {reason}", socket.display())]
    Denied {
        /// The socket file.
        socket: PathBuf,
        /// Who refused.
        reason: &'static str,
    },
    /// There was no answer in time.
    #[error("supervisord at `{}` did not answer within {after:?}{}", socket.display(), what(daemon.as_ref()))]
    TimedOut {
        /// The socket file.
        socket: PathBuf,
        /// The deadline.
        after: Duration,
        /// Who listens there, where that can be seen.
        daemon: Option<Daemon>,
    },
    /// supervisord refused the call, or would have.
    #[error("supervisord refused: {text} (fault {code})")]
    Fault {
        /// The number of the fault; see [`FaultCode`].
        code: i32,
        /// supervisord's own words.
        text: String,
    },
    /// What came back is not an answer of supervisord.
    #[error("`{}` does not answer as supervisord does: {reason}", socket.display())]
    Protocol {
        /// The socket file.
        socket: PathBuf,
        /// What was wrong with it.
        reason: String,
    },
    /// The connection failed in another way.
    #[error("cannot talk to `{}`", socket.display())]
    Io {
        /// The socket file.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Numbers of supervisord's faults. Source: `supervisor/xmlrpc.py`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultCode {
    /// The daemon is shutting down.
    ShutdownState = 6,
    /// There is no program of that name.
    BadName = 10,
    /// supervisord knows no such signal.
    BadSignal = 11,
    /// The program's file does not exist.
    NoFile = 20,
    /// The program's file cannot be executed.
    NotExecutable = 21,
    /// The program did not do what was asked.
    Failed = 30,
    /// The program ended too early.
    AbnormalTermination = 40,
    /// The program could not be started.
    SpawnError = 50,
    /// The program runs already.
    AlreadyStarted = 60,
    /// The program does not run.
    NotRunning = 70,
}

fn who(daemon: Option<&Daemon>) -> String {
    daemon.map_or_else(String::new, |daemon| format!(" as {}", daemon.identity))
}

fn what(daemon: Option<&Daemon>) -> String {
    daemon.map_or_else(String::new, |daemon| {
        format!(": {} {}", daemon.identity, daemon.activity.as_str())
    })
}

impl CallError {
    /// The error and what the system says of it, as a value.
    pub fn said(&self) -> Said {
        let shown = |socket: &Path| socket.display().to_string();
        let code = match self {
            Self::Missing { socket } => Code::NoSocket { socket: shown(socket) },
            Self::Deleted { socket, daemon } => {
                let pid = daemon.as_ref().map(|daemon| daemon.identity.pid);
                Code::SocketDeleted { socket: shown(socket), pid }
            }
            Self::Refused { socket } => Code::NobodyListens { socket: shown(socket) },
            Self::Denied { socket, reason } => {
                Code::Denied { socket: shown(socket), reason: (*reason).to_owned() }
            }
            Self::TimedOut { socket, after, daemon } => {
                let daemon = daemon.as_ref().map(Daemon::listener);
                Code::NoAnswer { socket: shown(socket), after: *after, daemon }
            }
            Self::Fault { code, text } => Code::Refused { text: text.clone(), fault: *code },
            Self::Protocol { socket, reason } => {
                Code::Protocol { socket: shown(socket), reason: reason.clone() }
            }
            Self::Io { socket, .. } => Code::CannotTalk { socket: shown(socket) },
        };
        Said::with_source(self, code)
    }

    /// Who listens on the socket, as far as that was looked for and found.
    pub fn daemon(&self) -> Option<&Daemon> {
        match self {
            Self::Deleted { daemon, .. } | Self::TimedOut { daemon, .. } => daemon.as_ref(),
            _ => None,
        }
    }

    /// Whether supervisord refused with `fault`.
    pub fn is_fault(&self, fault: FaultCode) -> bool {
        matches!(self, Self::Fault { code, .. } if *code == fault as i32)
    }
}

impl Daemon {
    fn listener(&self) -> Listener {
        Listener { pid: self.identity.pid, activity: self.activity }
    }
}
