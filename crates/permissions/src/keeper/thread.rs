//! The thread of a keeper: waits, and sees to what it hears.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use evenkeel_safefs::KnownRoot;
use evenkeel_safefs::events::{Key, wait};
use evenkeel_shown::said::Said;

use super::round::{Outcome, Round};
use super::watch::{Heard, Touch, Touched, Watch};
use super::{Kept, News, Orders, Task, WATCH_AGAIN};
use crate::fights::Fights;
use crate::observe::{open_root, working_as};
use crate::plan::Ids;

/// What the thread has.
pub(super) struct Keeping<'a, F> {
    pub(super) task: Task,
    pub(super) orders: &'a Orders,
    pub(super) tell: &'a mut F,
    pub(super) watch: Option<Watch>,
    /// Users and groups as numbers, looked up at each sweep.
    pub(super) ids: Option<Ids>,
    /// The root, as it was opened step by step since the last sweep.
    pub(super) root: Option<KnownRoot>,
    pub(super) fights: Fights,
    /// What deviates, as it was told last.
    pub(super) left: BTreeMap<PathBuf, String>,
    /// When everything has to be looked at anew, unasked.
    pub(super) anew: Option<Instant>,
    /// Not before.
    pub(super) rested: Instant,
    pub(super) described: Said,
}

impl<'a, F: FnMut(News)> Keeping<'a, F> {
    pub(super) fn new(task: Task, orders: &'a Orders, tell: &'a mut F) -> Self {
        Self {
            task,
            orders,
            tell,
            watch: None,
            ids: None,
            root: None,
            fights: Fights::new(),
            left: BTreeMap::new(),
            anew: None,
            rested: Instant::now(),
            described: Said::default(),
        }
    }

    pub(super) fn run(mut self) {
        loop {
            let timeout = self.deadline().map(|at| at.saturating_duration_since(Instant::now()));
            let watch = self.watch.as_ref();
            let (source, mounts) =
                (watch.map(|watch| &watch.source), watch.and_then(|watch| watch.mounts.as_ref()));
            let ready = match wait(source, mounts, &self.orders.waker, timeout) {
                Ok(ready) => ready,
                Err(error) => {
                    tracing::error!(rule = self.task.name, %error, "cannot wait for events");
                    return;
                }
            };
            if self.orders.stop.load(Ordering::Acquire) {
                return;
            }
            if ready.mounts {
                self.mounts();
            }
            if ready.events {
                self.hear();
            }
            self.resume();
            let now = Instant::now();
            if self.orders.sweep.swap(false, Ordering::AcqRel)
                || self.anew.is_some_and(|anew| anew <= now)
            {
                self.sweep();
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.anew.into_iter().chain(self.fights.deadline()).min()
    }

    /// From now on nothing that was heard counts for more than a look at everything.
    fn look_anew(&mut self, why: &str) {
        tracing::debug!(rule = self.task.name, why, "looking at everything anew");
        self.anew.get_or_insert(self.rested.max(Instant::now()));
    }

    fn mounts(&mut self) {
        let mounts = self.watch.as_mut().and_then(|watch| watch.mounts.as_mut());
        if mounts.is_some_and(|mounts| mounts.changed().unwrap_or(true)) {
            self.look_anew("a mount changed");
        }
    }

    fn hear(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        match watch.read(&self.task.policy, Instant::now()) {
            Ok(Heard { touched, moved, anew, .. }) => {
                self.keep(touched, moved);
                if let Some(why) = anew {
                    self.look_anew(why);
                }
            }
            Err(error) => {
                tracing::warn!(rule = self.task.name, %error, "events ended");
                self.watch = None;
                self.anew = Some(Instant::now() + WATCH_AGAIN);
            }
        }
    }

    /// Sees to what events named.
    fn keep(&mut self, touched: Touched, moved: Vec<Key>) {
        let Some(watch) = &self.watch else { return };
        let mut entries = BTreeMap::<PathBuf, Touch>::new();
        for ((key, name), touch) in touched {
            let Some(path) = watch.locate(key, name.as_ref()) else { continue };
            // A directory is told of by itself and by the one above it.
            let known = entries.entry(path).or_insert_with(|| touch.clone());
            known.appeared |= touch.appeared;
            known.who = known.who.take().or(touch.who);
        }
        if !entries.is_empty() || !moved.is_empty() {
            self.see_to(entries, moved);
        }
    }

    /// Sees to entries whose pause is over.
    fn resume(&mut self) {
        let now = Instant::now();
        let touch = Touch { appeared: false, noticed: now, who: None };
        let due: BTreeMap<_, _> =
            self.fights.due(now).into_iter().map(|path| (path, touch.clone())).collect();
        if !due.is_empty() {
            self.see_to(due, Vec::new());
        }
    }

    fn see_to(&mut self, entries: BTreeMap<PathBuf, Touch>, moved: Vec<Key>) {
        // The names are looked up at each sweep, and events come in only after one.
        let Some(ids) = self.ids.clone() else { return };
        let worker = ids.worker.clone();
        let (task, fights, stop) = (&self.task, &mut self.fights, &self.orders.stop);
        let (watch, known) = (self.watch.as_mut(), &mut self.root);
        let done = working_as(&task.policy, worker.as_ref(), || {
            // A root that was opened step by step stays good for as long as its path leads to that very directory.
            let root = match known.as_ref().and_then(KnownRoot::open) {
                Some(root) => root,
                None => match open_root(&task.policy)? {
                    Some(root) => {
                        *known = Some(root.known());
                        root
                    }
                    None => return Ok(None),
                },
            };
            if watch.as_ref().is_some_and(|watch| !watch.is_on(Some(root.metadata().identity))) {
                return Ok(None);
            }
            let ids = ids.with_root_owner(root.metadata().access.uid);
            let rule = (&task.policy, task.write);
            let mut round = Round::new(rule, &ids, &root, fights, watch, stop);
            round.see_to(entries);
            round.follow(moved);
            Ok(Some(round.done()))
        });
        match done {
            Ok(Ok(Some(outcome))) => self.tell_kept(outcome),
            Ok(Ok(None)) => self.look_anew("the root is another one"),
            // Told by the sweep, which finds the same.
            Ok(Err(error)) | Err(error) => self.look_anew(&error.to_string()),
        }
    }

    fn tell_kept(&mut self, outcome: Outcome) {
        let mut kept =
            Kept { repaired: outcome.repaired, fights: outcome.fights, ..Kept::default() };
        for path in outcome.hold {
            if self.left.remove(&path).is_some() {
                kept.cleared.push(path);
            }
        }
        for left in outcome.left {
            let known = self.left.get(&left.path);
            if known.is_none_or(|known| known != left.reason.text()) {
                self.left.insert(left.path.clone(), left.reason.text().to_owned());
                kept.left.push(left);
            }
        }
        if kept != Kept::default() {
            (self.tell)(News::Kept(kept));
        }
    }
}
