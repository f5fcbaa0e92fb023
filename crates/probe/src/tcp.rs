use crate::connect::{connect, connect_unix, tls_name};
use crate::converse::converse;
use crate::prober::{Attempt, Prober};
use crate::tls::secure;
use crate::{Outcome, TcpTarget, UnixTarget};

/// Connects, says what is to be said, and closes.
pub(crate) async fn measure(
    prober: &Prober,
    target: &TcpTarget,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    let stream = connect(prober, &target.endpoint, target.dns_timeout, attempt).await?;
    match &target.tls {
        Some(options) => {
            let name = tls_name(&target.endpoint, options)?;
            let stream = secure(prober, stream, name, options, &[], attempt).await?;
            converse(stream, &target.exchange, attempt).await?;
        }
        None => {
            attempt.facts.set("tls_ms", 0);
            converse(stream, &target.exchange, attempt).await?;
        }
    }
    attempt.took_in_all();
    Ok(())
}

/// The same for a Unix socket.
pub(crate) async fn measure_unix(
    target: &UnixTarget,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    let stream = connect_unix(&target.path, attempt).await?;
    converse(stream, &target.exchange, attempt).await?;
    attempt.took_in_all();
    Ok(())
}
