//! The settings as they are written, key by key; nothing here is checked beyond its own form.
//!
//! What a rule cannot do without is optional here too: that it is missing is said together with all other problems.
//!
//! What stands above a key here is what people read of it: in the schema for editors and in the manual page, both of which
//! are made of these types (`crate::schema`).

use std::collections::BTreeMap;

use serde::Deserialize;

mod agent;
mod alerts;
mod breaker;
mod check;
mod cleanup;
mod network;
mod permissions;
mod recovery;
mod slo;
mod target;

pub(crate) use agent::{Agent, Log, LogFormat, Running, Storm};
pub(crate) use alerts::{AlertCommand, Alerts, DeadMan, Receiver, Webhook};
pub(crate) use breaker::{Breaker, Compat, SlowCall, Window, WindowKind};
pub(crate) use check::{Check, Condition, Flap, Module};
pub(crate) use cleanup::{Cleanup, CleanupAction, Resource, Unit, Watermark};
pub(crate) use network::{Dns, Http, Tcp, Unix};
pub(crate) use permissions::Permissions;
pub(crate) use recovery::{Budget, Recovery, Step};
pub(crate) use slo::Slo;
pub(crate) use target::{Disk, Exec, File, Process, Supervisor, Systemd, Tmux};

/// What must hold on this host, and what is done where it does not.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The agent itself: what it may do, where it keeps its state, who may ask it.
    pub(crate) agent: Agent,
    /// How a directory and what is in it must look, by the name of the rule.
    pub(crate) permissions: BTreeMap<String, Permissions>,
    /// What may grow how old, how large or how many, by the name of the rule.
    pub(crate) cleanup: BTreeMap<String, Cleanup>,
    /// What is measured again and again, and when it counts as down, by the name of the check.
    pub(crate) check: BTreeMap<String, Check>,
    /// What is done where checks are down, and how often at most, by the name of the target.
    pub(crate) recovery: BTreeMap<String, Recovery>,
    /// How available something is promised to be, by the name of the objective.
    pub(crate) slo: BTreeMap<String, Slo>,
    /// Checks without a target, for `evenkeel-probe serve`, by the name that `/probe?module=` asks for.
    pub(crate) module: BTreeMap<String, Module>,
    /// Whom the agent itself tells what its alert rules find.
    pub(crate) alerts: Alerts,
}
