//! Opens the doors of the agent: the page's address and the control socket.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use evenkeel_config::AgentSettings;
use tokio::task::JoinSet;

use crate::error::AgentError;
use crate::page::{Desk, router};
use crate::serve::serve;

/// What is open; closed, and the socket's file removed, when it is dropped.
#[derive(Debug)]
pub(crate) struct Doors {
    /// The tasks that serve; they end with this.
    serving: JoinSet<()>,
    socket: Option<PathBuf>,
    address: Option<SocketAddr>,
}

impl Doors {
    /// Opens the page on `listener`, or on the address of the settings, and the socket if `write` allows to make it.
    pub(crate) fn open(
        settings: &AgentSettings,
        listener: Option<TcpListener>,
        write: bool,
        desk: &Desk,
    ) -> Result<Self, AgentError> {
        let mut doors = Self { serving: JoinSet::new(), socket: None, address: None };
        let listener = match (listener, settings.listen) {
            (Some(listener), _) => Some(listener),
            (None, Some(address)) => {
                let failed = |source| AgentError::Listen { address, source };
                Some(TcpListener::bind(address).map_err(failed)?)
            }
            (None, None) => None,
        };
        if let Some(listener) = listener {
            let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
            let address = listener.local_addr().or(settings.listen.ok_or(())).unwrap_or(unknown);
            let failed = |source| AgentError::Listen { address, source };
            listener.set_nonblocking(true).map_err(failed)?;
            let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
            doors.address = Some(address);
            tracing::info!("the status page is on http://{address}/");
            doors.serving.spawn(serve(listener, router(desk.clone(), Some(host_names(address)))));
        }
        if let Some(path) = settings.socket.as_ref().filter(|_| write) {
            let failed = |source| AgentError::Socket { path: path.clone(), source };
            let listener = bind_socket(path).map_err(failed)?;
            doors.socket = Some(path.clone());
            let listener = tokio::net::UnixListener::from_std(listener).map_err(failed)?;
            doors.serving.spawn(serve(listener, router(desk.clone(), None)));
        }
        Ok(doors)
    }

    /// The page's URL; empty if there is none.
    pub(crate) fn url(&self) -> String {
        self.address.map_or_else(String::new, |address| format!("http://{address}/"))
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        if let Some(path) = &self.socket {
            #[expect(
                clippy::disallowed_methods,
                reason = "the socket lies in the agent's own 0700 directory"
            )]
            // Gone already, with its directory: as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The names that a request to `address` may ask for.
fn host_names(address: SocketAddr) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()];
    let own = match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    if !names.contains(&own) {
        names.push(own);
    }
    names
}

/// Binds a socket that only its owner may use, in a directory that only its owner may enter.
///
/// A socket that nobody answers any more is taken over; one that answers belongs to another agent.
fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    if let Some(parent) = path.parent() {
        match std::fs::DirBuilder::new().mode(0o700).create(parent) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    if UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another agent answers there"));
    }
    #[expect(clippy::disallowed_methods, reason = "the socket lies in the agent's own directory")]
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the socket was made just now in the agent's own directory"
    )]
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests work in scratch directories of their own")]
mod tests {
    use super::*;

    #[test]
    fn a_socket_left_behind_is_taken_over_and_a_living_one_is_not() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let path = scratch.path().join("run/evenkeel.sock");
        drop(bind_socket(&path).expect("a first socket"));
        let living = bind_socket(&path).expect("the file left behind is no obstacle");
        let refused = bind_socket(&path).expect_err("somebody answers");
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        let mode = std::fs::metadata(&path).expect("the socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(living);
    }

    #[test]
    fn an_address_answers_to_its_own_name_too() {
        let names = host_names("192.0.2.7:9720".parse().expect("an address"));
        assert!(names.contains(&"192.0.2.7".to_owned()) && names.contains(&"localhost".to_owned()));
    }
}
