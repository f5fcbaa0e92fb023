use std::io;

use crate::dir::Dir;

/// How full a filesystem is, counted as `df` does.
///
/// Blocks and inodes reserved for root are in neither number. All zero where a filesystem keeps no such count: `/proc` has
/// no blocks, btrfs no inodes. Source: `statvfs(3)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FilesystemUsage {
    /// Bytes in use.
    pub used_bytes: u64,
    /// Bytes that an ordinary user can still use.
    pub available_bytes: u64,
    /// Inodes in use.
    pub used_inodes: u64,
    /// Inodes that an ordinary user can still use.
    pub available_inodes: u64,
}

impl Dir {
    /// How full the filesystem of this directory is.
    pub fn filesystem_usage(&self) -> io::Result<FilesystemUsage> {
        let found = rustix::fs::fstatvfs(self.fd())?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(FilesystemUsage {
            used_bytes: bytes(found.f_blocks.saturating_sub(found.f_bfree)),
            available_bytes: bytes(found.f_bavail),
            used_inodes: found.f_files.saturating_sub(found.f_ffree),
            available_inodes: found.f_favail,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Root, Trust};

    #[test]
    fn a_file_that_is_written_makes_the_filesystem_fuller() {
        // Shared memory is a filesystem of its own kind on every host, with both counts.
        let scratch = tempfile::tempdir_in("/dev/shm").unwrap();
        let root = Root::open(scratch.path(), Trust::Vouched).unwrap();
        let before = root.dir().filesystem_usage().unwrap();
        let whole = before.used_bytes + before.available_bytes;
        std::fs::write(scratch.path().join("a"), vec![1; 1 << 20]).unwrap();
        let after = root.dir().filesystem_usage().unwrap();
        // Others write there too: what is asked is that the numbers are of this filesystem, and of the right size.
        assert!(whole >= 1 << 20 && after.used_bytes >= 1 << 20, "{before:?} {after:?}");
        assert!(after.used_inodes >= 2, "{after:?}");
    }

    #[test]
    fn a_filesystem_without_blocks_has_none() {
        let root = Root::open("/proc".as_ref(), Trust::Vouched).unwrap();
        let usage = root.dir().filesystem_usage().unwrap();
        assert_eq!((usage.used_bytes, usage.available_bytes), (0, 0));
    }
}
