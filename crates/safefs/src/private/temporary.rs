//! A file that is made in the private directory and takes the place of another one.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::SystemTime;

use rustix::fs::{AtFlags, Mode, OFlags, Timestamps, futimens, openat, unlinkat};
use rustix::io::Errno;

use super::area::append;
use super::manifest::Line;
use super::{Held, Run, TEMPORARY, TakeError};
use crate::acl::AclKind;
use crate::dir::{Dir, timespec};
use crate::metadata::{Identity, Metadata};
use crate::moving::put_back;
use crate::object::{ActError, Lists, Terms, Wish, look};

/// A file that is being made in the private directory; removed when it is dropped without having been published.
#[derive(Debug)]
pub struct Temporary<'r> {
    run: &'r Run<'r>,
    file: File,
    born: SystemTime,
    published: bool,
}

impl Run<'_> {
    /// Makes a file that will take an entry's place.
    pub fn temporary(&self) -> io::Result<Temporary<'_>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = openat(self.dir.fd(), TEMPORARY, flags, Mode::from_raw_mode(0o600))?;
        let born = look(fd.as_fd(), OsStr::new(""))?.mtime;
        Ok(Temporary { run: self, file: File::from(fd), born, published: false })
    }
}

impl Temporary<'_> {
    /// The file, to be written to.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// When it was made, by the clock of the filesystem.
    pub fn born(&self) -> SystemTime {
        self.born
    }

    /// Gives the file mode, owner, access control list and times of `held`, puts it in place as `name` in `dir`, and removes
    /// `held` for good.
    ///
    /// Overwrites nothing: if the name is taken, `held` goes back as `old`. A kill at any point leaves either the one or
    /// the other; [`crate::Private::recover`] knows which.
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
                return Err(error);
            }
        };
        // Its copy is in place: nothing is lost if the original goes now, and nothing is gained if it stays.
        let slot = held.name();
        unlinkat(self.run.dir.fd(), slot, AtFlags::empty()).map_err(io::Error::from)?;
        Ok(made)
    }

    fn publish(&mut self, held: &Held<'_>, dir: &Dir, name: &OsStr) -> Result<Metadata, TakeError> {
        let like = &held.metadata;
        let times = Timestamps {
            last_access: timespec(like.atime),
            last_modification: timespec(like.mtime),
        };
        futimens(&self.file, &times).map_err(io::Error::from)?;
        let Identity { ino, btime, .. } = self.dress(held)?;
        // The only copy of someone's data, in a moment.
        self.file.sync_all()?;
        append(&self.run.manifest, &[Line::Made { slot: held.slot, ino, btime }])?;
        put_back((self.run.dir.fd(), TEMPORARY.as_ref()), (dir.fd(), name))?;
        self.published = true;
        sync(dir)?;
        Ok(look(self.file.as_fd(), OsStr::new(""))?)
    }

    /// Gives the file the access of what it replaces, and no more at any moment: a default list of the root may have given
    /// it one of its own.
    fn dress(&self, held: &Held<'_>) -> Result<Identity, TakeError> {
        let original = self.run.dir.pin(held.name().as_ref())?;
        let list = original.acl(AclKind::Access)?;
        let access = list.as_ref().map_or(Wish::Remove, Wish::Set);
        let pinned = self.run.dir.pin(TEMPORARY.as_ref())?;
        let identity = pinned.metadata().identity;
        let terms = Terms { mnt_id: identity.mnt_id, owners: None };
        pinned
            .judge(&terms)
            .and_then(|judged| {
                judged.set(held.metadata.access, Lists { access, ..Lists::default() })
            })
            .map_err(|error| io::Error::other(told(&error)))?;
        Ok(identity)
    }
}

/// Makes a new name in a directory last over a power cut, where the filesystem has such a thing.
fn sync(dir: &Dir) -> io::Result<()> {
    match rustix::fs::fsync(dir.readable()?) {
        Ok(()) | Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn told(error: &ActError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.published {
            let _ = unlinkat(self.run.dir.fd(), TEMPORARY, AtFlags::empty());
        }
    }
}
