use evenkeel_cli::agent::{Hints, run_beside};
use evenkeel_cli::{Common, Exit, Failure, print_line};
use evenkeel_config::Settings;
use evenkeel_supervisord::listener::{Event, ListenError, listen};

use super::args::{Care, Like, Listener};
use super::supervisor::Supervisor;
use crate::toml::quoted;

/// Below it each listener keeps its own history: two agents never share one.
const STATE: &str = "/var/lib/evenkeel/listener";

/// Listens until supervisord closes the pipe, or until SIGTERM; then lets a restart that runs end.
///
/// `only_recovery` takes from the settings what no recovery needs.
pub(crate) fn run(
    listener: &Listener,
    common: &Common,
    only_recovery: fn(Settings) -> Result<Settings, Failure>,
) -> Result<Exit, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let common = listener.in_words(common, variable)?;
    if listener.care.print_settings {
        let shown =
            evenkeel_config::reveal(&common.sources_without_host()).map_err(Failure::usage)?;
        print_line(shown.to_toml(false).trim_end());
        return Ok(Exit::Holds);
    }
    let read = move || only_recovery(common.settings_without_host()?);
    // Standard output is the protocol's alone from here on; everything else is said on standard error.
    run_beside(read()?, listener.care.observe, read, protocol)
}

/// Speaks with supervisord; what happened to a program is a hint to look, and the answer never waits for anything.
async fn protocol(hints: Hints) -> Result<(), Failure> {
    let seen = |event: Event| match event {
        Event::Program(program) => {
            tracing::debug!(group = program.group, program = program.name, state = %program.state, "told by supervisord");
            hints.supervisor();
        }
        Event::Groups => hints.supervisor(),
        _ => {}
    };
    let listened = listen(tokio::io::stdin(), tokio::io::stdout(), seen).await;
    if listened.is_ok() {
        tracing::info!("supervisord closed the pipe");
    }
    listened.map_err(|error: ListenError| Failure::refused(&error))
}

impl Listener {
    /// `common` with these options as the settings that they mean, below what `--set` says.
    fn in_words(
        &self,
        common: &Common,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Common, Failure> {
        let care = &self.care;
        let supervisor = || Supervisor::find(care.server_url.as_deref(), variable);
        let mut sets = vec!["agent.socket=off".to_owned()];
        match &care.listen {
            Some(address) => sets.push(format!("agent.listen={}", quoted(address))),
            None => sets.push("agent.listen=off".to_owned()),
        }
        match &self.like {
            Some(Like::Memmon(memmon)) => {
                let interval = care.interval.as_deref().unwrap_or("5s");
                let own = memmon.settings(&supervisor()?, interval)?;
                let graces = own_checks(&own)
                    .map(|check| format!("{check}.startup_grace={}", quoted(&care.grace)));
                sets.extend(graces.collect::<Vec<_>>());
                sets.extend(own);
                sets.extend(care.settings(&memmon.name));
            }
            Some(Like::Httpok(httpok)) => {
                let interval = care.interval.as_deref();
                sets.extend(httpok.settings(&supervisor()?, interval, &care.grace)?);
                sets.extend(care.settings(&httpok.name));
            }
            None if common.config.is_empty() && common.set.is_empty() => {
                return Err(Failure::usage(
                    "nothing to do: say `memmon` or `httpok` with its options, or name settings with --config",
                ));
            }
            None => {
                // A file says all of this itself, but for what was typed.
                let dir = care.state_dir.as_ref();
                sets.extend(
                    dir.map(|dir| format!("agent.state_dir={}", quoted(&dir.to_string_lossy()))),
                );
            }
        }
        sets.extend(common.set.iter().cloned());
        Ok(Common { set: sets, ..common.clone() })
    }
}

/// The keys of the checks that these settings make.
fn own_checks(sets: &[String]) -> impl Iterator<Item = &str> {
    sets.iter().filter_map(|set| set.split_once(".supervisor.url=")).map(|(check, _)| check)
}

impl Care {
    /// What holds for every listener, as settings of the recovery `name` and of its agent.
    fn settings(&self, name: &str) -> Vec<String> {
        let dir = match &self.state_dir {
            Some(dir) => dir.to_string_lossy().into_owned(),
            None => format!("{STATE}-{name}"),
        };
        let recovery = format!("recovery.{}", quoted(name));
        let mut sets = vec![
            format!("agent.state_dir={}", quoted(&dir)),
            format!("agent.grace={}", quoted(&self.grace)),
            format!("{recovery}.max_retries={}", self.max_retries),
            format!("{recovery}.backoff.initial={}", quoted(&self.backoff)),
            format!("{recovery}.budget.per_target={}", quoted(&self.budget)),
            format!("{recovery}.budget.per_host={}", quoted(&self.budget_all)),
            format!("{recovery}.stable_for={}", quoted(&self.stable_for)),
        ];
        let verify = self.verify_timeout.as_ref();
        sets.extend(verify.map(|time| format!("{recovery}.verify_timeout={}", quoted(time))));
        sets
    }
}

#[cfg(test)]
mod tests;
