//! Runs an agent in the foreground, runs one pass of it, or asks one that runs and gives it orders.

mod beside;
pub mod client;
mod host;
mod orders;
mod runtime;
mod status;
mod watch;

pub use beside::{Hints, run_beside};
pub use host::{boot_id, pass, run, stop_signal};
pub use orders::{hold, release, reset};
pub use runtime::block_on;
pub use status::{print_status, status, verdict};
pub use watch::watch;
