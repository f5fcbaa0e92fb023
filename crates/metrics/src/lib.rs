//! Registry, exposition and alert rules.
#![forbid(unsafe_code)]

mod encode;
pub mod exposition;
mod family;
mod format;
mod labels;
mod metrics;
pub mod names;
mod process;
mod procfs;

pub use format::Format;
pub use labels::{
    BreakerState, CheckState, CleanupAction, Collector, FailureReason, RecoveryOutcome, RepairKind,
};
pub use metrics::{DURATION_BUCKETS, Metrics, ReloadRefused};
pub use process::{ProcessStats, process_page};
pub use procfs::ReadError;
