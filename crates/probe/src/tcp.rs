use crate::connect::connect;
use crate::prober::{Attempt, Prober};
use crate::{Outcome, TcpTarget};

/// Connects and closes; sends nothing.
pub(crate) async fn measure(
    prober: &Prober,
    target: &TcpTarget,
    attempt: &mut Attempt,
) -> Result<(), Outcome> {
    connect(prober, &target.endpoint, attempt).await?;
    attempt.took_in_all();
    Ok(())
}
