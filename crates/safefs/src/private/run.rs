use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{AtFlags, Mode, OFlags, unlinkat};
use rustix::io::Errno;

use super::area::{append, id_of, open_manifest};
use super::manifest::Line;
use super::{Private, Record};
use crate::dir::Dir;
use crate::locked::Locked;
use crate::metadata::{Identity, Kind, Metadata};
use crate::moving::{put_back_beside, take_in};
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
    pub(super) dir: Dir,
    id: OsString,
    pub(super) manifest: File,
    /// The first line, until it is written: together with the first entries, so that they cost one wait for the disk.
    unwritten: Option<Line>,
    next: u64,
}

/// An entry that a run is about to take.
#[derive(Debug, Clone)]
pub struct Intent<'a> {
    /// The directory that it is in.
    pub dir: &'a Dir,
    /// Its name.
    pub name: &'a OsStr,
    /// Where it is, from the root.
    pub path: &'a Path,
    /// Why it is taken.
    pub reason: String,
}

/// An entry in the private directory: it is what was looked at, and nobody else can reach it by a name.
///
/// Dropped without a word it stays there, as in a trash.
#[derive(Debug)]
pub struct Held<'r> {
    run: &'r Run<'r>,
    pub(super) slot: u64,
    pub(super) metadata: Metadata,
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
        let mut lines: Vec<_> = self.unwritten.iter().cloned().collect();
        let mut slots = Vec::new();
        for intent in intents {
            let Ok(metadata) = intent.dir.look(intent.name) else {
                slots.push(None);
                continue;
            };
            let Intent { path, reason, .. } = intent;
            let record = Record::new(self.next, path, &metadata, intent.dir.metadata(), reason);
            lines.push(Line::Take(record));
            slots.push(Some(self.next));
            self.next += 1;
        }
        append(&self.manifest, &lines)?;
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
        let _lock = lock_object(&pinned)?;
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

    /// Ends the run; says whether it keeps anything. A run that keeps nothing leaves no trace.
    pub fn finish(self) -> io::Result<bool> {
        let Self { private, dir, id, manifest, unwritten, .. } = self;
        // What is open while it is removed stays for a while under another name on filesystems over network and in FUSE.
        drop(manifest);
        if private.forget_if_empty(&id, &dir)? {
            return Ok(false);
        }
        let manifest = open_manifest(&dir, OFlags::WRONLY | OFlags::APPEND)?;
        append(&manifest, unwritten.iter().chain([&Line::Closed]))?;
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
        match tree::remove(&self.run.dir, self.name().as_ref(), &self.metadata, &mut due) {
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

    pub(super) fn name(&self) -> String {
        self.slot.to_string()
    }
}

/// Whether two looks at one place, with a move between them, show the same object with the same content.
pub(crate) fn is_unchanged(before: &Metadata, after: &Metadata) -> bool {
    before.identity == after.identity
        && before.mtime == after.mtime
        && (before.size == after.size || before.kind == Kind::Directory)
}

/// Takes the lock of a file or directory without waiting; `None` if it cannot be opened, so that nothing can be said.
pub(crate) fn lock_object(pinned: &Pinned) -> Result<Option<Locked<OwnedFd>>, TakeError> {
    match sys::reopen(pinned.fd(), OFlags::RDONLY | OFlags::NOATIME) {
        Ok(fd) => Locked::try_new(fd)?.ok_or(TakeError::Locked).map(Some),
        // The owner of a directory may delete what he may not read.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(error.into()),
    }
}
