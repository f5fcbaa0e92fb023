use std::ffi::{CStr, OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{FileType, Mode, OFlags, RawDir, RawDirEntry, Timespec, Timestamps};
use rustix::io::Errno;

use crate::locked::Locked;
use crate::metadata::{Identity, Kind, Metadata};
use crate::object::{Pinned, check_name, look, without_trace};

/// Large enough that the kernel is asked once for some thousand names.
pub(crate) const LISTING_BUFFER_BYTES: usize = 64 * 1024;

/// A directory at or below a root, by descriptor.
#[derive(Debug)]
pub struct Dir {
    pinned: Pinned,
}

/// A directory's lock (`flock`), held until it is dropped, and its times, which can be put back.
#[derive(Debug)]
pub struct Working {
    lock: Locked<OwnedFd>,
    atime: SystemTime,
    mtime: SystemTime,
}

impl Dir {
    /// The pinned object as a directory; fails with what it is if it is none.
    pub(crate) fn try_from_pinned(pinned: Pinned) -> Result<Self, Kind> {
        match pinned.metadata().kind {
            Kind::Directory => Ok(Self { pinned }),
            other => Err(other),
        }
    }

    /// How the directory looked when it was opened.
    pub fn metadata(&self) -> &Metadata {
        self.pinned.metadata()
    }

    /// The directory as an object, to be judged.
    pub fn into_pinned(self) -> Pinned {
        self.pinned
    }

    /// Looks at the entry `name`, following nothing.
    pub fn look(&self, name: &OsStr) -> io::Result<Metadata> {
        check_name(name)?;
        look(self.fd(), name)
    }

    /// Pins the entry `name`, following nothing; fails if something is mounted there.
    pub fn pin(&self, name: &OsStr) -> io::Result<Pinned> {
        Pinned::entry(self.fd(), name)
    }

    /// Pins the directory itself once more.
    pub fn pin_again(&self) -> io::Result<Pinned> {
        Ok(self.reopen_pin()?.into_pinned())
    }

    /// Opens the subdirectory `name`.
    pub fn enter(&self, name: &OsStr) -> io::Result<Self> {
        Self::try_from_pinned(self.pin(name)?).map_err(not_a_directory)
    }

    /// Opens the directory at `relative`, following no link on the way; deeper than `PATH_MAX` is no limit.
    pub fn descend(&self, relative: &Path) -> io::Result<Self> {
        let mut names = Vec::new();
        for part in relative.components() {
            let Component::Normal(name) = part else {
                return Err(io::Error::from(io::ErrorKind::InvalidFilename));
            };
            names.push(name);
        }
        if names.is_empty() {
            return self.reopen_pin();
        }
        match Pinned::below(self.fd(), relative) {
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => self.step_down(&names),
            // A link on the way is no directory.
            Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
                Err(io::Error::from(io::ErrorKind::NotADirectory))
            }
            result => Self::try_from_pinned(result?).map_err(not_a_directory),
        }
    }

    /// As [`Dir::descend`], one directory after the other.
    fn step_down(&self, names: &[&OsStr]) -> io::Result<Self> {
        let mut here = self.reopen_pin()?;
        for name in names {
            here = here.enter(name)?;
        }
        Ok(here)
    }

    /// Calls `each` with every name but `.` and `..`, and with what the directory says the entry is, where it says so.
    pub fn list(&self, mut each: impl FnMut(&OsStr, Option<Kind>)) -> io::Result<()> {
        let fd = self.readable()?;
        let mut buffer = vec![MaybeUninit::uninit(); LISTING_BUFFER_BYTES];
        let mut listing = RawDir::new(fd, &mut buffer);
        while let Some(entry) = listing.next() {
            let entry = entry?;
            if let Some((name, kind)) = listed(&entry) {
                each(OsStr::from_bytes(name.to_bytes()), kind);
            }
        }
        Ok(())
    }

    /// All names, in no order.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        self.list(|name, _| names.push(name.to_owned()))?;
        Ok(names)
    }

    /// Takes the directory's lock without waiting; `None` if another has it.
    pub fn start_work(&self) -> io::Result<Option<Working>> {
        let Some(lock) = Locked::try_new(self.readable()?)? else { return Ok(None) };
        let now = self.pinned.look_again()?;
        Ok(Some(Working { lock, atime: now.atime, mtime: now.mtime }))
    }

    /// A path to this very directory, for calls that take no descriptor; good for as long as `self` lives.
    pub fn proc_path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.fd().as_raw_fd()))
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.pinned.fd()
    }

    /// Opens the subdirectory `name` so that it can be listed by the same descriptor.
    pub(crate) fn enter_to_list(&self, name: &OsStr) -> io::Result<Self> {
        Self::try_from_pinned(Pinned::listable(self.fd(), name)?).map_err(not_a_directory)
    }

    /// The same directory, opened so that it can be listed; where the listing stands is the new descriptor's own.
    pub(crate) fn reopen_to_list(&self) -> io::Result<Self> {
        Self::try_from_pinned(Pinned::new(self.readable()?)?).map_err(not_a_directory)
    }

    /// Pins the directory above, if that still is the one that is expected.
    pub(crate) fn above(&self, expected: &Identity) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let above = Pinned::new(rustix::fs::openat(self.fd(), "..", flags, Mode::empty())?)?;
        if above.metadata().identity != *expected {
            return Err(io::Error::new(io::ErrorKind::NotFound, "what is in it was moved away"));
        }
        Self::try_from_pinned(above).map_err(not_a_directory)
    }

    /// A second pin of the same directory. `.` cannot be exchanged.
    fn reopen_pin(&self) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(self.fd(), ".", flags, Mode::empty())?;
        Self::try_from_pinned(Pinned::new(fd)?).map_err(not_a_directory)
    }

    /// Shows every entry below the subdirectory `name`, at any depth, with its metadata; `each` says whether to go on.
    ///
    /// Follows nothing, enters no mount, changes nothing. `false` if `each` ended it or if something that was listed was
    /// moved on the way.
    pub fn survey(
        &self,
        name: &OsStr,
        each: impl FnMut(&OsStr, &Metadata) -> bool,
    ) -> io::Result<bool> {
        crate::tree::survey(self, name, false, each)
    }

    pub(crate) fn readable(&self) -> io::Result<OwnedFd> {
        without_trace(|flags| rustix::fs::openat(self.fd(), ".", flags, Mode::empty()))
    }
}

impl Working {
    /// Puts the times of the directory back, so that cleaning in it does not make it look used.
    ///
    /// Only its owner and root may; for anyone else nothing happens.
    pub fn restore_times(&self) {
        let times = Timestamps {
            last_access: timespec(self.atime),
            last_modification: timespec(self.mtime),
        };
        // Cosmetic: the work itself is done, and a failure here must not look like a failure of it.
        let _ = rustix::fs::futimens(self.lock.get(), &times);
    }
}

/// The name of a listed entry, if it is neither the directory itself nor the one above, and what it is said to be.
pub(crate) fn listed<'a>(entry: &'a RawDirEntry<'_>) -> Option<(&'a CStr, Option<Kind>)> {
    let name = entry.file_name();
    let itself_or_above = matches!(name.to_bytes(), b"." | b"..");
    (!itself_or_above).then(|| (name, kind(entry.file_type())))
}

fn not_a_directory(_: Kind) -> io::Error {
    io::Error::from(io::ErrorKind::NotADirectory)
}

/// What the directory says an entry is, where it says so.
fn kind(file_type: FileType) -> Option<Kind> {
    match file_type {
        FileType::RegularFile => Some(Kind::File),
        FileType::Directory => Some(Kind::Directory),
        FileType::Symlink => Some(Kind::Symlink),
        FileType::Fifo => Some(Kind::Fifo),
        FileType::Socket => Some(Kind::Socket),
        FileType::CharacterDevice | FileType::BlockDevice => Some(Kind::Device),
        FileType::Unknown => None,
    }
}

pub(crate) fn timespec(time: SystemTime) -> Timespec {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => Timespec {
            tv_sec: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: since.subsec_nanos().into(),
        },
        Err(_) => Timespec { tv_sec: 0, tv_nsec: 0 },
    }
}
