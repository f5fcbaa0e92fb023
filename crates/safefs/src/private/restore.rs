//! Back to where it was: after a run that was killed, and because somebody wants it back.

use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{AtFlags, OFlags, unlinkat};

use super::area::{Summary, append, open_manifest, read_manifest};
use super::manifest::{self, Line};
use super::{Parent, Private, Purpose, Record, RunInfo, TEMPORARY};
use crate::dir::Dir;
use crate::metadata::{Kind, Metadata};
use crate::moving::put_back;
use crate::tree;

/// What became of one entry that a killed run had in its hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Where it was, from the root.
    pub path: PathBuf,
    /// The run.
    pub id: String,
    /// What was done with it.
    pub outcome: Returned,
}

/// Where an entry is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned {
    /// Back in its place.
    InPlace,
    /// Its compressed copy was in place already, so that it went.
    Replaced,
    /// Still with the run, because it cannot go back; an undo of the run tries again.
    Kept {
        /// Why.
        reason: String,
    },
}

/// One entry that an undo brought back, or could not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Where it was, from the root.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// `Err`: it stays with the run, and why. `Ok`: it is back; what is not as it was, if anything.
    pub result: Result<Option<String>, String>,
}

/// What an undo did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undone {
    /// One for each entry that the run kept and that was wanted.
    pub entries: Vec<Restored>,
    /// How many were not wanted, and stay.
    pub left: u64,
    /// Whether it was ended before the last one.
    pub stopped: bool,
}

/// Why nothing of a run can be brought back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError {
    /// No run is called so.
    #[error("no run `{id}`")]
    Unknown {
        /// The name that was given.
        id: String,
        /// What there is.
        known: Vec<RunInfo>,
    },
    /// Everything it kept is back already.
    #[error("run `{id}` has been undone")]
    AlreadyUndone {
        /// The run.
        id: String,
        /// When.
        at: SystemTime,
    },
    /// The system refuses.
    #[error("cannot undo run `{id}`")]
    Io {
        /// The run.
        id: String,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
}

impl Private<'_> {
    /// Brings back what runs that were killed had in their hands, and tells of each entry.
    ///
    /// What such a run had put into the trash stays there: it was due, and its manifest names it. A run whose manifest
    /// cannot be read is left as it is.
    pub fn recover(&self) -> io::Result<Vec<Recovered>> {
        let mut recovered = Vec::new();
        for id in self.ids()? {
            let dir = self.dir.enter(&id)?;
            if let Ok(summary) = read_manifest(&dir, |_| ()) {
                if !summary.closed {
                    self.recover_run(&id, &dir, &summary, &mut recovered)?;
                }
            } else {
                // Killed before its first line was on disk: then it has taken nothing, and only an empty one goes.
                self.forget_if_unused(&id, &dir)?;
            }
        }
        Ok(recovered)
    }

    fn recover_run(
        &self,
        id: &OsStr,
        dir: &Dir,
        summary: &Summary,
        recovered: &mut Vec<Recovered>,
    ) -> io::Result<()> {
        // It is a copy of something that still is where it was.
        let _ = unlinkat(dir.fd(), TEMPORARY, AtFlags::empty());
        let made = made(dir)?;
        read_manifest(dir, |record| {
            let Some(held) = held(dir, &record) else { return };
            if matches!(summary.purpose, Purpose::Trash { .. }) && record.is(&held.identity) {
                return;
            }
            let outcome = match made.iter().find(|(slot, ..)| *slot == record.slot) {
                Some(made) if self.is_in_place(&record, made) && record.is(&held.identity) => {
                    let slot = record.slot_name();
                    unlinkat(dir.fd(), slot, AtFlags::empty())
                        .map(|()| Returned::Replaced)
                        .map_err(|error| error.to_string())
                }
                _ => self.put_in_place(dir, &record, &held).map(|()| Returned::InPlace),
            };
            recovered.push(Recovered {
                path: record.path,
                id: id.to_string_lossy().into_owned(),
                outcome: outcome.unwrap_or_else(|reason| Returned::Kept { reason }),
            });
        })?;
        if !self.forget_if_empty(id, dir)? {
            // Where there is no room for this line the next one looks again, and finds the same.
            let _ = note(dir, &Line::Closed);
        }
        Ok(())
    }

    /// Brings back what a run kept: each entry to its place, which must be free, with mode, owner and times as they were.
    ///
    /// One that cannot go back does not keep the others, and stays with the run. `wanted` is asked before each entry whether
    /// it is to come back, and can end the whole.
    pub fn undo(
        &self,
        id: &str,
        now: SystemTime,
        mut wanted: impl FnMut(&Record) -> ControlFlow<(), bool>,
    ) -> Result<Undone, UndoError> {
        let failed = |source| UndoError::Io { id: id.to_owned(), source };
        if !self.ids().map_err(failed)?.iter().any(|known| known == id) {
            let known = self.runs().map_err(failed)?;
            return Err(UndoError::Unknown { id: id.to_owned(), known });
        }
        let dir = self.dir.enter(id.as_ref()).map_err(failed)?;
        let summary = read_manifest(&dir, |_| ()).map_err(failed)?;
        if let Some(at) = summary.undone {
            return Err(UndoError::AlreadyUndone { id: id.to_owned(), at });
        }
        let mut undone = Undone::default();
        read_manifest(&dir, |record| {
            if undone.stopped {
                return;
            }
            let Some(held) = held(&dir, &record) else { return };
            match wanted(&record) {
                ControlFlow::Continue(true) => {}
                ControlFlow::Continue(false) => return undone.left += 1,
                ControlFlow::Break(()) => return undone.stopped = true,
            }
            let result = self.put_in_place(&dir, &record, &held);
            let restored = Restored {
                result: result.map(|()| self.difference(&record, &held)),
                path: record.path,
                size: record.size,
            };
            undone.entries.push(restored);
        })
        .map_err(failed)?;
        let is_all = !undone.stopped && undone.left == 0;
        if is_all && undone.entries.iter().all(|entry| entry.result.is_ok()) {
            // What is back is back, also where there is no room for this line: another undo then finds nothing, and adds it.
            let _ = note(&dir, &Line::Undone { at: now });
        }
        Ok(undone)
    }

    /// Moves what is in the record's slot to where it was; overwrites nothing.
    ///
    /// Into the same directory, whatever its mode is by now; into another one that is there only if it lets in nobody whom
    /// the first kept out.
    fn put_in_place(&self, dir: &Dir, record: &Record, held: &Metadata) -> Result<(), String> {
        let (Some(name), Some(parent)) = (record.path.file_name(), record.path.parent()) else {
            return Err("its manifest names no place".to_owned());
        };
        let slot = record.slot_name();
        if held.kind == Kind::Directory {
            tree::reassemble(dir, slot.as_ref()).map_err(|error| error.to_string())?;
        }
        let place = self.root.dir().descend(parent).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                "the directory that it was in is gone".to_owned()
            }
            _ => format!("the directory that it was in cannot be opened: {error}"),
        })?;
        if !is_allowed(place.metadata(), &record.parent) {
            return Err(
                "another directory is where it was, open to more or of another owner".to_owned()
            );
        }
        match put_back((dir.fd(), slot.as_ref()), (place.fd(), name)) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Killed between the two halves of a move on a filesystem that cannot do it in one.
                if place.look(name).is_ok_and(|there| there.identity == held.identity) {
                    return unlinkat(dir.fd(), slot, AtFlags::empty())
                        .map_err(|error| error.to_string());
                }
                Err("its name is taken by another entry".to_owned())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// What is not as it was of an entry that is back in its place.
    fn difference(&self, record: &Record, held: &Metadata) -> Option<String> {
        let place = self.root.dir().descend(record.path.parent().unwrap_or(Path::new("")));
        let name = record.path.file_name()?;
        let Ok(now) = place.and_then(|place| place.look(name)) else {
            return Some("it was moved on at once".to_owned());
        };
        if now.identity != held.identity || !record.is(&now.identity) {
            return Some("it is another one than was taken".to_owned());
        }
        if now.access != record.access {
            return Some(format!(
                "it has mode {:04o}, owner {}, group {}; it had {:04o}, {}, {}",
                now.access.mode,
                now.access.uid,
                now.access.gid,
                record.access.mode,
                record.access.uid,
                record.access.gid
            ));
        }
        let written =
            now.mtime != record.mtime || (now.kind == Kind::File && now.size != record.size);
        written.then(|| "it was written to since it was taken".to_owned())
    }

    /// Whether the copy that was made for a record is in a directory entry beside its place.
    fn is_in_place(&self, record: &Record, made: &Made) -> bool {
        let (Some(parent), Some(name)) = (record.path.parent(), record.path.file_name()) else {
            return false;
        };
        let mut compressed = name.to_owned();
        compressed.push(".gz");
        let found = self.root.dir().descend(parent).and_then(|place| place.look(&compressed));
        found.is_ok_and(|found| (found.identity.ino, found.identity.btime) == (made.1, made.2))
    }

    fn forget_if_unused(&self, id: &OsStr, dir: &Dir) -> io::Result<()> {
        let names = dir.names()?;
        if names.is_empty() || (names == [super::MANIFEST] && dir.look(&names[0])?.size == 0) {
            self.forget_if_empty(id, dir)?;
        }
        Ok(())
    }
}

type Made = (u64, u64, Option<SystemTime>);

fn made(dir: &Dir) -> io::Result<Vec<Made>> {
    let mut all = Vec::new();
    manifest::read(io::BufReader::new(open_manifest(dir, OFlags::RDONLY)?), |line| {
        if let Line::Made { slot, ino, btime } = line {
            all.push((slot, ino, btime));
        }
    })?;
    Ok(all)
}

fn held(dir: &Dir, record: &Record) -> Option<Metadata> {
    dir.look(record.slot_name().as_ref()).ok()
}

fn note(dir: &Dir, line: &Line) -> io::Result<()> {
    let file = open_manifest(dir, OFlags::RDWR | OFlags::APPEND)?;
    let whole = manifest::read(io::BufReader::new(&file), |_| ())?;
    file.set_len(whole)?;
    append(&file, [line])
}

/// Whether what was in the one directory may go into the other: it is the same, or lets in nobody whom the first kept out.
fn is_allowed(now: &Metadata, then: &Parent) -> bool {
    let is_same = (now.identity.ino, now.identity.btime) == (then.ino, then.btime);
    let (now, then) = (&now.access, &then.access);
    let opened = now.mode & !then.mode & 0o077;
    let another_group = now.gid != then.gid && now.mode & 0o070 != 0;
    is_same || (now.uid == then.uid && opened == 0 && !another_group)
}
