//! Serves the page over any listener, with bounds that a stranger on loopback cannot stretch.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

use crate::control::Caller;

/// Connections at one time; more wait in the kernel's queue.
const CONNECTIONS: usize = 64;
/// A client that has not sent its request's head by then is let go.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
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

/// Accepts and serves until the task is dropped.
pub(crate) async fn serve<A: Accept>(listener: A, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
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
        let service = TowerToHyperService::new(router);
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // A client that goes away or talks nonsense is its own affair.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}
