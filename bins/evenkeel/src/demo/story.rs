//! Watches a fault being healed: when it was detected, repaired and proved, by the agent's history and by the host.

use std::time::Duration;

use evenkeel_agent::Status;
use evenkeel_cli::agent::client;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::fault::{Fault, Trace};
use super::host::Host;

const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// A fault that is not healed by then counts as not healed.
const LIMIT: Duration = Duration::from_secs(30);

/// One line of the demo's table: milliseconds from the fault to each stage, `None` where it was not reached.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    fault: &'static str,
    detected_ms: Option<f64>,
    repaired_ms: Option<f64>,
    verified_ms: Option<f64>,
}

#[derive(Debug)]
pub(crate) struct Story<'a> {
    host: &'a Host,
}

#[derive(Debug, Deserialize)]
struct Events {
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    at: Timestamp,
    kind: String,
    target: String,
    message: String,
}

impl Row {
    pub(crate) fn is_healed(&self) -> bool {
        self.verified_ms.is_some()
    }

    pub(crate) fn cells(&self) -> [String; 5] {
        let stage = |ms: Option<f64>| if ms.is_some() { "yes" } else { "no" }.to_owned();
        [
            self.fault.to_owned(),
            stage_ms(self.detected_ms),
            stage_ms(self.repaired_ms),
            stage(self.verified_ms),
            self.verified_ms.map_or("-".to_owned(), |ms| format!("{ms:.0}")),
        ]
    }

    pub(crate) fn sentence(&self) -> String {
        let [fault, detected, repaired, verified, ms] = self.cells();
        format!("{fault}: detected {detected}, repaired {repaired}, verified {verified} ({ms} ms)")
    }
}

fn stage_ms(ms: Option<f64>) -> String {
    ms.map_or("no".to_owned(), |ms| format!("{ms:.0} ms"))
}

impl<'a> Story<'a> {
    pub(crate) fn new(host: &'a Host) -> Self {
        Self { host }
    }

    /// Waits until the agent has looked at everything and finds nothing wrong.
    pub(crate) async fn settled(&self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let status: Result<Status, _> = client::get(&self.host.socket(), "/api/status").await;
            let quiet = status.as_ref().is_ok_and(|status| {
                status.healthy
                    && status.checks.iter().all(|check| check.state == "up")
                    && status.rules.iter().all(|rule| rule.ok == Some(true))
                    && status.recoveries.iter().all(|recovery| recovery.phase == "healthy")
            });
            if quiet {
                return Ok(());
            }
            if begun.elapsed() > LIMIT {
                let why =
                    status.map_or_else(|error| error.to_string(), |status| format!("{status:?}"));
                return Err(format!("the scratch host does not come to rest: {why}"));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Injects one fault and waits until it is healed, or for too long.
    pub(crate) async fn play(&self, fault: Fault) -> Result<Row, String> {
        let failed = |error| format!("{}: {error}", fault.name());
        let wall = Timestamp::now();
        let begun = Instant::now();
        let struck = fault.inject(self.host).map_err(|error| failed(error.to_string()))?;
        let mut row =
            Row { fault: fault.name(), detected_ms: None, repaired_ms: None, verified_ms: None };
        while begun.elapsed() < LIMIT {
            let events: Events = client::get(&self.host.socket(), "/api/events?limit=200")
                .await
                .map_err(|error| failed(error.to_string()))?;
            let since = |event: &Event| event.at.duration_since(wall).as_secs_f64() * 1e3;
            let first = |kind: &str, target: &str, word: &str| {
                events
                    .events
                    .iter()
                    .rev()
                    .find(|event| {
                        event.at >= wall
                            && event.kind == kind
                            && event.target == target
                            && event.message.contains(word)
                    })
                    .map(since)
            };
            let healed = fault.is_healed(self.host, struck);
            let now = begun.elapsed().as_secs_f64() * 1e3;
            match fault.trace() {
                Trace::Rule { kind, rule } => {
                    row.detected_ms = first(kind, rule, "");
                    row.repaired_ms = row.detected_ms;
                    row.verified_ms = row.repaired_ms.and(healed.then_some(now));
                }
                Trace::Recovery { target } => {
                    row.detected_ms = first("incident_opened", target, "");
                    row.repaired_ms = first("acted", target, "");
                    row.verified_ms = first("judged", target, "recovered").filter(|_| healed);
                }
            }
            if row.is_healed() {
                break;
            }
            sleep(LOOK_AGAIN).await;
        }
        fault.restock(self.host).map_err(|error| failed(error.to_string()))?;
        if row.is_healed() {
            self.settled().await?;
        }
        Ok(row)
    }
}
