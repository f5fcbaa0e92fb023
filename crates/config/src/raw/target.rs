use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::value::{Lasting, NameOrNumber, OneOrMany};

/// A command that must exit with 0, run without a shell.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Exec {
    /// The program and its arguments. Needed.
    #[cfg_attr(test, schemars(extend("examples" = [["/usr/local/bin/check-index", "--quick"]])))]
    pub(crate) command: Option<Vec<String>>,
    /// Variables added to the agent's own. Their values are secrets.
    pub(crate) environment: Option<BTreeMap<String, String>>,
    /// Who runs it: that user with its first group and no other. Default: the agent's own.
    pub(crate) user: Option<NameOrNumber>,
}

/// A process that must be there. Exactly one of `pidfile`, `name`, `unit`, `program`, `cgroup` and `supervisor_daemon` says which.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Process {
    /// Whether supervisord itself is meant.
    pub(crate) supervisor_daemon: Option<bool>,
    /// The supervisord, with `supervisor_daemon` and `program`; may be left out where the settings speak of one alone.
    #[cfg_attr(test, schemars(extend("examples" = ["unix:///var/run/supervisor.sock"])))]
    pub(crate) url: Option<String>,
    /// The process whose number this file holds.
    pub(crate) pidfile: Option<PathBuf>,
    /// Every process of this program.
    pub(crate) name: Option<String>,
    /// With `name`: only this user's.
    pub(crate) user: Option<String>,
    /// Every process of this unit of systemd.
    pub(crate) unit: Option<String>,
    /// The process of this program of supervisord.
    pub(crate) program: Option<String>,
    /// Every process in this cgroup and those below it: a directory, or the place in its hierarchy.
    pub(crate) cgroup: Option<PathBuf>,
    /// Whether every process below is counted with them. Default: `false`.
    pub(crate) tree: Option<bool>,
}

/// Programs of a supervisord.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Supervisor {
    /// Its Unix socket. Needed.
    #[cfg_attr(test, schemars(extend("examples" = ["unix:///var/run/supervisor.sock"])))]
    pub(crate) url: Option<String>,
    /// Names or globs, matched on `name` and on `group:name`. Needed.
    #[cfg_attr(test, schemars(extend("examples" = [["*"], ["web", "workers:*"]])))]
    pub(crate) programs: Option<OneOrMany<String>>,
    /// Programs that are left out of these.
    pub(crate) except: Option<OneOrMany<String>>,
    /// Whether a program's state is judged, and not its conditions alone. Default: `true`.
    pub(crate) judge_states: Option<bool>,
}

/// A tmux server: `socket_path`, or `socket_name` and `user`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tmux {
    /// The socket, as for `tmux -S`.
    pub(crate) socket_path: Option<PathBuf>,
    /// The name of the socket, as for `tmux -L`; tmux's own is `default`.
    pub(crate) socket_name: Option<String>,
    /// Whose server it is. Default: the agent's own user.
    pub(crate) user: Option<String>,
    /// Names and globs: these sessions are looked at, and each must match one. Default: all.
    pub(crate) sessions: Option<OneOrMany<String>>,
    /// A living pane that has shown the same for so long is stalled. Never unless given.
    pub(crate) stalled_after: Option<Lasting>,
}

/// A unit of systemd.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Systemd {
    /// As for `systemctl`: `nginx` is `nginx.service`. Needed.
    pub(crate) unit: Option<String>,
    /// Ask the manager of this user in the place of the host's.
    pub(crate) user: Option<String>,
}

/// A file that must be there; a symlink is looked at itself.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    /// An absolute path. Needed.
    pub(crate) path: Option<PathBuf>,
}

/// The filesystem that a path is on.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Disk {
    /// An absolute path. Needed.
    pub(crate) path: Option<PathBuf>,
}
