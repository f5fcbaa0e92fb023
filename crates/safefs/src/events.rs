//! What the kernel says about directories: who touched which entry, and that something was mounted.
//!
//! One [`Source`] over two interfaces. fanotify also names the process and takes any number of events, and needs
//! `CAP_SYS_ADMIN`; inotify is there for everyone. Events say where to look, never what is there: by the time one is read,
//! anything may have changed again.

mod fanotify;

mod inotify;

mod record;

mod mounts;

mod wait;

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::dir::Dir;
use crate::sys;

pub use mounts::Mounts;
pub use wait::{Ready, Waker, wait};

/// One record of fanotify, for `tests/fuzz`.
#[cfg(feature = "fuzzing")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelRecord {
    /// What happened.
    pub mask: u64,
    /// Who did it.
    pub pid: i32,
    /// The entry.
    pub name: Vec<u8>,
    /// The bytes of the directory's handle.
    pub handle: Option<Vec<u8>>,
}

#[cfg(feature = "fuzzing")]
pub(crate) fn kernel_records(mut bytes: &[u8]) -> Option<Vec<KernelRecord>> {
    let mut records = Vec::new();
    while let Some((record, rest)) = record::split(bytes).ok()? {
        assert!(rest.len() < bytes.len(), "no step forward");
        bytes = rest;
        let record::Record { mask, pid, directory, name, .. } = record;
        let handle = directory.map(|handle| handle.bytes.to_vec());
        records.push(KernelRecord { mask, pid, name: name.to_vec(), handle });
    }
    Some(records)
}

#[cfg(feature = "fuzzing")]
pub(crate) fn mounts_near(table: &[u8], path: &[u8]) -> Vec<Vec<u8>> {
    mounts::near(table, &mounts::written(path))
}

/// A kernel interface for events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// With the process that did it.
    Fanotify,
    /// Without.
    Inotify,
}

/// Which interface to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preference {
    /// fanotify if the process may, otherwise inotify.
    #[default]
    Best,
    /// inotify in any case.
    Inotify,
}

/// What is wanted of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Every change of an entry's attributes, every new entry, and what becomes of the directory itself.
    Entries,
    /// New entries, and what becomes of the directory itself.
    Arrivals,
    /// That the directory itself is moved; what happens in it costs nothing.
    Moves,
}

/// Names a watched directory among those of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(u64);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Mode, owner, times or another attribute changed.
    Attributes,
    /// The entry is new under this name.
    Appeared,
    /// The watched directory itself was moved.
    Moved,
    /// The watched directory itself is gone, or its filesystem; no more events come of it.
    Gone,
}

/// One thing that the kernel tells.
#[derive(Debug)]
pub enum Event {
    /// Events were lost: anything may have happened in any watched directory.
    Overflow,
    /// Something changed.
    Changed(Changed),
}

/// Something changed in a watched directory, or it did itself.
#[derive(Debug)]
pub struct Changed {
    /// The watched directory.
    pub key: Key,
    /// The entry; `None`: the directory itself.
    pub name: Option<OsString>,
    /// What happened.
    pub what: What,
    /// Whether the entry is a directory.
    pub directory: bool,
    /// Who did it, if the interface says so.
    pub who: Option<Arc<Who>>,
}

/// A process that caused an event.
#[derive(Debug)]
pub struct Who {
    /// Its number, as the caller's namespace has it.
    pub pid: u32,
    /// Holds the process itself, if it was still there when the event was read.
    pidfd: Option<OwnedFd>,
}

impl Who {
    /// Whether the process still runs. While it does, its number means no other.
    pub fn is_alive(&self) -> bool {
        let Some(pidfd) = &self.pidfd else { return false };
        // Readable once it has ended.
        let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
        matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0))
    }
}

/// Events about a number of directories.
#[derive(Debug)]
pub struct Source {
    inner: Inner,
    why_not_fanotify: Option<String>,
}

#[derive(Debug)]
enum Inner {
    Fanotify(fanotify::Group),
    Inotify(inotify::Instance),
}

impl Source {
    /// Opens the preferred interface, or the other one if the kernel does not grant it.
    ///
    /// Fails if it grants none: too many instances of this user, or no memory.
    pub fn open(preference: Preference) -> io::Result<Self> {
        let why = match preference {
            Preference::Inotify => "it was asked for".to_owned(),
            Preference::Best => match fanotify::Group::open() {
                Ok(group) => {
                    return Ok(Self { inner: Inner::Fanotify(group), why_not_fanotify: None });
                }
                Err(error) => format!("no fanotify: {error}"),
            },
        };
        let instance = inotify::Instance::open()?;
        Ok(Self { inner: Inner::Inotify(instance), why_not_fanotify: Some(why) })
    }

    /// The interface in use.
    pub fn backend(&self) -> Backend {
        match self.inner {
            Inner::Fanotify(_) => Backend::Fanotify,
            Inner::Inotify(_) => Backend::Inotify,
        }
    }

    /// Why it is not fanotify, if so.
    pub fn why_not_fanotify(&self) -> Option<&str> {
        self.why_not_fanotify.as_deref()
    }

    /// Watches a directory: this very one, whatever its name means later. The same directory gets the same key.
    ///
    /// Fails with `Unsupported` where the interface cannot tell the directories of the filesystem apart; inotify always can.
    pub fn add(&mut self, dir: &Dir, interest: Interest) -> io::Result<Key> {
        match &mut self.inner {
            Inner::Fanotify(group) => group.add(dir, interest).map(Key),
            Inner::Inotify(instance) => instance.add(dir, interest).map(Key),
        }
    }

    /// Takes no more events of a directory into account.
    pub fn forget(&mut self, key: Key) {
        match &mut self.inner {
            Inner::Fanotify(group) => group.forget(key.0),
            Inner::Inotify(instance) => instance.forget(key.0),
        }
    }

    /// Appends events that are there, without waiting; says whether more were.
    pub fn read(&mut self, events: &mut Vec<Event>) -> io::Result<bool> {
        match &mut self.inner {
            Inner::Fanotify(group) => group.read(events),
            Inner::Inotify(instance) => instance.read(events),
        }
    }
}

/// Readable when there are events.
impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.inner {
            Inner::Fanotify(group) => group.as_fd(),
            Inner::Inotify(instance) => instance.as_fd(),
        }
    }
}

/// Turns long enough for one repair, and far shorter than those of others.
const PROMPT_SLICE: Duration = Duration::from_micros(100);

/// Has the calling thread run soon after an event wakes it, also while others keep all processors busy.
///
/// It asks for shorter turns, not for more of the processor, and needs no right (Linux 6.12; before, nothing changes).
pub fn answer_promptly() -> io::Result<()> {
    sys::set_time_slice(PROMPT_SLICE)
}

#[cfg(test)]
mod tests;
