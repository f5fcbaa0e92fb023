//! Who listens on a Unix socket, be its file there or not.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::read::read_path;
use crate::{Identity, LookError, Process, Table};

const SOCKETS: &str = "/proc/net/unix";
/// `SO_ACCEPTCON`: the socket listens.
const LISTENS: u32 = 0x1_0000;
/// More sockets than a host has.
const TABLE_LIMIT: usize = 64 * 1024 * 1024;

/// A Unix socket that somebody listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningSocket {
    /// What it was bound to, in the words of whoever bound it, who may have other mounts. The file may be renamed or deleted by now.
    pub bound: PathBuf,
    inode: u64,
}

impl ListeningSocket {
    /// Those of this network namespace that were bound to a path, or to an abstract name, which begins with `@`.
    pub fn all() -> Result<Vec<Self>, LookError> {
        let table =
            read_path(SOCKETS, TABLE_LIMIT).map_err(|errno| LookError::of(SOCKETS, errno))?;
        Ok(parse(&table.bytes))
    }

    /// The processes that have it open, the oldest first. Looks at every descriptor of the host, which takes the rights of root;
    /// whose descriptors may not be seen is left out.
    pub fn holders(&self) -> Result<Vec<Identity>, LookError> {
        let table = Table::read()?;
        let holds = |identity: &Identity| {
            Process::open_exactly(*identity).is_ok_and(|process| process.has_socket(self.inode))
        };
        let mut holders: Vec<_> = table.iter().map(|stat| stat.identity).filter(holds).collect();
        holders.sort_by_key(|identity| (identity.start_ticks, identity.pid));
        Ok(holders)
    }
}

pub(crate) fn parse(table: &[u8]) -> Vec<ListeningSocket> {
    table.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

/// `Num RefCount Protocol Flags Type St Inode Path`.
fn parse_line(line: &[u8]) -> Option<ListeningSocket> {
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
    let bound = Path::new(OsStr::from_bytes(rest.get(1..)?)).to_owned();
    (flags? & LISTENS != 0).then_some(ListeningSocket { bound, inode: inode? })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_listening_socket_is_known_by_its_path_with_its_spaces() {
        let line = b"0000000000000000: 00000002 00000000 00010000 0001 01 32467 /run/a b.sock.812";
        let bound = PathBuf::from("/run/a b.sock.812");
        assert_eq!(parse_line(line), Some(ListeningSocket { bound, inode: 32467 }));
    }

    #[test]
    fn a_connected_socket_does_not_listen() {
        let line =
            b"0000000000000000: 00000003 00000000 00000000 0001 03 32470 /run/supervisor.sock.812";
        assert_eq!(parse_line(line), None);
    }

    #[test]
    fn a_socket_whose_file_was_deleted_listens_until_its_holder_ends() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a b");
        let bound =
            || ListeningSocket::all().unwrap().into_iter().filter(|socket| socket.bound == path);
        let listener = UnixListener::bind(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let socket = bound().next().unwrap();
        let holders = socket.holders().unwrap();
        assert!(holders.iter().any(|holder| holder.pid == std::process::id()), "{holders:?}");
        drop(listener);
        assert_eq!(bound().count(), 0);
    }

    proptest! {
        #[test]
        fn no_line_is_too_strange(table in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&table);
        }
    }
}
