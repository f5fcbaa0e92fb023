//! One look into the history on disk, for whoever draws or answers from it.

use std::path::Path;

use axum::http::StatusCode;
use evenkeel_config::Settings;
use evenkeel_journal::{Reader, Stamp};
use evenkeel_shown::chain;

use super::{Desk, Question, ask};
use crate::clock::HostClock;
use crate::explain::ExplainError;

/// An answer that is no success, in words.
pub(super) type Refusal = (StatusCode, String);

/// Looks into the history on disk with the settings in force, on a thread that may wait.
pub(super) async fn look<T: Send + 'static>(
    desk: &Desk,
    find: impl FnOnce(Reader, Settings, Stamp) -> Result<T, ExplainError> + Send + 'static,
) -> Result<T, Refusal> {
    let Some(archive) = desk.archive.clone() else {
        let text = "this agent only observes, and keeps no history on disk\n".to_owned();
        return Err((StatusCode::NOT_FOUND, text));
    };
    let settings =
        ask(desk, Question::Settings).await.map_err(|(code, text)| (code, text.to_owned()))?;
    let boot_id = desk.boot_id.to_string();
    let found = archive.look(move |path| {
        let clock = HostClock;
        let now = Stamp { boot_id, boottime: clock.now(), wall: clock.wall() };
        find_in(path, |reader| find(reader, settings, now))
    });
    let nothing = "the look into the history came to no end\n".to_owned();
    found.await.unwrap_or(Err((StatusCode::INTERNAL_SERVER_ERROR, nothing)))
}

fn find_in<T>(
    archive: &Path,
    find: impl FnOnce(Reader) -> Result<T, ExplainError>,
) -> Result<T, Refusal> {
    let reader = Reader::open(archive)
        .map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", chain(&error))))?;
    find(reader).map_err(|error| {
        let code = match error {
            ExplainError::Unknown { .. } => StatusCode::NOT_FOUND,
            ExplainError::Journal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (code, format!("{}\n", chain(&error)))
    })
}
