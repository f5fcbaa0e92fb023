use std::ffi::{CStr, OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::RawDir;
use rustix::io::Errno;

use crate::dir::{Dir, LISTING_BUFFER_BYTES, listed};
use crate::metadata::{Identity, Kind};
use crate::object::look_at_listed;
use crate::root::Root;
use crate::walk::{Found, Problem, Reach, Visit};

/// So many levels keep their descriptors at a time.
const OPEN_LEVELS: usize = 32;
/// Fewer entries than this in one buffer are no full buffer, whatever the length of their names.
const FULL_BUFFER: u64 = 200;

/// The way of one thread through a tree, depth first, in small steps between which it can be parted.
pub(super) struct Descent<'v, V> {
    visit: &'v mut V,
    bounds: Bounds,
    /// From the root to the last level; an entry's name is put behind it while it is told.
    path: Vec<u8>,
    levels: Vec<Level>,
    buffer: Vec<MaybeUninit<u8>>,
    entries: u64,
}

/// Where a walk ends.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    reach: Reach,
    mnt_id: u64,
}

/// A part of a tree that waits for a thread.
pub(super) struct Part {
    path: Vec<u8>,
    level: Level,
}

/// One directory on the way down.
struct Level {
    /// `None` far above the last level: opened again, by `..`, on the way back.
    dir: Option<Arc<Dir>>,
    identity: Identity,
    depth: u32,
    /// How much of the path leads here.
    path_length: usize,
    reading: Reading,
    /// Subdirectories to enter.
    pending: Vec<OsString>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Few entries are read, or none.
    Ahead,
    /// The last buffer was full of entries, so that there may be a lot more.
    UnderWay,
    Over,
}

impl<'v, V: Visit> Descent<'v, V> {
    pub(super) fn from_root(root: &Root, reach: Reach, visit: &'v mut V) -> io::Result<Self> {
        let bounds = Bounds { reach, mnt_id: root.metadata().identity.mnt_id };
        let mut descent = Self::within(bounds, visit);
        descent.levels.push(Level::new(root.dir().reopen_to_list()?, 0, 0));
        Ok(descent)
    }

    /// With nothing to do until it takes up a part.
    pub(super) fn within(bounds: Bounds, visit: &'v mut V) -> Self {
        let buffer = vec![MaybeUninit::uninit(); LISTING_BUFFER_BYTES];
        Self { visit, bounds, path: Vec::new(), levels: Vec::new(), buffer, entries: 0 }
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Entries listed so far.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// Reads one buffer of entries, or goes one level down or up; says whether there is more to do.
    pub(super) fn step(&mut self) -> bool {
        let Some(level) = self.levels.last_mut() else { return false };
        self.path.truncate(level.path_length);
        if level.reading != Reading::Over {
            self.read();
        } else if let Some(name) = level.pending.pop() {
            self.enter(&name);
        } else {
            self.leave();
        }
        true
    }

    /// Takes up a part that another thread gave away. What this one had to do must be done.
    pub(super) fn take_up(&mut self, part: Part) {
        self.path = part.path;
        self.levels.push(part.level);
    }

    /// Gives away about half of what is left to do, if that can be parted.
    pub(super) fn part(&mut self) -> Option<Part> {
        let last = self.levels.len().checked_sub(1)?;
        // The highest first: what is below it is likeliest large.
        for (index, level) in self.levels.iter_mut().enumerate() {
            let Some(dir) = &level.dir else { continue };
            let kept = if index == last {
                level.pending.len().div_ceil(2)
            } else {
                level.pending.len() / 2
            };
            if kept < level.pending.len() {
                let part = level.beside(Arc::clone(dir), Reading::Over, kept);
                return Some(Part { path: self.path[..level.path_length].to_vec(), level: part });
            }
        }
        let level = self.levels.get_mut(last)?;
        let dir = level.dir.clone().filter(|_| level.reading == Reading::UnderWay)?;
        // Both read on by the same descriptor, and the kernel gives each entry to one of them.
        let part = level.beside(dir, Reading::UnderWay, level.pending.len());
        Some(Part { path: self.path[..level.path_length].to_vec(), level: part })
    }

    fn read(&mut self) {
        let Some(level) = self.levels.last_mut() else { return };
        let Some(dir) = level.dir.clone() else { return };
        let mut buffer = std::mem::take(&mut self.buffer);
        let before = self.entries;
        let mut listing = RawDir::new(dir.fd(), &mut buffer);
        level.reading = loop {
            match listing.next() {
                // The directory was removed meanwhile.
                None | Some(Err(Errno::NOENT)) => break Reading::Over,
                Some(Err(error)) => {
                    self.visit.problem(path(&self.path), Problem::Io(error.into()));
                    break Reading::Over;
                }
                Some(Ok(entry)) => {
                    if let Some((name, kind)) = listed(&entry) {
                        self.entries += 1;
                        let entry = Entry { dir: &dir, name, kind };
                        if entry.visit(self.visit, self.bounds, &mut self.path) {
                            level.pending.push(entry.name().to_owned());
                        }
                    }
                }
            }
            if listing.is_buffer_empty() {
                let many = self.entries - before >= FULL_BUFFER;
                break if many { Reading::UnderWay } else { Reading::Ahead };
            }
        };
        self.buffer = buffer;
    }

    fn enter(&mut self, name: &OsStr) {
        let Some(above) = self.levels.last() else { return };
        let Some(dir) = &above.dir else { return };
        let depth = above.depth + 1;
        let opened = dir.enter_to_list(name);
        push(&mut self.path, name.as_bytes());
        let mut problem = |problem| self.visit.problem(path(&self.path), problem);
        let max_depth = self.bounds.reach.max_depth;
        match opened {
            Ok(_) if depth > max_depth => problem(Problem::TooDeep { max_depth }),
            Ok(dir) => {
                self.levels.push(Level::new(dir, depth, self.path.len()));
                let far_above = self.levels.len().checked_sub(OPEN_LEVELS + 1);
                if let Some(level) = far_above.and_then(|index| self.levels.get_mut(index)) {
                    level.dir = None;
                }
            }
            Err(error) if is_no_longer_ours(&error) => {}
            Err(error) => problem(Problem::Io(error)),
        }
    }

    fn leave(&mut self) {
        let Some(left) = self.levels.pop() else { return };
        let Some(level) = self.levels.last_mut().filter(|level| level.dir.is_none()) else {
            return;
        };
        let gone = || io::Error::new(io::ErrorKind::NotFound, "what is in it was moved away");
        match left.dir.ok_or_else(gone).and_then(|left| left.above(&level.identity)) {
            Ok(dir) => level.dir = Some(Arc::new(dir)),
            Err(_) if level.pending.is_empty() => {}
            Err(error) => {
                level.pending.clear();
                self.path.truncate(level.path_length);
                self.visit.problem(path(&self.path), Problem::Io(error));
            }
        }
    }
}

impl Level {
    fn new(dir: Dir, depth: u32, path_length: usize) -> Self {
        Self {
            identity: dir.metadata().identity,
            dir: Some(Arc::new(dir)),
            depth,
            path_length,
            reading: Reading::Ahead,
            pending: Vec::new(),
        }
    }

    /// The same directory for another thread, with all but `kept` of the pending subdirectories.
    fn beside(&mut self, dir: Arc<Dir>, reading: Reading, kept: usize) -> Self {
        let pending = self.pending.split_off(kept);
        Self { dir: Some(dir), reading, pending, ..*self }
    }
}

/// An entry as a listing has it.
struct Entry<'a> {
    dir: &'a Dir,
    name: &'a CStr,
    kind: Option<Kind>,
}

impl Entry<'_> {
    fn name(&self) -> &OsStr {
        OsStr::from_bytes(self.name.to_bytes())
    }

    /// Tells `visit` of the entry; says whether it is a subdirectory to enter.
    fn visit(&self, visit: &mut impl Visit, bounds: Bounds, parent: &mut Vec<u8>) -> bool {
        let name = self.name();
        let wanted = visit.wants(name, self.kind);
        let maybe_directory =
            bounds.reach.recursive && self.kind.is_none_or(|kind| kind == Kind::Directory);
        if !wanted && !maybe_directory {
            return false;
        }
        let parent_length = parent.len();
        push(parent, name.as_bytes());
        let (parent_path, path) = (path(&parent[..parent_length]), path(parent));
        let mut enters = false;
        match look_at_listed(self.dir.fd(), self.name) {
            Ok(metadata) => {
                let elsewhere = metadata.mount_root || metadata.identity.mnt_id != bounds.mnt_id;
                enters = bounds.reach.recursive
                    && metadata.kind == Kind::Directory
                    && !elsewhere
                    && visit.enters(name, &metadata);
                if wanted {
                    let (parent, metadata) = (parent_path, &metadata);
                    visit.found(Found { name, parent, path, metadata, dir: self.dir });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => visit.problem(path, Problem::Io(error)),
        }
        parent.truncate(parent_length);
        enters
    }
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

fn push(path: &mut Vec<u8>, name: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}

/// Gone, exchanged for something else, or mounted over since it was listed.
fn is_no_longer_ours(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::CrossesDevices
    )
}
