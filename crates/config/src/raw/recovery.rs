use serde::Deserialize;

use crate::value::{Lasting, OneOrMany, OrNever};

/// What is done where checks are down: a ladder of steps, each proved by the same checks, within budgets.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Recovery {
    /// The checks it listens to: it begins when one of them is down, and has helped when all of them are up. Needed.
    pub(crate) when: Option<OneOrMany<String>>,
    /// What is done, one after another until it helps. Needed.
    pub(crate) steps: Option<Vec<Step>>,
    /// How often each step is tried again.
    pub(crate) max_retries: Option<u32>,
    /// How long is waited between attempts.
    pub(crate) backoff: Option<Backoff>,
    /// How many actions may start within how long; all three must have room.
    pub(crate) budget: Option<Budget>,
    /// The same checks must be up again by then, or the attempt has failed.
    pub(crate) verify_timeout: Option<Lasting>,
    /// How long they must stay up until the incident is over.
    pub(crate) stable_for: Option<Lasting>,
    /// Whether the logs, the process and the pressure on the host are noted down before an action destroys what they tell.
    pub(crate) evidence: Option<bool>,
    /// With whom it shares `budget.per_group`. Default: its own name.
    pub(crate) group: Option<String>,
    /// How often it is tried anew once all is used up; `never` for not at all.
    pub(crate) slow_retry: Option<OrNever>,
    /// Times of day for which waits what only a trend asks for, by the clock of the host's zone; over midnight is fine.
    #[cfg_attr(test, schemars(extend("examples" = [["02:00-05:00"], ["22:30-04:00"]])))]
    pub(crate) quiet: Option<OneOrMany<String>>,
}

/// One step of a recovery; which keys an action takes is in the manual of actions.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Step {
    /// With `tmux.respawn-pane`: which one, such as `web:0.0`. Default: the one that is down.
    pub(crate) pane: Option<String>,
    /// What is done. Needed.
    #[cfg_attr(test, schemars(extend("enum" = crate::check::ACTIONS.map(|(name, _)| name))))]
    pub(crate) action: Option<String>,
    /// With actions of supervisord: which program. Default: the one that is down.
    pub(crate) program: Option<String>,
    /// With `supervisor.restart-group`: which group. Default: that of the program that is down.
    pub(crate) group: Option<String>,
    /// With `signal` and `supervisor.signal`: its name, such as `HUP`.
    pub(crate) signal: Option<String>,
    /// With actions of supervisord: which one. Default: that of the checks.
    #[cfg_attr(test, schemars(extend("examples" = ["unix:///var/run/supervisor.sock"])))]
    pub(crate) url: Option<String>,
    /// With actions of systemd: which unit, as for `systemctl`.
    pub(crate) unit: Option<String>,
    /// With `exec` and `notify`: the program and its arguments, run without a shell.
    pub(crate) command: Option<Vec<String>>,
    /// With `permissions.repair` and `cleanup.run`: the name of the rule.
    pub(crate) rule: Option<String>,
    /// With `systemd.restart` and `exec`: whether what the dead left running is ended first. Default: with `systemd.restart` where the
    /// recovery listens to a check of supervisord.
    pub(crate) end_left_overs: Option<bool>,
    /// When the step ends at the latest. Default: `1m`.
    pub(crate) timeout: Option<Lasting>,
}

/// How long is waited between attempts: `initial`, and `multiplier` times as long after each, up to `max`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Backoff {
    /// After the first attempt.
    pub(crate) initial: Option<Lasting>,
    /// By how much it grows.
    pub(crate) multiplier: Option<f64>,
    /// How long it becomes at most.
    pub(crate) max: Option<Lasting>,
    /// By which share of itself chance shortens it, from 0 to 1.
    pub(crate) jitter: Option<f64>,
}

/// How many actions may start within how long, such as `3/1h`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "the keys of the settings")]
pub(crate) struct Budget {
    /// Of this target, or of one part of it such as a program of supervisord.
    #[cfg_attr(test, schemars(extend("pattern" = crate::schema::RATE)))]
    pub(crate) per_target: Option<String>,
    /// Of all targets of its `group`.
    #[cfg_attr(test, schemars(extend("pattern" = crate::schema::RATE)))]
    pub(crate) per_group: Option<String>,
    /// Of all targets of the host.
    #[cfg_attr(test, schemars(extend("pattern" = crate::schema::RATE)))]
    pub(crate) per_host: Option<String>,
}
