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
use tokio_io_timeout::TimeoutStream;

use crate::control::Caller;

/// Connections at one time; more wait in the kernel's queue.
const CONNECTIONS: usize = 64;
/// A client that has not sent its request's head by then is let go.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// A client that does not take its answer for so long is let go: the connections that there may be would all be its own soon.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest head of a request. It is kept in memory, for as many clients as there may be.
const HEAD_BYTES: usize = 16 * 1024;
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
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_TIMEOUT));
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(HEAD_BYTES)
                .serve_connection(TokioIo::new(Box::pin(stream)), service);
            // A client that goes away or talks nonsense is its own affair.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::task::JoinSet;

    use super::*;

    /// Nothing here waits that long unless a client holds the server up.
    const LONG: Duration = Duration::from_mins(1);
    /// As large as a page of metrics gets.
    const PAGE_BYTES: usize = 1 << 20;
    const REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";

    /// A server with a large page; it ends with the set.
    async fn server() -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().route("/metrics", get(async || "a 1\n".repeat(PAGE_BYTES / 4)));
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, router));
        (address, serving)
    }

    async fn connect(address: SocketAddr) -> TcpStream {
        TcpStream::connect(address).await.expect("a connection")
    }

    /// All that the server says until it closes the connection. It may do so while the client still writes.
    async fn said(stream: &mut TcpStream) -> String {
        let mut said = Vec::new();
        let reading = tokio::time::timeout(LONG, stream.read_to_end(&mut said));
        drop(reading.await.expect("the server lets the client go"));
        String::from_utf8_lossy(&said).into_owned()
    }

    /// An honest scraper is served whole, whatever others do.
    async fn is_served(address: SocketAddr) {
        let request = b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let served = async {
            let mut stream = connect(address).await;
            stream.write_all(request).await.expect("a request");
            said(&mut stream).await
        };
        let answer = tokio::time::timeout(LONG, served).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.len() > PAGE_BYTES);
    }

    #[tokio::test]
    async fn clients_that_say_nothing_or_never_end_their_head_are_let_go() {
        let (address, _serving) = server().await;
        let mut idle = Vec::new();
        for place in 0..CONNECTIONS {
            let mut stream = connect(address).await;
            if place % 2 == 0 {
                stream.write_all(b"GET /metrics HTTP/1.1\r\nHo").await.expect("half a head");
            }
            idle.push(stream);
        }
        is_served(address).await;
        for stream in &mut idle {
            assert!(!said(stream).await.starts_with("HTTP/1.1 200"));
        }
    }

    #[tokio::test]
    async fn clients_that_ask_and_do_not_read_are_let_go() {
        let (address, _serving) = server().await;
        let mut deaf = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut stream = connect(address).await;
            // More pages than the kernel's buffers hold.
            stream.write_all(&REQUEST.repeat(32)).await.expect("requests");
            deaf.push(stream);
        }
        is_served(address).await;
    }

    #[tokio::test]
    async fn what_is_no_request_or_too_long_is_refused() {
        let (address, _serving) = server().await;
        let long_name =
            [b"GET /".as_slice(), &b"a".repeat(4 << 20), b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let long_header =
            [b"GET /metrics HTTP/1.1\r\nX: ".as_slice(), &b"a".repeat(4 << 20), b"\r\n\r\n"]
                .concat();
        let many_headers =
            [b"GET /metrics HTTP/1.1\r\n".as_slice(), &b"X: a\r\n".repeat(1 << 16), b"\r\n"]
                .concat();
        let nonsense = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec();
        let spaces = b"GET  /metrics\tHTTP/9.9\r\n\r\n".to_vec();
        let control = b"GET /\0metrics HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
        for wrong in [long_name, long_header, many_headers, nonsense, spaces, control] {
            let mut stream = connect(address).await;
            // It may hang up before the end.
            drop(stream.write_all(&wrong).await);
            let answer = said(&mut stream).await;
            assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
        }
        is_served(address).await;
    }

    #[tokio::test]
    async fn a_body_that_nobody_asked_for_is_not_taken() {
        let (address, _serving) = server().await;
        let mut stream = connect(address).await;
        let head = b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n";
        stream.write_all(head).await.expect("a head");
        let (mut from, mut to) = stream.into_split();
        let writing = tokio::spawn(async move {
            let part = vec![b'a'; 1 << 16];
            let mut taken = 0_usize;
            while to.write_all(&part).await.is_ok() {
                taken += part.len();
            }
            taken
        });
        let mut said = Vec::new();
        drop(tokio::time::timeout(LONG, from.read_to_end(&mut said)).await.expect("it hangs up"));
        let taken =
            tokio::time::timeout(LONG, writing).await.expect("it hangs up").expect("no panic");
        assert!(taken < 64 << 20, "{taken} bytes were taken");
        is_served(address).await;
    }
}
