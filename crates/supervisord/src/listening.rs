use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// `SO_ACCEPTCON` of `/proc/net/unix`: the socket listens.
const LISTENS: u32 = 0x1_0000;

/// More sockets than a host has.
const TABLE_LIMIT: u64 = 64 * 1024 * 1024;

/// The sockets that somebody listens on and that were bound by a name as that of `socket`, be its file there or not: each with the
/// path that it was bound as.
///
/// The kernel's list is of this network namespace; the paths in it are those of whoever bound them, who may have other mounts.
pub(crate) fn listening(socket: &Path) -> Vec<(PathBuf, u64)> {
    let table = read_table().unwrap_or_default();
    let lines = table.split(|byte| *byte == b'\n').filter_map(bound_path);
    let alike = lines.filter(|(bound, _)| is_same(bound, socket));
    alike.map(|(bound, inode)| (bound.to_owned(), inode)).collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the kernel's own list; nothing is decided about a file"
)]
fn read_table() -> std::io::Result<Vec<u8>> {
    let mut table = Vec::new();
    std::fs::File::open("/proc/net/unix")?.take(TABLE_LIMIT).read_to_end(&mut table)?;
    Ok(table)
}

/// The path and inode of a line about a listening socket: `Num RefCount Protocol Flags Type St Inode Path`.
fn bound_path(line: &[u8]) -> Option<(&Path, u64)> {
    let mut rest = line;
    let mut flags = None;
    let mut inode = None;
    for field in 0..7 {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(|byte| *byte == b' ')?;
        let text = str::from_utf8(&rest[..end]).ok();
        match field {
            3 => flags = u32::from_str_radix(text?, 16).ok(),
            6 => inode = text?.parse().ok(),
            _ => {}
        }
        rest = &rest[end..];
    }
    // One space, and then whatever bytes the path has.
    let path = Path::new(OsStr::from_bytes(rest.get(1..)?));
    (flags? & LISTENS != 0).then_some((path, inode?))
}

/// supervisord binds `NAME.PID` and links it to `NAME`, so the kernel knows the socket by its first name.
fn is_same(bound: &Path, socket: &Path) -> bool {
    let (Some(bound_name), Some(name)) = (bound.file_name(), socket.file_name()) else {
        return false;
    };
    let extra = bound_name.as_bytes().strip_prefix(name.as_bytes());
    let named_alike = extra.is_some_and(|extra| {
        extra.is_empty()
            || matches!(extra, [b'.', pid @ ..] if !pid.is_empty() && pid.iter().all(u8::is_ascii_digit))
    });
    named_alike && same_directory(bound.parent(), socket.parent())
}

/// The same text, or the same directory under two names, as `/var/run` and `/run` are.
#[expect(clippy::disallowed_methods, reason = "only tells which of two names mean one directory")]
fn same_directory(one: Option<&Path>, other: Option<&Path>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return false };
    let identity = |path| std::fs::metadata(path).map(|found| (found.dev(), found.ino()));
    one == other
        || one.is_absolute()
            && matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use proptest::prelude::*;

    use super::*;

    const LINE: &[u8] =
        b"0000000000000000: 00000002 00000000 00010000 0001 01 32467 /run/a b.sock.812";

    #[test]
    fn a_listening_socket_is_known_by_its_path_with_its_spaces() {
        assert_eq!(bound_path(LINE), Some((Path::new("/run/a b.sock.812"), 32467)));
    }

    #[test]
    fn a_connected_socket_does_not_listen() {
        let line =
            b"0000000000000000: 00000003 00000000 00000000 0001 03 32470 /run/supervisor.sock.812";
        assert_eq!(bound_path(line), None);
    }

    #[test]
    fn supervisord_is_recognised_by_the_name_it_bound_first() {
        let socket = Path::new("/run/supervisor.sock");
        assert!(is_same(Path::new("/run/supervisor.sock.812"), socket));
        assert!(is_same(socket, socket));
        assert!(!is_same(Path::new("/run/supervisor.sock.old"), socket));
        assert!(!is_same(Path::new("/run/supervisor.sock."), socket));
        assert!(!is_same(Path::new("/nowhere/supervisor.sock"), socket));
    }

    #[test]
    fn a_directory_is_known_under_both_of_its_names() {
        let scratch = tempfile::tempdir().unwrap();
        let (real, link) = (scratch.path().join("run"), scratch.path().join("var-run"));
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(is_same(&link.join("s.sock.5"), &real.join("s.sock")));
    }

    #[test]
    fn a_deleted_socket_file_still_listens_until_its_owner_ends() {
        let scratch = tempfile::tempdir().unwrap();
        let socket = scratch.path().join("s.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        std::fs::remove_file(&socket).unwrap();
        assert_eq!(listening(&socket).len(), 1);
        drop(listener);
        assert_eq!(listening(&socket), Vec::new());
    }

    proptest! {
        #[test]
        fn no_line_is_too_strange(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = bound_path(&line);
        }
    }
}
