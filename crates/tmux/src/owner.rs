//! Who listens on a socket, be its file there or not.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `SO_ACCEPTCON` of `/proc/net/unix`: the socket listens.
const LISTENS: u32 = 0x1_0000;
/// How the name of a tmux server's process begins.
const SERVER_NAME: &[u8] = b"tmux: server";

/// The tmux server that listens on a socket that was bound as `socket`. `None` if nobody does, or may not be looked at.
pub(crate) fn server_of(socket: &Path) -> io::Result<Option<u32>> {
    let Some(inode) = listening_inode(socket)? else { return Ok(None) };
    let wanted = format!("socket:[{inode}]");
    for pid in pids()? {
        if is_server(pid) && holds(pid, &wanted) {
            return Ok(Some(pid));
        }
    }
    Ok(None)
}

/// Whether the process calls itself a server of tmux.
pub(crate) fn is_server(pid: u32) -> bool {
    let name = evenkeel_process::Process::open(pid).and_then(|process| process.stat());
    name.is_ok_and(|stat| stat.name.starts_with(SERVER_NAME))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the kernel's own list; nothing is decided about a file"
)]
fn listening_inode(socket: &Path) -> io::Result<Option<u64>> {
    let table = std::fs::read("/proc/net/unix")?;
    Ok(table
        .split(|byte| *byte == b'\n')
        .filter_map(listener)
        .find(|(path, _)| *path == socket)
        .map(|(_, inode)| inode))
}

/// The path and the inode of a line about a listening socket: `Num RefCount Protocol Flags Type St Inode Path`.
fn listener(line: &[u8]) -> Option<(&Path, u64)> {
    let mut rest = line;
    let (mut flags, mut inode) = (None, None);
    for field in 0..7 {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(|byte| *byte == b' ')?;
        let text = str::from_utf8(&rest[..end]).ok()?;
        match field {
            3 => flags = u32::from_str_radix(text, 16).ok(),
            6 => inode = text.parse().ok(),
            _ => {}
        }
        rest = &rest[end..];
    }
    // One space, and then whatever bytes the path has.
    let path = Path::new(OsStr::from_bytes(rest.get(1..)?));
    (flags? & LISTENS != 0).then_some((path, inode?))
}

#[expect(clippy::disallowed_methods, reason = "the kernel's own list of processes")]
fn pids() -> io::Result<Vec<u32>> {
    let entries = std::fs::read_dir("/proc")?.flatten();
    Ok(entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the kernel's own list of a process's descriptors; they are only compared"
)]
fn holds(pid: u32, wanted: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    entries
        .flatten()
        .any(|entry| std::fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == wanted))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_listening_socket_is_known_by_its_path_also_when_that_is_deleted() {
        let scratch = tempfile::tempdir().unwrap();
        let socket = scratch.path().join("a b");
        let listener = UnixListener::bind(&socket).unwrap();
        assert!(listening_inode(&socket).unwrap().is_some());
        std::fs::remove_file(&socket).unwrap();
        let inode = listening_inode(&socket).unwrap().unwrap();
        assert!(holds(std::process::id(), &format!("socket:[{inode}]")));
        assert_eq!(server_of(&socket).unwrap(), None, "this is no tmux");
        drop(listener);
        assert_eq!(listening_inode(&socket).unwrap(), None);
    }

    proptest! {
        #[test]
        fn no_line_is_too_strange(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = listener(&line);
        }
    }
}
