//! Layers of settings, checked into policies.
//!
//! [`load`] reads all layers of [`Sources`] (built-in defaults, a preset, the host's files, variables, named files, flags),
//! merges them key by key, and checks the result into [`Settings`]: policies that can do their work. It reads files that
//! it is told of, and neither the environment nor the command line; it prints nothing. Whatever is wrong is in one
//! [`ConfigError`], every problem with its file, line, key, value, and what is accepted.
//!
//! ```
//! let error = evenkeel_config::load_text("example.toml", "[check.web]\nhttp = { url = \"http://[::1]/\" }\ntimeuot = \"5s\"\n").unwrap_err();
//! assert_eq!(error.problems()[0].key(), Some("check.web.timeuot"));
//! assert_eq!(error.problems()[0].label_text(), "did you mean `timeout`?");
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")
)]

use std::path::{Path, PathBuf};

use figment::Figment;

use self::check::OFF;

mod address;
mod check;
mod document;
mod format;
mod key;
mod layer;
mod places;
mod preset;
mod problem;
mod raw;
mod read;
mod rule_inputs;
mod schema;
mod secrecy;
mod secret;
mod settings;
mod show;
mod sources;
mod value;

pub use address::reached_at;
pub use check::action_names;
pub use document::Document;
pub use key::nearest;
pub use layer::Origin;
pub use preset::{PRESETS, preset};
pub use problem::{ConfigError, Place, Problem};
pub use rule_inputs::{process_jobs, rule_inputs, scrape_target};
pub use schema::schema;
pub use secret::{SecretError, read_secret};
pub use settings::{
    Access, AgentSettings, Alerts, Check, CleanupRule, DeadMan, Hidden, LogFormat, LogSettings,
    Mode, Module, OnCall, PermissionRule, Receiver, ReceiverKind, Recovery, SEVERITIES, Settings,
    Slo, Step, Storm, TlsFiles,
};
pub use show::{Shown, ShownValues, reveal, show};
pub use sources::{RECEIVER_VARIABLES, Sources, VARIABLE_PREFIX};
pub use value::{
    Age, ValueError, format_duration, format_mode, format_size, parse_age, parse_duration,
    parse_mode, parse_size, parse_status,
};

/// Reads and checks the settings. Fails with every problem of every layer; nothing is in force by then.
pub fn load(sources: &Sources) -> Result<Settings, ConfigError> {
    let (layers, problems) = sources::gather(sources);
    check::check(layers, problems)
}

/// Reads and checks one document in the place of all sources, above the built-in defaults; `name` is for its problems.
pub fn load_text(name: impl AsRef<Path>, text: &str) -> Result<Settings, ConfigError> {
    let (layers, problems) = sources::gather_text(name.as_ref(), text);
    check::check(layers, problems)
}

/// As [`load`], and what of this host stands in the way of these settings: users that do not exist, roots that are none.
///
/// Such a rule fails at its runs while all others run; hence it is no error. Looks at the host, and changes nothing.
pub fn load_for_host(sources: &Sources) -> Result<(Settings, Vec<Problem>), ConfigError> {
    let (layers, problems) = sources::gather(sources);
    check::check_on_host(layers, problems)
}

/// Where the control socket is, whatever else is wrong with the settings: whoever asks a running agent must be able to while a file
/// is being mended. `None` if there is none, or if nobody can tell.
pub fn control_socket(sources: &Sources) -> Option<PathBuf> {
    let (layers, _) = sources::gather(sources);
    let all = layers.iter().fold(Figment::new(), |all, layer| layer.merge_into(all));
    let socket: String = all.extract_inner("agent.socket").ok()?;
    (socket != OFF).then(|| socket.into())
}

fn built_in() -> Settings {
    load_text("", "").expect("a test checks the built-in defaults")
}

fn built_in_agent() -> AgentSettings {
    built_in().agent
}

fn built_in_alerts() -> Alerts {
    built_in().alerts
}
