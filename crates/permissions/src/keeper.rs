//! Keeps one policy: sweeps when told to, repairs what events name, pauses in a fight.

mod round;

mod tree;

mod watch;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use evenkeel_safefs::events::{Preference, Waker, wait};
use evenkeel_safefs::{Root, Trust};
use serde::Serialize;

use self::round::{Outcome, Round};
pub(crate) use self::watch::Watch;
use self::watch::{Heard, Touch, Touched};
use crate::apply::{Repair, Report, create};
use crate::fights::Fights;
use crate::observe::{SweepError, look, open_root, working_as};
use crate::plan::{Ids, Kind, Plan, path};
use crate::policy::Policy;
use crate::principals;
use crate::who::By;

/// A source of events that could not be had is asked for again after this long.
const WATCH_AGAIN: Duration = Duration::from_secs(10);
/// Looking at everything anew may take one part in so many of the time: whoever provokes it gets no more.
const REST: u32 = 10;
const SHORTEST_REST: Duration = Duration::from_millis(20);
/// A root that is made, or comes while its absence is noted, is looked at again.
const MOST_LOOKS: u32 = 3;
/// Everything on the heap: what grows with a tree is never on the stack.
const STACK_BYTES: usize = 512 * 1024;

/// What a keeper is to do.
#[derive(Debug, Clone)]
pub struct Task {
    /// The name of the rule, for the log and the thread.
    pub name: String,
    /// What must hold.
    pub policy: Policy,
    /// Whether to put right what deviates, or only to tell.
    pub write: bool,
    /// How to hear of changes; `None`: not at all, only when told to sweep.
    pub watch: Option<Preference>,
}

/// What a keeper tells.
#[derive(Debug)]
pub enum News {
    /// Everything was looked at: because of [`Keeper::sweep`], or because events alone would not tell.
    Swept(Result<Swept, SweepError>),
    /// What events named was seen to.
    Kept(Kept),
    /// How the rule is watched now, in words.
    Watched(String),
    /// The keeper has ended, and tells nothing more.
    Ended,
}

/// What a sweep found and did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Swept {
    /// What was put right.
    pub repaired: Vec<Repair>,
    /// Repairs that somebody keeps undoing.
    pub fights: Vec<Fight>,
    /// All that deviates still.
    pub left: Vec<Left>,
    /// How long it took.
    pub took: Duration,
}

/// What was done about single entries, and how what is left has changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// What was put right.
    pub repaired: Vec<Repair>,
    /// Repairs that somebody keeps undoing.
    pub fights: Vec<Fight>,
    /// What deviates and did not before, or deviates otherwise.
    pub left: Vec<Left>,
    /// What deviated before and does no more.
    pub cleared: Vec<PathBuf>,
}

/// An entry that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// What is wrong, and why it is left so.
    pub reason: String,
}

/// A repair that somebody keeps undoing; for a while the entry is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fight {
    /// The entry.
    pub path: PathBuf,
    /// What is fought over.
    pub kind: Kind,
    /// What the policy wants.
    pub ours: String,
    /// What it is put to again and again.
    pub theirs: String,
    /// The other party, where the kernel named it.
    pub by: Option<By>,
    /// How often it was put right.
    pub times: u32,
    /// How long it is left alone.
    pub pause: Duration,
}

/// A thread that keeps one policy, until it is stopped or dropped.
///
/// It begins with the first [`Keeper::sweep`]: until then nothing is looked at and nothing watched.
#[derive(Debug)]
pub struct Keeper {
    orders: Arc<Orders>,
}

#[derive(Debug)]
struct Orders {
    waker: Waker,
    stop: AtomicBool,
    sweep: AtomicBool,
}

impl Keeper {
    /// Starts the thread; `tell` is called on it. The last it is told is [`News::Ended`], whatever happens.
    ///
    /// Fails if the system gives no thread or no descriptor.
    pub fn start(task: Task, tell: impl FnMut(News) + Send + 'static) -> io::Result<Self> {
        let orders = Arc::new(Orders {
            waker: Waker::new()?,
            stop: AtomicBool::new(false),
            sweep: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&orders);
        std::thread::Builder::new()
            .name(format!("keep {}", task.name))
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let mut tell = Telling(tell);
                Keeping::new(task, &theirs, &mut tell.0).run();
            })?;
        Ok(Self { orders })
    }

    /// Asks for a look at everything, to be answered with [`News::Swept`]. Asked again before it began, it is one.
    pub fn sweep(&self) {
        self.orders.sweep.store(true, Ordering::Release);
        self.orders.waker.wake();
    }

    /// Asks for the end: what is being changed is changed, and nothing new is begun.
    pub fn stop(&self) {
        self.orders.stop.store(true, Ordering::Release);
        self.orders.waker.wake();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Tells of the end also when the thread panics.
struct Telling<F: FnMut(News)>(F);

impl<F: FnMut(News)> Drop for Telling<F> {
    fn drop(&mut self) {
        (self.0)(News::Ended);
    }
}

/// What the thread has.
struct Keeping<'a, F> {
    task: Task,
    orders: &'a Orders,
    tell: &'a mut F,
    watch: Option<Watch>,
    /// Users and groups as numbers, looked up at each sweep.
    ids: Option<Ids>,
    fights: Fights,
    /// What deviates, as it was told last.
    left: BTreeMap<PathBuf, String>,
    /// When everything has to be looked at anew, unasked.
    anew: Option<Instant>,
    /// Not before.
    rested: Instant,
    described: String,
}

impl<'a, F: FnMut(News)> Keeping<'a, F> {
    fn new(task: Task, orders: &'a Orders, tell: &'a mut F) -> Self {
        Self {
            task,
            orders,
            tell,
            watch: None,
            ids: None,
            fights: Fights::new(),
            left: BTreeMap::new(),
            anew: None,
            rested: Instant::now(),
            described: String::new(),
        }
    }

    fn run(mut self) {
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
    fn keep(&mut self, touched: Touched, moved: Vec<evenkeel_safefs::events::Key>) {
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

    fn see_to(
        &mut self,
        entries: BTreeMap<PathBuf, Touch>,
        moved: Vec<evenkeel_safefs::events::Key>,
    ) {
        // The names are looked up at each sweep, and events come in only after one.
        let Some(ids) = self.ids.clone() else { return };
        let worker = ids.worker.clone();
        let (task, fights, stop) = (&self.task, &mut self.fights, &self.orders.stop);
        let watch = self.watch.as_mut();
        let done = working_as(&task.policy, worker.as_ref(), || {
            let root = open_root(&task.policy)?;
            let Some(root) = root.filter(|root| {
                watch.as_ref().is_none_or(|watch| watch.is_on(Some(root.metadata().identity)))
            }) else {
                return Ok(None);
            };
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
            if self.left.get(&left.path) != Some(&left.reason) {
                self.left.insert(left.path.clone(), left.reason.clone());
                kept.left.push(left);
            }
        }
        if kept != Kept::default() {
            (self.tell)(News::Kept(kept));
        }
    }

    /// Looks at everything, laying watches on the way, and sees to what deviates.
    fn sweep(&mut self) {
        let begun = Instant::now();
        // Already here: an order that comes in while it is done is for the next one.
        let again = std::mem::take(&mut self.anew).is_some();
        self.fights.forget(begun);
        if again || self.watch.as_ref().is_some_and(|watch| !watch.is_on(self.root())) {
            self.watch = None;
        }
        let result = self.look_and_see_to().map(|outcome| Swept {
            repaired: outcome.repaired,
            fights: outcome.fights,
            left: outcome.left,
            took: begun.elapsed(),
        });
        self.left = match &result {
            Ok(swept) => {
                swept.left.iter().map(|left| (left.path.clone(), left.reason.clone())).collect()
            }
            Err(_) => BTreeMap::new(),
        };
        self.describe();
        (self.tell)(News::Swept(result));
        let rest = begun.elapsed().saturating_mul(REST).max(SHORTEST_REST);
        self.rested = Instant::now() + rest;
    }

    fn root(&self) -> Option<evenkeel_safefs::Identity> {
        let root = Root::open(self.task.policy.path(), Trust::Owners).ok()?;
        Some(root.metadata().identity)
    }

    fn look_and_see_to(&mut self) -> Result<Outcome, SweepError> {
        let mut all = Outcome::default();
        let mut looks = 0;
        loop {
            looks += 1;
            self.open_watch();
            // Who cannot be looked up is nobody's owner: until the next sweep nothing is done.
            self.ids = None;
            let ids = principals::ids(&self.task.policy)?;
            self.ids = Some(ids.clone());
            let plan = self.look(&ids);
            if self.task.watch == Some(Preference::Best)
                && self.watch.as_ref().is_some_and(Watch::is_unsupported)
            {
                tracing::info!(rule = self.task.name, "fanotify cannot watch this filesystem");
                self.task.watch = Some(Preference::Inotify);
                self.watch = None;
                continue;
            }
            let missing = match &plan {
                Ok(plan) => plan.steps.iter().any(|step| step.kind == Kind::Created),
                Err(_) => true,
            };
            if missing && self.task.write && looks < MOST_LOOKS && plan.is_ok() {
                let mut report = Report::default();
                create(&self.task.policy, &ids, &mut report);
                // What was heard before is about the root's absence.
                self.watch = None;
                let made = !report.repaired.is_empty();
                all.repaired.extend(report.repaired);
                if made && report.failed.is_empty() {
                    continue;
                }
                self.open_watch();
                self.lay_above();
                all.left = report
                    .failed
                    .into_iter()
                    .map(|failed| Left { path: failed.path, reason: failed.reason })
                    .collect();
                return Ok(all);
            }
            if missing {
                self.lay_above();
                // It may have come before the watch did.
                if looks < MOST_LOOKS && self.root().is_some() {
                    self.watch = None;
                    continue;
                }
            }
            let plan = plan?;
            let outcome = self.carry_out(plan, &ids)?;
            all.repaired.extend(outcome.repaired);
            all.fights.extend(outcome.fights);
            all.left = outcome.left;
            return Ok(all);
        }
    }

    fn look(&mut self, ids: &Ids) -> Result<Plan, SweepError> {
        let (policy, watch) = (&self.task.policy, self.watch.as_mut());
        working_as(policy, ids.worker.as_ref(), || look(policy, ids.clone(), watch))?
    }

    /// Puts right what deviates, by the same body as what events name: judged anew, each by itself.
    fn carry_out(&mut self, plan: Plan, ids: &Ids) -> Result<Outcome, SweepError> {
        let mut left: Vec<_> = plan
            .refused
            .into_iter()
            .map(|refused| Left { path: refused.path, reason: refused.reason })
            .collect();
        if plan.steps.is_empty() || !self.task.write {
            let entries = plan.steps.chunk_by(|one, next| one.path == next.path);
            left.extend(entries.filter_map(|steps| {
                let path = steps.first()?.path.clone();
                Some(Left { path, reason: round::difference(steps) })
            }));
            return Ok(Outcome { left, ..Outcome::default() });
        }
        let touch = Touch { appeared: false, noticed: Instant::now(), who: None };
        let policy = &self.task.policy;
        let relative = |path: &Path| path.strip_prefix(policy.path()).map(Path::to_owned).ok();
        let entries: BTreeMap<_, _> = plan
            .steps
            .iter()
            .filter_map(|step| Some((relative(&step.path)?, touch.clone())))
            .collect();
        let (task, fights, stop) = (&self.task, &mut self.fights, &self.orders.stop);
        let watch = self.watch.as_mut();
        let mut outcome = working_as(&task.policy, ids.worker.as_ref(), || {
            let root = open_root(&task.policy)?;
            let root =
                root.ok_or_else(|| SweepError::Missing { path: task.policy.path().to_owned() })?;
            let ids = ids.clone().with_root_owner(root.metadata().access.uid);
            let rule = (&task.policy, task.write);
            let mut round = Round::new(rule, &ids, &root, fights, watch, stop).sweeping();
            round.see_to(entries);
            Ok(round.done())
        })??;
        // A directory that was closed to us has been opened and read by now.
        let seen: HashSet<_> = outcome.hold.iter().collect();
        left.retain(|left| !seen.contains(&left.path));
        outcome.left.extend(left);
        Ok(outcome)
    }

    fn open_watch(&mut self) {
        let Some(preference) = self.task.watch.filter(|_| self.watch.is_none()) else { return };
        match Watch::open(preference, self.task.policy.path()) {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => {
                let why = format!("not watched, only swept: {error}");
                self.anew = Some(Instant::now() + WATCH_AGAIN);
                self.say(why);
            }
        }
    }

    fn lay_above(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.lay_above(self.task.policy.path());
        }
    }

    fn describe(&mut self) {
        let Some(watch) = &self.watch else { return };
        tracing::debug!(rule = self.task.name, directories = watch.directories(), "watching");
        let text = watch.describe();
        self.say(text);
    }

    fn say(&mut self, how: String) {
        if how != self.described {
            tracing::info!(rule = self.task.name, "watched by {how}");
            self.described.clone_from(&how);
            (self.tell)(News::Watched(how));
        }
    }
}
