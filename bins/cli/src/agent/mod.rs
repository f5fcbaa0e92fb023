//! Runs an agent in the foreground, runs one pass of it, or asks one that runs and gives it orders.

mod beside;
pub mod client;
mod host;
mod orders;
mod runtime;
mod status;
mod watch;

use std::path::PathBuf;

use crate::{Common, Failure, escaped_path, print_remark};

pub use beside::{Hints, run_beside};
pub use host::{Pass, boot_id, pass, run, stop_signal};
pub use orders::{hold, release, reset};
pub use runtime::block_on;
pub use status::{print_status, status, verdict};
pub use watch::watch;

/// Where to ask the running agent. Settings that are refused do not keep anybody from it: it runs with those that it took before.
fn control_socket(common: &Common) -> Result<PathBuf, Failure> {
    let refused = match common.settings() {
        Ok(settings) => {
            let off = "agent.socket is \"off\", so no agent can be asked";
            return settings.agent.socket.ok_or_else(|| Failure::usage(off));
        }
        Err(refused) => refused,
    };
    // A file that is not there says nothing, also not whose agent is meant.
    let are_there = common.config.iter().all(|path| path.exists());
    let socket = evenkeel_config::control_socket(&common.sources());
    let Some(socket) = socket.filter(|socket| are_there && socket.exists()) else {
        return Err(refused);
    };
    print_remark(format_args!(
        "evenkeel: the settings are refused (`evenkeel config check` says why); asking the agent on `{}`, which runs with earlier ones",
        escaped_path(&socket)
    ));
    Ok(socket)
}
