//! What the agent shows: the status page, health, status, history and metrics. Read-only, but for the orders that the
//! control socket takes besides.

mod curves;
mod past;
pub(crate) mod process;

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use evenkeel_config::Settings;
use evenkeel_engine::Status;
use evenkeel_metrics::{Format, Metrics, process_page};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::control::{NotObeyed, Obeyed, Order, orders};
use crate::history::Recent;

const PAGE: &str = include_str!("page/page.html");

/// What the handlers ask.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) questions: mpsc::Sender<Question>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) recent: Recent,
    /// Where the history is on disk, if it is kept there.
    pub(crate) archive: Option<Arc<PathBuf>>,
    /// This boot, to tell what times of the history mean.
    pub(crate) boot_id: Arc<str>,
}

/// What the agent's loop is asked; an answer that does not come means that it is ending.
#[derive(Debug)]
pub(crate) enum Question {
    /// A fresh status; the gauges are set by then.
    Status(oneshot::Sender<Status>),
    /// The settings in force.
    Settings(oneshot::Sender<Settings>),
    /// An operator's order; answered once it is on disk.
    Order(Order, oneshot::Sender<Result<Obeyed, NotObeyed>>),
}

#[derive(Debug, Deserialize)]
struct MetricsQuery {
    process: Option<String>,
}

/// The routes. `host_names` are the names that a request may ask for; `None` where a name means nothing (unix socket).
pub(crate) fn router(desk: Desk, host_names: Option<Vec<String>>) -> Router {
    let routes = Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/health", get(health))
        .route("/api/status", get(status))
        .route("/api/alerts", get(alerts))
        .route("/api/events", get(past::events))
        .route("/api/why/{*what}", get(past::why))
        .route("/api/series", get(curves::series))
        .route("/api/stretches", get(curves::stretches))
        .route("/metrics", get(metrics));
    let routes = match host_names {
        Some(_) => routes,
        None => routes.merge(orders()),
    };
    let routes = routes.with_state(desk);
    let policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'";
    let set =
        |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    let routes = routes
        .layer(set(header::CONTENT_SECURITY_POLICY, policy))
        .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(header::CACHE_CONTROL, "no-store"));
    match host_names {
        Some(names) => routes.layer(middleware::from_fn_with_state(Arc::new(names), expect_host)),
        None => routes,
    }
}

/// Refuses a request for a host that is not this one: a page elsewhere that had its name point here (DNS rebinding).
async fn expect_host(
    State(names): State<Arc<Vec<String>>>,
    request: Request,
    next: Next,
) -> Response {
    let host =
        request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return next.run(request).await;
    }
    let text = format!("this is not `{}`; ask for {}\n", name.escape_debug(), names.join(" or "));
    (StatusCode::MISDIRECTED_REQUEST, text).into_response()
}

/// Asks the agent's loop; fails, as an answer to the client, when the agent is ending.
pub(crate) async fn ask<T>(
    desk: &Desk,
    question: impl FnOnce(oneshot::Sender<T>) -> Question,
) -> Result<T, (StatusCode, &'static str)> {
    const ENDING: (StatusCode, &str) = (StatusCode::SERVICE_UNAVAILABLE, "the agent is ending\n");
    let (reply, answer) = oneshot::channel();
    desk.questions.send(question(reply)).await.map_err(|_| ENDING)?;
    answer.await.map_err(|_| ENDING)
}

async fn health(State(desk): State<Desk>) -> Response {
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

async fn status(State(desk): State<Desk>) -> Response {
    match ask(&desk, Question::Status).await {
        Ok(status) => Json(status).into_response(),
        Err(ending) => ending.into_response(),
    }
}

/// What the agent's own rules find; nothing where it evaluates none.
async fn alerts(State(desk): State<Desk>) -> Response {
    match ask(&desk, Question::Status).await {
        Ok(status) => Json(status.alerts).into_response(),
        Err(ending) => ending.into_response(),
    }
}

async fn metrics(
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

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn get_with_host(host: &str) -> String {
        let (questions, _) = mpsc::channel(1);
        let metrics = Arc::new(Metrics::new("0", SystemTime::UNIX_EPOCH));
        let (recent, archive, boot_id) = (Recent::default(), None, Arc::from(""));
        let desk = Desk { questions, metrics, recent, archive, boot_id };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = router(desk, Some(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]));
        let server = tokio::spawn(crate::serve::serve(listener, router));
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        server.abort();
        answer
    }

    #[tokio::test]
    async fn the_page_answers_for_its_own_names_only() {
        assert!(get_with_host("127.0.0.1:9720").await.starts_with("HTTP/1.1 200"));
        assert!(get_with_host("localhost").await.starts_with("HTTP/1.1 200"));
        assert!(get_with_host("evil.example:9720").await.starts_with("HTTP/1.1 421"));
    }

    #[tokio::test]
    async fn no_script_from_elsewhere_may_run_in_the_page() {
        let answer = get_with_host("localhost").await;
        assert!(answer.contains("content-security-policy: default-src 'none'"), "{answer}");
    }
}
