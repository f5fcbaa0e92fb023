//! Bounded reads of the kernel's files.

use std::os::fd::{AsFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, read};

/// Most of the kernel's files are shorter than half of this.
const CHUNK: usize = 4 * 1024;

/// The start of a file, up to `limit` bytes.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    /// Whether there was more.
    pub(crate) cut: bool,
}

/// Reads `name` below the open directory `dir`. Waits for nobody, should it be a FIFO.
pub(crate) fn read_at(dir: impl AsFd, name: &str, limit: usize) -> Result<Text, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    read_open(&openat(dir, name, flags, Mode::empty())?, limit)
}

/// Reads a file of the kernel's by its path.
pub(crate) fn read_path(path: &str, limit: usize) -> Result<Text, Errno> {
    read_at(CWD, path, limit)
}

/// Reads the start of an open file.
pub(crate) fn read_open(file: &OwnedFd, limit: usize) -> Result<Text, Errno> {
    let mut bytes = Vec::new();
    loop {
        // One byte beyond the limit tells whether there is more.
        bytes.reserve((limit + 1 - bytes.len()).min(CHUNK));
        match read(file, spare_capacity(&mut bytes)) {
            Ok(0) => return Ok(Text { bytes, cut: false }),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        if bytes.len() > limit {
            bytes.truncate(limit);
            return Ok(Text { bytes, cut: true });
        }
    }
}

impl Text {
    /// For files whose lines the kernel writes in ASCII but for names, which are not decided upon.
    pub(crate) fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// The first number of a text, as files with one value have it.
pub(crate) fn number(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_was_asked_for() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("long");
        std::fs::write(&path, vec![b'x'; 100_000]).unwrap();
        let read = |limit| read_path(path.to_str().unwrap(), limit).unwrap();
        assert_eq!((read(40_000).bytes.len(), read(40_000).cut), (40_000, true));
        assert_eq!((read(100_000).bytes.len(), read(100_000).cut), (100_000, false));
    }

    #[test]
    fn a_fifo_without_a_writer_is_empty_and_not_waited_for() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("fifo");
        rustix::fs::mknodat(CWD, &path, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(read_path(path.to_str().unwrap(), 10).unwrap().bytes.is_empty());
    }
}
