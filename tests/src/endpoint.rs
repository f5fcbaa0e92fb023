use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n";

/// An HTTP server that answers each request with 200 at once, over as many connections as it is asked, and counts by the first
/// part of the path.
#[derive(Debug, Clone)]
pub struct Endpoint {
    address: SocketAddr,
    asked: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Endpoint {
    /// Starts one on the loopback address; it ends with the program.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let endpoint = Self { address, asked: Arc::default() };
        let asked = Arc::clone(&endpoint.asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = Arc::clone(&asked);
                std::thread::spawn(move || serve(stream, &asked));
            }
        });
        endpoint
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests there were whose path begins with `/first/`.
    pub fn asked(&self, first: &str) -> u64 {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(first).copied().unwrap_or_default()
    }
}

/// Answers until the connection is closed.
fn serve(stream: TcpStream, asked: &Mutex<BTreeMap<String, u64>>) {
    let mut lines = BufReader::new(stream);
    let (mut line, mut path) = (String::new(), String::new());
    while lines.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        if path.is_empty() {
            line.split(' ').nth(1).unwrap_or_default().clone_into(&mut path);
        } else if line.trim_end().is_empty() {
            let first = path.split('/').nth(1).unwrap_or_default().to_owned();
            *asked.lock().unwrap_or_else(PoisonError::into_inner).entry(first).or_default() += 1;
            path.clear();
            if lines.get_mut().write_all(ANSWER).is_err() {
                return;
            }
        }
        line.clear();
    }
}
