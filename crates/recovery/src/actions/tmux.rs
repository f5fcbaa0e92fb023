//! Panes and sockets of tmux.

use std::time::Duration;

use evenkeel_tmux::{Place, Server, TmuxError};
use tokio::time::Instant;

use super::error::{ActionError, permanent, retryable, with_source};

/// Starts the command of a pane anew, ends it first if it runs, and sees that another process runs there.
pub(super) async fn respawn_pane(
    place: &Place,
    pane: &str,
    deadline: Instant,
) -> Result<String, ActionError> {
    let aim = format!("respawn the pane `{pane}`");
    let failed = |error: TmuxError| of_error(&error, &aim);
    let server = server(place, &aim).await?;
    let before = pid_of(&server, pane, left(deadline)).await.map_err(failed)?;
    let before = before.ok_or_else(|| permanent(format!("cannot {aim}: there is no such pane")))?;
    server.respawn(pane, true, left(deadline)).await.map_err(failed)?;
    match pid_of(&server, pane, left(deadline)).await.map_err(failed)? {
        Some(after) if after != before => {
            Ok(format!("respawned the pane `{pane}`: process {after} in the place of {before}"))
        }
        _ => Err(retryable(format!("cannot {aim}: no other process runs there afterwards"))),
    }
}

/// Has a server that lives make its deleted socket again.
pub(super) async fn recreate_socket(
    place: &Place,
    deadline: Instant,
) -> Result<String, ActionError> {
    let aim = "bring the socket of tmux back";
    let server = server(place, aim).await?;
    let made = server.recreate_socket(left(deadline)).await;
    let pid = made.map_err(|error| of_error(&error, aim))?;
    Ok(format!("had the tmux server {pid} make `{}` again", server.socket().display()))
}

async fn server(place: &Place, aim: &str) -> Result<Server, ActionError> {
    let place = place.clone();
    let found = tokio::task::spawn_blocking(move || place.server()).await;
    let found = found.map_err(|error| retryable(format!("cannot {aim}: {error}")))?;
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

fn of_error(error: &TmuxError, aim: &str) -> ActionError {
    let reason = format!("cannot {aim}: {}", with_source(error));
    match error {
        TmuxError::Denied { .. } | TmuxError::NoProgram { .. } | TmuxError::NoUser { .. } => {
            permanent(reason)
        }
        // A server that is gone is not brought back by any of these.
        TmuxError::Missing { .. } | TmuxError::Dead { .. } => permanent(reason),
        _ => retryable(reason),
    }
}
