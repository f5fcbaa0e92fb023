//! Alerts without Prometheus: the rules that `evenkeel-metrics rules` writes, evaluated by the agent over its own metrics,
//! and told to receivers (docs/alerting.md).
//!
//! ```text
//! metrics page ──► series ──► rules ──► state ──► outbox ──► receiver
//! (each interval)  (bounded)  (PromQL)  (pure)    (pure,      (a task each:
//!                                                  one each)   Alertmanager, webhook, command)
//! ```
#![expect(dead_code, reason = "the evaluation that joins these parts comes next")]

mod dead_man;
mod labels;
mod outbox;
mod payload;
mod receiver;
mod series;
mod state;
mod timeline;
