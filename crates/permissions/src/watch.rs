use std::collections::HashMap;
use std::ffi::OsStr;
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use evenkeel_safefs::{Dir, Found, Kind, PRIVATE_NAME, Problem, Reach, Root, Trust, Visit, walk};
use futures_core::Stream as _;
use inotify::{EventMask, EventOwned, EventStream, Inotify, WatchDescriptor, WatchMask, Watches};

use crate::policy::Policy;

/// Room for a burst of events with names of ordinary length.
const BUFFER_BYTES: usize = 16 * 1024;
/// A flood of events still lets the caller look now and then.
const MOST_EVENTS_AT_ONCE: u32 = 4096;

/// Something below the root may have changed: look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touched;

/// Kernel events about the tree of one policy, as an async stream.
///
/// Events say when to look, [`crate::sweep`] says what is: a lost event, a root that was made anew and a changed file are
/// all the same. A slow sweep at an interval stays necessary, because not every change gives an event (a directory above
/// the root that is moved, a remote filesystem).
///
/// A repair gives an event of its own; the sweep that follows finds nothing, so that it ends there.
#[derive(Debug)]
pub struct Watcher {
    policy: Policy,
    events: EventStream<Vec<u8>>,
    watched: HashMap<WatchDescriptor, What>,
    broken: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// The root or a directory below it.
    Tree,
    /// The nearest directory above a missing root.
    Above,
}

impl Watcher {
    /// Starts to watch; must be called within a tokio runtime.
    ///
    /// A missing root is no error: its nearest existing ancestor is watched until it appears. Fails if the kernel gives no
    /// more inotify instances.
    pub fn new(policy: &Policy) -> io::Result<Self> {
        let events = Inotify::init()?.into_event_stream(vec![0; BUFFER_BYTES])?;
        let mut watcher =
            Self { policy: policy.clone(), events, watched: HashMap::new(), broken: false };
        watcher.arm();
        Ok(watcher)
    }

    /// Waits until something may have changed; events that are already there are taken together.
    ///
    /// Loses nothing if its future is dropped. When the kernel's stream fails it says so in the log and waits for ever.
    pub async fn next(&mut self) -> Touched {
        if self.broken {
            return std::future::pending().await;
        }
        let rearm = poll_fn(|context| self.drain(context)).await;
        if rearm {
            self.arm();
        }
        Touched
    }

    /// Ready once at least one event that counts was there; says whether the watches have to be laid anew.
    fn drain(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let (mut touched, mut rearm) = (false, false);
        for _ in 0..MOST_EVENTS_AT_ONCE {
            match Pin::new(&mut self.events).poll_next(context) {
                Poll::Ready(Some(Ok(event))) => {
                    let effect = self.effect(&event);
                    touched |= effect != Effect::None;
                    rearm |= effect == Effect::Rearm;
                }
                Poll::Ready(Some(Err(error))) => {
                    tracing::warn!(%error, "kernel events end here; only the sweep at its interval is left");
                    self.broken = true;
                    return Poll::Ready(false);
                }
                Poll::Ready(None) => {
                    self.broken = true;
                    return Poll::Ready(false);
                }
                Poll::Pending if touched => return Poll::Ready(rearm),
                Poll::Pending => return Poll::Pending,
            }
        }
        if touched {
            return Poll::Ready(rearm);
        }
        // Nothing but echoes of watches that were taken away: let others run, then go on.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn effect(&self, event: &EventOwned) -> Effect {
        if event.mask.contains(EventMask::Q_OVERFLOW) {
            return Effect::Rearm;
        }
        let gone =
            EventMask::DELETE_SELF | EventMask::MOVE_SELF | EventMask::IGNORED | EventMask::UNMOUNT;
        match self.watched.get(&event.wd) {
            None => Effect::None,
            // A directory such as /tmp is busy with names that lead nowhere near the root.
            Some(What::Above) if !self.leads_to_root(event.name.as_deref()) => Effect::None,
            Some(What::Above) => Effect::Rearm,
            Some(What::Tree) if event.mask.intersects(gone) => Effect::Rearm,
            Some(What::Tree) if is_private(event.name.as_deref()) => Effect::None,
            // A new subdirectory: watched first, then looked at, so that nothing in it is missed.
            Some(What::Tree)
                if self.policy.draft().recursive && event.mask.contains(EventMask::ISDIR) =>
            {
                Effect::Rearm
            }
            Some(What::Tree) => Effect::Look,
        }
    }

    /// Whether an event above the root can be about it: of the watched directory itself, or of a name on the root's path.
    fn leads_to_root(&self, name: Option<&OsStr>) -> bool {
        name.is_none_or(|name| self.policy.path().iter().any(|component| component == name))
    }

    /// Lays the watches as the tree is now, and takes those away that are no longer part of it.
    fn arm(&mut self) {
        let mut watches = self.events.watches();
        let mut laid = HashMap::new();
        if !lay_tree(&self.policy, &mut watches, &mut laid) {
            lay_above(&self.policy, &mut watches, &mut laid);
            // It may have appeared between the two.
            lay_tree(&self.policy, &mut watches, &mut laid);
        }
        for (old, _) in self.watched.drain().filter(|(old, _)| !laid.contains_key(old)) {
            // The kernel has already taken away those of deleted directories.
            let _ = watches.remove(old);
        }
        self.watched = laid;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    None,
    Look,
    Rearm,
}

fn lay_tree(
    policy: &Policy,
    watches: &mut Watches,
    laid: &mut HashMap<WatchDescriptor, What>,
) -> bool {
    let Ok(root) = Root::open(policy.path(), Trust::Owners) else { return false };
    let mask = WatchMask::ATTRIB
        | WatchMask::CREATE
        | WatchMask::MOVED_TO
        | WatchMask::DELETE_SELF
        | WatchMask::MOVE_SELF
        | WatchMask::ONLYDIR;
    lay(watches, root.dir(), mask, What::Tree, laid);
    if policy.draft().recursive {
        let reach = Reach { recursive: true, max_depth: policy.max_depth() };
        let mut below = Below { policy, watches, mask, laid };
        if let Err(error) = walk(&root, reach, &mut below) {
            tracing::debug!(%error, "cannot watch below the root");
        }
    }
    true
}

fn lay_above(policy: &Policy, watches: &mut Watches, laid: &mut HashMap<WatchDescriptor, What>) {
    let mask =
        WatchMask::CREATE | WatchMask::MOVED_TO | WatchMask::DELETE_SELF | WatchMask::MOVE_SELF;
    let above =
        policy.path().ancestors().skip(1).find_map(|path| Root::open(path, Trust::Owners).ok());
    if let Some(above) = above {
        lay(watches, above.dir(), mask | WatchMask::ATTRIB | WatchMask::ONLYDIR, What::Above, laid);
    }
}

fn lay(
    watches: &mut Watches,
    dir: &Dir,
    mask: WatchMask,
    what: What,
    laid: &mut HashMap<WatchDescriptor, What>,
) {
    // By descriptor, so that the watch is on the directory that was opened and on no other.
    match watches.add(dir.proc_path(), mask) {
        Ok(watch) => {
            laid.insert(watch, what);
        }
        Err(error) => {
            tracing::warn!(%error, "a directory is not watched; only the sweep at its interval sees it");
        }
    }
}

fn is_private(name: Option<&OsStr>) -> bool {
    name.is_some_and(|name| name.as_encoded_bytes().starts_with(PRIVATE_NAME.as_bytes()))
}

/// Lays a watch on every directory below the root.
struct Below<'a> {
    policy: &'a Policy,
    watches: &'a mut Watches,
    mask: WatchMask,
    laid: &'a mut HashMap<WatchDescriptor, What>,
}

impl Visit for Below<'_> {
    fn wants(&mut self, _name: &OsStr, kind: Option<Kind>) -> bool {
        kind.is_none_or(|kind| kind == Kind::Directory)
    }

    fn enters(&mut self, name: &OsStr) -> bool {
        !is_private(Some(name)) && !self.policy.excludes(Path::new(name))
    }

    fn found(&mut self, found: Found<'_>) {
        if found.metadata.kind == Kind::Directory
            && self.enters(found.name)
            && let Ok(dir) = found.dir.enter(found.name)
        {
            lay(self.watches, &dir, self.mask, What::Tree, self.laid);
        }
    }

    fn problem(&mut self, _path: &Path, problem: Problem) {
        tracing::debug!(%problem, "a directory is not watched");
    }
}
