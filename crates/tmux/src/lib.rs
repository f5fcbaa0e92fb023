//! Asks a tmux server about its panes, each call with a deadline, and brings its socket back.
//!
//! A server that is frozen, one that is dead, one whose socket file was deleted while it lives, and a socket folder that tmux
//! itself refuses are four different errors, because each is mended differently. tmux is run as a program, never starts a server here,
//! and what it prints is bounded. What panes show is whatever runs in them wrote: of it only a fingerprint is kept.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use evenkeel_tmux::Server;
//!
//! # async fn example() -> Result<(), evenkeel_tmux::TmuxError> {
//! let server = Server::of_user(1000, "default");
//! for pane in server.panes(Duration::from_secs(5)).await? {
//!     if pane.dead {
//!         server.respawn(&pane.name(), false, Duration::from_secs(5)).await?;
//!     }
//! }
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")
)]

mod error;
mod folder;
mod owner;
mod pane;
mod place;
mod server;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

pub use error::TmuxError;
pub use folder::unsafe_folder;
pub use pane::Pane;
pub use place::Place;
pub use server::Server;
