use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::prober::{Attempt, Prober, Step};
use crate::{Endpoint, FailureClass, Outcome};

/// Resolves and connects, and notes how long each took.
pub(crate) async fn connect(
    prober: &Prober,
    endpoint: &Endpoint,
    attempt: &mut Attempt,
) -> Result<TcpStream, Outcome> {
    attempt.step = Step::Resolve;
    let begun = Instant::now();
    let addresses = resolve(prober, endpoint).await?;
    attempt.took("resolve_ms", begun);

    attempt.step = Step::Connect;
    let begun = Instant::now();
    let mut failure = None;
    for (place, address) in addresses.iter().enumerate() {
        // Each address gets its share of what is left: one that never answers must not hide one that would.
        let left = attempt.deadline.saturating_duration_since(Instant::now());
        let shares = u32::try_from(addresses.len() - place).unwrap_or(u32::MAX);
        match timeout_at(Instant::now() + left / shares, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                attempt.took("connect_ms", begun);
                return Ok(stream);
            }
            Ok(Err(error)) => failure = Some(of_connect(*address, &error)),
            Err(_) => {
                let detail = format!("no connection to {address} within {:?}", attempt.timeout);
                failure.get_or_insert(Outcome::bad(FailureClass::Timeout, detail));
            }
        }
    }
    Err(failure.unwrap_or_else(|| {
        Outcome::bad(FailureClass::Dns, format!("`{}` has no address", endpoint.host()))
    }))
}

async fn resolve(prober: &Prober, endpoint: &Endpoint) -> Result<Vec<SocketAddr>, Outcome> {
    if let Some(ip) = endpoint.ip() {
        return Ok(vec![SocketAddr::new(ip, endpoint.port())]);
    }
    let (host, port) = (endpoint.host().to_owned(), endpoint.port());
    let slots = prober.shared.lookups.clone();
    let slot = slots.acquire_owned().await.expect("the semaphore is never closed");
    // A task of its own, because the slot is taken for as long as the lookup takes, also if nobody waits for it any more.
    let lookup = tokio::spawn(async move {
        let found = tokio::net::lookup_host((host, port)).await.map(Vec::from_iter);
        drop(slot);
        found
    });
    let found = lookup.await.map_err(io::Error::other).flatten();
    found.map_err(|error| {
        Outcome::bad(FailureClass::Dns, format!("`{}` was not resolved: {error}", endpoint.host()))
    })
}

fn of_connect(address: SocketAddr, error: &io::Error) -> Outcome {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, PermissionDenied,
        TimedOut,
    };
    let class = match error.kind() {
        ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable => {
            FailureClass::Refused
        }
        TimedOut => FailureClass::Timeout,
        // The prober's own trouble: a filter that forbids it; no port or descriptor left.
        PermissionDenied => {
            return Outcome::unknown(
                FailureClass::Denied,
                format!("may not connect to {address}: {error}"),
            );
        }
        _ => {
            return Outcome::unknown(
                FailureClass::Limit,
                format!("cannot connect to {address}: {error}"),
            );
        }
    };
    Outcome::bad(class, format!("no connection to {address}: {error}"))
}
