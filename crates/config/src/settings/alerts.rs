//! Whom the agent itself tells what its rules find.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_command::CommandSpec;
use evenkeel_probe::HttpTarget;

/// The severities that rules give their alerts, the gravest first.
pub const SEVERITIES: [&str; 2] = ["critical", "warning"];

/// Rules evaluated by the agent itself, and whom it tells. Without receivers nothing is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerts {
    /// How often the rules are evaluated.
    pub interval: Duration,
    /// How long after a webhook or a command was told of an alert it is told again, while the alert fires.
    pub repeat: Duration,
    /// The label `instance` of every alert; the host's name where none is given.
    pub instance: Option<String>,
    /// Who is told.
    pub receivers: Vec<Receiver>,
    /// Who is told, again and again, that the agent works.
    pub dead_man: Option<DeadMan>,
}

/// Somebody who is told of alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct Receiver {
    /// Its name in the settings.
    pub name: String,
    /// How it is told.
    pub kind: ReceiverKind,
    /// Of which severities it is told; `None`: of all.
    pub severities: Option<Vec<String>>,
    /// Whether it is also told that an alert no longer fires.
    pub resolved: bool,
    /// How long it may take to be told.
    pub timeout: Duration,
}

/// How a receiver is told.
#[derive(Debug, Clone, PartialEq)]
pub enum ReceiverKind {
    /// Over the API of an Alertmanager, version 2.
    Alertmanager {
        /// A POST to its `/api/v2/alerts`.
        target: Hidden,
        /// Holds the token that it asks for.
        bearer_token_file: Option<PathBuf>,
    },
    /// By a POST as an Alertmanager makes it, version 4.
    Webhook {
        /// A POST to its URL.
        target: Hidden,
        /// Holds the token that it asks for.
        bearer_token_file: Option<PathBuf>,
    },
    /// By a program, which finds the same on its standard input.
    Command {
        /// What to run; no shell reads it.
        command: CommandSpec,
        /// Whose rights it has, by name or number; the agent's own if none.
        user: Option<String>,
    },
}

/// Who is told that the agent works. When that ceases, it raises the alarm: the agent could not.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadMan {
    /// A GET of its URL.
    pub target: Hidden,
    /// How often.
    pub interval: Duration,
    /// How long it may take to answer.
    pub timeout: Duration,
}

/// A request whose URL is a secret beyond its host, as those of webhooks are. `Debug` leaves all that out.
#[derive(Clone, PartialEq)]
pub struct Hidden(pub HttpTarget);

impl ReceiverKind {
    /// The word that settings use.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Alertmanager { .. } => "alertmanager",
            Self::Webhook { .. } => "webhook",
            Self::Command { .. } => "command",
        }
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.0.url.is_tls() { "https" } else { "http" };
        write!(formatter, "{scheme}://{}/…", self.0.url.authority())
    }
}

/// Nobody is told.
impl Default for Alerts {
    fn default() -> Self {
        crate::built_in_alerts()
    }
}
