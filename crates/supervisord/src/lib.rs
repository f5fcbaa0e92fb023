//! Asks supervisord over its unix socket, each call with a deadline; and listens to its events ([`listener`]).
//!
//! supervisord answers XML-RPC on a socket. A frozen one accepts connections and never answers, so no call here is
//! without a deadline; a lost socket file, a dead daemon and a refusal are told apart, because a host is repaired
//! differently in each case. Nothing here decides whether a program should be restarted.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use evenkeel_supervisord::{Client, ProgramState};
//!
//! # async fn example() -> Result<(), evenkeel_supervisord::CallError> {
//! let client = Client::new("/run/supervisor.sock");
//! let deadline = Duration::from_secs(5);
//! for program in client.programs(deadline).await? {
//!     if program.state == ProgramState::Fatal {
//!         client.restart(&program.full_name(), deadline).await?;
//!     }
//! }
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")
)]

mod client;
mod daemon;
mod error;
pub mod listener;
mod listening;
mod program;
mod rpc;
mod url;

pub use client::{Channel, Client, Logs, Restarted};
pub use daemon::Daemon;
pub use error::{CallError, FaultCode};
pub use evenkeel_shown::said::Activity;
pub use program::{Program, ProgramState};
pub use url::{UrlError, socket_of_url};
