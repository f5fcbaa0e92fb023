//! Tells one receiver what its outbox holds, one message at a time, for as long as the agent runs.

mod target;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evenkeel_config::Receiver;
use evenkeel_metrics::{Metrics, NotificationOutcome};
use evenkeel_probe::{Measurement, Outcome, Prober};
use evenkeel_recovery::backoff::{MOST_RETRIES, RetryPlan};
use tokio::sync::Notify;

use super::outbox::{Outbox, Parcel, Terms};
use super::payload::{Source, fires, status};
use super::timeline::Timeline;

pub(crate) use self::target::ping;

/// Pauses between attempts that fail.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// Answers that say that this very message will never be taken, however often it is sent.
const REFUSALS: [u16; 7] = [400, 405, 410, 411, 413, 415, 422];

/// What lies between the evaluation and the task of a receiver.
#[derive(Debug)]
pub(crate) struct Post {
    outbox: Mutex<Outbox>,
    news: Notify,
}

/// What every receiver's task needs.
#[derive(Debug, Clone)]
pub(crate) struct Clerk {
    pub(crate) prober: Prober,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) timeline: Timeline,
    /// A link to the agent's page; empty if it has none.
    pub(crate) url: Arc<str>,
    /// Is told that what a receiver knows is to be written down.
    pub(crate) changed: Arc<Notify>,
    /// How long an alert that fires is said to do so, unless it is told again.
    pub(crate) valid_for: Duration,
}

impl Post {
    pub(crate) fn new(terms: Terms) -> Self {
        Self { outbox: Mutex::new(Outbox::new(terms)), news: Notify::new() }
    }

    /// The outbox. Never held over an await.
    pub(crate) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There may be something to send.
    pub(crate) fn ring(&self) {
        self.news.notify_one();
    }
}

/// Never returns; ends with its task.
pub(crate) async fn deliver(receiver: Receiver, post: Arc<Post>, clerk: Clerk) {
    let pauses =
        RetryPlan::try_new(FIRST_PAUSE, 2.0, LONGEST_PAUSE, 0.1, MOST_RETRIES, FIRST_PAUSE)
            .expect("a test makes this plan too");
    let mut failures = 0;
    loop {
        let now = clerk.timeline.now();
        let (due, message) = {
            let mut outbox = post.outbox();
            (outbox.due(), outbox.next(now))
        };
        let Some(message) = message else {
            await_news(&post, due.map(|due| clerk.timeline.until(due))).await;
            continue;
        };
        match send(&receiver, &message, &clerk).await {
            Ok(()) => {
                if failures > 0 {
                    tracing::info!(receiver = receiver.name, "takes alerts again");
                }
                tracing::info!(
                    receiver = receiver.name,
                    alert = message[0].group(),
                    alerts = message.len(),
                    "told that it is {}",
                    status(fires(&message))
                );
                failures = 0;
                clerk.metrics.alert_notified(&receiver.name, NotificationOutcome::Sent);
                post.outbox().settle(&message, clerk.timeline.now());
                clerk.changed.notify_one();
            }
            Err(Refused::Never(why)) => {
                tracing::error!(
                    receiver = receiver.name,
                    why,
                    "refuses a message, which is dropped"
                );
                clerk.metrics.alert_notified(&receiver.name, NotificationOutcome::Dropped);
                post.outbox().settle(&message, clerk.timeline.now());
                clerk.changed.notify_one();
            }
            Err(Refused::Now(why)) => {
                clerk.metrics.alert_notified(&receiver.name, NotificationOutcome::Failed);
                let pause = pause(&pauses, failures, &clerk.timeline);
                if failures == 0 {
                    tracing::warn!(receiver = receiver.name, why, "cannot be told; trying again");
                } else {
                    tracing::debug!(receiver = receiver.name, why, "still cannot be told");
                }
                failures += 1;
                tokio::time::sleep(pause).await;
            }
        }
    }
}

async fn await_news(post: &Post, due_in: Option<Duration>) {
    match due_in {
        Some(pause) => drop(tokio::time::timeout(pause, post.news.notified()).await),
        None => post.news.notified().await,
    }
}

fn pause(pauses: &RetryPlan, failures: u32, timeline: &Timeline) -> Duration {
    // Only keeps several agents apart; which nanosecond it is, is chance enough.
    let chance = f64::from(timeline.now().subsec_nanosecond().unsigned_abs() % 1_000) / 1_000.0;
    // It has long been the longest pause by then.
    let attempt = failures.min(MOST_RETRIES - 1);
    pauses.next(attempt, chance).unwrap_or(LONGEST_PAUSE)
}

/// Why a message did not arrive.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    /// It may arrive another time.
    Now(String),
    /// It never will.
    Never(String),
}

async fn send(receiver: &Receiver, message: &[Parcel], clerk: &Clerk) -> Result<(), Refused> {
    let source = Source { url: clerk.url.to_string(), ahead: clerk.timeline.ahead() };
    let valid_until = clerk.timeline.now() + clerk.valid_for;
    let target = target::target(receiver, message, valid_until, &source);
    let target = target.await.map_err(Refused::Now)?;
    judge(&clerk.prober.measure(&target, receiver.timeout).await)
}

fn judge(measurement: &Measurement) -> Result<(), Refused> {
    let status = measurement.facts.number("status");
    match &measurement.outcome {
        Outcome::Good => Ok(()),
        Outcome::Bad(failure) | Outcome::Unknown(failure) => {
            let never = status.is_some_and(|status| {
                REFUSALS.iter().any(|refusal| (status - f64::from(*refusal)).abs() < 0.5)
            });
            let why = failure.to_string();
            Err(if never { Refused::Never(why) } else { Refused::Now(why) })
        }
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_probe::{Facts, Failure, FailureClass};

    use super::*;

    fn answered(status: u16) -> Result<(), Refused> {
        let mut facts = Facts::default();
        facts.set("status", status);
        let failure =
            Failure { class: FailureClass::Status, detail: format!("status {status}").into() };
        judge(&Measurement {
            outcome: Outcome::Bad(failure),
            took: Duration::ZERO,
            facts,
            parts: Vec::new(),
        })
    }

    #[test]
    fn a_message_that_is_wrong_is_dropped_and_all_else_is_tried_again() {
        for status in REFUSALS {
            assert!(matches!(answered(status), Err(Refused::Never(_))), "{status}");
        }
        // The token may be renewed, the path put right, the crowd gone.
        for status in [301, 401, 403, 404, 408, 429, 500, 502, 503] {
            assert!(matches!(answered(status), Err(Refused::Now(_))), "{status}");
        }
    }

    #[test]
    fn pauses_grow_and_never_end() {
        let plan =
            RetryPlan::try_new(FIRST_PAUSE, 2.0, LONGEST_PAUSE, 0.1, MOST_RETRIES, FIRST_PAUSE)
                .expect("a plan");
        let timeline = Timeline::begin(crate::clock::HostClock);
        assert_eq!(pause(&plan, 0, &timeline), FIRST_PAUSE);
        for failures in [20, MOST_RETRIES, u32::MAX] {
            let pause = pause(&plan, failures, &timeline);
            assert!((LONGEST_PAUSE * 9 / 10..=LONGEST_PAUSE).contains(&pause), "{pause:?}");
        }
    }
}
