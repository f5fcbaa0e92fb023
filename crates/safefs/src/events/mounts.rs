use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// The mounts of the process, as far as they concern one path. Has an urgent event when any mount changed.
#[derive(Debug)]
pub struct Mounts {
    file: std::fs::File,
    path: Vec<u8>,
    near: Vec<Vec<u8>>,
}

impl Mounts {
    /// Opens the table of mounts; `path` is what the caller cares for.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::open("/proc/self/mountinfo", flags, Mode::empty())?.into();
        let path = written(path.as_os_str().as_bytes());
        let mut mounts = Self { file, path, near: Vec::new() };
        mounts.changed()?;
        Ok(mounts)
    }

    /// Whether what is mounted at, above or below the path differs from what it was when last asked.
    ///
    /// On a host with containers mounts come and go all the time, hardly ever near the path.
    pub fn changed(&mut self) -> io::Result<bool> {
        let mut table = Vec::new();
        self.file.rewind()?;
        self.file.read_to_end(&mut table)?;
        let near = near(&table, &self.path);
        let changed = near != self.near;
        self.near = near;
        Ok(changed)
    }
}

impl AsFd for Mounts {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A path as the table writes it.
pub(super) fn written(path: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(path.len());
    for byte in path {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => written.extend(format!("\\{byte:03o}").bytes()),
            _ => written.push(*byte),
        }
    }
    written
}

/// The lines of the table about mounts at, above or below `path`, each up to the mount point.
pub(super) fn near(table: &[u8], path: &[u8]) -> Vec<Vec<u8>> {
    let is_near = |line: &&[u8]| {
        let point = line.split(|byte| *byte == b' ').nth(4).unwrap_or_default();
        is_at_or_below(point, path) || is_at_or_below(path, point)
    };
    let head = |line: &[u8]| {
        let fields: Vec<_> = line.split(|byte| *byte == b' ').take(5).collect();
        fields.join(&b' ')
    };
    let lines = table.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.filter(is_near).map(head).collect()
}

fn is_at_or_below(path: &[u8], above: &[u8]) -> bool {
    match path.strip_prefix(above) {
        Some(rest) => rest.is_empty() || rest.starts_with(b"/") || above == b"/",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 8:1 / / rw - ext4 /dev/sda rw
30 22 0:5 / /srv/state rw - tmpfs none rw
31 30 0:6 / /srv/state/a\\040b rw - tmpfs none rw
32 22 0:7 / /srv/state2 rw - tmpfs none rw
33 22 0:8 / /var/lib/containers/x rw - overlay none rw
";

    fn ids(path: &str) -> Vec<String> {
        let lines = near(TABLE, &written(path.as_bytes()));
        let id = |line: Vec<u8>| String::from_utf8(line).unwrap()[..2].to_owned();
        lines.into_iter().map(id).collect()
    }

    #[test]
    fn only_mounts_at_above_and_below_the_path_count() {
        assert_eq!(ids("/srv/state"), ["22", "30", "31"]);
        assert_eq!(ids("/srv/state/a b/c"), ["22", "30", "31"]);
        assert_eq!(ids("/srv"), ["22", "30", "31", "32"]);
        assert_eq!(ids("/home"), ["22"]);
    }

    #[test]
    fn without_a_mount_nothing_changed() {
        let mut mounts = Mounts::open(Path::new("/proc")).unwrap();
        assert!(!mounts.near.is_empty());
        assert!(!mounts.changed().unwrap());
    }
}
