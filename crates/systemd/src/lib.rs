//! Asks systemd about units, and has it start and stop them: over D-Bus, each call with a deadline.
//!
//! A [`Manager`] connects when it is first asked something, connects again after a loss, and lets go of the bus when
//! nobody has asked for a while. Why there is no answer is told apart: no systemd, no bus, a bus or systemd that hangs,
//! no permission, no such unit ([`SystemdError`]). What a unit says of itself is cut short and its control characters are
//! escaped. Whether a unit should be restarted is for others to decide.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use evenkeel_systemd::{ActiveState, Manager, UnitName};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let manager = Manager::system();
//! let name = UnitName::try_new("nginx")?;
//! let deadline = Duration::from_secs(5);
//! let unit = manager.unit(&name, deadline).await?;
//! if unit.active == ActiveState::Failed {
//!     let end = manager.restart(&name, Duration::from_secs(60)).await?;
//!     println!("{name}: {end}");
//! }
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")
)]

mod blocking;
mod bus;
mod error;
mod job;
mod manager;
mod name;
mod nearest;
mod text;
mod unit;

pub use blocking::missing_units;
pub use error::{Awaited, SystemdError};
pub use job::JobEnd;
pub use manager::Manager;
pub use name::{UnitName, UnitNameError};
pub use unit::{ActiveState, KillMode, LoadState, Unit};
