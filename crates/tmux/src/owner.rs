//! Who listens on a socket, be its file there or not.

use std::path::Path;

use evenkeel_process::{Identity, ListeningSocket, LookError, Process};

/// How the name of a tmux server's process begins.
const SERVER_NAME: &[u8] = b"tmux: server";

/// The tmux server that listens on a socket that was bound as `socket`. `None` if nobody does, or may not be looked at.
pub(crate) fn server_of(socket: &Path) -> Result<Option<Identity>, LookError> {
    for listening in ListeningSocket::all()? {
        if listening.bound != socket {
            continue;
        }
        // The panes of a server that is just starting them have it too.
        let server = listening.holders()?.into_iter().find(|holder| {
            let process = Process::open_exactly(*holder);
            process.is_ok_and(|process| is_server(&process) && is_beside(&process, socket))
        });
        if server.is_some() {
            return Ok(server);
        }
    }
    Ok(None)
}

/// Whether the process calls itself a server of tmux.
fn is_server(process: &Process) -> bool {
    process.stat().is_ok_and(|stat| stat.name.starts_with(SERVER_NAME))
}

/// Not one in a container with the network of the host, whose directory of that name is another.
fn is_beside(process: &Process, socket: &Path) -> bool {
    let parent = socket.parent().unwrap_or(socket);
    process.shares_directory(parent, parent).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn who_listens_without_being_a_tmux_is_not_taken_for_one() {
        let scratch = tempfile::tempdir().unwrap();
        let socket = scratch.path().join("a b");
        let _listener = UnixListener::bind(&socket).unwrap();
        assert_eq!(server_of(&socket).unwrap(), None);
    }
}
