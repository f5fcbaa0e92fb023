//! What the agent shows: the status page, health, status, history and metrics. Read-only, but for the orders that the
//! control socket takes besides.

mod access;
mod answer;
mod archive;
pub(crate) mod curves;
mod html;
mod look;
mod now;
mod packing;
mod past;
pub(crate) mod past_of;
pub(crate) mod process;
mod rows;
mod series;
mod stream;
mod viewer;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::routing::get;
use evenkeel_config::Settings;
use evenkeel_engine::Status;
use evenkeel_metrics::Metrics;
use evenkeel_pages::POLICY;
use tokio::sync::{mpsc, oneshot};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::control::{NotObeyed, Obeyed, Order, orders};
use crate::history::Recent;

pub(crate) use self::access::Gate;
pub(crate) use self::archive::Archive;
pub(crate) use self::html::host_name;
pub(crate) use self::stream::Hub;

/// An answer that has not begun by then is given up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What the handlers ask.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) questions: mpsc::Sender<Question>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) recent: Recent,
    /// Where the history is on disk, if it is kept there.
    pub(crate) archive: Option<Archive>,
    /// This boot, to tell what times of the history mean.
    pub(crate) boot_id: Arc<str>,
    /// The name of this host.
    pub(crate) host: Arc<str>,
    /// Tells who listens that something happened.
    pub(crate) hub: Hub,
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

/// The routes. `gate` is what a request to an address must pass; `None` for the control socket, where the kernel says who
/// calls.
pub(crate) fn router(desk: Desk, gate: Option<Gate>) -> Router {
    let routes = Router::new()
        .route("/", get(html::overview))
        .route("/target/{*name}", get(html::target))
        .route("/incident/{id}", get(html::incident))
        .route("/assets/{name}", get(packing::asset))
        .route("/health", get(now::health))
        .route("/api/status", get(now::status))
        .route("/api/alerts", get(now::alerts))
        .route("/api/events", get(past::events))
        .route("/api/why/{*what}", get(past::why))
        .route("/api/series", get(series::series))
        .route("/api/stretches", get(series::stretches))
        .route("/api/stream", get(stream::stream))
        .route("/metrics", get(now::metrics))
        .fallback(html::nothing);
    let routes = match gate {
        Some(_) => routes,
        None => routes.merge(orders()),
    };
    let routes = routes.with_state(desk);
    let set =
        |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    let no_store = HeaderValue::from_static("no-store");
    let routes = routes
        .layer(set(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(header::REFERRER_POLICY, "no-referrer"))
        .layer(set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, no_store));
    let routes = match gate {
        Some(gate) => routes.layer(middleware::from_fn_with_state(Arc::new(gate), access::pass)),
        None => routes,
    };
    // The last word: whatever is asked for, the answer begins by then.
    routes.layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_TIMEOUT))
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

#[cfg(test)]
mod tests {
    mod bench;
    mod japanese;

    use std::time::SystemTime;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn get_with_host(host: &str) -> String {
        let (questions, _) = mpsc::channel(1);
        let metrics = Arc::new(Metrics::new("0", SystemTime::UNIX_EPOCH));
        let (recent, archive) = (Recent::default(), None);
        let (boot_id, hub) = (Arc::from(""), Hub::default());
        let desk = Desk { questions, metrics, recent, archive, boot_id, host: "here".into(), hub };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = router(desk, Some(Gate::new(address, "here", None)));
        let server = tokio::spawn(crate::serve::serve(listener, router, None));
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let request =
            format!("GET /api/events HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
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
