use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use nix::libc;
use rustix::fs::{FallocateFlags, OFlags, SeekFrom, fallocate, ftruncate};

use crate::locked::Locked;
use crate::metadata::{Kind, Metadata};
use crate::object::{Judged, look};
use crate::openers::careless_writer;
use crate::sys;

/// A line longer than this is cut in its middle.
const LONGEST_LINE_BYTES: u64 = 64 * 1024;

/// How a file was shortened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Whole blocks at its head were taken out; nothing written meanwhile can be lost.
    Collapsed,
    /// Its head became a hole that takes no room and reads as NULs; its length is as it was. Nothing can be lost.
    Punched,
    /// The tail was moved to the head and the rest cut off: a line written at that very moment can be lost.
    Rewritten,
    /// All of it was cut off, as nothing was to be kept.
    Emptied,
}

impl Method {
    /// The name that documents use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Collapsed => "collapsed",
            Self::Punched => "punched",
            Self::Rewritten => "rewritten",
            Self::Emptied => "emptied",
        }
    }
}

/// What came of shortening a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortened {
    /// Bytes that were taken away at its head.
    pub freed: u64,
    /// How.
    pub method: Method,
}

/// Why a file was not shortened. It is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShortenError {
    /// Not a regular file.
    #[error("it is not a regular file")]
    NotAFile,
    /// Whoever has it open goes on writing at his old place, so that a cut becomes a hole of NULs.
    #[error(
        "process {pid} writes to it without O_APPEND and would leave a hole; let that process rotate it"
    )]
    WriterDoesNotAppend {
        /// The writer.
        pid: u32,
    },
    /// A process holds its lock.
    #[error("a process holds its lock")]
    Locked,
    /// What was opened is not what was judged.
    #[error("it is no longer what was planned")]
    Changed,
    /// The system refuses.
    #[error("cannot shorten it: {0}")]
    Io(#[from] io::Error),
}

impl Judged {
    /// Cuts the head of a regular file off at the end of a line, so that at most `keep_tail` bytes, and less than a block
    /// more, stay. `None` if it is not longer than that.
    ///
    /// Lines that are appended meanwhile stay. The fragment of a line that a cut at a block leaves is blanked with spaces.
    pub fn shorten(&self, keep_tail: u64) -> Result<Option<Shortened>, ShortenError> {
        self.shorten_by(keep_tail, &[Method::Collapsed, Method::Punched])
    }

    /// [`Judged::shorten`] with what the filesystem can do given, for the filesystems that can do less.
    fn shorten_by(
        &self,
        keep_tail: u64,
        can: &[Method],
    ) -> Result<Option<Shortened>, ShortenError> {
        if self.metadata().kind != Kind::File {
            return Err(ShortenError::NotAFile);
        }
        // Before our own descriptor is open for writing, or it would be found as a writer itself.
        if let Some(pid) = careless_writer(self)? {
            return Err(ShortenError::WriterDoesNotAppend { pid });
        }
        let fd = open(self)?;
        let now = look(fd.as_fd(), std::ffi::OsStr::new(""))?;
        if now.identity != self.metadata().identity || now.nlink != 1 {
            return Err(ShortenError::Changed);
        }
        let Some(locked) = Locked::try_new(File::from(fd))? else {
            return Err(ShortenError::Locked);
        };
        let file = locked.get();
        let head = first_data(file, &now)?;
        let Some(excess) = (now.size - head).checked_sub(keep_tail).filter(|excess| *excess > 0)
        else {
            return Ok(None);
        };
        if keep_tail == 0 {
            ftruncate(file, 0).map_err(io::Error::from)?;
            return Ok(Some(Shortened { freed: excess, method: Method::Emptied }));
        }
        let cut = line_start(file, head + excess, now.size)?;
        for method in can {
            let freed = match method {
                Method::Collapsed => collapse(file, &now, cut)?,
                _ => punch(file, cut)?.then_some(cut),
            };
            if let Some(end) = freed {
                return Ok(Some(Shortened { freed: end.saturating_sub(head), method: *method }));
            }
        }
        rewrite(file, cut)?;
        Ok(Some(Shortened { freed: cut - head, method: Method::Rewritten }))
    }
}

fn open(judged: &Judged) -> io::Result<std::os::fd::OwnedFd> {
    match sys::reopen(judged.fd(), OFlags::RDWR | OFlags::NOATIME) {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            sys::reopen(judged.fd(), OFlags::RDWR)
        }
        result => result,
    }
}

/// Where the data of a file begins that has a hole at its head, such as one that was punched before.
///
/// Zero for a file that is nothing but a hole: all of it is excess.
pub(crate) fn first_data(file: impl AsFd, now: &Metadata) -> io::Result<u64> {
    if now.allocated >= now.size {
        return Ok(0);
    }
    match rustix::fs::seek(file, SeekFrom::Data(0)) {
        Ok(data) => Ok(data.min(now.size)),
        Err(rustix::io::Errno::NXIO | rustix::io::Errno::INVAL) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// The start of the first line at or after `at`; `at` itself where no line ends before the last byte within reach.
fn line_start(file: &File, at: u64, size: u64) -> io::Result<u64> {
    // One byte earlier: if a line ends right before `at`, the next one starts there.
    let from = at.saturating_sub(1);
    let reach = LONGEST_LINE_BYTES.min(size.saturating_sub(from));
    let mut text = vec![0; usize::try_from(reach).unwrap_or(0)];
    let read = file.read_at(&mut text, from)?;
    let newline = text[..read].iter().position(|byte| *byte == b'\n');
    let start = newline.map(|newline| from + newline as u64 + 1);
    Ok(start.filter(|start| *start < size).unwrap_or(at))
}

/// Takes the whole blocks before `cut` out of the file; returns how many bytes, or `None` if the filesystem cannot.
fn collapse(file: &File, now: &Metadata, cut: u64) -> io::Result<Option<u64>> {
    let block = u64::from(now.block_size).max(512);
    let mut whole = cut / block * block;
    // The kernel wants something to stay behind the range.
    if whole >= now.size {
        whole = whole.saturating_sub(block);
    }
    if whole == 0 {
        return Ok(None);
    }
    let fragment = fragment(file, whole, cut)?;
    match fallocate(file, FallocateFlags::COLLAPSE_RANGE, 0, whole) {
        Ok(()) => {}
        Err(error) if is_unable(error) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    // After the cut, so that a failure before it has changed nothing. Nobody else writes here: all others append.
    if let Some(blank) = fragment {
        file.write_all_at(&blank, 0)?;
    }
    Ok(Some(whole))
}

/// Spaces in place of the end of a line whose start goes, or `None` if a line starts at `whole`.
fn fragment(file: &File, whole: u64, cut: u64) -> io::Result<Option<Vec<u8>>> {
    let mut text = vec![0; usize::try_from(cut - whole + 1).unwrap_or(0)];
    let read = file.read_at(&mut text, whole - 1)?;
    let Some(end) = text[..read].iter().position(|byte| *byte == b'\n') else {
        // A line longer than what is left of the block: it is cut in its middle, as `line_start` said.
        return Ok(None);
    };
    if end == 0 {
        return Ok(None);
    }
    let mut blank = vec![b' '; end];
    blank[end - 1] = b'\n';
    Ok(Some(blank))
}

/// Makes a hole of everything before `cut`, but for the newline right before it; says whether the filesystem can.
fn punch(file: &File, cut: u64) -> io::Result<bool> {
    let mut last = [0];
    file.read_exact_at(&mut last, cut - 1)?;
    let hole = if last[0] == b'\n' { cut - 1 } else { cut };
    if hole == 0 {
        return Ok(false);
    }
    match fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, hole) {
        Ok(()) => Ok(true),
        Err(error) if is_unable(error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Moves everything from `cut` on to the head, until nothing more comes, and cuts the rest off.
fn rewrite(file: &File, cut: u64) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut kept = 0;
    loop {
        let read = file.read_at(&mut buffer, cut + kept)?;
        if read == 0 {
            break;
        }
        file.write_all_at(&buffer[..read], kept)?;
        kept += read as u64;
    }
    Ok(ftruncate(file, kept)?)
}

fn is_unable(error: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    // EINVAL: a filesystem that works in clusters larger than its blocks.
    matches!(error, Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write as _;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::{Root, Terms, Trust};

    fn judged(path: &Path) -> Judged {
        let root = Root::open(path.parent().unwrap(), Trust::Vouched).unwrap();
        let mnt_id = root.metadata().identity.mnt_id;
        let pinned = root.dir().pin(path.file_name().unwrap()).unwrap();
        pinned.judge(&Terms { mnt_id, owners: None }).unwrap()
    }

    fn lines(from: u64, to: u64) -> String {
        (from..to).map(|number| format!("line {number}\n")).collect::<Vec<_>>().concat()
    }

    /// The numbers of whole lines in a log that was cut, NULs and blanks left out.
    fn numbers(path: &Path) -> Vec<u64> {
        let content = fs::read(path).unwrap();
        let text =
            String::from_utf8(content.into_iter().filter(|byte| *byte != 0).collect()).unwrap();
        text.lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| line.strip_prefix("line ").unwrap().parse().unwrap())
            .collect()
    }

    fn check_tail(directory: &Path, can: &[Method], expected: Method) {
        let path = directory.join("log");
        fs::write(&path, lines(0, 100_000)).unwrap();
        let before = fs::metadata(&path).unwrap().len();
        let shortened = judged(&path).shorten_by(50_000, can).unwrap().unwrap();
        assert_eq!(shortened.method, expected);
        assert!(shortened.freed + 50_000 + 8192 > before, "{shortened:?} of {before}");
        let kept = numbers(&path);
        assert_eq!(kept.last(), Some(&99_999));
        assert!(kept.windows(2).all(|pair| pair[0] + 1 == pair[1]));
        assert!((4_000..5_000).contains(&kept.len()), "{}", kept.len());
        // What is short enough now is left alone.
        assert_eq!(judged(&path).shorten_by(60_000, can).unwrap(), None);
    }

    #[test]
    fn the_tail_is_kept_from_the_start_of_a_line_whatever_the_filesystem_can() {
        let scratch = tempfile::tempdir().unwrap();
        check_tail(scratch.path(), &[Method::Punched], Method::Punched);
        check_tail(scratch.path(), &[], Method::Rewritten);
        // Memory filesystems cannot collapse, most others can: either way the tail is the same.
        let path = scratch.path().join("log");
        fs::write(&path, lines(0, 100_000)).unwrap();
        let method = judged(&path).shorten(50_000).unwrap().unwrap().method;
        check_tail(scratch.path(), &[Method::Collapsed, Method::Punched], method);
    }

    #[test]
    fn a_collapsed_log_starts_with_a_whole_line() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        fs::write(&path, lines(0, 100_000)).unwrap();
        if judged(&path).shorten(50_000).unwrap().unwrap().method == Method::Collapsed {
            let content = fs::read_to_string(&path).unwrap();
            assert!(content.len() <= 50_000 + 4096);
            let blank = content.lines().next().unwrap();
            assert!(blank.trim().is_empty() || blank.starts_with("line "), "{blank:?}");
        }
    }

    #[test]
    fn nothing_is_kept_if_nothing_is_to_be_kept() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        fs::write(&path, lines(0, 10)).unwrap();
        assert_eq!(judged(&path).shorten(0).unwrap().unwrap().method, Method::Emptied);
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        assert_eq!(judged(&path).shorten(0).unwrap(), None);
    }

    #[test]
    fn a_file_that_is_one_hole_is_shortened() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        File::create(&path).unwrap().set_len(10_000_000).unwrap();
        let shortened = judged(&path).shorten(100_000).unwrap().unwrap();
        assert!(shortened.freed > 9_800_000, "{shortened:?}");
    }

    #[test]
    fn a_writer_that_does_not_append_is_named_and_the_file_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        fs::write(&path, lines(0, 10_000)).unwrap();
        let writer = OpenOptions::new().write(true).open(&path).unwrap();
        let before = fs::read(&path).unwrap();
        let error = judged(&path).shorten(1000).unwrap_err();
        assert!(
            matches!(error, ShortenError::WriterDoesNotAppend { pid } if pid == std::process::id())
        );
        drop(writer);
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_locked_file_is_left_alone_without_waiting() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        fs::write(&path, lines(0, 10_000)).unwrap();
        let holder = File::open(&path).unwrap();
        holder.lock().unwrap();
        assert!(matches!(judged(&path).shorten(1000), Err(ShortenError::Locked)));
    }

    fn no_appended_line_is_lost(can: &[Method]) {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        let mut log = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        log.write_all(lines(0, 50_000).as_bytes()).unwrap();
        let done = AtomicBool::new(false);
        let written = std::thread::scope(|scope| {
            let appender = scope.spawn(|| {
                let mut next = 50_000;
                while !done.load(Ordering::Relaxed) {
                    log.write_all(format!("line {next}\n").as_bytes()).unwrap();
                    next += 1;
                }
                next
            });
            for _ in 0..20 {
                judged(&path).shorten_by(100_000, can).unwrap();
            }
            done.store(true, Ordering::Relaxed);
            appender.join().unwrap()
        });
        let kept = numbers(&path);
        assert_eq!(kept.last(), Some(&(written - 1)));
        assert!(kept.windows(2).all(|pair| pair[0] + 1 == pair[1]), "a line is missing");
    }

    #[test]
    fn an_appender_loses_no_line_while_its_log_is_shortened() {
        no_appended_line_is_lost(&[Method::Collapsed, Method::Punched]);
        no_appended_line_is_lost(&[Method::Punched]);
    }
}
