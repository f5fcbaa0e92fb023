pub(crate) mod wire;

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};

use self::wire::{Reply, ReplyError};
use crate::connect::{of_connect, resolve};
use crate::prober::{Attempt, Prober, Step};
use crate::{DnsTarget, FailureClass, Outcome, RecordType};
use evenkeel_shown::excerpt;
use evenkeel_shown::said::NetworkCode;

/// So many values are kept and compared; they are counted beyond that.
const VALUES: usize = 128;
const SHOWN_CHARS: usize = 200;

/// Longer ones are not sent where none has said that it takes them. Source: RFC 1035, section 4.2.1, with room for those who do.
const DATAGRAM: usize = 4096;

/// How often a question is sent: one datagram may be lost without anybody's fault.
const TRIES: u32 = 3;

/// Asks for the records of a name, and compares them with those that are expected.
pub(crate) async fn measure(
    prober: &Prober,
    target: &DnsTarget,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    let found = match target.server {
        None => of_host(prober, target, attempt).await?,
        Some(server) => of_server(server, target, attempt).await?,
    };
    let count = found.len() as u64;
    let values: Vec<_> = found.into_iter().take(VALUES).collect();
    attempt.took_in_all();
    attempt.facts.set("answers", count);
    let answer = values.join(", ");
    let shown = excerpt(&answer, SHOWN_CHARS);
    attempt.facts.set("answer", answer);
    if count == 0 {
        let (name, record) = (target.name.to_string(), target.record.to_string());
        let detail = NetworkCode::NoRecord { name, record };
        return Err(Outcome::bad(FailureClass::Dns, detail));
    }
    match target.expect.iter().find(|expected| !values.contains(expected)) {
        None => Ok(()),
        Some(missing) => Err(Outcome::bad(
            FailureClass::Body,
            NetworkCode::NotAmongAnswers { value: missing.clone(), answers: shown },
        )),
    }
}

/// What the host's own resolver says, with its files and its cache.
async fn of_host(
    prober: &Prober,
    target: &DnsTarget,
    attempt: &mut Attempt,
) -> Result<BTreeSet<String>, Outcome> {
    let addresses = resolve(prober, target.name.as_str(), 0, None, attempt).await?;
    attempt.facts.remove("resolve_ms");
    let wanted = |address: &SocketAddr| match target.record {
        RecordType::Aaaa => address.is_ipv6(),
        _ => address.is_ipv4(),
    };
    Ok(addresses
        .iter()
        .filter(|address| wanted(address))
        .map(|address| address.ip().to_string())
        .collect())
}

async fn of_server(
    server: SocketAddr,
    target: &DnsTarget,
    attempt: &mut Attempt,
) -> Result<BTreeSet<String>, Outcome> {
    attempt.step = Step::Answer;
    // The keys of a fresh hasher are the one source of chance in the standard library. The port of the socket is the kernel's choice.
    let [high, low, ..] = RandomState::new().hash_one(server).to_be_bytes();
    let id = u16::from_be_bytes([high, low]);
    let question = wire::question(id, &target.name, target.record);
    let reply = by_datagram(server, target, id, &question, attempt.timeout).await?;
    let reply =
        if reply.truncated { by_stream(server, target, id, &question).await? } else { reply };
    match reply.code {
        0 => Ok(reply.values.into_iter().collect()),
        code => Err(Outcome::bad(
            FailureClass::Dns,
            NetworkCode::ServerSays {
                server: server.to_string(),
                name: target.name.to_string(),
                code,
            },
        )),
    }
}

async fn by_datagram(
    server: SocketAddr,
    target: &DnsTarget,
    id: u16,
    question: &[u8],
    within: Duration,
) -> Result<Reply, Outcome> {
    let broken = |error: io::Error| of_connect(server, &error);
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await.map_err(broken)?;
    // From here on the kernel passes on what this server sends and nothing else.
    socket.connect(server).await.map_err(broken)?;
    let mut datagram = vec![0; DATAGRAM];
    loop {
        socket.send(question).await.map_err(broken)?;
        let again = Instant::now() + within / TRIES;
        while let Ok(received) =
            timeout(again.saturating_duration_since(Instant::now()), socket.recv(&mut datagram))
                .await
        {
            let length = received.map_err(broken)?;
            match wire::reply(&datagram[..length], id, &target.name, target.record) {
                Ok(reply) => return Ok(reply),
                // Late, or forged: the right one may still come.
                Err(ReplyError::Stray) => {}
                Err(ReplyError::Malformed) => return Err(malformed(server)),
            }
        }
    }
}

async fn by_stream(
    server: SocketAddr,
    target: &DnsTarget,
    id: u16,
    question: &[u8],
) -> Result<Reply, Outcome> {
    let broken = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => malformed(server),
        _ => of_connect(server, &error),
    };
    let mut stream = TcpStream::connect(server).await.map_err(broken)?;
    let length = u16::try_from(question.len()).expect("a name is at most 255 bytes");
    let framed = [&length.to_be_bytes(), question].concat();
    stream.write_all(&framed).await.map_err(broken)?;
    let length = stream.read_u16().await.map_err(broken)?;
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await.map_err(broken)?;
    let reply = wire::reply(&message, id, &target.name, target.record);
    reply.ok().filter(|reply| !reply.truncated).ok_or_else(|| malformed(server))
}

fn malformed(server: SocketAddr) -> Outcome {
    let server = server.to_string();
    Outcome::bad(FailureClass::Body, NetworkCode::NoAnswerToQuestion { server })
}
