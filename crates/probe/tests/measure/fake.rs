use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What the fake does with a request.
#[derive(Clone)]
pub(crate) enum Do {
    /// Writes these bytes and closes.
    Say(Vec<u8>),
    /// Writes these bytes and then nothing.
    SayAndHang(Vec<u8>),
    /// Resets the connection.
    Reset,
    /// Writes the first bytes, then one of the others after each pause, over and over.
    Trickle(Vec<u8>, u8, Duration),
    /// Writes the first bytes, then the others over and over, as fast as they are taken.
    Flood(Vec<u8>, Vec<u8>),
    /// Says nothing, whatever comes.
    Mute,
    /// Writes these bytes and resets the connection.
    SayAndReset(Vec<u8>),
}

/// An endpoint that does the same with every request.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    /// Each request as it was read.
    pub(crate) requests: mpsc::UnboundedReceiver<String>,
    /// A word for each connection that the other side closed.
    pub(crate) closed: mpsc::UnboundedReceiver<()>,
}

impl Fake {
    pub(crate) async fn new(act: Do) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (saw, requests) = mpsc::unbounded_channel();
        let (ended, closed) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (act, saw, ended) = (act.clone(), saw.clone(), ended.clone());
                tokio::spawn(async move {
                    serve(stream, act, &saw).await;
                    let _ = ended.send(());
                });
            }
        });
        Self { address, requests, closed }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn serve(mut stream: TcpStream, act: Do, saw: &mpsc::UnboundedSender<String>) {
    if let Do::Mute = act {
        to_the_end(&mut stream).await;
        return;
    }
    let Some(request) = head(&mut stream).await else { return };
    let _ = saw.send(request);
    match act {
        Do::Say(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            to_the_end(&mut stream).await;
        }
        Do::SayAndHang(bytes) => {
            let _ = stream.write_all(&bytes).await;
            to_the_end(&mut stream).await;
        }
        Do::Reset => stream.set_zero_linger().unwrap(),
        Do::Mute => unreachable!("it has not read the request"),
        Do::SayAndReset(bytes) => {
            let _ = stream.write_all(&bytes).await;
            stream.set_zero_linger().unwrap();
        }
        Do::Trickle(first, byte, pause) => {
            let _ = stream.write_all(&first).await;
            while stream.write_all(&[byte]).await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        }
        Do::Flood(first, more) => {
            let _ = stream.write_all(&first).await;
            while stream.write_all(&more).await.is_ok() {}
        }
    }
}

/// Reads the head of a request; `None` if it does not come.
pub(crate) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(request).ok()
}

async fn to_the_end(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let mut chunk = [0; 1024];
    while stream.read(&mut chunk).await.is_ok_and(|length| length > 0) {}
}

pub(crate) fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}
