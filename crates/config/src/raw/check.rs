use serde::Deserialize;

use super::{Breaker, Disk, Dns, Exec, File, Http, Process, Supervisor, Systemd, Tcp, Tmux, Unix};
use crate::value::{Lasting, OneOrMany, OrOff, Scalar, Share, Threshold};

/// One target, measured again and again. Exactly one of the kinds, from `http` to `disk`, says what is measured.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Check {
    /// A URL that must answer.
    pub(crate) http: Option<Http>,
    /// A port that must take connections, and may have to answer.
    pub(crate) tcp: Option<Tcp>,
    /// A name that must resolve.
    pub(crate) dns: Option<Dns>,
    /// A Unix socket that must take connections, and may have to answer.
    pub(crate) unix: Option<Unix>,
    /// A command that must exit with 0.
    pub(crate) exec: Option<Exec>,
    /// A process that must be there.
    pub(crate) process: Option<Process>,
    /// Programs of a supervisord, each judged by itself.
    pub(crate) supervisor: Option<Supervisor>,
    /// A unit of systemd that must be active.
    pub(crate) systemd: Option<Systemd>,
    /// A tmux server, its sessions and panes.
    pub(crate) tmux: Option<Tmux>,
    /// A file that must be there.
    pub(crate) file: Option<File>,
    /// The filesystem that a path is on.
    pub(crate) disk: Option<Disk>,
    /// What must not be so: the check fails when one of these tests holds.
    pub(crate) conditions: Option<Vec<Condition>>,
    /// What makes it degraded, and not down.
    pub(crate) degraded: Option<Vec<Condition>>,
    /// Checks without which this one cannot be up: while one of them is down, nothing is done about this one.
    pub(crate) depends_on: Option<OneOrMany<String>>,
    /// Times of each day, by the clock of the host, at which it may be down: it is held then, as by `evenkeel hold`.
    #[cfg_attr(test, schemars(extend("examples" = [["02:00-02:30"]])))]
    pub(crate) maintenance: Option<OneOrMany<String>>,
    /// When it goes up and down so often that acting on it would only add to that; `false`: never.
    pub(crate) flap: Option<OrOff<Flap>>,
    /// When an attempt ends, whatever the target does.
    pub(crate) timeout: Option<Lasting>,
    /// Further attempts of the same run; the first good one ends it. `(1 + retries) × timeout + retries × retry_delay` must fit into
    /// `interval`.
    pub(crate) retries: Option<u32>,
    /// The time between two attempts of a run.
    pub(crate) retry_delay: Option<Lasting>,
    /// How often it runs; one run at a time.
    pub(crate) interval: Option<Lasting>,
    /// How long after the agent's start it runs first.
    pub(crate) initial_delay: Option<Lasting>,
    /// It is not called down before it was up once, or this time has passed.
    pub(crate) startup_grace: Option<Lasting>,
    /// How many failures make it down: in a row, or within so many results. For `process`, `supervisor`, `file` and `disk` the first
    /// one does, unless this says otherwise.
    pub(crate) failure_threshold: Option<Threshold>,
    /// How many good results in a row make it up again; 1 for `process`, `supervisor`, `file` and `disk` unless this says otherwise.
    pub(crate) success_threshold: Option<u32>,
    /// Spares a target that fails: while the breaker is open, it is not asked. None unless given.
    pub(crate) breaker: Option<Breaker>,
}

/// A check without its target: exactly one of `http`, `tcp`, `unix` and `dns`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Module {
    /// Asks the URL that comes as the target.
    pub(crate) http: Option<Http>,
    /// Connects to the address that comes as the target.
    pub(crate) tcp: Option<Tcp>,
    /// Asks the server that comes as the target.
    pub(crate) dns: Option<Dns>,
    /// Connects to the socket that comes as the target.
    pub(crate) unix: Option<Unix>,
    /// What must not be so: a test that holds is a failed probe.
    pub(crate) conditions: Option<Vec<Condition>>,
    /// When a probe ends; what is left of Prometheus's own deadline, if that is shorter.
    pub(crate) timeout: Option<Lasting>,
    /// Where a target, and what it redirects to, may be: addresses, networks, host names, `*.internal` for every name below, paths of
    /// sockets. Anywhere unless given.
    #[cfg_attr(test, schemars(extend("examples" = [["10.0.0.0/24", "*.internal"]])))]
    pub(crate) targets: Option<OneOrMany<String>>,
}

/// A test of one field of what was measured.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Condition {
    /// Which field, such as `latency_ms` or `rss_bytes`; each kind of check has its own. Needed.
    pub(crate) field: Option<String>,
    /// It holds for more than this. Sizes, and durations for fields in `_ms` and `_seconds` that are no points in time, may be written with a unit.
    pub(crate) above: Option<Scalar>,
    /// It holds for less than this.
    pub(crate) below: Option<Scalar>,
    /// It holds for this and more.
    pub(crate) at_least: Option<Scalar>,
    /// It holds for this and less.
    pub(crate) at_most: Option<Scalar>,
    /// It holds for exactly this.
    pub(crate) equals: Option<Scalar>,
    /// It holds for anything but this.
    pub(crate) differs: Option<Scalar>,
    /// It holds where this text is in the field.
    pub(crate) contains: Option<String>,
    /// It holds where this regular expression matches.
    pub(crate) matches: Option<String>,
    /// It holds where this regular expression does not match.
    pub(crate) lacks: Option<String>,
    /// It holds where a figure will reach this by its trend, `within` a time.
    pub(crate) reaches: Option<Scalar>,
    /// How far ahead `reaches` looks: 24 intervals or more.
    pub(crate) within: Option<Lasting>,
    /// How long the test must hold without a break.
    pub(crate) r#for: Option<Lasting>,
}

/// Shares of changes among the last 21 states, the newer ones weighing more.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Flap {
    /// At or below this share it is calm again.
    pub(crate) low: Option<Share>,
    /// At or above this share it flaps.
    pub(crate) high: Option<Share>,
    /// How long it must have been calm.
    pub(crate) hold: Option<Lasting>,
}
