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
    /// The address for the page is not permitted. One that is in use, or not there yet, is waited for.
    #[error("cannot listen on `{address}` (agent.listen); choose another address, or \"off\"")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The token of the page cannot be used.
    #[error("the page has no token to ask for (agent.token_file)")]
    Token(#[source] evenkeel_config::SecretError),
    /// The token of the page can be guessed.
    #[error("the token in `{}` (agent.token_file) is shorter than {shortest} characters; `openssl rand -hex 16` makes one", path.display())]
    ShortToken {
        /// The file.
        path: PathBuf,
        /// The least that is accepted.
        shortest: usize,
    },
    /// A certificate or a key cannot be read.
    #[error("cannot read `{}` (agent.tls); a certificate or a key in PEM is needed", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// A certificate and its key do not go together, or are of a kind that TLS does not take.
    #[error("cannot speak TLS with `{}` (agent.tls)", path.display())]
    Tls {
        /// The certificate.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::Error,
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
