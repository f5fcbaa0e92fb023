//! Measures one target once: is it there, does it answer, and what can be seen of it.
//!
//! A [`Prober`] makes one attempt at a [`Target`] and returns a [`Measurement`]: an [`Outcome`] and [`Facts`]. What could
//! not be looked at is [`Outcome::Unknown`] and never bad. Rules about facts are [`Condition`]s, judged by the plain
//! function [`breaches`]. When to probe, how often to try again and what a series of results means is left to others.
//!
//! ```
//! use std::time::Duration;
//!
//! use evenkeel_probe::{FileTarget, Outcome, Prober, Target};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let target = Target::File(FileTarget::new("/proc/self/stat"));
//! let measurement = Prober::new().measure(&target, Duration::from_secs(1)).await;
//! assert_eq!(measurement.outcome, Outcome::Good);
//! assert!(measurement.facts.get("mode").is_some());
//! # });
//! ```
#![forbid(unsafe_code)]

// What is measured and what is found: plain values and functions.
mod address;
mod certificate;
mod condition;
mod facts;
mod field;
mod measurement;
mod nearest;
mod pattern;
mod program_glob;
mod redirect;
mod scope;
mod shown;
mod target;

// Looking at the host.
mod prober;

mod account;
mod connect;
mod converse;
mod disk;
mod dns;
mod exec;
mod file;
mod http;
mod looks;
mod process;
mod program_memory;
mod supervisor;
mod systemd;
mod tcp;
mod tls;
mod tmux;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

pub use address::{AddressError, Endpoint, HttpUrl};
pub use condition::{Breach, Condition, Test, breaches};
pub use facts::{Facts, Value};
pub use field::{Field, FieldKind};
pub use measurement::{Failure, FailureClass, Measurement, Outcome, Part};
pub use pattern::{Pattern, PatternError};
pub use prober::Prober;
pub use program_glob::{GlobError, ProgramGlob};
pub use scope::Scope;
pub use target::{
    ClientCertificate, DiskTarget, DnsName, DnsTarget, Exchange, ExecTarget, FileTarget, Header,
    HeaderError, HttpTarget, ProcessSelector, ProcessTarget, ProgramMemory, RecordType,
    RecordTypeError, RequestBody, SupervisorTarget, SystemdTarget, Target, TcpTarget, TlsName,
    TlsOptions, TmuxTarget, UnixTarget,
};
