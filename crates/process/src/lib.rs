//! What the kernel says of a process, its tree and its cgroup: by identity, and not by a number that is another's tomorrow.
//!
//! A [`Process`] is held by its directory in `/proc`, so that all facts are of one process however long they take; a
//! [`Handle`] signals it and nobody else. What is gone, what may not be looked at and what could not be read are three
//! different [`LookError`]s. Every read is bounded, and every name that a program chose for itself is escaped before it is
//! shown. Nothing here judges: what the numbers mean is for others to say.
//!
//! Which memory to believe: of one process `rss_bytes`, of a tree the sum of `pss_bytes`, of a unit the
//! [`CgroupMemory`]. Sums of `rss_bytes` count shared pages again and again.
//!
//! ```
//! use evenkeel_process::{Process, Table};
//!
//! let process = Process::open(std::process::id())?;
//! assert!(!process.stat()?.is_dead());
//! assert!(process.memory()?.rss_bytes > 0);
//! let children = Table::read()?.descendants(process.identity(), 1000);
//! assert!(!children.cut);
//! # Ok::<(), evenkeel_process::LookError>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")
)]

// One process.
mod handle;
mod process;
mod stat;

mod maps;
mod memory;
mod open_files;
mod threads;

// Several.
mod find;
mod pidfile;
mod sockets;
mod table;
mod trust;

// What they are in.
mod cgroup;
mod host;
mod pressure;
mod unit;

mod error;
mod read;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

pub use cgroup::{Cgroup, CgroupMemory, Cgroups, Members};
pub use error::LookError;
pub use find::{UnitProcesses, find_by_name, processes_of_unit};
pub use handle::Handle;
pub use host::{boot_time, since_boot, uptime};
pub use maps::MapsSummary;
pub use memory::Memory;
pub use open_files::OpenFiles;
pub use pidfile::{Pidfile, PidfileError};
pub use pressure::{Pressure, Resource};
pub use process::{Descriptors, Process, Users};
pub use sockets::ListeningSocket;
pub use stat::{Identity, Stat, State};
pub use table::{Descendants, Table};
pub use threads::{Thread, Threads};
pub use trust::{may_name, speaks_for_all};
pub use unit::Unit;
