//! Serves the page over any listener, with bounds that a stranger cannot stretch.

mod places;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::{Extension, Router};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use self::places::{Place, Places};
use crate::control::Caller;

/// Connections at one time to one listener. One more takes the place of whoever has been silent longest.
const CONNECTIONS: usize = 64;
/// A client that has not sent its request's head by then, or the next one's, is let go.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// A client that takes nothing of its answer for so long is let go.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest head of a request: address, cookies and all.
const LARGEST_HEAD: usize = 16 * 1024;
/// A rest after a failed accept (no descriptors left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Where connections come from.
pub(crate) trait Accept {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Who is at its other end, where the kernel tells.
    fn caller(stream: &Self::Stream) -> Option<Caller>;
}

impl Accept for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn accept(&self) -> io::Result<Self::Stream> {
        Self::accept(self).await.map(|(stream, _)| stream)
    }

    fn caller(_: &Self::Stream) -> Option<Caller> {
        None
    }
}

impl Accept for UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn accept(&self) -> io::Result<Self::Stream> {
        Self::accept(self).await.map(|(stream, _)| stream)
    }

    /// As `SO_PEERCRED` has it: whoever connected, at the time when he did.
    fn caller(stream: &Self::Stream) -> Option<Caller> {
        let cred = stream.peer_cred().ok()?;
        Some(Caller { uid: cred.uid(), pid: cred.pid() })
    }
}

/// Accepts and serves until the task is dropped; encrypted, if there is a certificate.
pub(crate) async fn serve<A: Accept>(listener: A, router: Router, tls: Option<TlsAcceptor>) {
    let places = Places::new(CONNECTIONS);
    loop {
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let router = match A::caller(&stream) {
            Some(caller) => router.clone().layer(Extension(caller)),
            None => router.clone(),
        };
        let tls = tls.clone();
        let place = places.take().await;
        let held = place.clone();
        let task = tokio::spawn(async move {
            let Some(tls) = tls else { return converse(stream, router, &held).await };
            match tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
                Ok(Ok(stream)) => converse(stream, router, &held).await,
                Ok(Err(error)) => tracing::debug!(%error, "a client could not be spoken to by TLS"),
                Err(_) => tracing::debug!("a client did not finish its greeting by TLS"),
            }
        });
        place.held_by(task.abort_handle());
    }
}

/// Answers the requests of one connection, for `tests/fuzz`.
#[cfg(feature = "fuzzing")]
pub(crate) async fn converse_once<S>(stream: S, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    converse(stream, router, &Places::new(1).take().await).await;
}

/// Answers the requests of one connection until it ends.
async fn converse<S>(stream: S, router: Router, place: &Place)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request: Request<Incoming>| {
        place.busy();
        let answer = router.clone().call(request);
        async move {
            let answer = answer.await;
            // A stream of events lasts; everything else is sent at once, and then the client is silent.
            let lasts = answer.as_ref().is_ok_and(|answer| {
                answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream")
            });
            if !lasts {
                place.silent();
            }
            answer
        }
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    // A client that goes away or talks nonsense is its own affair.
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}
