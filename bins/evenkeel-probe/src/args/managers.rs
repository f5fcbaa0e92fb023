//! What keeps programs running, as it is typed.

use std::time::Duration;

use evenkeel_cli::Failure;
use evenkeel_probe::{ProgramGlob, SupervisorTarget, SystemdTarget, TmuxTarget};
use evenkeel_supervisord::socket_of_url;
use evenkeel_systemd::UnitName;
use evenkeel_tmux::Place;

use super::duration;

#[derive(Debug, clap::Args)]
pub(super) struct Supervisor {
    /// Its socket, such as `unix:///run/supervisor.sock`
    #[arg(long)]
    url: String,
    /// Only these programs; repeatable
    #[arg(long, value_name = "GLOB", default_value = "*")]
    program: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Systemd {
    /// The unit; `.service` may be left out
    unit: String,
    /// Ask the manager of this user, which works for that user alone
    #[arg(long)]
    user: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Tmux {
    /// Its socket: a path, or a name as for `tmux -L`
    #[arg(value_name = "TARGET", default_value = "default")]
    socket: String,
    /// Whose socket of that name
    #[arg(long)]
    user: Option<String>,
    /// Only these sessions, and each must be there; repeatable
    #[arg(long, value_name = "GLOB")]
    session: Vec<String>,
    /// A pane in which nothing was written for so long is stalled, if it is alone in its window
    #[arg(long, value_name = "D", value_parser = duration)]
    stalled_after: Option<Duration>,
}

impl Supervisor {
    pub(super) fn target(&self) -> Result<SupervisorTarget, Failure> {
        let socket = socket_of_url(&self.url).map_err(Failure::usage)?;
        Ok(SupervisorTarget::new(socket, globs(&self.program)?))
    }
}

impl Systemd {
    pub(super) fn target(&self) -> Result<SystemdTarget, Failure> {
        let target = SystemdTarget::new(UnitName::try_new(&self.unit).map_err(Failure::usage)?);
        Ok(SystemdTarget { user: self.user.clone(), ..target })
    }
}

impl Tmux {
    pub(super) fn target(&self) -> Result<TmuxTarget, Failure> {
        let sessions = globs(&self.session)?;
        let place = tmux_place(&self.socket, self.user.as_deref())?;
        Ok(TmuxTarget { sessions, stalled_after: self.stalled_after, ..TmuxTarget::new(place) })
    }
}

fn globs(given: &[String]) -> Result<Vec<ProgramGlob>, Failure> {
    given
        .iter()
        .map(|glob| ProgramGlob::try_new(glob))
        .collect::<Result<_, _>>()
        .map_err(Failure::usage)
}

fn tmux_place(socket: &str, user: Option<&str>) -> Result<Place, Failure> {
    match (socket.contains('/'), user) {
        (true, None) => Ok(Place::Path(socket.into())),
        (true, Some(_)) => {
            Err(Failure::usage("`--user` goes with the name of a socket, not with a path"))
        }
        (false, user) => {
            Ok(Place::Named { name: socket.to_owned(), user: user.map(str::to_owned) })
        }
    }
}
