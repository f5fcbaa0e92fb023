use std::error::Error;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::connect::connect;
use crate::prober::{Attempt, Prober, Step, alongside};
use crate::tls::secure;
use crate::{FailureClass, HttpTarget, Outcome};

/// How much of a body is read; a health page that is longer is good or bad before that.
const BODY_LIMIT: usize = 1024 * 1024;
const AGENT: &str = concat!("evenkeel-probe/", env!("CARGO_PKG_VERSION"));

/// Makes one request on a connection of its own, and reads the response.
pub(crate) async fn measure(
    prober: &Prober,
    target: &HttpTarget,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    let endpoint = target.url.endpoint();
    let stream = connect(prober, endpoint, attempt).await?;
    if target.url.is_tls() {
        let stream = secure(prober, stream, endpoint, target.ca_file.as_deref(), attempt).await?;
        exchange(stream, target, attempt).await
    } else {
        attempt.facts.set("tls_ms", 0);
        exchange(stream, target, attempt).await
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    target: &HttpTarget,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    attempt.step = Step::Response;
    let request = request(target)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| of_hyper(&error))?;
    let answer = async move {
        let begun = Instant::now();
        let response = sender.send_request(request).await.map_err(|error| of_hyper(&error))?;
        attempt.took("processing_ms", begun);
        take_in(response, target, attempt).await
    };
    alongside(connection, answer).await
}

fn request(target: &HttpTarget) -> Result<Request<Empty<Bytes>>, Outcome> {
    let mut request = Request::builder()
        .method(target.method.clone())
        .uri(target.url.request_target())
        .header(HOST, target.url.authority())
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|error| {
            Outcome::unknown(FailureClass::Body, format!("the request cannot be sent: {error}"))
        })?;
    for header in &target.headers {
        // In the place of the ones above, as one who sets `host` means it.
        request.headers_mut().insert(header.name.clone(), header.value.clone());
    }
    Ok(request)
}

async fn take_in(
    response: Response<Incoming>,
    target: &HttpTarget,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    let status = response.status().as_u16();
    let header =
        |name| response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let (location, content_type) = (header(LOCATION), header(CONTENT_TYPE));
    attempt.facts.set("status", status);
    attempt.facts.set("content_type", content_type.as_deref().unwrap_or_default());
    attempt.facts.set("location", location.as_deref().unwrap_or_default());
    let hint = location.map(|location| format!(", to `{location}`")).unwrap_or_default();
    attempt.step = Step::Body;
    let begun = Instant::now();
    let body = read(response.into_body()).await?;
    attempt.took("transfer_ms", begun);
    attempt.took_in_all();
    attempt.facts.set("body_bytes", body.len() as u64);
    if target.keep_body {
        attempt.facts.set("body", String::from_utf8_lossy(&body).into_owned());
    }
    let expected = &target.expected_status;
    if expected.is_empty() || expected.iter().any(|range| range.contains(&status)) {
        Ok(())
    } else {
        Err(Outcome::bad(FailureClass::Status, format!("status {status}{hint}")))
    }
}

/// The first [`BODY_LIMIT`] bytes; what comes after is not waited for.
async fn read(mut body: Incoming) -> Result<Vec<u8>, Outcome> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| of_hyper(&error))?;
        if let Some(data) = frame.data_ref() {
            let room = BODY_LIMIT - read.len();
            read.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() >= room {
                break;
            }
        }
    }
    Ok(read)
}

fn of_hyper(error: &hyper::Error) -> Outcome {
    let mut class = if error.is_parse() { FailureClass::Body } else { FailureClass::Refused };
    let mut detail = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        detail = format!("{detail}: {cause}");
        source = cause.source();
        // With TLS 1.3 a server refuses a client's certificate, or the lack of one, only after the handshake.
        let io = cause.downcast_ref::<std::io::Error>();
        if io
            .and_then(std::io::Error::get_ref)
            .is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>)
        {
            class = FailureClass::Tls;
        }
    }
    Outcome::bad(class, detail)
}
