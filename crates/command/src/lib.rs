//! Runs a program with a deadline, a process group of its own and bounded output.
//!
//! What a program starts belongs to it: at the deadline, and when the caller loses interest, the whole process group is
//! killed, and those below the program that left the group. A program that ends by itself may leave a daemon behind; nobody
//! waits for the daemon to close the pipes it inherited. Nothing that this program has open is handed on. Who may run what, and how often, is for others to decide.
//!
//! ```
//! use std::time::Duration;
//!
//! use evenkeel_command::{CommandSpec, run};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let completed = run(&CommandSpec::new(["echo", "ready"]), Duration::from_secs(5)).await?;
//! assert!(completed.success());
//! assert_eq!(completed.stdout, b"ready\n");
//! # Ok::<(), evenkeel_command::RunError>(()) }).unwrap();
//! ```
#![forbid(unsafe_code)]

mod group;
mod inherited;
mod input;
mod output;
mod run;
mod spec;

pub use inherited::{keep_from_commands, use_all_descriptors};
pub use run::{Completed, RunError, run};
pub use spec::{CommandSpec, DEFAULT_OUTPUT_LIMIT, RunAs};
