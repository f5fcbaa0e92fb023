use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use evenkeel_shown::said::NetworkCode;
use nix::errno::Errno;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout_at};

use crate::prober::{Attempt, Prober, Step};
use crate::{Endpoint, FailureClass, Outcome, TlsOptions};

/// How long to wait before a Unix socket with a full queue is tried again: the kernel does not tell when there is room.
const QUEUE_PAUSE: Duration = Duration::from_millis(20);

/// Resolves and connects, and notes how long each took and which address it was.
pub(crate) async fn connect(
    prober: &Prober,
    endpoint: &Endpoint,
    dns_timeout: Option<Duration>,
    attempt: &mut Attempt,
) -> Result<TcpStream, Outcome> {
    let addresses = match endpoint.ip() {
        Some(ip) => {
            attempt.took("resolve_ms", Instant::now());
            vec![SocketAddr::new(ip, endpoint.port())]
        }
        None => resolve(prober, endpoint.host(), endpoint.port(), dns_timeout, attempt).await?,
    };
    attempt.step = Step::Connect;
    let begun = Instant::now();
    let mut failure: Option<Outcome> = None;
    for (place, address) in addresses.iter().enumerate() {
        // Each address gets its share of what is left: one that never answers must not hide one that would.
        let left = attempt.deadline.saturating_duration_since(Instant::now());
        let shares = u32::try_from(addresses.len() - place).unwrap_or(u32::MAX);
        attempt.facts.set("ip", address.ip().to_string());
        let found =
            match timeout_at(Instant::now() + left / shares, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    attempt.took("connect_ms", begun);
                    return Ok(stream);
                }
                Ok(Err(error)) => of_connect(*address, &error),
                Err(_) => Outcome::bad(
                    FailureClass::Timeout,
                    NetworkCode::NoConnectionWithin {
                        to: address.to_string(),
                        within: attempt.timeout,
                    },
                ),
            };
        // That one address cannot be reached from here says nothing where another one refuses.
        if !matches!(failure, Some(Outcome::Bad(_))) {
            failure = Some(found);
        }
    }
    Err(failure.unwrap_or_else(|| {
        let host = endpoint.host().to_owned();
        Outcome::bad(FailureClass::Dns, NetworkCode::NoAddress { host })
    }))
}

/// Connects to a Unix socket. A full queue is waited for, up to the deadline: nobody accepts.
pub(crate) async fn connect_unix(
    path: &Path,
    attempt: &mut Attempt,
) -> Result<UnixStream, Outcome> {
    attempt.step = Step::Connect;
    let begun = Instant::now();
    loop {
        match UnixStream::connect(path).await {
            Ok(stream) => {
                attempt.took("connect_ms", begun);
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(QUEUE_PAUSE).await;
            }
            Err(error) => return Err(of_connect_unix(path, &error)),
        }
    }
}

/// The name that a server's certificate must be for.
pub(crate) fn tls_name(
    endpoint: &Endpoint,
    options: &TlsOptions,
) -> Result<ServerName<'static>, Outcome> {
    if let Some(name) = &options.server_name {
        return Ok(name.0.clone());
    }
    ServerName::try_from(endpoint.host().to_owned()).map_err(|_| {
        let host = endpoint.host().to_owned();
        Outcome::bad(FailureClass::Tls, NetworkCode::NoNameOfCertificate { host })
    })
}

/// Asks the host's resolver, and notes how long it took.
pub(crate) async fn resolve(
    prober: &Prober,
    host: &str,
    port: u16,
    dns_timeout: Option<Duration>,
    attempt: &mut Attempt,
) -> Result<Vec<SocketAddr>, Outcome> {
    // That other lookups hang is no fault of this name.
    attempt.step = Step::Queue;
    let begun = Instant::now();
    let slots = prober.shared.lookups.clone();
    let slot = slots.acquire_owned().await.expect("the semaphore is never closed");
    attempt.step = Step::Resolve;
    let asked = (host.to_owned(), port);
    // A task of its own, because the slot is taken for as long as the lookup takes, also if nobody waits for it any more.
    let lookup = tokio::spawn(async move {
        let found = tokio::net::lookup_host(asked).await.map(Vec::from_iter);
        drop(slot);
        found
    });
    let own_deadline = dns_timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let found = match own_deadline {
        Some(deadline) => timeout_at(deadline, lookup).await.map_err(|_| {
            let (host, within) = (host.to_owned(), dns_timeout.unwrap_or_default());
            Outcome::bad(FailureClass::Dns, NetworkCode::NotResolvedWithin { host, within })
        })?,
        None => lookup.await,
    };
    attempt.took("resolve_ms", begun);
    found.map_err(io::Error::other).flatten().map_err(|error| of_lookup(host, &error))
}

fn of_lookup(host: &str, error: &io::Error) -> Outcome {
    let detail = NetworkCode::NotResolved { host: host.to_owned(), error: error.to_string() };
    // The resolver says "not known" also where it had no descriptor left to ask with.
    if error.raw_os_error().is_some() || no_descriptor_left() {
        return Outcome::unknown(FailureClass::Limit, detail);
    }
    Outcome::bad(FailureClass::Dns, detail)
}

fn no_descriptor_left() -> bool {
    UdpSocket::bind(("127.0.0.1", 0)).is_err_and(|error| {
        matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::EMFILE | Errno::ENFILE))
    })
}

/// What an error of a connection that is to be made says about the other side.
pub(crate) fn of_connect(address: SocketAddr, error: &io::Error) -> Outcome {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, PermissionDenied,
        TimedOut,
    };
    let detail = no_connection(address.to_string(), error);
    match error.kind() {
        ConnectionRefused | ConnectionReset | HostUnreachable => {
            Outcome::bad(FailureClass::Refused, detail)
        }
        TimedOut => Outcome::bad(FailureClass::Timeout, detail),
        // From here on the prober's own trouble: no way out of this host, a filter that forbids it, no port or descriptor left.
        NetworkUnreachable => Outcome::unknown(FailureClass::Missing, detail),
        PermissionDenied => Outcome::unknown(FailureClass::Denied, detail),
        _ => Outcome::unknown(FailureClass::Limit, detail),
    }
}

fn no_connection(to: String, error: &io::Error) -> NetworkCode {
    NetworkCode::NoConnection { to, error: error.to_string() }
}

fn of_connect_unix(path: &Path, error: &io::Error) -> Outcome {
    use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    let detail = no_connection(format!("`{}`", path.display()), error);
    match error.kind() {
        // A socket whose owner has gone, or no socket at all.
        ConnectionRefused => Outcome::bad(FailureClass::Refused, detail),
        NotFound => Outcome::bad(FailureClass::Missing, detail),
        PermissionDenied => Outcome::unknown(FailureClass::Denied, detail),
        _ => Outcome::unknown(FailureClass::Limit, detail),
    }
}
