//! Joins the pure cores: inputs in, effects out.
//!
//! The [`Engine`] holds what evenkeel knows (when each check is due, what health makes of its results, where each
//! recovery stands, what the budget has left) and decides. It reads no clock, opens nothing and waits for nothing: a
//! shell tells it what was observed ([`Input`]) and at what [`Moment`](evenkeel_moment::Moment), and does what it asks
//! ([`Effect`]), in order. The same engine therefore runs a real host, a dry run and a scripted one.
//!
//! ```text
//! Measured, Swept, Kept, Cleaned ──► judge (health) ──► decide (recovery) ──► Probe, Keep, Sweep, Clean, Act, Record
//! ```
#![forbid(unsafe_code)]

mod agenda;
mod anchor;
mod chance;
mod check;
mod engine;
mod event;
mod finish;
mod forecasts;
mod gate;
mod limits;
mod maintenance;
mod occasion;
mod order;
mod orders;
mod past;
mod programs;
mod record;
mod recovery;
mod refusal;
mod restarts;
mod rule;
mod sampled;
mod show;
mod skip;
mod slices;
mod spread;
mod standing;
mod status;
mod storm;
mod subject;
mod target;
mod view;
mod words;

pub use anchor::Anchor;
pub use engine::Engine;
pub use event::{
    Act, CleanOutcome, Count, Effect, Fight, Input, KeepOutcome, Party, Remaining, Repaired,
    SweepOutcome,
};
pub use order::{Hold, Order, UnknownTarget, WHOLE_HOST};
pub use past::{BreakerPast, FlapRing, OpenIncident, Past, Start};
pub use record::{Causes, Next, Outcome, Record};
pub use refusal::{Refusal, Usage};
pub use sampled::Sampled;
pub use slices::{SLO_SUBJECT, Slice, slo_subject};
pub use status::{
    AlertStatus, BurnStatus, CheckStatus, HoldStatus, PartStatus, RecoveryStatus, RuleStatus,
    SloStatus, Status,
};
