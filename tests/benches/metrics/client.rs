//! A scraper that keeps its connection, as Prometheus does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::server::{Format, Server};

pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) is_ours: bool,
    pub(crate) is_bare: bool,
    /// Of the last answer.
    pub(crate) bytes: usize,
    pub(crate) series: usize,
    /// Processor time of the server for the pages of this client.
    pub(crate) cpu: Duration,
    pid: Option<u32>,
    request: String,
    stream: BufReader<TcpStream>,
    body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(server: &Server, format: Format) -> Self {
        let stream = TcpStream::connect(server.address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket takes its options");
        let mut client = Self {
            name: format!("{}, {}", server.name, format.name()),
            is_ours: server.is_ours,
            is_bare: server.is_bare,
            bytes: 0,
            series: 0,
            cpu: Duration::ZERO,
            pid: server.pid(),
            request: request(server.address, format),
            stream: BufReader::with_capacity(64 * 1024, stream),
            body: Vec::new(),
        };
        client.scrape();
        client.series = series(&String::from_utf8_lossy(&client.body));
        client.cpu = Duration::ZERO;
        client
    }

    /// Asks for the page and reads all of it.
    pub(crate) fn scrape(&mut self) -> Duration {
        let cpu = self.pid.map(cpu_time);
        let began = Instant::now();
        self.stream.get_mut().write_all(self.request.as_bytes()).expect("the server takes it");
        self.read_answer();
        let took = began.elapsed();
        if let (Some(pid), Some(before)) = (self.pid, cpu) {
            self.cpu += cpu_time(pid).saturating_sub(before);
        }
        self.bytes = self.body.len();
        took
    }

    fn read_answer(&mut self) {
        let (mut length, mut line) = (None, String::new());
        let status = self.line(&mut line).to_owned();
        assert!(status.contains(" 200 "), "{}: {status}", self.name);
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

fn request(address: SocketAddr, format: Format) -> String {
    format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nAccept: {}\r\n\r\n", format.accept())
}

/// How many samples a page has.
pub(crate) fn series(page: &str) -> usize {
    page.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}

/// Processor time of all threads of a process, in nanoseconds where the kernel counts them.
fn cpu_time(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the server runs");
    let nanos = tasks.filter_map(Result::ok).filter_map(|task| {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}
