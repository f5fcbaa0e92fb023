//! The engine, unchanged, on a scripted host in virtual time: what would these settings have done, had that gone wrong?
//!
//! [`run`] plays a [`Scenario`]: settings, [`Faults`], a length and a seed. The loop jumps from one thing that happens to the next;
//! nothing in it reads a clock, a file or a socket, so a run is a function of its scenario, to the last byte of its [`Summary`].
//! The host answers each effect of the engine as `evenkeel-agent` does: it writes before it acts, keeps what survives, may be
//! killed at any point, and starts again from what was on disk. It also knows the truth about each target, so that a run can
//! tell what no agent can: actions on what was well, faults that nobody saw.
//!
//! An [`Observer`] is told of everything in its order, with a [`View`] of the host as it is: invariants, traces and pictures are
//! observers. What goes wrong comes from a file ([`Faults::parse`], docs/simulation.md), is the usual ([`Faults::usual`]), or
//! is plain data that a program makes.
//!
//! ```
//! use std::time::Duration;
//! use evenkeel_simulator::{Faults, Scenario, run};
//!
//! let settings = evenkeel_config::load_text("example.toml", r#"
//!     [check.web]
//!     http = { url = "http://127.0.0.1:8080/health" }
//!     [recovery.web]
//!     when = ["web"]
//!     steps = [{ action = "systemd.restart", unit = "web" }]
//! "#)?;
//! let faults = Faults::parse("faults.toml", r#"
//!     [fault.crash]
//!     kind = "crash"
//!     targets = "web"
//!     at = ["1h", "5h"]
//! "#, &settings)?;
//! let day = Duration::from_hours(24);
//! let began = "2026-11-01T00:00:00Z".parse()?;
//! let summary = run(&Scenario { settings, faults, lasts: day, seed: 1, began }, &mut []);
//! assert_eq!(summary.targets["web"].outcomes["recovered"], 2);
//! assert_eq!(summary.totals.false_actions, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod chance;
mod chronicle;
mod disk;
mod faults;
mod host;
mod observer;
mod queue;
mod recorded;
mod scenario;
mod summary;
mod trace;
mod windows;
mod world;

pub use chronicle::{
    BudgetUse, Chronicle, Chronicled, Done, Lane, Look, Objective, Outage, Stretch,
};
/// What stands before the name of an SLO among the subjects of a history.
pub use evenkeel_engine::SLO_SUBJECT;
pub use faults::{
    ActionModel, AgentCrash, CrashAt, Drift, Due, Fault, FaultFileError, Faults, Fill, Flap, Leak,
    Orphan, Pace, Reboot, Span, Strike, What, When,
};
pub use observer::{Event, Observer, View};
pub use recorded::{Action, Recorded, Replay, Subject};
pub use scenario::Scenario;
pub use summary::{
    CheckSummary, CleanupSummary, FaultSummary, HostSummary, PermissionSummary, Slices, Spread,
    Summary, TargetSummary, Totals,
};

/// Plays a scenario to its end, and says what it came to. Observers are told in their order.
pub fn run(scenario: &Scenario, observers: &mut [&mut dyn Observer]) -> Summary {
    host::Host::new(scenario, observers).play()
}
