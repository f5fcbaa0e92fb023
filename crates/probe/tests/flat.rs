//! Hundreds of attempts at the worst endpoints, in a process of their own: no descriptor stays open, and memory stays flat.

use std::time::{Duration, Instant};

use evenkeel_probe::{
    DnsName, DnsTarget, Exchange, HttpTarget, Outcome, Pattern, Prober, Target, TcpTarget,
    TlsOptions,
};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, UdpSocket};

/// What an endpoint sends first, and then over and over.
const FLOODS: [(&[u8], &[u8]); 5] = [
    (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    (b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n"),
    (b"HTTP/1.1 200 OK\r\nx: ", b"x"),
    (b"HTTP/1.1 302 x\r\nlocation: /again\r\n\r\n", b"x"),
    (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
];

const ROUNDS: usize = 24;

/// What the allocator and the runtime may keep for later use.
const GROWTH_BYTES: usize = 16 * 1024 * 1024;

const PAGE_BYTES: usize = 4096;

fn descriptors() -> usize {
    std::path::Path::new("/proc/self/fd").read_dir().unwrap().count()
}

#[expect(clippy::disallowed_methods, reason = "a file of this very process")]
fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * PAGE_BYTES
}

async fn flood(first: &'static [u8], more: &'static [u8]) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let more = more.repeat(32 * 1024 / more.len());
        while let Ok((mut stream, _)) = listener.accept().await {
            let more = more.clone();
            tokio::spawn(async move {
                let _ = stream.write_all(first).await;
                while stream.write_all(&more).await.is_ok() {}
            });
        }
    });
    let mut http = HttpTarget::try_new(&format!("http://{address}/")).unwrap();
    http.max_redirects = 5;
    http.keep_body = true;
    Target::Http(http)
}

#[tokio::test]
async fn nothing_is_left_of_hundreds_of_attempts() {
    let prober = Prober::new();
    let mut targets = Vec::new();
    for (first, more) in FLOODS {
        targets.push(flood(first, more).await);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut hanging = TcpTarget::try_new(&listener.local_addr().unwrap().to_string()).unwrap();
    hanging.exchange =
        Exchange { expect: Some(Pattern::try_new("never").unwrap()), ..Exchange::default() };
    let in_the_clear = hanging.clone();
    hanging.tls = Some(TlsOptions::default());
    targets.extend([Target::Tcp(in_the_clear), Target::Tcp(hanging)]);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            // The last one only: this side must not run out either.
            held.truncate(0);
            held.push(stream);
        }
    });
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut dns = DnsTarget::new(DnsName::try_new("db.example").unwrap());
    dns.server = Some(silent.local_addr().unwrap());
    targets.push(Target::Dns(dns));
    let mut before = None;
    for round in 0..ROUNDS {
        for target in &targets {
            let measurement = prober.measure(target, Duration::from_millis(50)).await;
            // The first look at the host's certificates takes longer than an attempt here.
            let known = !matches!(measurement.outcome, Outcome::Unknown(_));
            assert!(known || round < 4, "{measurement:?}");
        }
        // The first rounds make what is made once.
        if round == 4 {
            before = Some((descriptors(), resident_bytes()));
        }
    }
    let (opened, resident) = before.unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while descriptors() > opened + 2 {
        assert!(Instant::now() < deadline, "{} descriptors, {opened} before", descriptors());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let grown = resident_bytes().saturating_sub(resident);
    assert!(grown < GROWTH_BYTES, "grown by {grown} bytes");
}
