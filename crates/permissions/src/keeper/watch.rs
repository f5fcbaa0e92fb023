//! The watches of one rule, and what their events mean for it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use evenkeel_safefs::events::{
    Backend, Changed, Event, Interest, Key, Mounts, Preference, Source, What, Who,
};
use evenkeel_safefs::{Dir, Identity, Root, Trust};
use evenkeel_shown::said::{OnlySwept, PermissionsCode, Said, WatchedBy};

use super::tree::Tree;
use crate::policy::Policy;

/// So many entries are looked at together at most: what the engine is told stays small, and an order is heard in between.
pub(super) const BATCH: usize = 1024;

/// What is known about an entry that may have been put wrong.
#[derive(Debug, Clone)]
pub(super) struct Touch {
    /// Whether it is new: of a directory, what is in it has not been seen either.
    pub(super) appeared: bool,
    /// When the first event about it was read.
    pub(super) noticed: Instant,
    /// Who did it last, if the kernel says so.
    pub(super) who: Option<Arc<Who>>,
}

/// Entries of watched directories, those of one directory side by side.
pub(super) type Touched = BTreeMap<(Key, Option<OsString>), Touch>;

/// What the events of one reading say.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) touched: Touched,
    /// Directories below the root that were moved, to wherever.
    pub(super) moved: Vec<Key>,
    /// Why everything has to be looked at anew, if so.
    pub(super) anew: Option<&'static str>,
    /// Whether more events may be there.
    pub(super) more: bool,
}

/// The watches on a root, on the directories below it, and on those above it.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(super) source: Source,
    pub(super) mounts: Option<Mounts>,
    root: Option<Identity>,
    tree: Tree<Key>,
    above: HashMap<Key, Interest>,
    /// The directory whose subdirectories were laid last.
    parent: Option<(PathBuf, Key)>,
    unwatched: u64,
    why_unwatched: Option<String>,
    unsupported: bool,
    /// This process.
    me: u32,
}

impl Watch {
    /// No watch is laid yet. Fails if the kernel gives no source of events.
    pub(super) fn open(preference: Preference, path: &Path) -> io::Result<Self> {
        let mounts = Mounts::open(path)
            .inspect_err(|error| tracing::debug!(%error, "mounts are not watched"))
            .ok();
        Ok(Self {
            source: Source::open(preference)?,
            mounts,
            root: None,
            tree: Tree::new(),
            above: HashMap::new(),
            parent: None,
            unwatched: 0,
            why_unwatched: None,
            unsupported: false,
            me: std::process::id(),
        })
    }

    /// Whether the watches are on this root, and not on one that had its name before.
    pub(super) fn is_on(&self, root: Option<Identity>) -> bool {
        self.root == root
    }

    /// Whether this interface cannot watch this tree at all; the other one can.
    pub(super) fn is_unsupported(&self) -> bool {
        self.unsupported
    }

    /// Watches the root, and the directories above it for being moved.
    pub(crate) fn lay_root(&mut self, policy: &Policy, root: &Root) {
        self.root = Some(root.metadata().identity);
        (self.unwatched, self.why_unwatched) = (0, None);
        if let Some(key) = self.lay(root.dir(), interest(policy)) {
            self.tree.set_root(key);
            self.parent = Some((PathBuf::new(), key));
        }
        self.lay_moves(root.resolved());
    }

    /// Watches what is there of the way to a root that is missing, or cannot be opened.
    pub(super) fn lay_above(&mut self, path: &Path) {
        let nearest =
            path.ancestors().skip(1).find_map(|above| Root::open(above, Trust::Owners).ok());
        let Some(nearest) = nearest else { return };
        match self.source.add(nearest.dir(), Interest::Arrivals) {
            Ok(key) => drop(self.above.insert(key, Interest::Arrivals)),
            Err(error) => tracing::debug!(%error, "the directory above the root is not watched"),
        }
        self.lay_moves(nearest.resolved());
    }

    fn lay_moves(&mut self, below: &Path) {
        for above in below.ancestors().skip(1).filter(|above| above.parent().is_some()) {
            let laid = Root::open(above, Trust::Owners)
                .map_err(io::Error::other)
                .and_then(|above| self.source.add(above.dir(), Interest::Moves));
            match laid {
                Ok(key) => drop(self.above.insert(key, Interest::Moves)),
                // The sweep at its interval sees it.
                Err(error) => tracing::debug!(%error, "a directory above the root is not watched"),
            }
        }
    }

    /// Between two rounds of work any directory may have been exchanged for another.
    pub(super) fn begin(&mut self) {
        self.parent = None;
    }

    /// Watches the subdirectory `name` of `dir`, which is at `parent` from the root. To be called before it is listed.
    pub(crate) fn lay_below(&mut self, policy: &Policy, parent: &Path, dir: &Dir, name: &OsStr) {
        let depth = parent.components().count() + 1;
        if u32::try_from(depth).is_ok_and(|depth| depth > policy.max_depth()) {
            return;
        }
        if self.parent.as_ref().is_none_or(|(path, _)| path != parent) {
            // A directory that is watched already has the same key again.
            let Some(key) = self.lay(dir, interest(policy)) else { return };
            self.parent = Some((parent.to_owned(), key));
        }
        let Some((_, above)) = self.parent else { return };
        match dir.enter(name) {
            Ok(dir) => {
                if let Some(key) = self.lay(&dir, interest(policy)) {
                    self.tree.put(key, above, name);
                }
            }
            Err(error) => tracing::debug!(%error, "a directory is not watched"),
        }
    }

    fn lay(&mut self, dir: &Dir, interest: Interest) -> Option<Key> {
        self.source
            .add(dir, interest)
            .inspect_err(|error| {
                self.unsupported |= error.kind() == io::ErrorKind::Unsupported;
                self.unwatched += 1;
                self.why_unwatched.get_or_insert_with(|| error.to_string());
            })
            .ok()
    }

    /// Where the entry of an event is now, from the root; `None`: not below it any more.
    pub(super) fn locate(&self, key: Key, name: Option<&OsString>) -> Option<PathBuf> {
        self.tree.locate(key, name)
    }

    /// Checks, once arrivals have been seen to, where a directory went that was moved; forgets it if it left the tree.
    pub(super) fn follow(&mut self, moved: Key, open: impl FnOnce(&Path) -> io::Result<Dir>) {
        let Some(path) = self.tree.path(moved) else { return };
        let here = open(&path).and_then(|dir| self.source.add(&dir, Interest::Entries));
        if here.is_ok_and(|key| key == moved) {
            return;
        }
        self.parent = None;
        let left = self.tree.remove_all(moved);
        // A mark of fanotify costs nothing but its events, which are dropped; finding it among all would cost more.
        if self.source.backend() == Backend::Inotify {
            for key in left {
                self.source.forget(key);
            }
        }
    }

    /// Reads events that are there, as many as make a batch.
    pub(super) fn read(&mut self, policy: &Policy, now: Instant) -> io::Result<Heard> {
        let (mut heard, mut events) = (Heard { more: true, ..Heard::default() }, Vec::new());
        while heard.more && heard.touched.len() < BATCH {
            heard.more = self.source.read(&mut events)?;
            for event in events.drain(..) {
                match event {
                    Event::Overflow => heard.anew = Some("events were lost"),
                    Event::Changed(changed) => self.hear(policy, now, changed, &mut heard),
                }
            }
        }
        Ok(heard)
    }

    fn hear(&mut self, policy: &Policy, now: Instant, changed: Changed, heard: &mut Heard) {
        if let Some(interest) = self.above.get(&changed.key) {
            if is_about_root(policy, *interest, &changed) {
                heard.anew = Some("the way to the root changed");
            }
            return;
        }
        let key = changed.key;
        if !self.tree.contains(key) {
            return;
        }
        match (changed.what, changed.name) {
            (What::Moved | What::Gone, _) if self.tree.is_root(key) => {
                heard.anew = Some("the root was moved or deleted");
            }
            (What::Moved, _) => heard.moved.push(key),
            (What::Gone, _) => {
                self.tree.remove(key);
                self.parent = None;
            }
            // Our own repairs. Arrivals are looked at whoever made them: other parts of the same program may.
            (What::Attributes, _) if changed.who.as_ref().is_some_and(|who| who.pid == self.me) => {
            }
            (what, name) => {
                if name
                    .as_ref()
                    .is_some_and(|name| !policy.wants(Path::new(name), changed.directory))
                {
                    return;
                }
                let touch = heard.touched.entry((key, name)).or_insert(Touch {
                    appeared: false,
                    noticed: now,
                    who: None,
                });
                touch.appeared |= what == What::Appeared;
                touch.who = changed.who;
            }
        }
    }

    /// How the rule is watched, for people.
    pub(super) fn describe(&self) -> Said {
        let (by, shown) = match (self.source.backend(), self.source.why_not_fanotify()) {
            (Backend::Fanotify, _) => (WatchedBy::Fanotify, "fanotify".to_owned()),
            (Backend::Inotify, why) => {
                let instead = why.map(str::to_owned);
                let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
                (WatchedBy::Inotify { instead }, format!("inotify{why}: nobody is named"))
            }
        };
        let directories = self.unwatched;
        let swept = self.why_unwatched.clone().map(|error| OnlySwept { directories, error });
        let text = match &swept {
            Some(OnlySwept { directories, error }) => {
                format!("{shown}; {directories} directories are only swept: {error}")
            }
            None => shown,
        };
        Said::new(text, PermissionsCode::Watched { by, swept })
    }

    /// Watched directories at and below the root.
    pub(super) fn directories(&self) -> usize {
        self.tree.len()
    }
}

/// Whether an event of a directory above the root can be about the root.
fn is_about_root(policy: &Policy, interest: Interest, changed: &Changed) -> bool {
    match (&changed.name, interest) {
        // Moved, gone, or with other rights, which may open or close the way.
        (None, _) => true,
        // A directory such as /tmp is busy with names that lead nowhere near the root.
        (Some(name), Interest::Arrivals) => {
            policy.path().iter().any(|component| component == name.as_os_str())
        }
        (Some(_), _) => false,
    }
}

fn interest(policy: &Policy) -> Interest {
    let draft = policy.draft();
    if draft.recursive || !draft.files.is_empty() { Interest::Entries } else { Interest::Arrivals }
}
