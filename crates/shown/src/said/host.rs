#![expect(missing_docs, reason = "a field is named after what it is")]

use std::fmt::{self, Display};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a look at the host itself found wrong, or why it could not look; `error` is in the system's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostCode {
    NoEntry {
        path: String,
    },
    CannotLook {
        path: String,
        error: String,
    },
    HashUntold {
        path: String,
        why: NoHash,
    },
    InodesUntold {
        field: String,
        path: String,
    },
    FilesystemSilent {
        within: Duration,
    },
    NotLookedAt {
        within: Duration,
    },
    /// What looked before has not come back.
    EarlierLooksHang {
        within: Duration,
    },
    BrokenOff,
    NoThread {
        error: String,
    },
    NoUser {
        user: String,
    },
    CannotLookUp {
        user: String,
        error: String,
    },
    /// No process is what `target` describes.
    NotRunning {
        target: Selected,
        why: Option<NotRunning>,
    },
    NoCgroup {
        path: String,
        near: Vec<String>,
    },
    TooManyProcesses {
        most: usize,
    },
    TooManyBelow {
        most: usize,
    },
    EndedMeanwhile,
    NotPermitted {
        pid: u32,
    },
    OtherOwner {
        pidfile: String,
        owner: u32,
        pid: u32,
    },
    NoPidfile {
        path: String,
    },
    PidfileDenied {
        path: String,
    },
    PidfileUntrusted {
        path: String,
        reason: String,
    },
    PidfileWithoutNumber {
        path: String,
    },
    PidfileUnreadable {
        path: String,
    },
    Uncounted(Uncounted),
}

/// Which processes are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selected {
    OfFile(String),
    Named { name: String, user: Option<String> },
    Number(u32),
    OfUnit(String),
    OfProgram(String),
    InCgroup(String),
    Supervisord(String),
}

/// Why nothing runs where something should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotRunning {
    NobodyHasNumber { pid: u32 },
    NumberOfAnother { pid: u32 },
    NoProcess { near: Vec<String> },
    Zombie,
}

/// Why the hash of a file cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoHash {
    TooLarge,
    NotRegular,
    Exchanged,
    Late,
    /// In the system's own words.
    System(String),
}

/// Why the kernel or systemd has no figure of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncounted {
    NoUnit,
    NoLimit,
    NoKills,
    NoMemory,
    NoPressure,
}

impl Display for HostCode {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEntry { path } => write!(to, "there is no `{path}`"),
            Self::CannotLook { path, error } => write!(to, "cannot look at `{path}`: {error}"),
            Self::HashUntold { path, why } => {
                write!(to, "`sha256` of `{path}` cannot be told: {why}")
            }
            Self::InodesUntold { field, path } => write!(
                to,
                "`{field}` cannot be told: the file system of `{path}` makes inodes as it needs them"
            ),
            Self::FilesystemSilent { within } => {
                write!(to, "its file system did not answer within {within:?}")
            }
            Self::NotLookedAt { within } => write!(to, "not looked at within {within:?}"),
            Self::EarlierLooksHang { within } => write!(
                to,
                "not looked at within {within:?}: earlier looks at processes have not come back"
            ),
            Self::BrokenOff => to.write_str("the look at the host was broken off"),
            Self::NoThread { error } => {
                write!(to, "cannot start a thread to look from: {error}")
            }
            Self::NoUser { user } => write!(to, "there is no user `{user}`"),
            Self::CannotLookUp { user, error } => {
                write!(to, "cannot look up user `{user}`: {error}")
            }
            Self::NotRunning { target, why: None } => write!(to, "{target} does not run"),
            Self::NotRunning { target, why: Some(why) } => {
                write!(to, "{target} does not run: {why}")
            }
            Self::NoCgroup { path, near } => {
                write!(to, "there is no cgroup `{path}`{}", hint(near))
            }
            Self::TooManyProcesses { most } => {
                write!(to, "there are more than {most} processes, which is more than are looked at")
            }
            Self::TooManyBelow { most } => {
                write!(to, "there are more than {most} processes below it")
            }
            Self::EndedMeanwhile => to.write_str("its process ended as it was looked at"),
            Self::NotPermitted { pid } => {
                write!(to, "not permitted to look closer at process {pid}")
            }
            Self::OtherOwner { pidfile, owner, pid } => write!(
                to,
                "`{pidfile}` is not believed: user {owner} owns it, and process {pid} is another user's"
            ),
            Self::NoPidfile { path } => write!(to, "there is no pid file `{path}`"),
            Self::PidfileDenied { path } => write!(to, "not permitted to read `{path}`"),
            Self::PidfileUntrusted { path, reason } => {
                write!(to, "`{path}` is not believed: {reason}")
            }
            Self::PidfileWithoutNumber { path } => {
                write!(to, "`{path}` holds no process number")
            }
            Self::PidfileUnreadable { path } => write!(to, "cannot read `{path}`"),
            Self::Uncounted(why) => why.fmt(to),
        }
    }
}

impl Display for Selected {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfFile(path) => write!(to, "process of {path}"),
            Self::Named { name, user: None } => write!(to, "process `{name}`"),
            Self::Named { name, user: Some(user) } => {
                write!(to, "process `{name}` of user `{user}`")
            }
            Self::Number(pid) => write!(to, "process {pid}"),
            Self::OfUnit(unit) => write!(to, "processes of `{unit}`"),
            Self::OfProgram(program) => write!(to, "process of program `{program}`"),
            Self::InCgroup(path) => write!(to, "processes in cgroup `{path}`"),
            Self::Supervisord(socket) => write!(to, "process of supervisord at {socket}"),
        }
    }
}

impl Display for NotRunning {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyHasNumber { pid } => write!(to, "nobody has its number {pid}"),
            Self::NumberOfAnother { pid } => {
                write!(to, "its number {pid} was given to another process since it was written")
            }
            Self::NoProcess { near } => write!(to, "it has no process{}", hint(near)),
            Self::Zombie => to.write_str("it is a zombie"),
        }
    }
}

impl Display for NoHash {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::TooLarge => "it is larger than 64 MiB",
            Self::NotRegular => "it is no regular file",
            Self::Exchanged => "it was exchanged while it was looked at",
            Self::Late => "it was not read in time",
            Self::System(error) => error,
        })
    }
}

impl Display for Uncounted {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::NoUnit => "it belongs to no unit of systemd",
            Self::NoLimit => "its cgroup has no limit of memory",
            Self::NoKills => "its kernel counts no kills",
            Self::NoMemory => "it is in no cgroup that counts memory",
            Self::NoPressure => "the kernel measures no pressure",
        })
    }
}

/// The names that may have been meant, behind what is not there.
pub(super) fn hint(near: &[String]) -> String {
    let names: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { String::new() } else { format!("; did you mean {}?", names.join(" or ")) }
}
