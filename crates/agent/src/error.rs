use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the agent could not start. Nothing has been done by then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The history could not be opened: the directory cannot be written, or another agent uses it.
    #[error("cannot open the history in `{}`", state_dir.display())]
    History {
        /// The state directory.
        state_dir: PathBuf,
        /// Why not.
        #[source]
        source: evenkeel_journal::OpenError,
    },
    /// The address for the page is in use or not permitted.
    #[error("cannot listen on `{address}` (agent.listen); choose another address, or \"off\"")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The control socket cannot be made.
    #[error("cannot listen on `{}` (agent.socket)", path.display())]
    Socket {
        /// The socket's path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The history's thread has ended before the agent.
    #[error("the history's thread has ended")]
    HistoryGone,
}
