//! A directory with all that is in it: looked at, and removed, however deep it is and whoever moves parts of it meanwhile.
//!
//! Looking climbs back by `..` and holds one descriptor; where `..` is not the directory that was come from, somebody moved
//! something, and the look fails. Removing never works inside a directory that others can still move: a process with an
//! open descriptor of the directory above could carry it off, and what is in it would be removed elsewhere. So each
//! directory is first moved into a holder in the private directory, and only then is anything in it touched. Holders
//! (`SLOT.1`, `SLOT.2`, … one a level; `SLOT.f` for a file) keep the names, so that what is left after a kill can be put
//! together again.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, unlinkat};
use rustix::io::Errno;

use crate::dir::Dir;
use crate::locked::Locked;
use crate::metadata::{Kind, Metadata};
use crate::moving::{put_back_beside, take_in};
use crate::private::is_unchanged;
use crate::sys;

/// So many names of one directory are in memory at once while it is emptied.
const BATCH: usize = 256;
/// How often a directory may turn out not to be empty after all.
const REFILLS: u32 = 64;

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Files, directories and others.
    pub entries: u64,
    /// Length of the files in bytes.
    pub bytes: u64,
}

/// Something could not be removed; the rest is together again in its slot.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct RemoveError {
    pub(crate) removed: Removed,
    pub(crate) reason: String,
}

/// Shows every entry below the directory `name` of `parent`. Follows nothing, enters no mount, changes nothing.
///
/// `false` if `each` said so, if something that was listed is gone or elsewhere, or, with `locks`, if a file or directory
/// is locked by a process.
pub(crate) fn survey(
    parent: &Dir,
    name: &OsStr,
    locks: bool,
    mut each: impl FnMut(&OsStr, &Metadata) -> bool,
) -> io::Result<bool> {
    let mut here = parent.enter(name)?;
    let Some(pending) = survey_level(&here, locks, &mut each)? else { return Ok(false) };
    let mut levels = vec![(here.metadata().identity, pending)];
    while let Some((_, pending)) = levels.last_mut() {
        if let Some(name) = pending.pop() {
            here = match here.enter(&name) {
                Ok(dir) => dir,
                Err(error) if is_elsewhere(&error) => return Ok(false),
                Err(error) => return Err(error),
            };
            let Some(pending) = survey_level(&here, locks, &mut each)? else { return Ok(false) };
            levels.push((here.metadata().identity, pending));
            continue;
        }
        levels.pop();
        if let Some((above, _)) = levels.last() {
            here = match here.above(above) {
                Ok(dir) => dir,
                Err(error) if is_elsewhere(&error) => return Ok(false),
                Err(error) => return Err(error),
            };
        }
    }
    Ok(true)
}

/// Shows the entries of one directory; returns the subdirectories, or `None` if the look ends here.
fn survey_level(
    dir: &Dir,
    locks: bool,
    each: &mut impl FnMut(&OsStr, &Metadata) -> bool,
) -> io::Result<Option<Vec<OsString>>> {
    if locks && Locked::try_new(dir.readable()?)?.is_none() {
        return Ok(None);
    }
    let mut subdirectories = Vec::new();
    let mut result = Ok(true);
    dir.list(|name, _| {
        if !matches!(result, Ok(true)) {
            return;
        }
        result = dir.look(name).and_then(|metadata| {
            if metadata.kind == Kind::Directory {
                subdirectories.push(name.to_owned());
            }
            let free = !locks || metadata.kind != Kind::File || is_free(dir, name)?;
            Ok(free && each(name, &metadata))
        });
    })?;
    match result {
        Ok(go_on) => Ok(go_on.then_some(subdirectories)),
        Err(error) if is_elsewhere(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_free(dir: &Dir, name: &OsStr) -> io::Result<bool> {
    match sys::reopen(dir.pin(name)?.fd(), OFlags::RDONLY | OFlags::NOATIME) {
        Ok(fd) => Ok(Locked::try_new(fd)?.is_some()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(true),
        Err(error) => Err(error),
    }
}

fn is_elsewhere(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::CrossesDevices
    )
}

/// Removes what is in `slot` of the run's directory and looks like `top`, and of a directory every entry that is `due`.
///
/// At the first one that is not, or cannot be removed, the rest is put together again, and this fails.
pub(crate) fn remove(
    run: &Dir,
    slot: &OsStr,
    top: &Metadata,
    due: &mut dyn FnMut(&Metadata) -> bool,
) -> Result<Removed, RemoveError> {
    let mut removal =
        Removal { run, slot, file_holder: None, levels: 0, removed: Removed::default() };
    let result = removal.remove(top, due);
    let removed = removal.removed;
    if removal.levels == 0 && removal.file_holder.is_none() {
        return result.map(|()| removed).map_err(|reason| RemoveError { removed, reason });
    }
    // After a success there is nothing in the holders, and they go.
    match (result, reassemble(run, slot)) {
        (Ok(()), _) => Ok(removed),
        (Err(reason), Ok(())) => Err(RemoveError { removed, reason }),
        (Err(reason), Err(error)) => Err(RemoveError {
            removed,
            reason: format!("{reason}; a part of it stays in the private directory: {error}"),
        }),
    }
}

/// Puts a directory together again whose removal was cut short.
pub(crate) fn reassemble(run: &Dir, slot: &OsStr) -> io::Result<()> {
    let mut levels = Vec::new();
    while let Some(holder) = holder(run, slot, levels.len() + 1)? {
        let name = holder.names()?.pop();
        levels.push((holder, name));
    }
    let deepest = levels.iter().rposition(|(_, name)| name.is_some());
    let level = |index: Option<usize>| match index.map(|index| &levels[index]) {
        Some((holder, Some(name))) => holder.enter(name),
        _ => run.enter(slot),
    };
    if let Some(files) = file_holder(run, slot)? {
        for name in files.names()? {
            let to = level(deepest)?;
            put_back_beside((files.fd(), &name), to.fd(), &name)?;
        }
        rmdir(run, file_holder_name(slot))?;
    }
    for (index, (holder, name)) in levels.iter().enumerate().rev() {
        if let Some(name) = name {
            let to = level(index.checked_sub(1))?;
            put_back_beside((holder.fd(), name), to.fd(), name)?;
        }
        rmdir(run, holder_name(slot, index + 1))?;
    }
    Ok(())
}

/// Whether `name` in a run's directory is an empty holder, which is then removed.
pub(crate) fn is_empty_holder(run: &Dir, name: &OsStr) -> bool {
    name.as_encoded_bytes().contains(&b'.') && rmdir(run, name).is_ok()
}

struct Removal<'a> {
    run: &'a Dir,
    slot: &'a OsStr,
    file_holder: Option<Dir>,
    /// The deepest level whose holder was made.
    levels: usize,
    removed: Removed,
}

impl Removal<'_> {
    fn remove(
        &mut self,
        top: &Metadata,
        due: &mut dyn FnMut(&Metadata) -> bool,
    ) -> Result<(), String> {
        let text = |error: io::Error| error.to_string();
        if top.kind != Kind::Directory {
            unlinkat(self.run.fd(), self.slot, AtFlags::empty())
                .map_err(|error| text(error.into()))?;
            self.count(top);
            return Ok(());
        }
        reassemble(self.run, self.slot).map_err(text)?;
        let mut names = vec![self.slot.to_owned()];
        let mut here = self.open(&names).map_err(text)?;
        let mut pending = vec![batch(&here).map_err(text)?];
        let mut refills = 0;
        while let Some(batch_here) = pending.last_mut() {
            if let Some(name) = batch_here.pop() {
                if let Some(below) = self.remove_entry(&here, &name, top, names.len(), due)? {
                    names.push(name);
                    pending.push(batch(&below).map_err(text)?);
                    here = below;
                }
                continue;
            }
            *batch_here = batch(&here).map_err(text)?;
            if !batch_here.is_empty() {
                continue;
            }
            match self.rmdir_level(&names) {
                Ok(()) => {}
                Err(error)
                    if error.kind() == io::ErrorKind::DirectoryNotEmpty && refills < REFILLS =>
                {
                    refills += 1;
                    continue;
                }
                Err(error) => return Err(text(error)),
            }
            self.removed.entries += 1;
            pending.pop();
            names.pop();
            if !names.is_empty() {
                here = self.open(&names).map_err(text)?;
            }
        }
        Ok(())
    }

    /// Removes one entry, or, if it is a directory, moves it into the holder of its level and opens it there.
    fn remove_entry(
        &mut self,
        here: &Dir,
        name: &OsStr,
        top: &Metadata,
        level: usize,
        due: &mut dyn FnMut(&Metadata) -> bool,
    ) -> Result<Option<Dir>, String> {
        let shown = crate::name::escaped(name);
        let failed = |error: io::Error| format!("`{shown}` in it: {error}");
        let planned = match here.look(name) {
            Ok(planned) => planned,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if planned.mount_root || planned.identity.mnt_id != top.identity.mnt_id {
            return Err(format!("`{shown}` in it is on another mount"));
        }
        if planned.immutable || planned.append_only {
            return Err(format!("`{shown}` in it is immutable or append-only"));
        }
        if !due(&planned) {
            return Err(format!("`{shown}` in it is no longer due"));
        }
        let is_directory = planned.kind == Kind::Directory;
        let made;
        let holder = if is_directory {
            made = self.holder(level).map_err(failed)?;
            &made
        } else {
            self.file_holder().map_err(failed)?
        };
        match take_in((here.fd(), name), (holder.fd(), name)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        }
        let held = holder.look(name).map_err(failed)?;
        // If it is another one it goes back with all the rest.
        if !is_unchanged(&planned, &held) {
            return Err(format!("`{shown}` in it was exchanged or written to"));
        }
        if is_directory {
            return holder.enter(name).map(Some).map_err(failed);
        }
        unlinkat(holder.fd(), name, AtFlags::empty()).map_err(|error| failed(error.into()))?;
        self.count(&planned);
        Ok(None)
    }

    fn count(&mut self, metadata: &Metadata) {
        self.removed.entries += 1;
        if metadata.kind == Kind::File && metadata.nlink == 1 {
            self.removed.bytes += metadata.size;
        }
    }

    /// Opens the directory that the last of `names` is, in the holder of its level.
    fn open(&self, names: &[OsString]) -> io::Result<Dir> {
        let (level, name) = (names.len() - 1, &names[names.len() - 1]);
        if level == 0 {
            return self.run.enter(name);
        }
        self.run.enter(&holder_name(self.slot, level))?.enter(name)
    }

    fn rmdir_level(&self, names: &[OsString]) -> io::Result<()> {
        let (level, name) = (names.len() - 1, &names[names.len() - 1]);
        if level == 0 {
            return rmdir(self.run, name);
        }
        rmdir(&self.run.enter(&holder_name(self.slot, level))?, name)
    }

    fn holder(&mut self, level: usize) -> io::Result<Dir> {
        let name = holder_name(self.slot, level);
        if level > self.levels {
            mkdirat(self.run.fd(), &name, Mode::from_raw_mode(0o700))?;
            self.levels = level;
        }
        self.run.enter(&name)
    }

    fn file_holder(&mut self) -> io::Result<&Dir> {
        if self.file_holder.is_none() {
            let name = file_holder_name(self.slot);
            mkdirat(self.run.fd(), &name, Mode::from_raw_mode(0o700))?;
            self.file_holder = Some(self.run.enter(&name)?);
        }
        self.file_holder.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Some names of a directory that is being emptied; the others come when these are gone.
fn batch(dir: &Dir) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    dir.list(|name, _| {
        if names.len() < BATCH {
            names.push(name.to_owned());
        }
    })?;
    Ok(names)
}

fn holder_name(slot: &OsStr, level: usize) -> OsString {
    let mut name = slot.to_owned();
    name.push(format!(".{level}"));
    name
}

fn file_holder_name(slot: &OsStr) -> OsString {
    let mut name = slot.to_owned();
    name.push(".f");
    name
}

fn holder(run: &Dir, slot: &OsStr, level: usize) -> io::Result<Option<Dir>> {
    existing(run, &holder_name(slot, level))
}

fn file_holder(run: &Dir, slot: &OsStr) -> io::Result<Option<Dir>> {
    existing(run, &file_holder_name(slot))
}

fn existing(run: &Dir, name: &OsStr) -> io::Result<Option<Dir>> {
    match run.enter(name) {
        Ok(dir) => Ok(Some(dir)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn rmdir(dir: &Dir, name: impl AsRef<Path>) -> io::Result<()> {
    match unlinkat(dir.fd(), name.as_ref(), AtFlags::REMOVEDIR) {
        // POSIX allows either.
        Err(Errno::EXIST) => Err(io::ErrorKind::DirectoryNotEmpty.into()),
        result => Ok(result?),
    }
}
