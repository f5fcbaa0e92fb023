//! Runs the engine on the real host: a scheduler, an executor, a recorder, and a page for people and Prometheus.
//!
//! [`run`] is the whole agent. What an embedding program decides is passed in: settings, the listener, the end, the
//! reloads, whom to notify. Nothing here reads the environment, installs a signal handler or exits.
//!
//! ```text
//! inputs ◄── probes, cleanups, actions (tasks), keepers of permissions (a thread each) ◄──┐
//!    │                                                                                   │
//!    └──► engine (pure) ──► effects ──► executor ────────────────────────────────────────┘
//!                              └──────► recorder (journal thread), metrics, log
//! ```
#![forbid(unsafe_code)]

mod act;
mod agent;
mod alerts;
mod clock;
mod control;
mod error;
mod executor;
mod explain;
mod history;
mod keep;
mod listen;
mod objectives;
mod page;
mod publish;
mod report;
mod serve;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

pub use agent::{Agent, Hint, Notice, Until, run, run_hinted};
pub use clock::HostClock;
pub use control::{LONGEST_HOLD, LONGEST_REASON, OrderAnswer};
pub use error::AgentError;
pub use evenkeel_engine::{
    AlertStatus, BurnStatus, CheckStatus, HoldStatus, PartStatus, RecoveryStatus, RuleStatus,
    SloStatus, Status,
};
pub use evenkeel_pages::Lang;
pub use executor::clean;
pub use explain::{
    BudgetUse, ExplainError, Explanation, Wanted, explain, find_events, is_in_force,
};
pub use history::Event;
pub use report::{Cause, Day, IncidentReport, Report, SubjectReport, draw, report};
