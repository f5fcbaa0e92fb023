use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;

/// How a [`Hook`] answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// With this status.
    Status(u16),
    /// It takes the whole request and never answers.
    Hang,
}

/// One request that a [`Hook`] had.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// When.
    pub at: SystemTime,
    /// What was asked for.
    pub path: String,
    /// The headers.
    pub head: String,
    /// The body; null if there was none.
    pub body: Value,
    /// How it was answered.
    pub manner: Manner,
}

/// An HTTP endpoint of the test that keeps what it is sent, and answers as it is told to.
#[derive(Debug)]
pub struct Hook {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    manner: Manner,
    delivered: Vec<Delivered>,
    ended: bool,
}

impl Hook {
    /// One that answers 200, on a port of its own.
    pub fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// One at this address.
    pub fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("a loopback port can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Shared { manner: Manner::Status(200), delivered: Vec::new(), ended: false };
        let shared = Arc::new(Mutex::new(shared));
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if lock(&theirs).ended {
                    break;
                }
                let theirs = Arc::clone(&theirs);
                std::thread::spawn(move || answer(&stream, &theirs));
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers like this from now on.
    pub fn answer(&self, manner: Manner) {
        lock(&self.shared).manner = manner;
    }

    /// What it had so far.
    pub fn delivered(&self) -> Vec<Delivered> {
        lock(&self.shared).delivered.clone()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        lock(&self.shared).ended = true;
        // Wakes the thread, which then ends; where it cannot be woken it is gone already.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes one request and answers it; a client that goes away is no failure.
fn answer(mut stream: &TcpStream, shared: &Mutex<Shared>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let path = head.split(' ').nth(1)?.to_owned();
    let manner = {
        let mut shared = lock(shared);
        let manner = shared.manner;
        shared.delivered.push(Delivered { at: SystemTime::now(), path, head, body, manner });
        manner
    };
    match manner {
        Manner::Status(status) => {
            let text =
                format!("HTTP/1.1 {status} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(text.as_bytes()).ok()
        }
        Manner::Hang => {
            // Until the client has had enough.
            let _ = stream.read(&mut [0]);
            None
        }
    }
}
