//! One look into the history on disk, for whoever draws or answers from it.

use std::path::Path;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use evenkeel_config::Settings;
use evenkeel_journal::{Reader, Stamp};
use evenkeel_shown::chain;
use evenkeel_shown::said::{AgentCode, Said};

use super::{Desk, Question, ask};
use crate::clock::HostClock;
use crate::explain::ExplainError;

/// An answer that is no success, in words.
pub(super) type Refusal = (StatusCode, Said);

/// A refusal for programs.
pub(super) fn plain((code, said): Refusal) -> Response {
    (code, format!("{said}\n")).into_response()
}

/// Looks into the history on disk with the settings in force, on a thread that may wait.
pub(super) async fn look<T: Send + 'static>(
    desk: &Desk,
    find: impl FnOnce(Reader, Settings, Stamp) -> Result<T, ExplainError> + Send + 'static,
) -> Result<T, Refusal> {
    let Some(archive) = desk.archive.clone() else {
        let text = "this agent only observes, and keeps no history on disk";
        return Err((StatusCode::NOT_FOUND, Said::new(text, AgentCode::NoHistoryKept)));
    };
    let settings = ask(desk, Question::Settings)
        .await
        .map_err(|(code, text)| (code, text.trim_end().into()))?;
    let boot_id = desk.boot_id.to_string();
    let found = archive.look(move |path| {
        let clock = HostClock;
        let now = Stamp { boot_id, boottime: clock.now(), wall: clock.wall() };
        find_in(path, |reader| find(reader, settings, now))
    });
    found.await.unwrap_or_else(|| {
        let text = "the look into the history came to no end";
        Err((StatusCode::INTERNAL_SERVER_ERROR, Said::new(text, AgentCode::HistoryLookBrokeOff)))
    })
}

fn unreadable(error: &dyn std::error::Error) -> Said {
    let text = chain(error);
    Said::new(text.clone(), AgentCode::HistoryUnreadable { error: text })
}

fn find_in<T>(
    archive: &Path,
    find: impl FnOnce(Reader) -> Result<T, ExplainError>,
) -> Result<T, Refusal> {
    let reader = Reader::open(archive)
        .map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, unreadable(&error)))?;
    find(reader).map_err(|error| match error {
        ExplainError::Unknown { message } => (StatusCode::NOT_FOUND, message),
        ExplainError::Journal(error) => (StatusCode::INTERNAL_SERVER_ERROR, unreadable(&error)),
    })
}
