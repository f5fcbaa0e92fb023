//! The history over HTTP: the same documents as `evenkeel events` and `evenkeel why` print.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use evenkeel_config::parse_duration;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Desk;
use super::look::{Refusal, look, plain};
use crate::explain::{Wanted, explain, find_events};

/// Lines in an answer, unless another number is asked for; and the most there are in one.
const EVENTS: u32 = 50;
const MOST_EVENTS: u32 = 10_000;
/// What the words and data of those lines may take together.
const MOST_BYTES: u64 = 4 << 20;

#[derive(Debug, Deserialize)]
pub(super) struct EventsQuery {
    since: Option<String>,
    kind: Option<String>,
    target: Option<String>,
    limit: Option<u32>,
}

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
    let wanted = Wanted {
        since,
        kind: query.kind,
        target: query.target,
        limit: Some(limit),
        bytes: Some(MOST_BYTES),
    };
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
        Err(refusal) => plain(refusal),
    }
}
