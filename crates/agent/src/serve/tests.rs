//! Clients that are slow, huge, many or talk nonsense: nobody holds the agent up.
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use evenkeel_config::TlsFiles;
use evenkeel_metrics::Metrics;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;
use crate::history::Recent;
use crate::listen::acceptor;
use crate::page::{Desk, Gate, Hub, router};

const SOON: Duration = Duration::from_mins(1);

/// A page without an agent behind it, that still answers for what needs none.
struct Page {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Page {
    async fn open(token: Option<&str>) -> Self {
        Self::open_with(token, None).await
    }

    async fn open_with(token: Option<&str>, tls: Option<TlsAcceptor>) -> Self {
        // As an agent that is ending: what needs it is refused.
        let (questions, _) = mpsc::channel(1);
        let desk = Desk {
            questions,
            metrics: Arc::new(Metrics::new("0", SystemTime::UNIX_EPOCH)),
            recent: Recent::default(),
            archive: None,
            boot_id: "".into(),
            host: "here".into(),
            hub: Hub::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = router(desk, Some(Gate::new(address, "here", token)));
        let task = tokio::spawn(serve(listener, router, tls));
        Self { address, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// The answer to these bytes, until the other side closes.
    async fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // It may be closed before all is sent: what it answered counts.
        let _ = stream.write_all(bytes).await;
        until_closed(&mut stream).await
    }

    async fn is_alive(&self) {
        let answer = self.say(&request("/api/events", "")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn until_closed(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    let read = async {
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..count]);
        }
    };
    tokio::time::timeout(SOON, read).await.expect("it is closed soon");
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(path: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n")
        .into_bytes()
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let page = Page::open(None).await;
    let mut slow = page.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nHost: local").await.expect("bytes");
    let answer = until_closed(&mut slow).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    page.is_alive().await;
}

#[tokio::test]
async fn a_client_that_is_silent_between_two_requests_is_let_go() {
    let page = Page::open(None).await;
    let mut idle = page.connect().await;
    let ask = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    idle.write_all(ask).await.expect("a request");
    let answer = until_closed(&mut idle).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn hundreds_of_silent_clients_lock_nobody_out() {
    let page = Page::open(None).await;
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS * 3 {
        silent.push(page.connect().await);
    }
    // At once, and not when the silent ones have been given up.
    let asked = tokio::time::Instant::now();
    page.is_alive().await;
    assert!(asked.elapsed() < HEAD_TIMEOUT, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let page = Page::open(None).await;
    let answer = page.say(&request("/", &format!("X: {}\r\n", "x".repeat(1 << 20)))).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many = "X: 1\r\n".repeat(500);
    let answer = page.say(&request("/", &many)).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    page.is_alive().await;
}

#[tokio::test]
async fn a_huge_body_is_not_taken() {
    let page = Page::open(None).await;
    let mut stream = page.connect().await;
    let head =
        "POST /api/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("a head");
    let (mut reader, mut writer) = stream.into_split();
    let writing = tokio::spawn(async move {
        let chunk = vec![b'x'; 1 << 16];
        let mut sent = 0_usize;
        while writer.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        sent
    });
    let mut answer = String::new();
    let _ = tokio::time::timeout(SOON, reader.read_to_string(&mut answer)).await.expect("an end");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 405"), "{answer}");
    drop(reader);
    let sent = tokio::time::timeout(SOON, writing).await.expect("an end").expect("a count");
    assert!(sent < 64 << 20, "{sent} bytes were taken");
    page.is_alive().await;
}

#[tokio::test]
async fn nonsense_is_answered_with_a_refusal_or_nothing() {
    let page = Page::open(None).await;
    let binary: Vec<u8> = (0..=255).cycle().take(4_096).collect();
    for nonsense in [
        &b"\r\n\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &binary,
    ] {
        let answer = page.say(nonsense).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    page.is_alive().await;
}

#[tokio::test]
async fn paths_that_mean_something_elsewhere_mean_nothing_here() {
    let page = Page::open(None).await;
    for path in [
        "/assets/../../../etc/passwd",
        "/assets/..%2f..%2fetc%2fpasswd",
        "/assets/%00",
        "//etc/passwd",
        "/assets/evenkeel.css",
        "/api/series",
        "/api/series?subject=a&field=b&from=99999999999999999&until=x",
    ] {
        let answer = page.say(&request(path, "")).await;
        let refused = ["HTTP/1.1 400", "HTTP/1.1 404", "HTTP/1.1 503"];
        assert!(refused.iter().any(|code| answer.starts_with(code)), "{path}: {answer}");
        assert!(!answer.contains("root:"), "{path}");
    }
}

#[tokio::test]
async fn there_are_only_so_many_streams_and_others_are_told_to_come_later() {
    let page = Page::open(None).await;
    let mut streams = Vec::new();
    let mut refused = false;
    for _ in 0..40 {
        let mut stream = page.connect().await;
        stream.write_all(&request("/api/stream", "")).await.expect("a request");
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.expect("a status line");
        refused |= &start == b"HTTP/1.1 503";
        streams.push(stream);
    }
    assert!(refused);
    page.is_alive().await;
}

#[tokio::test]
async fn without_its_token_the_page_says_nothing() {
    let page = Page::open(Some("correct-horse-battery")).await;
    for path in ["/", "/api/events", "/metrics", "/health", "/nothing", "/api/stream"] {
        let answer = page.say(&request(path, "")).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{path}: {answer}");
        assert!(answer.to_ascii_lowercase().contains("www-authenticate: basic"), "{answer}");
    }
    let token = "Authorization: Bearer correct-horse-battery\r\n";
    let answer = page.say(&request("/api/events", token)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn with_a_certificate_the_page_is_encrypted_and_plain_clients_get_nothing() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let files = TlsFiles {
        certificate: scratch.path().join("page.pem"),
        key: scratch.path().join("page.key"),
    };
    std::fs::write(&files.certificate, made.cert.pem()).expect("a certificate");
    std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("a key");
    let page = Page::open_with(None, Some(acceptor(&files).expect("both can be read"))).await;
    assert!(!page.say(&request("/api/events", "")).await.contains("200 OK"));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = "localhost".try_into().expect("a name");
    let mut stream = connector.connect(name, page.connect().await).await.expect("a greeting");
    stream.write_all(&request("/api/events", "")).await.expect("a request");
    let mut answer = Vec::new();
    // The other side may close without a farewell.
    let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.expect("an end");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn clients_that_ask_and_do_not_read_hold_nobody_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    // As large as a page of metrics gets.
    let large = || axum::routing::get(async || "a 1\n".repeat(1 << 18));
    let task = tokio::spawn(serve(listener, Router::new().route("/metrics", large()), None));
    let mut deaf = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        // More pages than the kernel's buffers hold.
        stream
            .write_all(&b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(32))
            .await
            .expect("requests");
        deaf.push(stream);
    }
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(&request("/metrics", "")).await.expect("a request");
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.len() > 1 << 20);
    task.abort();
}
