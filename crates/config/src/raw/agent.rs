use std::path::PathBuf;

use serde::Deserialize;

use crate::value::{Lasting, OrOff, Share};

/// The agent itself.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Agent {
    /// Whether it repairs, cleans and recovers, or only says what it would do.
    pub(crate) mode: Option<Running>,
    /// Where the history and what must survive the agent are kept, with mode 0700: an absolute path, and never below `/tmp`.
    pub(crate) state_dir: Option<PathBuf>,
    /// Where the status page, `/health`, `/api` and `/metrics` are served: an address and a port, or `off`. An address that other
    /// hosts reach needs `token_file`, or `open = true`.
    #[cfg_attr(test, schemars(extend("examples" = ["127.0.0.1:9720", "[::1]:9720", "off"])))]
    pub(crate) listen: Option<String>,
    /// The socket that takes orders and answers `evenkeel status`: an absolute path, or `off`. The kernel says who asks.
    #[cfg_attr(test, schemars(extend("examples" = ["/run/evenkeel/evenkeel.sock", "off"])))]
    pub(crate) socket: Option<String>,
    /// The form and the amount of the log.
    pub(crate) log: Option<Log>,
    /// How long after its start the agent looks before it acts.
    pub(crate) grace: Option<Lasting>,
    /// How long a deviation that was repaired at once stays in `file_permission_errors`, so that an alert with `for: 1m` sees it.
    pub(crate) hold_errors_for: Option<Lasting>,
    /// When so many targets are down together that the host is suspected and nobody is restarted; `false`: never.
    pub(crate) storm: Option<OrOff<Storm>>,
    /// The agent was itself kept from running if it is called so much too late; what failed meanwhile counts as unknown.
    pub(crate) starved_after: Option<Lasting>,
    /// A file with the token that readers of the page must send, of mode 0600 or 0640.
    pub(crate) token_file: Option<PathBuf>,
    /// Certificate and key with which the page is served over TLS.
    pub(crate) tls: Option<Tls>,
    /// Whether everybody who reaches `listen` may read the page. Default: `false`.
    pub(crate) open: Option<bool>,
}

/// A certificate and its key, both in PEM.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    /// The certificate, followed by those that vouch for it: an absolute path.
    pub(crate) certificate: Option<PathBuf>,
    /// Its private key: an absolute path.
    pub(crate) key: Option<PathBuf>,
}

/// So many targets, and such a share of all, down together.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Storm {
    /// How many at least, from 2 on.
    pub(crate) targets: Option<u32>,
    /// Which share of all targets at least.
    pub(crate) share: Option<Share>,
    /// Within which time they went down. Default: two intervals of the slowest check.
    pub(crate) within: Option<Lasting>,
}

/// What is logged, and how.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// Lines for people, lines of JSON, or entries of the system's journal.
    pub(crate) format: Option<LogFormat>,
    /// The least that is logged: `off`, `error`, `warn`, `info`, `debug` or `trace`, or one for each part of the program by its crate.
    #[cfg_attr(test, schemars(extend("examples" = ["info", "info,evenkeel_probe=debug"])))]
    pub(crate) level: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Human,
    Json,
    Journald,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Running {
    Enforce,
    Observe,
}
