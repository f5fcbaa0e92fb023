//! What supervisord tells the programs that it runs, in their environment.

use std::time::Duration;

use evenkeel_cli::Failure;
use evenkeel_config::{format_duration, parse_duration};

use crate::toml::quoted;

/// The supervisord that runs this listener, and what it calls the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Supervisor {
    pub(crate) url: String,
    /// `group:name` of the listener itself; `None` if it is run by hand.
    pub(crate) own: Option<String>,
}

impl Supervisor {
    /// Finds it by the flag, or else by the variables that supervisord sets.
    pub(crate) fn find(
        flag: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let url = flag.map(str::to_owned).or_else(|| variable("SUPERVISOR_SERVER_URL"));
        let url = url.filter(|url| !url.is_empty()).ok_or_else(|| {
            Failure::usage(
                "SUPERVISOR_SERVER_URL is not set, so this is not run by supervisord: run it as an `[eventlistener:…]`, or name \
                 the socket with --server-url unix:///run/supervisor.sock",
            )
        })?;
        if !url.starts_with("unix:///") {
            return Err(Failure::usage(format!(
                "supervisord is asked over its Unix socket, and `{url}` is none: give it a `[unix_http_server]`, and name that \
                 with --server-url unix:///run/supervisor.sock"
            )));
        }
        let name = variable("SUPERVISOR_PROCESS_NAME");
        let group = variable("SUPERVISOR_GROUP_NAME").or_else(|| name.clone());
        let own = group.zip(name).map(|(group, name)| format!("{group}:{name}"));
        Ok(Self { url, own })
    }
}

/// How long supervisord may take to answer a check of this key, which the default would be too long for.
pub(crate) fn timeout_within(check: &str, interval: &str) -> Option<String> {
    const USUAL: Duration = Duration::from_secs(5);
    // What is wrong with an interval is said where it is read as a setting.
    let interval = parse_duration(interval).ok().filter(|interval| *interval < USUAL)?;
    Some(format!("{check}.timeout={}", quoted(&format_duration(interval))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<Supervisor, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Supervisor::find(flag, variable).map_err(|failure| failure.to_string())
    }

    #[test]
    fn supervisord_says_where_it_is_and_what_it_calls_the_listener() {
        let variables = [
            ("SUPERVISOR_SERVER_URL", "unix:///run/s.sock"),
            ("SUPERVISOR_PROCESS_NAME", "memmon"),
            ("SUPERVISOR_GROUP_NAME", "watch"),
        ];
        let own = Some("watch:memmon".to_owned());
        let expected = Supervisor { url: "unix:///run/s.sock".into(), own };
        assert_eq!(found(None, &variables), Ok(expected.clone()));
        let other = Supervisor { url: "unix:///other.sock".into(), ..expected };
        assert_eq!(found(Some("unix:///other.sock"), &variables), Ok(other));
    }

    #[test]
    fn a_listener_that_nobody_runs_says_how_it_is_run() {
        assert!(found(None, &[]).unwrap_err().contains("[eventlistener:…]"));
        let http = [("SUPERVISOR_SERVER_URL", "http://127.0.0.1:9001")];
        assert!(found(None, &http).unwrap_err().contains("[unix_http_server]"));
    }
}
