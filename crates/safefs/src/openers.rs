use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};

use crate::metadata::Identity;
use crate::object::Judged;
use crate::sys;

const ACCESS_MODE: u64 = 0o3;
const READ_ONLY: u64 = 0o0;
const APPEND: u64 = 0o2000;
const PATH_ONLY: u64 = 0o10_000_000;

/// Files that some process had open when one pass over `/proc` was made.
///
/// A caller without `CAP_SYS_PTRACE` sees his own processes only; mapped files whose descriptor is closed are not seen.
#[derive(Debug, Clone, Default)]
pub struct OpenFiles {
    files: HashSet<(u64, u64)>,
}

/// A process that has a file open for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer {
    /// The process.
    pub pid: u32,
    /// Whether it always writes at the end (`O_APPEND`), wherever that is by now.
    pub appends: bool,
}

/// A process that can write to a file while it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenBy {
    /// The process, if it can be told.
    pub pid: Option<u32>,
}

impl OpenFiles {
    /// Makes one pass over the descriptors of all processes that the caller may see.
    pub fn now() -> io::Result<Self> {
        let mut files = HashSet::new();
        for_each_descriptor(|descriptor| {
            files.insert((descriptor.dev, descriptor.ino));
        })?;
        Ok(Self { files })
    }

    /// Whether the file was open.
    pub fn contains(&self, identity: &Identity) -> bool {
        self.files.contains(&(identity.dev, identity.ino))
    }
}

/// The processes that have the file open for writing, as far as the caller may see.
pub fn writers(identity: &Identity) -> io::Result<Vec<Writer>> {
    let mut writers = Vec::new();
    for_each_descriptor(|descriptor| {
        if (descriptor.dev, descriptor.ino) != (identity.dev, identity.ino) {
            return;
        }
        // A descriptor that is gone by now writes no more.
        let Some(flags) = flags(descriptor.process, &descriptor.name) else { return };
        if flags & PATH_ONLY == 0 && flags & ACCESS_MODE != READ_ONLY {
            writers.push(Writer { pid: descriptor.pid, appends: flags & APPEND != 0 });
        }
    })?;
    Ok(writers)
}

/// Whether a process has the file, which is open as `file` for reading, open or mapped for writing.
///
/// The kernel knows, whoever the process is, wherever it gives leases; elsewhere `/proc` is looked at, as by [`writers`].
pub fn find_writer(file: &File, identity: &Identity) -> io::Result<Option<WrittenBy>> {
    let pid = |writers: Vec<Writer>| writers.first().map(|writer| writer.pid);
    match sys::has_writer(file.as_fd()) {
        Ok(false) => Ok(None),
        // The pid is for people; that of a process of another user stays unknown to an ordinary one.
        Ok(true) => Ok(Some(WrittenBy { pid: writers(identity).ok().and_then(pid) })),
        Err(_) => Ok(pid(writers(identity)?).map(|pid| WrittenBy { pid: Some(pid) })),
    }
}

/// A process that writes elsewhere than at the end. All processes are looked at only if the kernel does not deny that there
/// is a writer at all: that look takes longer than the cut.
pub(crate) fn careless_writer(judged: &Judged) -> io::Result<Option<u32>> {
    let is_certainly_none =
        judged.reader().and_then(|reader| sys::has_writer(reader.as_fd())).is_ok_and(|has| !has);
    if is_certainly_none {
        return Ok(None);
    }
    let writers = writers(&judged.metadata().identity)?;
    Ok(writers.iter().find(|writer| !writer.appends).map(|writer| writer.pid))
}

impl fmt::Display for WrittenBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(formatter, "process {pid} has it open for writing"),
            None => formatter.write_str("a process has it open for writing"),
        }
    }
}

struct Descriptor<'a> {
    pid: u32,
    process: BorrowedFd<'a>,
    name: OsString,
    dev: u64,
    ino: u64,
}

fn for_each_descriptor(mut each: impl FnMut(Descriptor<'_>)) -> io::Result<()> {
    let proc = open_directory(rustix::fs::CWD, "/proc")?;
    if !sys::is_proc(proc.as_fd())? {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "`/proc` is not the process filesystem",
        ));
    }
    for pid in names(proc.as_fd())? {
        let Some(number) = pid.to_str().and_then(|pid| pid.parse().ok()) else { continue };
        // Processes end while they are listed, and those of others are closed to an ordinary user.
        let Ok(process) = open_directory(proc.as_fd(), &pid) else { continue };
        let Ok(fds) = open_directory(process.as_fd(), "fd") else { continue };
        let Ok(names) = names(fds.as_fd()) else { continue };
        for name in names {
            // Without a sync: a server that has gone away must not hang the look at what is open there.
            let quick = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
            let Ok(statx) = rustix::fs::statx(&fds, &name, quick, StatxFlags::INO) else {
                continue;
            };
            let dev = u64::from(statx.stx_dev_major) << 32 | u64::from(statx.stx_dev_minor);
            let process = process.as_fd();
            each(Descriptor { pid: number, process, name, dev, ino: statx.stx_ino });
        }
    }
    Ok(())
}

fn flags(process: BorrowedFd<'_>, descriptor: &OsString) -> Option<u64> {
    let path = std::path::Path::new("fdinfo").join(descriptor);
    let fd =
        rustix::fs::openat(process, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut text = String::new();
    File::from(fd).take(4096).read_to_string(&mut text).ok()?;
    parse_flags(&text)
}

pub(crate) fn parse_flags(fdinfo: &str) -> Option<u64> {
    let octal = fdinfo.lines().find_map(|line| line.strip_prefix("flags:"))?;
    u64::from_str_radix(octal.trim(), 8).ok()
}

fn open_directory(at: BorrowedFd<'_>, path: impl rustix::path::Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(at, path, flags, Mode::empty())?)
}

fn names(directory: BorrowedFd<'_>) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        if entry.file_name().to_bytes().iter().all(u8::is_ascii_digit) {
            names.push(std::ffi::OsStr::from_bytes(entry.file_name().to_bytes()).to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;
    use crate::Root;

    fn identity(path: &std::path::Path) -> Identity {
        let root = Root::open(path.parent().unwrap(), crate::Trust::Vouched).unwrap();
        root.dir().look(path.file_name().unwrap()).unwrap().identity
    }

    #[test]
    fn a_writer_is_found_with_its_way_of_writing() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        let appender = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let me = std::process::id();
        assert_eq!(writers(&identity(&path)).unwrap(), [Writer { pid: me, appends: true }]);
        drop(appender);
        let reader = File::open(&path).unwrap();
        assert_eq!(writers(&identity(&path)).unwrap(), []);
        let writer = OpenOptions::new().write(true).open(&path).unwrap();
        assert_eq!(writers(&identity(&path)).unwrap(), [Writer { pid: me, appends: false }]);
        assert!(OpenFiles::now().unwrap().contains(&identity(&path)));
        drop((reader, writer));
        assert!(!OpenFiles::now().unwrap().contains(&identity(&path)));
    }

    #[test]
    fn a_file_that_can_be_written_to_is_told_from_one_that_is_read() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        let writer = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let reader = File::open(&path).unwrap();
        let found = find_writer(&reader, &identity(&path)).unwrap();
        assert_eq!(found, Some(WrittenBy { pid: Some(std::process::id()) }));
        drop(writer);
        let other = File::open(&path).unwrap();
        assert_eq!(find_writer(&reader, &identity(&path)).unwrap(), None);
        drop(other);
        // The question leaves nothing behind that would keep a writer waiting.
        OpenOptions::new().write(true).open(&path).unwrap();
    }

    #[test]
    fn flags_are_read_as_octal() {
        assert_eq!(parse_flags("pos:\t0\nflags:\t0102001\nmnt_id:\t27\n"), Some(0o102_001));
        assert_eq!(parse_flags("pos:\t0\n"), None);
    }
}
