use std::collections::BTreeMap;

use rustix::fs::{Dir, Mode, OFlags, openat, readlinkat};

use crate::{LookError, Process};

/// How many descriptors are looked at, one by one.
const DESCRIPTORS: usize = 16 * 1024;
/// How many different files are told apart; what comes beyond is counted by its kind only.
const DISTINCT: usize = 4096;

/// What a process has open, in sums; by `/proc/PID/fd`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenFiles {
    /// How many descriptors were looked at.
    pub open: u64,
    /// How many of each kind: `file`, `deleted file`, `device`, `socket`, `pipe`, or as the kernel calls it, such as
    /// `anon_inode:[eventpoll]`.
    pub kinds: BTreeMap<String, u64>,
    /// The files that most descriptors are open on, the most first, with everything escaped that does not print.
    pub most: Vec<(String, u64)>,
    /// Whether there are more than were looked at.
    pub cut: bool,
}

impl Process {
    /// What it has open; the `limit` files that are open most often are named.
    pub fn open_files(&self, limit: usize) -> Result<OpenFiles, LookError> {
        let fail = |errno| LookError::of(self.what("fd"), errno);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(self.dir(), "fd", flags, Mode::empty()).map_err(fail)?;
        let mut found = OpenFiles::default();
        let mut files: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        let mut buffer = Vec::new();
        for entry in Dir::read_from(&dir).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            if entry.file_name().to_bytes().starts_with(b".") {
                continue;
            }
            if found.open == DESCRIPTORS as u64 {
                found.cut = true;
                break;
            }
            // Closed since it was listed.
            let Ok(target) = readlinkat(&dir, entry.file_name(), buffer) else {
                buffer = Vec::new();
                continue;
            };
            let target = target.into_bytes();
            found.open += 1;
            *found.kinds.entry(kind(&target)).or_default() += 1;
            if target.starts_with(b"/") && (files.len() < DISTINCT || files.contains_key(&target)) {
                *files.entry(target).or_default() += 1;
                buffer = Vec::new();
            } else {
                buffer = target;
            }
        }
        let mut most: Vec<_> = files.into_iter().collect();
        most.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        most.truncate(limit);
        found.most = most
            .into_iter()
            .map(|(path, count)| (path.escape_ascii().to_string(), count))
            .collect();
        Ok(found)
    }
}

/// What a link of `/proc/PID/fd` says it is.
fn kind(target: &[u8]) -> String {
    match target {
        target if target.starts_with(b"/dev/") => "device".to_owned(),
        target if target.starts_with(b"/") && target.ends_with(b" (deleted)") => {
            "deleted file".to_owned()
        }
        target if target.starts_with(b"/") => "file".to_owned(),
        // `socket:[12345]`: the number is of no use to a sum; of `anon_inode:[eventpoll]` it is the name.
        target => {
            let end = target.iter().position(|byte| *byte == b':').unwrap_or(target.len());
            let is_numbered = target[end..].iter().any(u8::is_ascii_digit);
            let shown = if is_numbered { &target[..end] } else { target };
            shown.escape_ascii().to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_counted_by_their_kind() {
        assert_eq!(kind(b"socket:[12]"), "socket");
        assert_eq!(kind(b"anon_inode:[eventpoll]"), "anon_inode:[eventpoll]");
        assert_eq!(kind(b"/dev/null"), "device");
        assert_eq!(kind(b"/a\n (deleted)"), "deleted file");
        assert_eq!(kind(b"pipe:[1\x1b]"), "pipe");
    }

    #[test]
    fn the_file_that_is_open_most_often_comes_first() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let _more: Vec<_> = (0..50).map(|_| file.reopen().unwrap()).collect();
        let found = Process::open(std::process::id()).unwrap().open_files(3).unwrap();
        let (path, count) = &found.most[0];
        assert_eq!((path.as_str(), *count), (file.path().to_str().unwrap(), 51));
        assert!(found.most.len() <= 3 && found.kinds["file"] >= 51, "{found:?}");
    }
}
