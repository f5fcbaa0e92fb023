#![expect(unsafe_code, reason = "records carry descriptors that have to be taken over")]

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

use nix::libc;
use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags};

use super::record::{Handle, Record, split};
use super::{Changed, Event, Interest, Key, What, Who};
use crate::dir::Dir;
use crate::sys;

/// Room for some two hundred records: each may bring a descriptor, and an ordinary limit allows a thousand.
const BUFFER_BYTES: usize = 16 * 1024;
/// No record is longer: its heads, a handle and a name, each of the longest. A reading that left more room took all there was.
const LONGEST_RECORD: usize = 1024;

/// A fanotify group whose records name directories by handle.
#[derive(Debug)]
pub(super) struct Group {
    fanotify: Fanotify,
    keys: HashMap<Name, u64>,
    next: u64,
    buffer: Vec<u8>,
}

/// A [`Handle`] that is kept: filesystem and type, then the bytes.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Name(Box<[u8]>);

impl Name {
    fn new(handle: Handle<'_>) -> Self {
        let mut bytes = Vec::with_capacity(12 + handle.bytes.len());
        bytes.extend_from_slice(&handle.fsid.to_ne_bytes());
        bytes.extend_from_slice(&handle.kind.to_ne_bytes());
        bytes.extend_from_slice(handle.bytes);
        Self(bytes.into_boxed_slice())
    }
}

impl Group {
    /// Fails without `CAP_SYS_ADMIN`, on Linux before 5.15, and when the user has too many groups.
    ///
    /// Its queue is bounded (`fs.fanotify.max_queued_events`): whoever may change the entries makes events faster than anybody takes them, and they are kept in
    /// the kernel's memory.
    pub(super) fn open() -> io::Result<Self> {
        let flags = InitFlags::FAN_CLASS_NOTIF
            | InitFlags::FAN_CLOEXEC
            | InitFlags::FAN_NONBLOCK
            | InitFlags::FAN_UNLIMITED_MARKS
            | InitFlags::FAN_REPORT_PIDFD
            | InitFlags::from_bits_retain(libc::FAN_REPORT_DFID_NAME);
        let fanotify = Fanotify::init(flags, EventFFlags::O_RDONLY)?;
        Ok(Self { fanotify, keys: HashMap::new(), next: 0, buffer: vec![0; BUFFER_BYTES] })
    }

    pub(super) fn add(&mut self, dir: &Dir, interest: Interest) -> io::Result<u64> {
        let (kind, bytes) = sys::handle_of(dir.fd())?;
        let fsid = rustix::fs::fstatvfs(dir.fd())?.f_fsid;
        let flags = MarkFlags::FAN_MARK_ADD | MarkFlags::FAN_MARK_ONLYDIR;
        // `.` of the very directory, which cannot be exchanged: the call takes no `O_PATH` descriptor as such.
        self.fanotify.mark(flags, mask(interest), dir.fd(), Some(".")).map_err(|errno| {
            // The filesystem has no identity, or one that is not the mount's.
            let foreign = matches!(errno, nix::Error::ENODEV | nix::Error::EXDEV);
            if foreign { io::Error::from(io::ErrorKind::Unsupported) } else { errno.into() }
        })?;
        let name = Name::new(Handle { fsid, kind, bytes: &bytes });
        let next = self.next;
        let key = *self.keys.entry(name).or_insert(next);
        self.next += u64::from(key == next);
        Ok(key)
    }

    pub(super) fn forget(&mut self, key: u64) {
        // Seldom asked; a second table the other way round would double what each directory costs.
        self.keys.retain(|_, kept| *kept != key);
    }

    pub(super) fn read(&mut self, events: &mut Vec<Event>) -> io::Result<bool> {
        let length = match rustix::io::read(&self.fanotify, &mut self.buffer[..]) {
            Ok(length) => length,
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(false),
            Err(rustix::io::Errno::INTR) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let buffer = std::mem::take(&mut self.buffer);
        let result = self.take(buffer.get(..length).unwrap_or_default(), events);
        self.buffer = buffer;
        result.map(|()| length + LONGEST_RECORD > BUFFER_BYTES)
    }

    fn take(&mut self, mut bytes: &[u8], events: &mut Vec<Event>) -> io::Result<()> {
        let malformed = |_| io::Error::new(io::ErrorKind::InvalidData, "an unknown record format");
        let mut seen: Vec<Arc<Who>> = Vec::new();
        while let Some((record, rest)) = split(bytes).map_err(malformed)? {
            bytes = rest;
            let who = who(&record, &mut seen);
            if let Some(event) = self.event(&record, who) {
                events.push(event);
            }
        }
        Ok(())
    }

    fn event(&mut self, record: &Record<'_>, who: Arc<Who>) -> Option<Event> {
        let mask = MaskFlags::from_bits_retain(record.mask);
        if mask.contains(MaskFlags::FAN_Q_OVERFLOW) {
            return Some(Event::Overflow);
        }
        let handle = Name::new(record.directory?);
        // Of a subdirectory that is not watched itself, for example.
        let key = *self.keys.get(&handle)?;
        let itself = record.name.is_empty() || record.name == b".";
        let what = if mask.contains(MaskFlags::FAN_DELETE_SELF) {
            self.keys.remove(&handle);
            What::Gone
        } else if mask.contains(MaskFlags::FAN_MOVE_SELF) {
            What::Moved
        } else if mask.intersects(MaskFlags::FAN_CREATE | MaskFlags::FAN_MOVED_TO) {
            What::Appeared
        } else {
            What::Attributes
        };
        Some(Event::Changed(Changed {
            key: Key(key),
            name: (!itself).then(|| OsString::from_vec(record.name.to_vec())),
            what,
            directory: mask.contains(MaskFlags::FAN_ONDIR),
            who: Some(who),
        }))
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fanotify.as_fd()
    }
}

/// The process of a record. One descriptor for each process of a read is kept, every other one is closed.
///
/// Of two processes that had the same number one after the other the first one counts: it is not alive, so that nobody is
/// taken for another.
fn who(record: &Record<'_>, seen: &mut Vec<Arc<Who>>) -> Arc<Who> {
    // Negative: the process had ended (`FAN_NOPIDFD`), or no descriptor was to be had (`FAN_EPIDFD`).
    let pidfd = record.pidfd.filter(|fd| *fd >= 0).map(|fd| {
        // SAFETY: the kernel made it for this record, which is looked at once.
        unsafe { sys::adopt(fd) }
    });
    let pid = u32::try_from(record.pid).unwrap_or_default();
    if let Some(known) = seen.iter().find(|known| known.pid == pid) {
        return Arc::clone(known);
    }
    let who = Arc::new(Who { pid, pidfd });
    seen.push(Arc::clone(&who));
    who
}

fn mask(interest: Interest) -> MaskFlags {
    let itself = MaskFlags::FAN_MOVE_SELF | MaskFlags::FAN_ONDIR;
    let arrivals = itself
        | MaskFlags::FAN_CREATE
        | MaskFlags::FAN_MOVED_TO
        | MaskFlags::FAN_DELETE_SELF
        | MaskFlags::FAN_ATTRIB;
    match interest {
        Interest::Moves => itself,
        Interest::Arrivals => arrivals,
        Interest::Entries => arrivals | MaskFlags::FAN_EVENT_ON_CHILD,
    }
}
