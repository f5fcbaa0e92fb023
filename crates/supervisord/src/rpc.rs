use std::future::Future;
use std::io;
use std::path::Path;
use std::time::Duration;

use dxr::{FaultResponse, MethodCall, MethodResponse, Value};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::CallError;
use crate::Daemon;
use crate::daemon::somebody_listens;

/// A thousand programs answer within this; more is not supervisord.
const BODY_LIMIT: usize = 1024 * 1024;
/// Levels of elements within elements; supervisord's own answers have about a dozen.
const DEPTH_LIMIT: usize = 64;
/// How long a look at who listens may take.
const LOOK: Duration = Duration::from_millis(500);
/// How often a full queue of connections is tried again.
const QUEUE_RETRY: Duration = Duration::from_millis(50);

/// What a call answered.
pub(crate) struct Answer {
    pub(crate) value: Value,
    /// The user as whom whoever answers listens, as the kernel says.
    pub(crate) user: u32,
}

/// One call; the caller bounds its time. Dropping the future drops the connection.
pub(crate) async fn call(
    socket: &Path,
    method: &str,
    params: Vec<Value>,
) -> Result<Answer, CallError> {
    let stream = match connect(socket).await {
        Ok(stream) => Ok(stream),
        Err(source) => Err(of_connect(socket, source).await),
    };
    let stream = match stream {
        // Looked for off the runtime's thread, and only now that there is something to find.
        Err(CallError::Deleted { socket, .. }) => {
            return Err(CallError::Deleted { daemon: daemon_behind(&socket).await, socket });
        }
        other => other?,
    };
    let user = stream.peer_cred().map(|peer| peer.uid());
    let user = user.map_err(|source| CallError::Io { socket: socket.to_owned(), source })?;
    let protocol = |reason: String| CallError::Protocol { socket: socket.to_owned(), reason };
    let request = MethodCall { name: method.to_owned().into(), params };
    let body = request.to_xml().map_err(|error| protocol(error.to_string()))?;
    let (status, text) = exchange(stream, body).await.map_err(protocol)?;
    match status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let reason = "supervisord asks for a user name and password";
            return Err(CallError::Denied { socket: socket.to_owned(), reason });
        }
        status => return Err(protocol(format!("HTTP status {}", status.as_u16()))),
    }
    if is_too_deep(&text) {
        return Err(protocol("an answer nested without end".to_owned()));
    }
    match MethodResponse::from_xml(&text) {
        Ok(response) => Ok(Answer { value: response.value, user }),
        Err(_) => Err(match FaultResponse::from_xml(&text) {
            Ok(FaultResponse { fault }) => {
                CallError::Fault { code: fault.code(), text: fault.string().to_owned() }
            }
            Err(_) => protocol("neither a response nor a fault".to_owned()),
        }),
    }
}

/// Who listens on `socket`, if that is found soon.
pub(crate) async fn daemon_behind(socket: &Path) -> Option<Daemon> {
    let socket = socket.to_owned();
    let look = tokio::task::spawn_blocking(move || Daemon::behind(&socket));
    tokio::time::timeout(LOOK, look).await.ok()?.ok()?
}

/// Refuses what is nested deeper than any answer of supervisord: its reader calls itself for each level, and a stack that
/// runs out takes the whole program with it.
fn is_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    text.split('<').skip(1).any(|tag| {
        let end = tag.find('>').unwrap_or(tag.len());
        match tag.as_bytes().first() {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(b'?' | b'!') => {}
            _ if tag[..end].ends_with('/') => {}
            _ => depth += 1,
        }
        depth > DEPTH_LIMIT
    })
}

async fn connect(socket: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(socket).await {
            // The daemon takes no connections and its queue is full: frozen, not dead. The deadline decides.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(QUEUE_RETRY).await;
            }
            connected => return connected,
        }
    }
}

async fn of_connect(socket: &Path, source: io::Error) -> CallError {
    let socket = socket.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound if listens(&socket).await => {
            CallError::Deleted { socket, daemon: None }
        }
        io::ErrorKind::NotFound => CallError::Missing { socket },
        io::ErrorKind::ConnectionRefused => CallError::Refused { socket },
        io::ErrorKind::PermissionDenied => {
            CallError::Denied { socket, reason: "permission denied" }
        }
        _ => CallError::Io { socket, source },
    }
}

/// Whether somebody may still listen on a socket whose file is gone: also where that is not found soon, since another daemon would then be one too many.
async fn listens(socket: &Path) -> bool {
    let socket = socket.to_owned();
    let look = tokio::task::spawn_blocking(move || somebody_listens(&socket));
    !matches!(tokio::time::timeout(LOOK, look).await, Ok(Ok(false)))
}

async fn exchange(stream: UnixStream, body: String) -> Result<(StatusCode, String), String> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let request = Request::post("/RPC2")
        .header("host", "localhost")
        .header("content-type", "text/xml")
        .header("connection", "close")
        .body(Full::new(Bytes::from(format!("<?xml version=\"1.0\"?>{body}"))))
        .map_err(|error| error.to_string())?;
    let answer = async move {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY_LIMIT).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        // Names and messages are whatever the programs' owner wrote; one bad byte must not hide the rest.
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    alongside(connection, answer).await
}

/// Drives `connection` until `work` is done. Nothing is spawned, so dropping the future ends both.
async fn alongside<Connection: Future, Work: Future>(
    connection: Connection,
    work: Work,
) -> Work::Output {
    tokio::pin!(connection, work);
    tokio::select! {
        biased;
        output = &mut work => return output,
        _ = &mut connection => {}
    }
    work.await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_too_deep_by_what_it_leaves_open() {
        let nested = |levels: usize| "<value><array><data>".repeat(levels);
        assert!(is_too_deep(&nested(30_000)));
        assert!(is_too_deep(&"<value a=\"b\">".repeat(65)));
        assert!(!is_too_deep(&nested(20)));
        assert!(!is_too_deep(&"<value><int>1</int></value><nil/><!-- x -->".repeat(10_000)));
    }

    #[tokio::test]
    async fn a_socket_that_may_not_be_used_is_denied() {
        // As a unit, because nothing is denied to root, who may be running this.
        let error = of_connect(Path::new("/s.sock"), io::ErrorKind::PermissionDenied.into()).await;
        assert!(matches!(error, CallError::Denied { .. }), "{error}");
    }
}
