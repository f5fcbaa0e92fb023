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

/// What a process does that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    Alive,
    Stopped,
    CgroupFrozen,
    Traced,
    DiskSleep,
    Dead,
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
