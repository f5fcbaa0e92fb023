use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use evenkeel_process::ListeningSocket;

/// The sockets that somebody listens on and that were bound by a name as that of `socket`, be its file there or not.
pub(crate) fn listening(socket: &Path) -> Vec<ListeningSocket> {
    let mut all = ListeningSocket::all().unwrap_or_default();
    all.retain(|listening| is_same(&listening.bound, socket));
    all
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

    use super::*;

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
}
