use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::value::{Lasting, NameOrNumber, OneOrMany};

/// Whom the agent itself tells what its alert rules find. Without a receiver nothing is evaluated.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Alerts {
    /// How often the rules are evaluated: `1s` to `2m`.
    pub(crate) interval: Option<Lasting>,
    /// A webhook or command is told again after this long, while an alert fires.
    pub(crate) repeat: Option<Lasting>,
    /// The label `instance`. Default: the host's name.
    pub(crate) instance: Option<String>,
    /// Who is told, by the name of the receiver.
    pub(crate) receiver: BTreeMap<String, Receiver>,
    /// A URL that is asked for as long as the agent is well: where the ping ceases, the one who expects it raises the alarm.
    pub(crate) dead_man: Option<DeadMan>,
}

/// Who is told. Exactly one of `alertmanager`, `webhook` and `command` says how.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Receiver {
    /// An Alertmanager.
    pub(crate) alertmanager: Option<Webhook>,
    /// Anybody who takes what an Alertmanager sends to webhooks.
    pub(crate) webhook: Option<Webhook>,
    /// A command that reads the same document from its standard input.
    pub(crate) command: Option<AlertCommand>,
    /// Only alerts of these severities. All of them unless given.
    #[cfg_attr(test, schemars(extend("examples" = crate::SEVERITIES)))]
    pub(crate) severity: Option<OneOrMany<String>>,
    /// Whether it is also told that an alert is over.
    pub(crate) resolved: Option<bool>,
    /// When telling it ends at the latest.
    pub(crate) timeout: Option<Lasting>,
}

/// Where alerts are posted.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Webhook {
    /// The URL. Needed. What stands behind its host is a secret.
    pub(crate) url: Option<String>,
    /// Headers that are sent. Their values are secrets.
    pub(crate) headers: Option<BTreeMap<String, String>>,
    /// A file with a token for the `authorization` header, of mode 0600 or 0640; read anew for each message.
    pub(crate) bearer_token_file: Option<PathBuf>,
    /// Certificates (PEM) trusted in the place of the host's.
    pub(crate) ca_file: Option<PathBuf>,
}

/// A command that is told, run without a shell.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AlertCommand {
    /// The program and its arguments. Needed.
    pub(crate) run: Option<Vec<String>>,
    /// Variables added to the agent's own. Their values are secrets.
    pub(crate) environment: Option<BTreeMap<String, String>>,
    /// Who runs it. Default: the agent's own user.
    pub(crate) user: Option<NameOrNumber>,
}

/// A ping for as long as the agent is well.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DeadMan {
    /// The URL. Needed. What stands behind its host is a secret.
    pub(crate) url: Option<String>,
    /// How often.
    pub(crate) interval: Option<Lasting>,
    /// When a ping ends at the latest, at most `interval`.
    pub(crate) timeout: Option<Lasting>,
    /// Certificates (PEM) trusted in the place of the host's.
    pub(crate) ca_file: Option<PathBuf>,
}
