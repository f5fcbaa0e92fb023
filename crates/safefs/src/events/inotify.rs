use std::collections::HashSet;
use std::ffi::{CStr, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

use super::{Changed, Event, Interest, Key, What};
use crate::dir::Dir;
use crate::sys;

/// Room for some hundred events with names of ordinary length.
const BUFFER_BYTES: usize = 16 * 1024;
const HEAD_BYTES: usize = 16;
/// With a name of 255 bytes. A reading that left more room took all there was.
const LONGEST_EVENT: usize = HEAD_BYTES + 256;

/// An inotify instance.
#[derive(Debug)]
pub(super) struct Instance {
    fd: OwnedFd,
    watched: HashSet<i32>,
}

impl Instance {
    pub(super) fn open() -> io::Result<Self> {
        let fd = rustix::fs::inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(Self { fd, watched: HashSet::new() })
    }

    pub(super) fn add(&mut self, dir: &Dir, interest: Interest) -> io::Result<u64> {
        // By descriptor, so that the watch is on the directory that was opened and on no other.
        let path = sys::own_descriptor(dir.fd())?;
        let watch = rustix::fs::inotify::add_watch(&self.fd, path, mask(interest))?;
        self.watched.insert(watch);
        u64::try_from(watch).map_err(io::Error::other)
    }

    pub(super) fn forget(&mut self, key: u64) {
        let Ok(watch) = i32::try_from(key) else { return };
        if self.watched.remove(&watch) {
            // The kernel has already taken away those of deleted directories.
            let _ = rustix::fs::inotify::remove_watch(&self.fd, watch);
        }
    }

    pub(super) fn read(&mut self, events: &mut Vec<Event>) -> io::Result<bool> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
        let mut reader = Reader::new(&self.fd, &mut buffer);
        let mut taken = 0;
        loop {
            let raw = match reader.next() {
                Ok(raw) => raw,
                Err(Errno::WOULDBLOCK) => return Ok(false),
                Err(Errno::INTR) => return Ok(true),
                Err(error) => return Err(error.into()),
            };
            // The kernel fills names up to a multiple of the head.
            let name = raw.file_name().map_or(0, |name| name.count_bytes() + 1);
            taken += HEAD_BYTES + name.next_multiple_of(HEAD_BYTES);
            let event = event(&mut self.watched, raw.wd(), raw.events(), raw.file_name());
            events.extend(event);
            if reader.is_buffer_empty() {
                return Ok(taken + LONGEST_EVENT > BUFFER_BYTES);
            }
        }
    }
}

impl AsFd for Instance {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn event(
    watched: &mut HashSet<i32>,
    watch: i32,
    mask: ReadFlags,
    name: Option<&CStr>,
) -> Option<Event> {
    if mask.contains(ReadFlags::QUEUE_OVERFLOW) {
        return Some(Event::Overflow);
    }
    if !watched.contains(&watch) {
        return None;
    }
    let ended = ReadFlags::IGNORED | ReadFlags::UNMOUNT;
    let what = if mask.intersects(ended | ReadFlags::DELETE_SELF) {
        // The kernel tells the end of each watch itself, right after.
        watched.remove(&watch);
        What::Gone
    } else if mask.contains(ReadFlags::MOVE_SELF) {
        What::Moved
    } else if mask.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
        What::Appeared
    } else {
        What::Attributes
    };
    Some(Event::Changed(Changed {
        key: Key(u64::try_from(watch).ok()?),
        name: name.map(|name| OsStr::from_bytes(name.to_bytes()).to_owned()),
        what,
        directory: name.is_none() || mask.contains(ReadFlags::ISDIR),
        who: None,
    }))
}

fn mask(interest: Interest) -> WatchFlags {
    let itself = WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
    match interest {
        Interest::Moves => itself,
        Interest::Arrivals | Interest::Entries => {
            itself
                | WatchFlags::CREATE
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE_SELF
                | WatchFlags::ATTRIB
        }
    }
}
