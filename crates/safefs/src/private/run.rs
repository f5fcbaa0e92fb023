use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;

use super::area::{append, id_of, open_manifest};
use super::manifest::Line;
use super::{Private, Record, TEMPORARY};
use crate::dir::{Dir, lock, timespec};
use crate::metadata::{Identity, Kind, Metadata};
use crate::moving::{put_back, put_back_beside, take_in};
use crate::object::{Pinned, look};
use crate::sys;
use crate::tree::{self, RemoveError, Removed};

/// What a run does with what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It goes for good.
    Delete,
    /// A compressed copy takes its place.
    Compress,
    /// It is kept, to be brought back if need be.
    Trash {
        /// From then on it may go for good.
        expires: SystemTime,
    },
}

/// One run in the private directory.
#[derive(Debug)]
pub struct Run<'p> {
    private: &'p Private<'p>,
    dir: Dir,
    id: OsString,
    manifest: File,
    /// The first line, until it is written: together with the first entries, so that they cost one wait for the disk.
    unwritten: Option<Line>,
    next: u64,
}

/// An entry that a run is about to take.
#[derive(Debug, Clone, Copy)]
pub struct Intent<'a> {
    /// The directory that it is in.
    pub dir: &'a Dir,
    /// Its name.
    pub name: &'a OsStr,
    /// Where it is, from the root.
    pub path: &'a Path,
    /// Why it is taken.
    pub reason: &'a str,
}

/// An entry in the private directory: it is what was looked at, and nobody else can reach it by a name.
///
/// Dropped without a word it stays there, as in a trash.
#[derive(Debug)]
pub struct Held<'r> {
    run: &'r Run<'r>,
    slot: u64,
    metadata: Metadata,
}

/// A file that is being made in the private directory; removed when it is dropped without having been published.
#[derive(Debug)]
pub struct Temporary<'r> {
    run: &'r Run<'r>,
    file: File,
    published: bool,
}

/// Why an entry was not taken. It is where it was, unless the variant says otherwise.
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
    #[error("another entry came in its place and is kept as `{}`", crate::name::escaped(kept_as))]
    Displaced {
        /// The name, in the same directory or in the private one.
        kept_as: OsString,
    },
    /// A part of a directory could not be removed; the rest of it is back in its place.
    #[error("it was removed in part, {entries} entries; the rest is back: {reason}")]
    Partly {
        /// How many entries went.
        entries: u64,
        /// Why not all.
        reason: String,
    },
    /// The system refuses.
    #[error("cannot take it: {0}")]
    Io(#[from] io::Error),
}

impl<'p> Run<'p> {
    pub(super) fn start(
        private: &'p Private<'_>,
        id: &str,
        purpose: Purpose,
        started: SystemTime,
    ) -> io::Result<Self> {
        let seed = started
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.subsec_nanos() >> 8);
        for other in 0..=u32::from(u16::MAX) {
            let name = id_of(id, seed.wrapping_add(other));
            match rustix::fs::mkdirat(private.dir.fd(), &name, Mode::from_raw_mode(0o700)) {
                Ok(()) => {}
                Err(Errno::EXIST) => continue,
                Err(error) => return Err(error.into()),
            }
            let dir = private.dir.enter(&name)?;
            let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
            let manifest = match open_manifest(&dir, flags) {
                Ok(manifest) => manifest,
                Err(error) => {
                    let _ = unlinkat(private.dir.fd(), &name, AtFlags::REMOVEDIR);
                    return Err(error);
                }
            };
            let unwritten = Some(Line::Run { purpose, started });
            return Ok(Self { private, dir, id: name, manifest, unwritten, next: 0 });
        }
        Err(io::Error::other(format!("all names `{id}-…` are taken")))
    }

    /// What the run is called; [`Private::undo`] takes it.
    pub fn id(&self) -> String {
        self.id.to_string_lossy().into_owned()
    }

    /// Writes down what is about to be taken, and returns once that is on disk: only now may it be taken.
    ///
    /// Returns the slot of each entry; `None` for one that is gone. Many in one call cost one wait for the disk. The
    /// directories need none: a filesystem that keeps a later rename into one has kept that it was made.
    pub fn announce<'a>(
        &mut self,
        intents: impl IntoIterator<Item = Intent<'a>>,
    ) -> io::Result<Vec<Option<u64>>> {
        let mut text = String::new();
        if let Some(line) = &self.unwritten {
            line.write(&mut text);
        }
        let mut slots = Vec::new();
        for intent in intents {
            let Ok(metadata) = intent.dir.look(intent.name) else {
                slots.push(None);
                continue;
            };
            let record = Record::new(
                self.next,
                intent.path,
                &metadata,
                intent.dir.metadata(),
                intent.reason,
            );
            Line::Take(record).write(&mut text);
            slots.push(Some(self.next));
            self.next += 1;
        }
        let length = self.manifest.metadata()?.len();
        if let Err(error) = append(&mut self.manifest, &text) {
            // Half a line must not stand before the next one. Nothing has been taken on the strength of it.
            self.manifest.set_len(length)?;
            return Err(error);
        }
        self.unwritten = None;
        Ok(slots)
    }

    /// Moves the entry `name` of `dir` into the private directory if it is the very object `expected` and still `due`.
    ///
    /// `slot` is from [`Run::announce`]. A file or directory that a process has locked stays.
    pub fn take(
        &self,
        slot: u64,
        dir: &Dir,
        name: &OsStr,
        expected: &Identity,
        due: impl FnOnce(&Metadata) -> bool,
    ) -> Result<Held<'_>, TakeError> {
        let pinned = match dir.pin(name) {
            Ok(pinned) => pinned,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(TakeError::Changed);
            }
            Err(error) => return Err(error.into()),
        };
        let planned = *pinned.metadata();
        let is_it =
            planned.identity == *expected && matches!(planned.kind, Kind::File | Kind::Directory);
        if !is_it {
            return Err(TakeError::Changed);
        }
        if !due(&planned) {
            return Err(TakeError::NotDue);
        }
        let _lock = match lock_object(&pinned)? {
            Lock::Free(fd) => fd,
            Lock::Taken => return Err(TakeError::Locked),
        };
        let slot_name = slot.to_string();
        match take_in((dir.fd(), name), (self.dir.fd(), slot_name.as_ref())) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(TakeError::Changed);
            }
            Err(error) => return Err(error.into()),
        }
        let held = Held { run: self, slot, metadata: look(self.dir.fd(), slot_name.as_ref())? };
        // The move itself sets ctime, so that cannot be compared; content written meanwhile shows in mtime and size.
        if is_unchanged(&planned, &held.metadata) {
            return Ok(held);
        }
        held.give_back(dir, name)?;
        Err(TakeError::Changed)
    }

    /// Makes a file that will take an entry's place.
    pub fn temporary(&self) -> io::Result<Temporary<'_>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = openat(self.dir.fd(), TEMPORARY, flags, Mode::from_raw_mode(0o600))?;
        Ok(Temporary { run: self, file: File::from(fd), published: false })
    }

    /// Ends the run; says whether it keeps anything. A run that keeps nothing leaves no trace.
    pub fn finish(mut self) -> io::Result<bool> {
        if self.private.forget_if_empty(&self.id, &self.dir)? {
            return Ok(false);
        }
        let mut text = String::new();
        if let Some(line) = self.unwritten.take() {
            line.write(&mut text);
        }
        Line::Closed.write(&mut text);
        append(&mut self.manifest, &text)?;
        Ok(true)
    }
}

impl Held<'_> {
    /// How it looked when it had arrived.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Shows every entry of a directory and itself, the locks of those with content taken for a moment each.
    ///
    /// `each` says whether to go on. `false` if it did not, if one is locked, or if the directory changed on the way.
    pub fn survey(&self, each: impl FnMut(&OsStr, &Metadata) -> bool) -> io::Result<bool> {
        tree::survey(&self.run.dir, self.name().as_ref(), true, each)
    }

    /// Removes it for good; of a directory, every entry that is `due`.
    ///
    /// If that cannot be done to the end, what is left goes back to `dir` as `name`.
    pub fn remove(
        self,
        dir: &Dir,
        name: &OsStr,
        mut due: impl FnMut(&Metadata) -> bool,
    ) -> Result<Removed, TakeError> {
        match tree::remove(&self.run.dir, self.name().as_ref(), &mut due) {
            Ok(removed) => Ok(removed),
            Err(RemoveError { removed, reason }) => {
                self.give_back(dir, name)?;
                if removed.entries == 0 {
                    return Err(TakeError::Io(io::Error::other(reason)));
                }
                Err(TakeError::Partly { entries: removed.entries, reason })
            }
        }
    }

    /// Puts it back under its name; if that is taken by now, beside it.
    pub fn give_back(self, dir: &Dir, name: &OsStr) -> Result<(), TakeError> {
        match put_back_beside((self.run.dir.fd(), self.name().as_ref()), dir.fd(), name) {
            Ok(None) => Ok(()),
            Ok(Some(kept_as)) => Err(TakeError::Displaced { kept_as }),
            // The run then keeps it, and an undo of the run tries again.
            Err(_) => Err(TakeError::Displaced { kept_as: self.run.id.clone() }),
        }
    }

    fn name(&self) -> String {
        self.slot.to_string()
    }
}

impl Temporary<'_> {
    /// The file, to be written to.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives the file mode, owner and times of `held`, puts it in place as `name` in `dir`, and removes `held` for good.
    ///
    /// Overwrites nothing: if the name is taken, `held` goes back as `old`. A kill at any point leaves either the one or
    /// the other; [`Private::recover`] knows which.
    pub fn replace(
        mut self,
        held: Held<'_>,
        dir: &Dir,
        old: &OsStr,
        name: &OsStr,
    ) -> Result<Metadata, TakeError> {
        let made = match self.publish(&held, dir, name) {
            Ok(made) => made,
            Err(error) => {
                held.give_back(dir, old)?;
                return Err(error.into());
            }
        };
        // Its copy is in place: nothing is lost if the original goes now, and nothing is gained if it stays.
        let slot = held.name();
        unlinkat(self.run.dir.fd(), slot, AtFlags::empty()).map_err(io::Error::from)?;
        Ok(made)
    }

    fn publish(&mut self, held: &Held<'_>, dir: &Dir, name: &OsStr) -> io::Result<Metadata> {
        use rustix::fs::{Gid, Timestamps, Uid, fchown, futimens};
        let like = &held.metadata;
        let own = look(self.file.as_fd(), OsStr::new(""))?;
        let (uid, gid) = (like.access.uid, like.access.gid);
        if (own.access.uid, own.access.gid) != (uid, gid) {
            fchown(&self.file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        }
        sys::chmod(self.file.as_fd(), like.access.mode)?;
        futimens(
            &self.file,
            &Timestamps {
                last_access: timespec(like.atime),
                last_modification: timespec(like.mtime),
            },
        )?;
        // The only copy of someone's data, in a moment.
        self.file.sync_all()?;
        let Identity { ino, btime, .. } = own.identity;
        let mut text = String::new();
        Line::Made { slot: held.slot, ino, btime }.write(&mut text);
        let mut manifest = &self.run.manifest;
        io::Write::write_all(&mut manifest, text.as_bytes())?;
        self.run.manifest.sync_data()?;
        put_back((self.run.dir.fd(), TEMPORARY.as_ref()), (dir.fd(), name))?;
        self.published = true;
        look(self.file.as_fd(), OsStr::new(""))
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.published {
            let _ = unlinkat(self.run.dir.fd(), TEMPORARY, AtFlags::empty());
        }
    }
}

/// Whether two looks at one place, with a move between them, show the same object with the same content.
pub(crate) fn is_unchanged(before: &Metadata, after: &Metadata) -> bool {
    before.identity == after.identity
        && before.mtime == after.mtime
        && (before.size == after.size || before.kind == Kind::Directory)
}

enum Lock {
    /// Locked now by us; `None` if the object cannot be opened, so that nothing can be said.
    Free(Option<OwnedFd>),
    Taken,
}

fn lock_object(pinned: &Pinned) -> io::Result<Lock> {
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
