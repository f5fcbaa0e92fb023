use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_shown::said::{Said, SystemdCode as Code};

use crate::UnitName;
use crate::text::plain;

/// Why systemd did not say, or did not do, what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SystemdError {
    /// Another init system runs here, such as in most containers.
    #[error("this host was not booted with systemd")]
    NotBooted,
    /// systemd may run, but the bus does not: there is no socket, or nobody listens.
    #[error("the D-Bus daemon does not answer at `{}`: {reason}", socket.display())]
    NoBus {
        /// The socket of the bus.
        socket: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The bus works, but nobody there is systemd.
    #[error("systemd is not on the bus at `{}`", socket.display())]
    NotOnBus {
        /// The socket of the bus.
        socket: PathBuf,
    },
    /// The caller may not use the bus, or may not do this.
    #[error("not permitted: {reason}")]
    Denied {
        /// Who refused what.
        reason: String,
    },
    /// There was no answer in time: from the bus, from systemd, or about the end of a job. The job goes on.
    #[error("systemd did not {} within {after:?}", what.as_str())]
    TimedOut {
        /// What was waited for.
        what: Awaited,
        /// The deadline.
        after: Duration,
    },
    /// There is neither a unit nor a unit file of that name.
    #[error("systemd knows no unit `{unit}`{}", meant(near))]
    NoSuchUnit {
        /// The name that was asked for.
        unit: UnitName,
        /// Names that may have been meant, the likest first.
        near: Vec<String>,
    },
    /// The unit is masked, so it cannot be started.
    #[error("the unit `{unit}` is masked")]
    Masked {
        /// The unit.
        unit: UnitName,
    },
    /// systemd refused for a reason of its own.
    #[error("systemd refused: {text}")]
    Refused {
        /// The name of the error, such as `org.freedesktop.systemd1.LoadFailed`.
        name: String,
        /// systemd's own words.
        text: String,
    },
    /// The connection broke; what was asked for may or may not have been done.
    #[error("the connection to the bus broke: {reason}")]
    Lost {
        /// How.
        reason: String,
    },
    /// What came back is not an answer of systemd.
    #[error("this does not answer as systemd does: {reason}")]
    Protocol {
        /// What was wrong with it.
        reason: String,
    },
    /// The bus cannot be connected to for another reason.
    #[error("cannot connect to `{}`", socket.display())]
    Connect {
        /// The socket of the bus.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is waited for until a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// An answer of the bus or of systemd.
    Answer,
    /// The end of a job.
    EndOfJob,
}

impl Awaited {
    /// In words that follow "did not".
    const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::EndOfJob => "finish the job",
        }
    }
}

impl SystemdError {
    /// The error and what the system says of it, as a value.
    pub fn said(&self) -> Said {
        let shown = |socket: &Path| socket.display().to_string();
        let code = match self {
            Self::NotBooted => Code::NotBooted,
            Self::NoBus { socket, reason } => {
                Code::NoBus { socket: shown(socket), reason: (*reason).to_owned() }
            }
            Self::NotOnBus { socket } => Code::NotOnBus { socket: shown(socket) },
            Self::Denied { reason } => Code::Denied { reason: reason.clone() },
            Self::TimedOut { what: Awaited::Answer, after } => Code::NoAnswer { after: *after },
            Self::TimedOut { what: Awaited::EndOfJob, after } => Code::JobNotDone { after: *after },
            Self::NoSuchUnit { unit, near } => {
                Code::NoSuchUnit { unit: unit.to_string(), near: near.clone() }
            }
            Self::Masked { unit } => Code::Masked { unit: unit.to_string() },
            Self::Refused { text, .. } => Code::Refused { text: text.clone() },
            Self::Lost { reason } => Code::Lost { reason: reason.clone() },
            Self::Protocol { reason } => Code::Protocol { reason: reason.clone() },
            Self::Connect { socket, .. } => Code::CannotConnect { socket: shown(socket) },
        };
        Said::with_source(self, code)
    }

    /// What a call that the bus carried came back with.
    pub(crate) fn of_call(error: zbus::Error, socket: &Path) -> Self {
        use zbus::fdo;
        match error {
            zbus::Error::MethodError(name, text, _) => {
                let text = text.unwrap_or_default();
                Self::Refused { name: plain(name.as_str()), text: plain(&text) }
            }
            zbus::Error::FDO(error) => match *error {
                fdo::Error::AccessDenied(text)
                | fdo::Error::AuthFailed(text)
                | fdo::Error::InteractiveAuthorizationRequired(text) => {
                    Self::Denied { reason: plain(&text) }
                }
                fdo::Error::ServiceUnknown(_)
                | fdo::Error::NameHasNoOwner(_)
                | fdo::Error::SpawnChildExited(_) => Self::NotOnBus { socket: socket.to_owned() },
                fdo::Error::NoReply(text) | fdo::Error::Disconnected(text) => {
                    Self::Lost { reason: plain(&text) }
                }
                other => {
                    use zbus::DBusError;
                    let name = plain(other.name().as_str());
                    let text = plain(other.description().unwrap_or_default());
                    Self::Refused { name, text }
                }
            },
            // The bus asks who we are, and does not like the answer.
            zbus::Error::Handshake(text) => Self::Denied { reason: plain(&text) },
            zbus::Error::InputOutput(error) | zbus::Error::Connection(error, _) => {
                Self::Lost { reason: error.to_string() }
            }
            other => Self::Protocol { reason: plain(&other.to_string()) },
        }
    }

    /// Whether another attempt can do better without anybody having changed something on the host.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NotBooted
            | Self::Denied { .. }
            | Self::NoSuchUnit { .. }
            | Self::Masked { .. } => false,
            Self::NoBus { .. }
            | Self::NotOnBus { .. }
            | Self::TimedOut { .. }
            | Self::Refused { .. }
            | Self::Lost { .. }
            | Self::Protocol { .. }
            | Self::Connect { .. } => true,
        }
    }
}

fn meant(near: &[String]) -> String {
    if near.is_empty() {
        return String::new();
    }
    let names: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
    format!("; like it: {}", names.join(", "))
}
