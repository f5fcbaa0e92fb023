//! Fixtures for tests of the built programs against the real host: daemons that end with their test, free ports, bounded waits.
//!
//! The programs must be built first: `cargo xtask test` does so, or `cargo build --workspace --bins`.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]

mod agent;
mod alertmanager;
mod bench;
mod browser;
mod chance;
mod committed;
mod connection;
mod cost;
mod daemon;
mod endpoint;
mod hook;
mod http;
mod job;
mod metrics;
mod open_files;
mod programs;
mod prometheus;
mod scratch;
mod supervisord;
mod systemd;
mod terminal;
mod tmux;
mod wait;

/// The examples in the README are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

pub use agent::Agent;
pub use alertmanager::Alertmanager;
pub use bench::{bench, tell};
pub use browser::Browser;
pub use chance::Chance;
pub use committed::is_as_committed;
pub use connection::Connection;
pub use cost::{Memory, cpu_time};
pub use daemon::{Daemon, signal_if};
pub use endpoint::Endpoint;
pub use hook::{Delivered, Hook, Manner};
pub use http::{HangingEndpoint, Response, free_port, get, get_accepting, get_as, post};
pub use job::Job;
pub use metrics::Samples;
pub use open_files::{more_open, open_files};
pub use programs::{
    Finished, PROGRAMS, ask, evenkeel, exists, find_bin, installed, is_root, run, run_within,
};
pub use prometheus::{Prometheus, promtool};
pub use scratch::Scratch;
pub use supervisord::{Program, ProgramState, Supervisord};
pub use systemd::SystemdHost;
pub use terminal::on_terminal;
pub use tmux::TmuxServer;
pub use wait::{LONG, until, until_some};
