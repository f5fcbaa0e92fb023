//! Server-sent events: tells who listens that, and what, has changed. Nothing is done while nobody does.

mod change;
mod hub;

pub(crate) use self::hub::Hub;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_core::Stream;
use tokio::sync::mpsc;

use self::hub::Message;
use super::Desk;

/// A sign of life where nothing changes, so that neither side and nothing between them takes the other for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What a browser waits before it connects again.
const RETRY: Duration = Duration::from_secs(3);

/// `GET /api/stream`.
pub(super) async fn stream(State(desk): State<Desk>, headers: HeaderMap) -> Response {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let Some(inbox) = desk.hub.join(&desk, last.as_deref()) else {
        let retry = [(header::RETRY_AFTER, "30")];
        let text = "there are as many listeners as there may be\n";
        return (StatusCode::SERVICE_UNAVAILABLE, retry, text).into_response();
    };
    Sse::new(Listener { inbox, greeted: false })
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response()
}

/// One who listens; its end of a bounded queue.
struct Listener {
    inbox: mpsc::Receiver<Message>,
    greeted: bool,
}

impl Stream for Listener {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inbox.poll_recv(context).map(|message| {
            let Message { id, kind, data } = message?;
            let mut event = Event::default().event(kind).id(&*id).data(&*data);
            if !std::mem::replace(&mut self.greeted, true) {
                event = event.retry(RETRY);
            }
            Some(Ok(event))
        })
    }
}
