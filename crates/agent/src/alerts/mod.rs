//! Alerts without Prometheus: the rules that `evenkeel-metrics rules` writes, evaluated by the agent over its own metrics,
//! and told to receivers (docs/alerting.md).
//!
//! ```text
//! metrics page ──► series ──► rules ──► state ──► outbox ──► receiver
//! (each interval)  (bounded)  (PromQL)  (pure)    (pure,      (a task each:
//!                                                  one each)   Alertmanager, webhook, command)
//! ```

mod board;
mod dead_man;
mod evaluator;
mod keep;
mod labels;
mod outbox;
mod payload;
mod receiver;
mod receivers;
mod round;
mod series;
mod state;
mod store;
mod timeline;

use std::sync::Arc;
use std::time::Duration;

use evenkeel_config::{Alerts, Settings};
use evenkeel_probe::Prober;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) use self::board::Board;
use self::round::Rounds;
use self::timeline::Timeline;
use crate::clock::HostClock;
use crate::page::{Desk, Question, ask};

/// How long the end of the agent waits for the last words of the task that evaluates.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Evaluates rules and tells receivers, for as long as settings name some. Without any, there is nothing that runs.
#[derive(Debug)]
pub(crate) struct Alerting {
    office: Office,
    /// The task that evaluates, and where it takes new settings.
    evaluating: Option<(mpsc::UnboundedSender<Settings>, JoinHandle<()>)>,
    pinging: Option<JoinHandle<()>>,
    pub(crate) board: Board,
}

/// What the tasks need of the agent.
#[derive(Debug, Clone)]
pub(crate) struct Office {
    pub(crate) desk: Desk,
    pub(crate) prober: Prober,
    pub(crate) timeline: Timeline,
    /// Takes what is to survive the agent.
    pub(crate) keeper: mpsc::UnboundedSender<(&'static str, Value)>,
    /// A link to the agent's page; empty if it has none.
    pub(crate) url: Arc<str>,
}

/// What earlier runs left, as it was written.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    alerts: Option<Value>,
    series: Option<Value>,
}

impl Kept {
    /// Asks for what there may be.
    pub(crate) fn load<E>(load: impl Fn(&str) -> Result<Option<Value>, E>) -> Result<Self, E> {
        Ok(Self { alerts: load(keep::ALERTS)?, series: load(keep::SERIES)? })
    }
}

impl Office {
    pub(crate) fn new(
        desk: Desk,
        prober: Prober,
        keeper: mpsc::UnboundedSender<(&'static str, Value)>,
        url: String,
    ) -> Self {
        Self { desk, prober, timeline: Timeline::begin(HostClock), keeper, url: url.into() }
    }
}

impl Alerting {
    /// Begins where the runs before ended.
    pub(crate) fn start(settings: &Settings, kept: Kept, office: Office) -> Self {
        let mut alerting = Self::idle(office);
        alerting.evaluate(settings, kept);
        alerting.ping(&settings.alerts);
        alerting
    }

    /// One that evaluates nothing and tells nobody.
    pub(crate) fn idle(office: Office) -> Self {
        Self { office, evaluating: None, pinging: None, board: Board::default() }
    }

    /// Takes new settings.
    pub(crate) fn renew(&mut self, settings: &Settings) {
        match &self.evaluating {
            // The task ends by a panic only, which was logged.
            Some((orders, _)) => drop(orders.send(settings.clone())),
            None => self.evaluate(settings, Kept::default()),
        }
        self.ping(&settings.alerts);
    }

    /// Lets the task that evaluates write its last words. What is not told by then is told after the next start.
    pub(crate) async fn close(&mut self) {
        if let Some(pinging) = self.pinging.take() {
            pinging.abort();
        }
        if let Some((orders, mut task)) = self.evaluating.take() {
            drop(orders);
            if tokio::time::timeout(LAST_WORDS, &mut task).await.is_err() {
                task.abort();
            }
        }
    }

    fn evaluate(&mut self, settings: &Settings, kept: Kept) {
        if settings.alerts.receivers.is_empty() {
            return;
        }
        let (orders, inbox) = mpsc::unbounded_channel();
        let rounds = Rounds::new(settings, kept, self.office.clone(), self.board.clone());
        self.evaluating = Some((orders, tokio::spawn(rounds.run(inbox))));
    }

    fn ping(&mut self, alerts: &Alerts) {
        if let Some(pinging) = self.pinging.take() {
            pinging.abort();
        }
        let Some(dead_man) = alerts.dead_man.clone() else {
            self.office.desk.metrics.forget_alert_receiver(dead_man::NAME);
            return;
        };
        let Office { desk, prober, timeline, .. } = self.office.clone();
        let (metrics, board) = (Arc::clone(&desk.metrics), self.board.clone());
        metrics.add_alert_receiver(dead_man::NAME);
        let works = async move || {
            ask(&desk, Question::Status).await.is_ok() && board.is_current(timeline.now())
        };
        let pinging = dead_man::keep_pinging(dead_man, prober, metrics, works);
        self.pinging = Some(tokio::spawn(pinging));
    }
}

impl Drop for Alerting {
    fn drop(&mut self) {
        if let Some((_, task)) = &self.evaluating {
            task.abort();
        }
        if let Some(pinging) = &self.pinging {
            pinging.abort();
        }
    }
}
