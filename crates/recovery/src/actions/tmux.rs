//! Panes and sockets of tmux.

use std::time::Duration;

use evenkeel_shown::said::{ActionCode, Aim, Said};
use evenkeel_tmux::{Place, Server, TmuxError};
use tokio::time::Instant;

use super::aim::cannot;
use super::error::{ActionError, permanent, retryable};

/// Starts the command of a pane anew, ends it first if it runs, and sees that another process runs there.
pub(super) async fn respawn_pane(
    place: &Place,
    pane: &str,
    deadline: Instant,
) -> Result<Said, ActionError> {
    let aim = Aim::RespawnPane { pane: pane.to_owned() };
    let failed = |error: TmuxError| of_error(&error, &aim);
    let server = server(place, &aim).await?;
    let before = pid_of(&server, pane, left(deadline)).await.map_err(failed)?;
    let none = || Said::new("there is no such pane", ActionCode::NoSuchPane);
    let before = before.ok_or_else(|| permanent(cannot(&aim, none())))?;
    server.respawn(pane, true, left(deadline)).await.map_err(failed)?;
    match pid_of(&server, pane, left(deadline)).await.map_err(failed)? {
        Some(after) if after != before => {
            let text =
                format!("respawned the pane `{pane}`: process {after} in the place of {before}");
            let (pane, pid) = (pane.to_owned(), after);
            Ok(Said::new(text, ActionCode::PaneRespawned { pane, pid, before }))
        }
        _ => {
            let why = "no other process runs there afterwards";
            Err(retryable(cannot(&aim, Said::new(why, ActionCode::NoOtherProcess))))
        }
    }
}

/// Has a server that lives make its deleted socket again.
pub(super) async fn recreate_socket(place: &Place, deadline: Instant) -> Result<Said, ActionError> {
    let aim = Aim::RecreateSocket;
    let server = server(place, &aim).await?;
    let made = server.recreate_socket(left(deadline)).await;
    let pid = made.map_err(|error| of_error(&error, &aim))?;
    let socket = server.socket().display().to_string();
    let text = format!("had the tmux server {pid} make `{socket}` again");
    Ok(Said::new(text, ActionCode::SocketMade { pid, socket }))
}

async fn server(place: &Place, aim: &Aim) -> Result<Server, ActionError> {
    let place = place.clone();
    let found = tokio::task::spawn_blocking(move || place.server()).await;
    let found = found.map_err(|error| retryable(cannot(aim, error.to_string())))?;
    Ok(found.map_err(|error| of_error(&error, aim))?.0)
}

/// The process that runs in a pane; of a dead pane the one that did.
async fn pid_of(server: &Server, pane: &str, deadline: Duration) -> Result<Option<u32>, TmuxError> {
    let panes = server.panes(deadline).await?;
    Ok(panes.iter().find(|found| found.name() == pane).map(|found| found.pid))
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn of_error(error: &TmuxError, aim: &Aim) -> ActionError {
    let reason = cannot(aim, error.said());
    match error {
        TmuxError::Denied { .. } | TmuxError::NoProgram { .. } | TmuxError::NoUser { .. } => {
            permanent(reason)
        }
        // A server that is gone is not brought back by any of these.
        TmuxError::Missing { .. } | TmuxError::Dead { .. } => permanent(reason),
        _ => retryable(reason),
    }
}
