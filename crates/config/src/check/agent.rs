use std::net::SocketAddr;
use std::path::PathBuf;

use super::Checker;
use crate::key::Key;
use crate::raw;
use crate::settings::{AgentSettings, Mode};

/// What switches off a listener.
const OFF: &str = "off";

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
    Some(AgentSettings {
        mode: match raw.mode? {
            raw::Running::Enforce => Mode::Enforce,
            raw::Running::Observe => Mode::Observe,
        },
        state_dir: state_dir?,
        listen: listen?,
        socket: socket?,
        grace: raw.grace?.0,
        hold_errors_for: raw.hold_errors_for?.0,
    })
}

fn listen(checker: &mut Checker, key: &Key, text: Option<&str>) -> Option<Option<SocketAddr>> {
    let text = text?;
    if text == OFF {
        return Some(None);
    }
    match text.parse() {
        Ok(address) => Some(Some(address)),
        Err(_) => {
            checker.refuse_with(
                key,
                format!("`{key}` is not an address and port"),
                format!("`{text}` cannot be listened on"),
                &["accepted: an address and a port, such as \"127.0.0.1:9720\" or \"[::1]:9720\", or \"off\""],
            );
            None
        }
    }
}

fn socket(checker: &mut Checker, key: &Key, text: Option<&str>) -> Option<Option<PathBuf>> {
    let text = text?;
    if text == OFF {
        return Some(None);
    }
    let path = PathBuf::from(text);
    if path.is_absolute() {
        return Some(Some(path));
    }
    let label = format!("`{text}` does not begin with `/`");
    let accepted = "accepted: a path such as \"/run/evenkeel/evenkeel.sock\", or \"off\"";
    checker.refuse_with(key, format!("`{key}` is not an absolute path"), label, &[accepted]);
    None
}
