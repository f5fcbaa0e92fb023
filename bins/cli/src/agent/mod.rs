//! Runs an agent in the foreground, runs one pass of it, or asks one that runs.

mod beside;
pub mod client;
mod host;
mod runtime;
mod status;

pub use beside::{Hints, run_beside};
pub use host::{boot_id, pass, run, stop_signal};
pub use runtime::block_on;
pub use status::{print_status, status, verdict};
