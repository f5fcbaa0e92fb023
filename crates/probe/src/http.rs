use std::error::Error;
use std::io;

use evenkeel_shown::said::{NetworkCode, StatusHint};
use evenkeel_shown::{Unit, excerpt};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, AsHeaderName, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, LOCATION, RETRY_AFTER,
    USER_AGENT,
};
use hyper::{Request, Response, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::connect::{connect, connect_unix, tls_name};
use crate::prober::{Attempt, Prober, Step, alongside};
use crate::redirect::{Hop, is_redirect};
use crate::shown::without_user;
use crate::tls::{HTTP, secure};
use crate::{FailureClass, HttpTarget, Outcome, TlsOptions};

/// How much of a head is taken in: a server may go on sending headers for ever.
const HEAD_LIMIT: usize = 64 * 1024;

/// How much of the headers of one name is kept.
const HEADER_CHARS: usize = 4096;
const SHOWN_CHARS: usize = 200;
const AGENT: &str = concat!("evenkeel-probe/", env!("CARGO_PKG_VERSION"));

/// A connection of any sort.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Makes one request, and one more for each redirect that is to be followed, each on a connection of its own.
pub(crate) async fn measure(
    prober: &Prober,
    target: &HttpTarget,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    let mut hop = Hop::first(target);
    let mut followed = 0;
    loop {
        attempt.facts.set("redirects", followed);
        let stream = open(prober, target, &hop, attempt).await?;
        let may_follow = followed < target.max_redirects;
        match exchange(stream, target, &hop, may_follow, attempt).await? {
            None => return Ok(()),
            Some(next) => hop = next,
        }
        followed += 1;
    }
}

async fn open(
    prober: &Prober,
    target: &HttpTarget,
    hop: &Hop,
    attempt: &mut Attempt,
) -> Result<Box<dyn Stream>, Outcome> {
    let endpoint = hop.url.endpoint();
    let stream: Box<dyn Stream> = match &target.unix_socket {
        Some(path) => {
            attempt.took("resolve_ms", Instant::now());
            attempt.facts.set("ip", "");
            Box::new(connect_unix(path, attempt).await?)
        }
        None => Box::new(connect(prober, endpoint, target.dns_timeout, attempt).await?),
    };
    if !hop.url.is_tls() {
        attempt.took("tls_ms", Instant::now());
        return Ok(stream);
    }
    // Another host is not shown the client's certificate, and is not expected to have this one's name.
    let away = TlsOptions { ca_file: target.tls.ca_file.clone(), ..TlsOptions::default() };
    let options = if hop.at_home { &target.tls } else { &away };
    let name = tls_name(endpoint, options)?;
    Ok(Box::new(secure(prober, stream, name, options, HTTP, attempt).await?))
}

/// One request and its answer; the next request, if the answer is a redirect that is to be followed.
async fn exchange(
    stream: Box<dyn Stream>,
    target: &HttpTarget,
    hop: &Hop,
    may_follow: bool,
    attempt: &mut Attempt,
) -> Result<Option<Hop>, Outcome> {
    attempt.step = Step::Response;
    let request = request(target, hop)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_LIMIT)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| of_hyper(&error, Step::Response))?;
    let answer = async move {
        let begun = Instant::now();
        let response = sender.send_request(request).await;
        attempt.took("processing_ms", begun);
        let response = response.map_err(|error| of_hyper(&error, Step::Response))?;
        note_head(&response, target, attempt);
        if may_follow
            && is_redirect(response.status())
            && let Some(location) = text(response.headers(), LOCATION)
        {
            // What such an answer says besides is for people: it is not read.
            attempt.took("transfer_ms", Instant::now());
            return hop.follow(target, response.status(), &location).map(Some);
        }
        take_in(response, target, attempt).await.map(|()| None)
    };
    alongside(connection, answer).await
}

fn request(target: &HttpTarget, hop: &Hop) -> Result<Request<Full<Bytes>>, Outcome> {
    let body = if hop.with_body { target.body.0.clone() } else { Vec::new() };
    let mut request = Request::builder()
        .method(hop.method.clone())
        .uri(hop.url.request_target())
        .header(HOST, hop.url.authority())
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Full::from(body))
        .map_err(|error| {
            Outcome::unknown(
                FailureClass::Body,
                NetworkCode::CannotSend { error: error.to_string() },
            )
        })?;
    for header in target.headers.iter().filter(|_| hop.at_home) {
        // In the place of the ones above, as one who sets `host` means it.
        request.headers_mut().insert(header.name.clone(), header.value.clone());
    }
    Ok(request)
}

fn note_head(response: &Response<Incoming>, target: &HttpTarget, attempt: &mut Attempt) {
    let headers = response.headers();
    let facts = &mut attempt.facts;
    facts.set("status", response.status().as_u16());
    facts.set("http_version", if response.version() == Version::HTTP_10 { "1.0" } else { "1.1" });
    facts.set("content_type", text(headers, CONTENT_TYPE).unwrap_or_default());
    let location = text(headers, LOCATION).map(|location| without_user(&location));
    facts.set("location", location.unwrap_or_default());
    for header in &target.kept_headers {
        facts.set(&header.field, text(headers, &header.name).unwrap_or_default());
    }
}

/// The headers of a name as one text; `None` if there is none.
fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<String> {
    let values = headers.get_all(name).iter();
    let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(", ").chars().take(HEADER_CHARS).collect())
}

async fn take_in(
    response: Response<Incoming>,
    target: &HttpTarget,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    let status = response.status().as_u16();
    let wait = text(response.headers(), RETRY_AFTER).map(|wait| asked_wait(&wait));
    attempt.step = Step::Body;
    let begun = Instant::now();
    let body = read(response.into_body(), target.max_body).await;
    attempt.took("transfer_ms", begun);
    let body = body?;
    attempt.took_in_all();
    attempt.facts.set("body_bytes", body.len() as u64);
    if target.keep_body {
        attempt.facts.set("body", String::from_utf8_lossy(&body).into_owned());
    }
    let expected = &target.expected_status;
    if expected.is_empty() || expected.iter().any(|range| range.contains(&status)) {
        return Ok(());
    }
    let location = attempt.facts.text("location").filter(|location| !location.is_empty());
    let hint = location.map(|location| StatusHint::To(excerpt(location, SHOWN_CHARS))).or(wait);
    Err(Outcome::bad(FailureClass::Status, NetworkCode::Status { status, hint }))
}

/// What an answer asks for that cannot be had now: a number of seconds, or a point in time as it is written.
fn asked_wait(retry_after: &str) -> StatusHint {
    match retry_after.trim().parse::<u32>() {
        Ok(seconds) => StatusHint::Wait(Unit::Seconds.write(seconds.into())),
        Err(_) => StatusHint::WaitUntil(excerpt(retry_after.trim(), SHOWN_CHARS)),
    }
}

/// The first `limit` bytes; what comes after is not waited for. As it was sent: nothing that is packed is unpacked.
async fn read(mut body: Incoming, limit: usize) -> Result<Vec<u8>, Outcome> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| of_hyper(&error, Step::Body))?;
        if let Some(data) = frame.data_ref() {
            let room = limit - read.len();
            read.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() >= room {
                break;
            }
        }
    }
    Ok(read)
}

/// What an error says about the other side, by what was waited for.
fn of_hyper(error: &hyper::Error, step: Step) -> Outcome {
    // An answer that ends too soon is malformed, one that never began was not given.
    let malformed = error.is_parse() || step == Step::Body;
    let mut class = if malformed { FailureClass::Body } else { FailureClass::Refused };
    let mut detail = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        detail = format!("{detail}: {cause}");
        source = cause.source();
        let Some(broken) = cause.downcast_ref::<io::Error>() else { continue };
        // With TLS 1.3 a server refuses a client's certificate, or the lack of one, only after the handshake.
        if broken.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>) {
            class = FailureClass::Tls;
        } else if broken.raw_os_error().is_some() {
            class = FailureClass::Refused;
        }
    }
    Outcome::bad(class, excerpt(&detail, SHOWN_CHARS))
}
