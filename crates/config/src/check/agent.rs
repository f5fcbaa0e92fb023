use std::net::SocketAddr;
use std::path::PathBuf;

use super::Checker;
use super::access::access;
use crate::key::Key;
use crate::raw;
use crate::settings::{AgentSettings, LogFormat, LogSettings, Mode, Storm};
use crate::value::OrOff;

/// What switches off a listener.
pub(crate) const OFF: &str = "off";
/// How much is logged, from nothing to everything.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn agent(checker: &mut Checker, raw: &raw::Agent) -> Option<AgentSettings> {
    let rule = Key::of(&["agent"]);
    let state_dir = raw.state_dir.clone();
    if let Some(path) = state_dir.as_ref().filter(|path| !path.is_absolute()) {
        let message = format!("`agent.state_dir` is not an absolute path: `{}`", path.display());
        checker.refuse_with(
            &rule.child("state_dir"),
            message,
            "a directory from `/` on is needed",
            &[],
        );
    }
    let listen = listen(checker, &rule.child("listen"), raw.listen.as_deref());
    let socket = socket(checker, &rule.child("socket"), raw.socket.as_deref());
    let log = log(checker, &rule.child("log"), raw.log.as_ref());
    let storm = storm(checker, &rule.child("storm"), raw.storm);
    let starved_after = checker.above_zero(&rule, "starved_after", raw.starved_after);
    let listen = listen?.into_option();
    let access = access(checker, raw, listen);
    Some(AgentSettings {
        mode: match raw.mode? {
            raw::Running::Enforce => Mode::Enforce,
            raw::Running::Observe => Mode::Observe,
        },
        state_dir: state_dir?,
        listen,
        socket: socket?.into_option(),
        log: log?,
        grace: raw.grace?.0,
        hold_errors_for: raw.hold_errors_for?.0,
        storm: storm?.into_option(),
        starved_after: starved_after?,
        access: access?,
    })
}

/// The form and the amount of the log.
fn log(checker: &mut Checker, key: &Key, raw: Option<&raw::Log>) -> Option<LogSettings> {
    let level = raw?.level.clone()?;
    // Each a level, or a target and its level, as the log takes it.
    let is_good = |part: &str| {
        let (target, level) = part.split_once('=').unwrap_or(("evenkeel", part));
        let names_one = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | ':');
        LEVELS.contains(&level) && !target.is_empty() && target.chars().all(names_one)
    };
    if !level.split(',').all(is_good) {
        let key = key.child("level");
        let accepted = format!(
            "accepted: {}; or such for each part of the program: \"info,evenkeel_probe=debug\"",
            LEVELS.join(", ")
        );
        let message = format!("`{key}` is no amount of log");
        checker.refuse_with(&key, message, format!("`{level}` names no level"), &[&accepted]);
        return None;
    }
    let format = match raw?.format? {
        raw::LogFormat::Human => LogFormat::Human,
        raw::LogFormat::Json => LogFormat::Json,
        raw::LogFormat::Journald => LogFormat::Journald,
    };
    Some(LogSettings { format, level })
}

/// When targets that are down together make the host suspect.
fn storm(checker: &mut Checker, key: &Key, raw: Option<OrOff<raw::Storm>>) -> Option<OrOff<Storm>> {
    let OrOff::On(raw) = raw? else { return Some(OrOff::Off) };
    let (targets, share) = (raw.targets?, raw.share?.0.ratio());
    let mut good = true;
    if targets < 2 {
        let message = format!("`{}` must be 2 or more", key.child("targets"));
        let label = "one target alone makes no storm";
        checker.refuse_with(&key.child("targets"), message, label, &[]);
        good = false;
    }
    if share <= 0.0 {
        let message = format!("`{}` must be above 0%", key.child("share"));
        checker.refuse(&key.child("share"), message, "every failure would be a storm");
        good = false;
    }
    let within = match raw.within {
        Some(given) => Some(checker.above_zero(key, "within", Some(given))?),
        None => None,
    };
    good.then_some(OrOff::On(Storm { targets, share, within }))
}

/// A listener that settings can switch off.
enum Listener<T> {
    Off,
    On(T),
}

impl<T> Listener<T> {
    fn into_option(self) -> Option<T> {
        match self {
            Self::Off => None,
            Self::On(place) => Some(place),
        }
    }
}

fn listen(checker: &mut Checker, key: &Key, text: Option<&str>) -> Option<Listener<SocketAddr>> {
    let text = text?;
    if text == OFF {
        return Some(Listener::Off);
    }
    if let Ok(address) = text.parse() {
        return Some(Listener::On(address));
    }
    let accepted =
        "accepted: an address and a port, such as \"127.0.0.1:9720\" or \"[::1]:9720\", or \"off\"";
    let label = format!("`{text}` cannot be listened on");
    checker.refuse_with(key, format!("`{key}` is not an address and port"), label, &[accepted]);
    None
}

fn socket(checker: &mut Checker, key: &Key, text: Option<&str>) -> Option<Listener<PathBuf>> {
    let text = text?;
    if text == OFF {
        return Some(Listener::Off);
    }
    let path = PathBuf::from(text);
    if path.is_absolute() {
        return Some(Listener::On(path));
    }
    let label = format!("`{text}` does not begin with `/`");
    let accepted = "accepted: a path such as \"/run/evenkeel/evenkeel.sock\", or \"off\"";
    checker.refuse_with(key, format!("`{key}` is not an absolute path"), label, &[accepted]);
    None
}
