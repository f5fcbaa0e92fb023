//! An HTTP peer of the run, which fails as it is told to and is healed by a file.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(200);

/// How a peer answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Good,
    /// Status 500.
    Bad,
    /// It accepts and says nothing.
    Nothing,
}

/// The peer; it ends with the program.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    answer: Arc<AtomicU8>,
    healed_by: PathBuf,
}

impl Peer {
    /// A good one. Once there is a file at `healed_by` it is good again, whatever it was told; the file is gone then.
    pub(crate) fn start(healed_by: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let answer = Arc::new(AtomicU8::new(Answer::Good as u8));
        let peer = Self { address, answer: Arc::clone(&answer), healed_by: healed_by.to_owned() };
        let healed_by = healed_by.to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if std::fs::remove_file(&healed_by).is_ok() {
                    answer.store(Answer::Good as u8, Ordering::Relaxed);
                }
                let how = answer.load(Ordering::Relaxed);
                // One at a time would let a silent client keep the others waiting.
                std::thread::spawn(move || serve(&stream, how));
            }
        });
        peer
    }

    pub(crate) fn answer(&self, answer: Answer) {
        let _ = std::fs::remove_file(&self.healed_by);
        self.answer.store(answer as u8, Ordering::Relaxed);
    }
}

/// Whether a peer answers well, and soon: one that hangs must not keep whoever looks.
pub(crate) fn is_good(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, SOON)?;
        stream.set_read_timeout(Some(SOON))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: peer\r\n\r\n")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).map(|_| line)
    };
    ask().is_ok_and(|line: String| line.contains(" 200 "))
}

/// A client that goes away is no failure.
fn serve(mut stream: &TcpStream, how: u8) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).ok()? > 0 {}
    if how == Answer::Nothing as u8 {
        // Until the client has had enough.
        reader.read_line(&mut head).ok()?;
        return None;
    }
    let status = if how == Answer::Bad as u8 { "500 Bad" } else { "200 Good" };
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).ok()
}
