use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A connection to an HTTP server that is kept from request to request, as Prometheus keeps its own.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
    body: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    /// If nobody listens.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket takes its options");
        Self { address, stream: BufReader::with_capacity(64 * 1024, stream), body: Vec::new() }
    }

    /// Asks for `path`, with these further header lines, and reads all of the answer; how long that took.
    ///
    /// # Panics
    /// If the answer is not 200, or not HTTP.
    pub fn get(&mut self, path: &str, headers: &str) -> Duration {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.address);
        let began = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes()).expect("the server takes it");
        self.read_answer(path);
        began.elapsed()
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    fn read_answer(&mut self, path: &str) {
        let (mut length, mut line) = (None, String::new());
        let status = self.line(&mut line).to_owned();
        assert!(status.contains(" 200 "), "{path}: {status}");
        loop {
            let header = self.line(&mut line).to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse::<usize>().ok();
            }
        }
        self.body.clear();
        if let Some(length) = length {
            self.take(length);
            return;
        }
        loop {
            let size =
                usize::from_str_radix(self.line(&mut line), 16).expect("the size of a chunk");
            self.take(size);
            self.line(&mut line);
            if size == 0 {
                break;
            }
        }
    }

    fn take(&mut self, bytes: usize) {
        let had = self.body.len();
        self.body.resize(had + bytes, 0);
        self.stream.read_exact(&mut self.body[had..]).expect("the whole answer");
    }

    fn line<'a>(&mut self, line: &'a mut String) -> &'a str {
        line.clear();
        self.stream.read_line(line).expect("a line of the answer");
        line.trim_end()
    }
}
