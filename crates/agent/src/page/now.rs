//! How things are now, for programs: health, status, metrics.

use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use evenkeel_metrics::{Format, process_page};
use serde::Deserialize;
use serde_json::json;

use super::{Desk, Question, ask, process};

#[derive(Debug, Deserialize)]
pub(super) struct MetricsQuery {
    process: Option<String>,
}

pub(super) async fn health(State(desk): State<Desk>) -> Response {
    let status = match ask(&desk, Question::Status).await {
        Ok(status) => status,
        Err(ending) => return ending.into_response(),
    };
    let code = if status.healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let down: Vec<_> = status
        .checks
        .iter()
        .filter(|check| check.state == "down" || check.state == "recovering")
        .map(|check| &check.name)
        .collect();
    let rules: Vec<_> =
        status.rules.iter().filter(|rule| rule.ok == Some(false)).map(|rule| &rule.name).collect();
    let exhausted: Vec<_> = status
        .recoveries
        .iter()
        .filter(|recovery| recovery.phase == "exhausted")
        .map(|recovery| &recovery.target)
        .collect();
    let body = json!({
        "healthy": status.healthy, "mode": status.mode,
        "down": down, "rules_failing": rules, "recoveries_exhausted": exhausted,
    });
    (code, Json(body)).into_response()
}

pub(super) async fn status(State(desk): State<Desk>) -> Response {
    match ask(&desk, Question::Status).await {
        Ok(status) => Json(status).into_response(),
        Err(ending) => ending.into_response(),
    }
}

/// What the agent's own rules find; nothing where it evaluates none.
pub(super) async fn alerts(State(desk): State<Desk>) -> Response {
    match ask(&desk, Question::Status).await {
        Ok(status) => Json(status.alerts).into_response(),
        Err(ending) => ending.into_response(),
    }
}

pub(super) async fn metrics(
    State(desk): State<Desk>,
    Query(query): Query<MetricsQuery>,
    request: Request,
) -> Response {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = Format::negotiate(accept);
    let status = match ask(&desk, Question::Status).await {
        Ok(status) => status,
        Err(ending) => return ending.into_response(),
    };
    let body = match query.process {
        None => desk.metrics.encode(format),
        Some(process) => match process::stats(&status, &process).await {
            Ok(usage) => process_page(&usage, format),
            Err(answer) => return answer.into_response(),
        },
    };
    ([(header::CONTENT_TYPE, format.content_type())], body).into_response()
}
