use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;

use rustix::fs::{AtFlags, RenameFlags, renameat_with, unlinkat};

use crate::TakeError;
use crate::dir::Dir;
use crate::metadata::{Identity, Kind, Metadata};
use crate::object::look;
use crate::private::{is_unchanged, lock_object};

/// Whether a failure means that the filesystem has no room left for a private directory.
pub fn is_without_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl Dir {
    /// Deletes the file `name` if it is the very object `expected` and still `due`, where there is no room for a private
    /// directory: neither an inode nor a block is needed.
    ///
    /// The name is first exchanged for one that nobody knows. Whoever may rename in this directory could still exchange
    /// that one, if he guessed it or was told of it within the few microseconds in which it exists; all that he could make
    /// go is another file of this directory, which he could have deleted himself. Where no other may, the name stays.
    ///
    /// Killed in between, it leaves the file as `evenkeel-returned-…` beside its name.
    pub fn delete_in_place(
        &self,
        name: &OsStr,
        expected: &Identity,
        due: impl FnOnce(&Metadata) -> bool,
    ) -> Result<Metadata, TakeError> {
        let pinned = self.pin(name).map_err(changed_if_gone)?;
        let planned = *pinned.metadata();
        if planned.identity != *expected || planned.kind != Kind::File {
            return Err(TakeError::Changed);
        }
        if !due(&planned) {
            return Err(TakeError::NotDue);
        }
        let _lock = lock_object(&pinned)?;
        if self.is_callers_alone()? {
            return self.unlink(name, &planned);
        }
        let aside = unknown_name();
        self.rename(name, &aside).map_err(changed_if_gone)?;
        match self.unlink(&aside, &planned) {
            Ok(gone) => Ok(gone),
            Err(error) => match self.rename(&aside, name) {
                Ok(()) => Err(error),
                Err(_) => Err(TakeError::Displaced { kept_as: aside }),
            },
        }
    }

    fn unlink(&self, name: &OsStr, planned: &Metadata) -> Result<Metadata, TakeError> {
        let now = look(self.fd(), name)?;
        if !is_unchanged(planned, &now) {
            return Err(TakeError::Changed);
        }
        unlinkat(self.fd(), name, AtFlags::empty()).map_err(io::Error::from)?;
        Ok(now)
    }

    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(renameat_with(self.fd(), from, self.fd(), to, RenameFlags::NOREPLACE)?)
    }

    /// Whether nobody but the caller, and root, can rename what is in the directory.
    fn is_callers_alone(&self) -> io::Result<bool> {
        let access = look(self.fd(), OsStr::new(""))?.access;
        Ok(access.uid == crate::identity::worker() && access.mode & 0o022 == 0)
    }
}

fn changed_if_gone(error: io::Error) -> TakeError {
    match error.kind() {
        io::ErrorKind::NotFound => TakeError::Changed,
        _ => TakeError::Io(error),
    }
}

/// A name that no other process can guess.
fn unknown_name() -> OsString {
    // The keys of a map's hasher are from the system's source of chance.
    let chance = RandomState::new().build_hasher().finish();
    OsString::from(format!("evenkeel-returned-{chance:016x}"))
}
