use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// What an HTTP server answered.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// The body, whole.
    pub body: String,
}

/// Asks for `path` at `address`. Fails if nobody answers within a few seconds.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Response> {
    get_as(&address.to_string(), address, path)
}

/// As [`get`], with this `Host` header.
pub fn get_as(host: &str, address: SocketAddr, path: &str) -> io::Result<Response> {
    ask(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        PATIENCE,
    )
}

/// As [`get`], with this `Accept` header.
pub fn get_accepting(accept: &str, address: SocketAddr, path: &str) -> io::Result<Response> {
    ask(
        address,
        &format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
        ),
        PATIENCE,
    )
}

/// Posts a JSON document to `path` at `address`.
pub fn post(address: SocketAddr, path: &str, body: &str) -> io::Result<Response> {
    let length = body.len();
    ask(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ),
        PATIENCE,
    )
}

/// The answer to a request as it is written here; whole.
pub(crate) fn ask(address: SocketAddr, request: &str, patience: Duration) -> io::Result<Response> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(request.as_bytes())?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    // Some keep the connection open though they were asked not to: what they announced is all there is.
    while !is_whole(&answer) {
        match stream.read(&mut buffer)? {
            0 => break,
            count => answer.extend_from_slice(&buffer[..count]),
        }
    }
    parse(&String::from_utf8_lossy(&answer)).ok_or_else(|| io::Error::other("not an HTTP answer"))
}

/// Whether an answer has as many bytes as its head announces; never, if it announces none.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: Option<usize> = length.and_then(|length| length.trim().parse().ok());
    length.is_some_and(|length| answer.len() >= end + 4 + length)
}

/// A port of the loopback address on which nobody listens.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be bound");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// An endpoint that accepts connections and never answers.
#[derive(Debug)]
pub struct HangingEndpoint {
    address: SocketAddr,
    // Dropped with the endpoint; the thread sees that and ends.
    _alive: mpsc::Sender<()>,
}

impl HangingEndpoint {
    /// Starts to listen.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (alive, ended) = mpsc::channel::<()>();
        // The kernel completes the handshake of whoever connects; nobody accepts, and so nobody answers.
        std::thread::spawn(move || {
            let _ = ended.recv();
            drop(listener);
        });
        Self { address, _alive: alive }
    }

    /// A URL on it.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

fn parse(answer: &str) -> Option<Response> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if is_chunked { unchunk(body)? } else { body.to_owned() };
    Some(Response { status, head: head.to_owned(), body })
}

fn unchunk(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.push_str(after.get(..size)?);
        rest = after.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_chunks_is_put_together() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let response = parse(answer).unwrap();
        assert_eq!((response.status, response.body.as_str()), (503, "abcde"));
    }
}
