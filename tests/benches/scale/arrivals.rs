//! The server that all checks look at: it answers, and notes when each came.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
/// So many threads that take connections, each at a port of its own.
const DOORS: u32 = 4;

/// When each check came.
pub(crate) struct Arrivals {
    ports: Vec<u16>,
    noted: Arc<Mutex<Vec<(u32, Instant)>>>,
}

impl Arrivals {
    /// Starts to listen; the threads end with the program.
    pub(crate) fn start() -> Self {
        let noted: Arc<Mutex<Vec<_>>> = Arc::default();
        let open = |_| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be bound");
            let port = listener.local_addr().expect("a bound socket has an address").port();
            let noted = Arc::clone(&noted);
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let came = Instant::now();
                    // One after the other: a check sends its request as it connects.
                    if let Some(check) = answer(stream) {
                        noted.lock().unwrap_or_else(PoisonError::into_inner).push((check, came));
                    }
                }
            });
            port
        };
        Self { ports: (0..DOORS).map(open).collect(), noted: Arc::clone(&noted) }
    }

    /// Where a check looks.
    pub(crate) fn url(&self, check: u32) -> String {
        let port = self.ports[(check % DOORS) as usize];
        format!("http://127.0.0.1:{port}/{check}")
    }

    /// Forgets what came so far.
    pub(crate) fn forget(&self) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// When each check came since, in order.
    pub(crate) fn take(&self) -> BTreeMap<u32, Vec<Instant>> {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        let mut by_check: BTreeMap<u32, Vec<Instant>> = BTreeMap::new();
        for (check, came) in noted {
            by_check.entry(check).or_default().push(came);
        }
        by_check
    }
}

/// Reads a request, which begins with `GET /CHECK`, and answers.
fn answer(mut stream: TcpStream) -> Option<u32> {
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    let (mut request, mut buffer) = (Vec::new(), [0; 2_048]);
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            bytes => request.extend_from_slice(&buffer[..bytes]),
        }
    }
    stream.write_all(ANSWER).ok()?;
    let line = String::from_utf8_lossy(&request);
    line.strip_prefix("GET /")?.split(' ').next()?.parse().ok()
}

/// How much later than its time each look came, in milliseconds. A check's times are those of its own earliest one, on a grid of
/// `every`: a delay that all looks of a check have is not seen.
pub(crate) fn delays(arrivals: &BTreeMap<u32, Vec<Instant>>, every: Duration) -> Vec<f64> {
    let mut delays = Vec::new();
    for times in arrivals.values() {
        let Some(first) = times.first() else { continue };
        let off = times.iter().map(|came| {
            let since = came.duration_since(*first).as_secs_f64();
            since - (since / every.as_secs_f64()).round() * every.as_secs_f64()
        });
        let off: Vec<f64> = off.collect();
        let earliest = off.iter().copied().fold(f64::INFINITY, f64::min);
        delays.extend(off.iter().map(|off| (off - earliest) * 1e3));
    }
    delays
}
