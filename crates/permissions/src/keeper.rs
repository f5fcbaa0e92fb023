//! Keeps one policy: sweeps when told to, repairs what events name, pauses in a fight.

mod thread;

mod sweep;

mod round;

mod watch;

mod tree;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use evenkeel_safefs::events::{Preference, Waker, answer_promptly};
use evenkeel_shown::said::Said;
use serde::Serialize;

use self::thread::Keeping;
pub(crate) use self::watch::Watch;
use crate::apply::Repair;
use crate::observe::SweepError;
use crate::plan::{Kind, path};
use crate::policy::Policy;
use crate::who::By;

/// A source of events that could not be had is asked for again after this long.
const WATCH_AGAIN: Duration = Duration::from_secs(10);
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
    Watched(Said),
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
    pub reason: Said,
}

/// A repair that somebody keeps undoing; for a while the entry is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fight {
    /// The entry.
    pub path: PathBuf,
    /// What is fought over.
    pub kind: Kind,
    /// What the policy wants.
    pub ours: Arc<str>,
    /// What it is put to again and again.
    pub theirs: Arc<str>,
    /// The other party, where the kernel named it.
    pub by: Option<Arc<By>>,
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
                if let Err(error) = answer_promptly() {
                    tracing::debug!(%error, "repairs may wait for their turn of the processor");
                }
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
