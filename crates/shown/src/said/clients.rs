#![expect(missing_docs, reason = "a field is named after what it is")]

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a command did not run, or was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandCode {
    Empty,
    NotFound { program: String },
    Denied { program: String },
    Killed { program: String, after: Duration },
    CannotRun { program: String },
}

/// Why a process could not be looked at; `what` names it, or its file, as the kernel does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessCode {
    Gone { what: String },
    Denied { what: String },
    Form { what: String },
    CannotLook { what: String },
}

/// Whether a daemon could answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// It runs, or waits for something to do.
    Alive,
    /// It was stopped by a signal, and does nothing until another has it go on.
    Stopped,
    /// Its cgroup is frozen.
    CgroupFrozen,
    /// A debugger holds it.
    Traced,
    /// It waits inside the kernel, as for a disk.
    DiskSleep,
    /// It ended, and whoever started it has not noticed.
    Dead,
}

impl Activity {
    /// In words that follow "it".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "runs",
            Self::Stopped => "was stopped by a signal",
            Self::CgroupFrozen => "is in a frozen cgroup",
            Self::Traced => "is held by a debugger",
            Self::DiskSleep => "waits inside the kernel",
            Self::Dead => "is dead",
        }
    }

    /// Whether it was frozen from outside and will not answer by itself.
    pub fn is_frozen(self) -> bool {
        matches!(self, Self::Stopped | Self::CgroupFrozen)
    }
}

/// Who listens on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    pub pid: u32,
    pub activity: Activity,
}

/// Why supervisord did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupervisordCode {
    NoSocket { socket: String },
    SocketDeleted { socket: String, pid: Option<u32> },
    NobodyListens { socket: String },
    Denied { socket: String, reason: String },
    NoAnswer { socket: String, after: Duration, daemon: Option<Listener> },
    Refused { text: String, fault: i32 },
    Protocol { socket: String, reason: String },
    CannotTalk { socket: String },
}

/// Why systemd did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemdCode {
    NotBooted,
    NoBus { socket: String, reason: String },
    NotOnBus { socket: String },
    Denied { reason: String },
    NoAnswer { after: Duration },
    JobNotDone { after: Duration },
    NoSuchUnit { unit: String, near: Vec<String> },
    Masked { unit: String },
    Refused { text: String },
    Lost { reason: String },
    Protocol { reason: String },
    CannotConnect { socket: String },
}

/// Why tmux did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TmuxCode {
    NoServer { socket: String },
    SocketDeleted { socket: String, pid: u32 },
    Dead { socket: String },
    NoAnswer { socket: String, after: Duration },
    Denied { socket: String, reason: String },
    NoUser { user: String },
    CannotRun { reason: String },
    Refused { text: String },
    Protocol { reason: String },
    CannotUse { socket: String },
}
