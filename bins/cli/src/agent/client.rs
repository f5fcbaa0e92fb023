//! Asks a running agent over its control socket, and gives it orders.

use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::handshake;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// An order is answered once it is on disk, which may be busy.
const ORDER_DEADLINE: Duration = Duration::from_secs(30);
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

/// Why there is no answer, in words that name the socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody answers, or not in time.
    #[error("{message}")]
    NoAgent {
        /// What was seen.
        message: String,
    },
    /// The agent answers that it does not do so.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why, in the agent's words.
        message: String,
    },
}

/// The JSON document that the agent behind `socket` gives for `path`. Fails in words, within five seconds.
pub async fn get<T: DeserializeOwned>(socket: &Path, path: &str) -> Result<T, ClientError> {
    let request = Request::get(path).body(Full::new(Bytes::new()));
    ask(socket, request, DEADLINE).await
}

/// As [`get`], for an order: the answer comes when the order is on disk, within half a minute.
pub async fn post<T: DeserializeOwned>(
    socket: &Path,
    path: &str,
    order: &impl Serialize,
) -> Result<T, ClientError> {
    let body = serde_json::to_vec(order).unwrap_or_default();
    let request = Request::post(path)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)));
    ask(socket, request, ORDER_DEADLINE).await
}

/// Signs that something changed, from an agent that gives them.
#[derive(Debug)]
pub struct Stream(Incoming);

/// Follows the agent behind `socket`. Fails if it gives no signs, or not within five seconds.
pub async fn stream(socket: &Path, path: &str) -> Result<Stream, ClientError> {
    let shown = socket.display();
    let no_agent = |why: &dyn std::fmt::Display| ClientError::NoAgent {
        message: format!("no agent answers on `{shown}`: {why}"),
    };
    let request = Request::get(path)
        .header("host", "localhost")
        .header("accept", "text/event-stream")
        .body(Full::new(Bytes::new()))
        .map_err(|error| no_agent(&error))?;
    let answer = timeout(DEADLINE, respond(socket, request)).await;
    let response = answer.map_err(|error| no_agent(&error))?.map_err(|error| no_agent(&error))?;
    if response.status() != StatusCode::OK {
        let message = format!("the agent on `{shown}` does not tell of changes");
        return Err(ClientError::Refused { status: response.status().as_u16(), message });
    }
    Ok(Stream(response.into_body()))
}

impl Stream {
    /// Waits for the next sign; false once there will be none any more.
    pub async fn changed(&mut self) -> bool {
        self.0.frame().await.is_some_and(|frame| frame.is_ok())
    }
}

async fn ask<T: DeserializeOwned>(
    socket: &Path,
    request: Result<Request<Full<Bytes>>, hyper::http::Error>,
    deadline: Duration,
) -> Result<T, ClientError> {
    let shown = socket.display();
    let answer = async {
        let mut request = request?;
        request.headers_mut().insert("host", hyper::header::HeaderValue::from_static("localhost"));
        send(socket, request).await
    };
    let (status, body) = match timeout(deadline, answer).await {
        Ok(answer) => answer.map_err(|error| ClientError::NoAgent {
            message: format!("no agent answers on `{shown}`: {error}"),
        })?,
        Err(_) => {
            let seconds = deadline.as_secs();
            let message = format!("the agent on `{shown}` does not answer within {seconds} s");
            return Err(ClientError::NoAgent { message });
        }
    };
    if status != StatusCode::OK {
        let message = String::from_utf8_lossy(&body).trim().to_owned();
        return Err(ClientError::Refused { status: status.as_u16(), message });
    }
    serde_json::from_slice(&body).map_err(|error| ClientError::NoAgent {
        message: format!("what answers on `{shown}` is not this evenkeel's agent: {error}"),
    })
}

async fn send(
    socket: &Path,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let response = respond(socket, request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await?.to_bytes();
    Ok((status, body))
}

async fn respond(
    socket: &Path,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}
