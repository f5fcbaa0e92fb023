use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use evenkeel_shown::is_invisible;

/// Directories that belong to the system as a whole: no rule is about them, only about something below.
const SYSTEM: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/dev/shm",
    "/etc",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/run/lock",
    "/run/user",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/local",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/lock",
    "/var/log",
    "/var/mail",
    "/var/run",
    "/var/spool",
    "/var/tmp",
];

/// Directories of the system in which nothing at all is a rule's business, with what is excepted.
const SYSTEM_TREES: &[(&str, &[&str])] = &[
    ("/bin", &[]),
    ("/boot", &[]),
    ("/dev", &["/dev/shm"]),
    ("/lib", &[]),
    ("/lib32", &[]),
    ("/lib64", &[]),
    ("/libx32", &[]),
    ("/proc", &[]),
    ("/sbin", &[]),
    ("/sys", &[]),
    ("/usr", &["/usr/local"]),
];

/// Whether `path` is `/`, a directory of the system as a whole, or in a tree that only the system writes.
///
/// A rule with such a root is almost always a slip, and the damage would be the whole host's. Looks at the words only.
pub fn is_system_path(path: &Path) -> bool {
    let plain: std::path::PathBuf =
        path.components().filter(|part| *part != Component::CurDir).collect();
    plain == Path::new("/")
        || SYSTEM.iter().any(|system| plain == Path::new(system))
        || SYSTEM_TREES.iter().any(|(tree, except)| {
            plain.starts_with(tree) && !except.iter().any(|except| plain.starts_with(except))
        })
}

/// `name` for people and documents: what is not printable UTF-8 is escaped, so that it can neither drive a terminal nor
/// break a line, and two different names stay different.
pub fn escaped(name: impl AsRef<OsStr>) -> String {
    let mut out = String::new();
    for chunk in name.as_ref().as_bytes().utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_control() || char == '\\' || is_invisible(char) {
                out.extend(char.escape_default());
            } else {
                out.push(char);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Whether `name` is one component that can name an entry of a directory.
pub(crate) fn is_entry_name(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    !bytes.is_empty()
        && bytes != b"."
        && bytes != b".."
        && !bytes.contains(&b'/')
        && !bytes.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directories_of_the_system_are_known_also_when_spelled_oddly() {
        for path in
            ["/", "//", "/.", "/tmp/", "/var/./log", "/etc", "/usr/bin", "/proc/self", "/dev/pts"]
        {
            assert!(is_system_path(Path::new(path)), "{path}");
        }
        for path in [
            "/tmp/state",
            "/var/log/app",
            "/etc/app",
            "/dev/shm/x",
            "/usr/local/app",
            "/home/u",
            "/libs",
        ] {
            assert!(!is_system_path(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn hostile_names_are_escaped_and_stay_different() {
        assert_eq!(escaped(OsStr::from_bytes(b"a\nb\xff\x1b[1m")), "a\\nb\\xff\\u{1b}[1m");
        assert_ne!(escaped(OsStr::from_bytes(b"\xff")), escaped("\\xff"));
        assert_eq!(escaped("a\u{202e}gpj.exe\u{200b}"), "a\\u{202e}gpj.exe\\u{200b}");
        assert_eq!(escaped("caf\u{e9} e\u{301}"), "caf\u{e9} e\u{301}");
    }
}
