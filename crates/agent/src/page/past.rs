//! The history over HTTP: the same documents as `evenkeel events` and `evenkeel why` print.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use evenkeel_config::{Settings, parse_duration};
use evenkeel_journal::{Reader, Stamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Desk, Question, ask};
use crate::clock::HostClock;
use crate::executor::chain;
use crate::explain::{ExplainError, Wanted, explain, find_events};

/// Lines in an answer, unless another number is asked for; and the most there are in one.
const EVENTS: u32 = 50;
const MOST_EVENTS: u32 = 10_000;

#[derive(Debug, Deserialize)]
pub(super) struct EventsQuery {
    since: Option<String>,
    kind: Option<String>,
    target: Option<String>,
    limit: Option<u32>,
}

/// An answer that is no success, in words.
pub(super) type Refusal = (StatusCode, String);

/// The last lines, newest first. What needs no look at the disk is told from memory, so also when the disk is full.
pub(super) async fn events(State(desk): State<Desk>, Query(query): Query<EventsQuery>) -> Response {
    let limit = query.limit.unwrap_or(EVENTS).min(MOST_EVENTS);
    if query.since.is_none() && query.kind.is_none() && query.target.is_none() {
        let events = desk.recent.last(limit as usize);
        return Json(json!({ "events": events })).into_response();
    }
    let since = match query.since.as_deref().map(parse_duration).transpose() {
        Ok(since) => since,
        Err(error) => {
            return (StatusCode::BAD_REQUEST, format!("since: {error}\n")).into_response();
        }
    };
    let wanted = Wanted { since, kind: query.kind, target: query.target, limit: Some(limit) };
    let looked = look(&desk, |reader, settings, now| {
        let mut events = find_events(&reader, &settings, wanted, now.wall)?;
        events.reverse();
        Ok(json!({ "events": events }))
    });
    answer(looked.await)
}

/// The causal record of an incident, a target, a check or a rule.
pub(super) async fn why(State(desk): State<Desk>, Path(what): Path<String>) -> Response {
    answer(look(&desk, move |reader, settings, now| explain(&reader, &settings, &what, &now)).await)
}

pub(super) fn answer(looked: Result<impl Serialize, Refusal>) -> Response {
    match looked {
        Ok(document) => Json(document).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

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
    let found = tokio::task::spawn_blocking(move || {
        let clock = HostClock;
        let now = Stamp { boot_id, boottime: clock.now(), wall: clock.wall() };
        find_in(&archive, |reader| find(reader, settings, now))
    });
    found
        .await
        .unwrap_or_else(|error| Err((StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))))
}

fn find_in<T>(
    archive: &Arc<PathBuf>,
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
