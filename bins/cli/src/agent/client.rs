//! Asks a running agent over its control socket.

use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(5);
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

/// The JSON document that the agent behind `socket` gives for `path`. Fails in words, within five seconds.
pub async fn get<T: DeserializeOwned>(socket: &Path, path: &str) -> Result<T, String> {
    match timeout(DEADLINE, ask(socket, path)).await {
        Ok(answer) => {
            answer.map_err(|error| format!("no agent answers on `{}`: {error}", socket.display()))
        }
        Err(_) => Err(format!("the agent on `{}` does not answer within 5 s", socket.display())),
    }
}

async fn ask<T: DeserializeOwned>(
    socket: &Path,
    path: &str,
) -> Result<T, Box<dyn std::error::Error + Send + Sync>> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header("host", "localhost").body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await?.to_bytes();
    if status != StatusCode::OK {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body).trim()).into());
    }
    Ok(serde_json::from_slice(&body)?)
}
