//! HTTP peers that fail and recover by a seed.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use evenkeel_tests::Chance;

/// So many answer at one time.
const SERVERS: usize = 6;
/// A peer changes at most this often.
const STRETCH: Duration = Duration::from_secs(2);
/// Of so many stretches one is bad.
const BAD: u64 = 6;

/// Peers at one address, each by its path `/NUMBER`. They end with the program.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(crate) address: SocketAddr,
}

impl Peers {
    pub(crate) fn start(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (listener, begun) = (Arc::new(listener), Instant::now());
        for _ in 0..SERVERS {
            let listener = Arc::clone(&listener);
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    // Whoever goes away in the middle has had enough.
                    let _ = answer(&stream, seed, begun);
                }
            });
        }
        Self { address }
    }
}

fn answer(mut stream: &TcpStream, seed: u64, begun: Instant) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut head = String::new();
    let mut reader = BufReader::new(stream);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let number = head.split(['/', ' ']).nth(2).and_then(|word| word.parse().ok()).unwrap_or(0);
    let stretch = u64::try_from(begun.elapsed().as_millis() / STRETCH.as_millis()).unwrap_or(0);
    let status = if is_bad(seed, number, stretch) { "500 Bad" } else { "200 Good" };
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    stream.write_all(text.as_bytes())
}

/// Whether a peer is bad in a stretch of time; the first is never, so that all begins well.
fn is_bad(seed: u64, number: u64, stretch: u64) -> bool {
    stretch > 0 && Chance::new(seed ^ number << 40 ^ stretch).below(BAD) == 0
}
