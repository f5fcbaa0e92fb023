//! Tells somebody again and again that the agent works, so that they notice when that ceases.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_config::DeadMan;
use evenkeel_metrics::{Metrics, NotificationOutcome};
use evenkeel_probe::{Outcome, Prober};
use tokio::time::MissedTickBehavior;

use super::receiver::ping;

/// What it is called where receivers have their names.
pub(crate) const NAME: &str = "dead_man";

/// Pings for as long as `works` says within the ping's own timeout that the agent does. Never returns; ends with its task.
pub(crate) async fn keep_pinging(
    dead_man: DeadMan,
    prober: Prober,
    metrics: Arc<Metrics>,
    works: impl AsyncFn() -> bool,
) {
    let mut interval = tokio::time::interval(dead_man.interval.max(Duration::from_millis(1)));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let target = ping(&dead_man.target);
    let mut failing = false;
    loop {
        interval.tick().await;
        // Silence is the message: a ping that came although the loop hangs would be a lie.
        if !tokio::time::timeout(dead_man.timeout, works()).await.unwrap_or(false) {
            tracing::warn!("the agent does not come to its work, so the dead man is told nothing");
            metrics.alert_notified(NAME, NotificationOutcome::Dropped);
            continue;
        }
        let outcome = prober.measure(&target, dead_man.timeout).await.outcome;
        let failure = match &outcome {
            Outcome::Good => None,
            Outcome::Bad(failure) | Outcome::Unknown(failure) => Some(failure),
        };
        metrics.alert_notified(
            NAME,
            match failure {
                None => NotificationOutcome::Sent,
                Some(_) => NotificationOutcome::Failed,
            },
        );
        match failure {
            Some(failure) if !failing => tracing::warn!(%failure, "the dead man cannot be told"),
            None if failing => tracing::info!("the dead man is told again"),
            _ => {}
        }
        failing = failure.is_some();
    }
}
