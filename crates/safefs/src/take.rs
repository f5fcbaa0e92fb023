use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, renameat_with, unlinkat};
use rustix::io::Errno;

use crate::dir::{Dir, lock};
use crate::metadata::{Identity, Kind, Metadata};
use crate::object::{Pinned, look};
use crate::root::Root;
use crate::sys;

/// The private directory below a root; a scan leaves it out.
pub const PRIVATE_NAME: &str = ".evenkeel-private";
/// How often another name is tried where someone took the usual one.
const OTHER_NAMES: u32 = 8;
/// What an entry is called while it is in the private directory: one at a time.
const HELD: &str = "held";

/// Deletes exactly what was looked at, however fast names are exchanged meanwhile.
///
/// Between a look and `unlinkat` a name can come to mean another file. So the name is first moved into a directory that
/// only this process can write; what arrived there is compared with what was looked at, and goes, or goes back.
#[derive(Debug)]
pub struct Taker<'r> {
    root: &'r Root,
    private: Dir,
    name: OsString,
    leftovers: bool,
    /// The lock on the private directory: two runs on one root do not mix.
    _lock: OwnedFd,
}

/// Why an entry was not deleted. It is where it was, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TakeError {
    /// The name means another object than the one that was looked at, or nothing.
    #[error("it is no longer what was planned")]
    Changed,
    /// A process holds its lock.
    #[error("a process holds its lock")]
    Locked,
    /// It is what was looked at, and no longer due.
    #[error("it is no longer due")]
    NotDue,
    /// Another object came under the name, and when it was to go back its name was taken again.
    #[error("another file came in its place and is kept as `{}`", crate::name::escaped(kept_as))]
    Displaced {
        /// The name, in the same directory or in the private one.
        kept_as: OsString,
    },
    /// The system refuses.
    #[error("cannot delete it: {0}")]
    Io(#[from] io::Error),
}

impl<'r> Taker<'r> {
    /// Makes the private directory below the root, or takes over the one that an interrupted run left.
    ///
    /// Fails if the caller cannot write the root, or another run is at work in it.
    pub fn new(root: &'r Root) -> io::Result<Self> {
        let mut name = OsString::from(PRIVATE_NAME);
        let mut leftovers = false;
        for other in 0..OTHER_NAMES {
            if let Some(private) = open_private(root.dir(), &name)? {
                let lock_fd = private.readable()?;
                if !lock(lock_fd.as_fd())? {
                    return Err(io::Error::new(
                        io::ErrorKind::ResourceBusy,
                        "another run is at work in this root",
                    ));
                }
                if private.names()?.is_empty() {
                    return Ok(Self { root, private, name, leftovers, _lock: lock_fd });
                }
                // What an interrupted run left there is someone's file: it stays, and the work goes on beside it.
                leftovers = true;
            }
            name = format!("{PRIVATE_NAME}-{}-{other}", std::process::id()).into();
        }
        Err(io::Error::other(format!("the names `{PRIVATE_NAME}…` are all taken by others")))
    }

    /// Deletes the entry `name` of `dir` if it is the very object `expected` and still `due` when it can no longer change
    /// its name.
    ///
    /// Returns how it looked just before it went.
    pub fn delete(
        &self,
        dir: &Dir,
        name: &OsStr,
        expected: &Identity,
        due: impl FnOnce(&Metadata) -> bool,
    ) -> Result<Metadata, TakeError> {
        let pinned = match dir.pin(name) {
            Ok(pinned) => pinned,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(TakeError::Changed);
            }
            Err(error) => return Err(error.into()),
        };
        if pinned.metadata().identity != *expected || pinned.metadata().kind != Kind::File {
            return Err(TakeError::Changed);
        }
        if !due(pinned.metadata()) {
            return Err(TakeError::NotDue);
        }
        let _lock = match lock_file(&pinned)? {
            Lock::Free(fd) => fd,
            Lock::Taken => return Err(TakeError::Locked),
        };
        self.delete_pinned(dir, name, pinned.metadata())
    }

    fn delete_pinned(
        &self,
        dir: &Dir,
        name: &OsStr,
        planned: &Metadata,
    ) -> Result<Metadata, TakeError> {
        match renameat_with(dir.fd(), name, self.private.fd(), HELD, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Err(TakeError::Changed),
            Err(error) => return Err(io::Error::from(error).into()),
        }
        let held = look(self.private.fd(), OsStr::new(HELD))?;
        // The move itself sets ctime, so that cannot be compared; content written meanwhile shows in mtime and size.
        let same = held.identity == planned.identity
            && held.mtime == planned.mtime
            && held.size == planned.size;
        if same {
            return match unlinkat(self.private.fd(), HELD, AtFlags::empty()) {
                Ok(()) => Ok(held),
                Err(error) => {
                    self.give_back(dir, name)?;
                    Err(io::Error::from(error).into())
                }
            };
        }
        self.give_back(dir, name)?;
        Err(TakeError::Changed)
    }

    /// Puts the held entry back under its name; if that is taken by now, beside it.
    fn give_back(&self, dir: &Dir, name: &OsStr) -> Result<(), TakeError> {
        let back = |name: &OsStr| {
            renameat_with(self.private.fd(), HELD, dir.fd(), name, RenameFlags::NOREPLACE)
        };
        if back(name).is_ok() {
            return Ok(());
        }
        for number in 0..OTHER_NAMES {
            let kept_as =
                OsString::from(format!("evenkeel-returned-{}-{number}", std::process::id()));
            if back(&kept_as).is_ok() {
                return Err(TakeError::Displaced { kept_as });
            }
        }
        // The private directory then stays, because it is not empty.
        Err(TakeError::Displaced { kept_as: self.name.clone() })
    }

    /// Whether the private directory holds something that was given back to nobody.
    pub fn leftovers(&self) -> bool {
        self.leftovers
    }
}

impl Drop for Taker<'_> {
    fn drop(&mut self) {
        // Only an empty directory can go this way, so nothing is lost if the name means another one by now.
        let _ = unlinkat(self.root.dir().fd(), &self.name, AtFlags::REMOVEDIR);
    }
}

enum Lock {
    /// Locked now by us; `None` if the file cannot be opened, so that nothing can be said.
    Free(Option<OwnedFd>),
    Taken,
}

fn lock_file(pinned: &Pinned) -> io::Result<Lock> {
    let fd = match sys::reopen(pinned.fd(), OFlags::RDONLY | OFlags::NOATIME) {
        Ok(fd) => fd,
        // The owner of a directory may delete what he may not read.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Ok(Lock::Free(None));
        }
        Err(error) => return Err(error),
    };
    Ok(if lock(fd.as_fd())? { Lock::Free(Some(fd)) } else { Lock::Taken })
}

/// Makes or finds a directory that is the caller's own and closed to others; `None` if the name is taken by another.
fn open_private(root: &Dir, name: &OsStr) -> io::Result<Option<Dir>> {
    match rustix::fs::mkdirat(root.fd(), name, Mode::from_raw_mode(0o700)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let Ok(dir) = root.enter(name) else { return Ok(None) };
    let access = dir.metadata().access;
    let private = access.uid == crate::identity::worker() && access.mode & 0o777 == 0o700;
    Ok(private.then_some(dir))
}
