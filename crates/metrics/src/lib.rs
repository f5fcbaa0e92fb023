//! Registry, exposition and alert rules.
//!
//! - [`Metrics`]: all that an agent tells Prometheus, one method for each fact, in each [`Format`].
//! - [`process_page`]: the page of one watched process, under the names that Prometheus clients agree on.
//! - [`availability`]: time slices, error budgets and burn rates of what was promised.
//! - [`rules`]: alert rules, their unit tests, and the scrape configuration that feeds them.
//! - [`exposition`]: reads metrics pages and says what is wrong with them.
//! - [`names`]: every metric, once.
//!
//! Serving pages over HTTP and deciding what the facts are is left to others.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use evenkeel_metrics::{CheckState, FailureReason, Format, Metrics};
//!
//! let metrics = Metrics::new("0.1.0", SystemTime::now());
//! metrics.add_check("health");
//! metrics.observe_attempt("health", Duration::from_millis(7), Some(FailureReason::Status), None);
//! metrics.set_check("health", CheckState::Suspect, Some(true));
//!
//! assert_eq!(Format::negotiate(Some("text/plain")), Format::Text);
//! let page = metrics.encode_text();
//! assert!(page.contains("evenkeel_check_failures_total{check=\"health\",reason=\"status\"} 1\n"));
//! ```
#![forbid(unsafe_code)]

pub mod availability;
mod encode;
pub mod exposition;
mod family;
mod format;
mod labels;
mod metrics;
pub mod names;
mod process;
mod procfs;
mod protobuf;
pub mod rules;

pub use evenkeel_process::{Identity, LookError};
pub use format::Format;
pub use labels::{
    BreakerState, BurnWindow, CheckState, CleanupAction, Collector, FailureReason,
    NotificationOutcome, RecoveryOutcome, RepairKind, SliceVerdict,
};
pub use metrics::{
    APPEND_BUCKETS, DURATION_BUCKETS, Incident, MOST_PART_SERIES, Metrics, ProcessMemory,
    ReloadRefused, SloFigures,
};
pub use process::{ProcessStats, process_page, process_page_text};
