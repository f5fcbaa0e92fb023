//! Looks at the host, which may never come back: a hung network mount holds whoever asks it, and so does a process whose memory the
//! kernel has locked; nothing ends the wait.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use evenkeel_shown::said::HostCode;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout};

use crate::prober::{Attempt, Step, off_thread};
use crate::{FailureClass, Outcome};

/// Looks at paths under way at a time: as many threads can hang, and no more.
const THREADS: usize = 16;
/// The same of looks at processes. They run on the runtime's threads, of which the agent has 16: some must be left for all else.
const PROCESSES: usize = 8;
/// Enough for a call and a small buffer.
const STACK_BYTES: usize = 256 * 1024;

/// Looks at file systems, and who looks at what just now.
#[derive(Debug)]
pub(crate) struct Looks {
    threads: Arc<Semaphore>,
    /// One dead mount holds one thread however often it is looked at.
    paths: OneEach<PathBuf>,
}

/// Looks that come one after the other, since one thread is enough for them as long as none hangs.
#[derive(Debug)]
pub(crate) struct Turns {
    turn: Arc<Semaphore>,
    threads: Arc<Semaphore>,
    /// What hangs holds one thread however often it is looked at.
    targets: OneEach<String>,
}

/// One look at a time at each thing.
#[derive(Debug)]
struct OneEach<Thing>(Mutex<Things<Thing>>);

#[derive(Debug)]
struct Things<Thing> {
    turns: HashMap<Thing, Weak<Semaphore>>,
    /// At so many things, those that nobody looks at are forgotten.
    swept_at: usize,
}

/// Fewer things than that are not worth a sweep.
const FEW_THINGS: usize = 16;

impl<Thing> Default for OneEach<Thing> {
    fn default() -> Self {
        Self(Mutex::new(Things { turns: HashMap::new(), swept_at: FEW_THINGS }))
    }
}

impl<Thing: Eq + Hash> OneEach<Thing> {
    fn turn_of<Name: Eq + Hash + ToOwned<Owned = Thing> + ?Sized>(
        &self,
        thing: &Name,
    ) -> Arc<Semaphore>
    where
        Thing: Borrow<Name>,
    {
        // Whoever panicked while it held this left whole entries behind.
        let mut things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Things { turns, swept_at } = &mut *things;
        if let Some(turn) = turns.get(thing).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.len() >= *swept_at {
            turns.retain(|_, turn| turn.strong_count() > 0);
            *swept_at = FEW_THINGS.max(2 * turns.len());
        }
        let turn = Arc::new(Semaphore::new(1));
        turns.insert(thing.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            threads: Arc::new(Semaphore::new(PROCESSES)),
            targets: OneEach::default(),
        }
    }
}

impl Default for Looks {
    fn default() -> Self {
        Self { threads: Arc::new(Semaphore::new(THREADS)), paths: OneEach::default() }
    }
}

impl Looks {
    /// Runs `look` on a thread of its own and waits for what it finds. A cancelled one ends by itself, its result unseen.
    pub(crate) async fn at<Found: Send + 'static>(
        &self,
        path: &Path,
        attempt: &mut Attempt,
        look: impl FnOnce() -> Found + Send + 'static,
    ) -> Result<Found, Outcome> {
        attempt.step = Step::Filesystem;
        let turn = self.paths.turn_of(path).acquire_owned().await.map_err(|_| lost())?;
        attempt.step = Step::Queue;
        let thread = self.threads.clone().acquire_owned().await.map_err(|_| lost())?;
        attempt.step = Step::Filesystem;
        let (tell, told) = oneshot::channel();
        let work = move || {
            let found = look();
            drop((turn, thread));
            // Nobody may wait for it any more.
            let _ = tell.send(found);
        };
        let started =
            std::thread::Builder::new().name("look".to_owned()).stack_size(STACK_BYTES).spawn(work);
        if let Err(error) = started {
            let error = error.to_string();
            return Err(Outcome::unknown(FailureClass::Limit, HostCode::NoThread { error }));
        }
        told.await.map_err(|_| lost())
    }
}

fn lost() -> Outcome {
    Outcome::unknown(FailureClass::Limit, HostCode::BrokenOff)
}

impl Turns {
    /// Runs `look` at `target`, which names all that it looks at, off the runtime's own thread when those before it have ended, or
    /// after a quarter of the time that is left: one of them may hang. An earlier look at the same target is waited for.
    pub(crate) async fn take<Found: Send + 'static>(
        &self,
        target: &str,
        attempt: &mut Attempt,
        look: impl FnOnce() -> Found + Send + 'static,
    ) -> Result<Found, Outcome> {
        let before = std::mem::replace(&mut attempt.step, Step::EarlierLook);
        let own = self.targets.turn_of(target).acquire_owned().await.map_err(|_| lost())?;
        let patience = attempt.deadline.saturating_duration_since(Instant::now()) / 4;
        // Given back by whoever waits for the answer, and not by the thread: that one is free by then for the next look.
        let _turn = timeout(patience, Arc::clone(&self.turn).acquire_owned()).await;
        let thread = Arc::clone(&self.threads).acquire_owned().await.map_err(|_| lost())?;
        attempt.step = before;
        let look = move || {
            let found = look();
            drop((own, thread));
            found
        };
        off_thread(look).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn a_path_that_hangs_holds_one_thread_and_nobody_else() {
        let looks = Looks::default();
        let (hang, hanging) = std::sync::mpsc::channel::<()>();
        let mut hanging = Some(hanging);
        for _ in 0..THREADS * 2 {
            let mut attempt = Attempt::within(Duration::from_millis(20));
            let hanging = hanging.take();
            let look = looks.at(Path::new("/dead"), &mut attempt, move || {
                hanging.map(|hanging| hanging.recv().is_ok())
            });
            assert!(timeout(Duration::from_millis(20), look).await.is_err());
            assert_eq!(attempt.step, Step::Filesystem);
        }
        assert_eq!(looks.threads.available_permits(), THREADS - 1);
        let mut attempt = Attempt::within(Duration::from_secs(30));
        assert_eq!(looks.at(Path::new("/well"), &mut attempt, || 7).await, Ok(7));
        drop(hang);
        assert_eq!(looks.at(Path::new("/dead"), &mut attempt, || 8).await, Ok(8));
        // A turn is free a moment before the thread that held it lets go of it, so that one look may come too early for this.
        let forgotten = async {
            loop {
                assert_eq!(looks.at(Path::new("/third"), &mut attempt, || 9).await, Ok(9));
                let known: Vec<_> = (0..FEW_THINGS)
                    .map(|path| looks.paths.turn_of(&*PathBuf::from(path.to_string())))
                    .collect();
                if looks.paths.0.lock().unwrap().turns.len() == FEW_THINGS {
                    return known;
                }
            }
        };
        let waited = timeout(Duration::from_secs(30), forgotten).await;
        assert!(waited.is_ok(), "paths that nobody looks at are forgotten");
    }

    #[tokio::test]
    async fn those_that_take_turns_come_one_after_the_other() {
        let turns = Turns::default();
        let at_work = Arc::new((Mutex::new(0), Condvar::new()));
        let look = async |target| {
            let at_work = Arc::clone(&at_work);
            let mut attempt = Attempt::within(Duration::from_mins(4));
            let look = move || {
                let (count, changed) = &*at_work;
                *count.lock().unwrap() += 1;
                changed.notify_all();
                // Another one that did not wait for its turn would be here within that time.
                let alone = |count: &mut u32| *count == 1;
                let waited = changed.wait_timeout_while(
                    count.lock().unwrap(),
                    Duration::from_millis(50),
                    alone,
                );
                let (mut count, waited) = waited.unwrap();
                *count -= 1;
                waited.timed_out()
            };
            turns.take(target, &mut attempt, look).await
        };
        let found = tokio::join!(look("one"), look("another"), look("one"));
        assert_eq!(found, (Ok(true), Ok(true), Ok(true)));
    }

    #[tokio::test]
    async fn behind_one_that_hangs_nobody_waits_for_long() {
        let turns = Turns::default();
        let (hang, hanging) = std::sync::mpsc::channel::<()>();
        let (mut long, mut short) = (Attempt::within(LONG), Attempt::within(SHORT));
        let stuck = turns.take("stuck", &mut long, move || hanging.recv().is_err());
        let another = async {
            let found = turns.take("another", &mut short, || 7).await;
            drop(hang);
            found
        };
        assert_eq!(tokio::join!(stuck, another), (Ok(true), Ok(7)));
    }

    #[tokio::test]
    async fn what_hangs_holds_one_thread_however_often_it_is_looked_at() {
        let turns = Turns::default();
        let (hang, hanging) = std::sync::mpsc::channel::<()>();
        let hanging = Arc::new(Mutex::new(hanging));
        let looks = Arc::new(AtomicUsize::new(0));
        let look = async |attempt: &mut Attempt| {
            let (hanging, looks) = (Arc::clone(&hanging), Arc::clone(&looks));
            let look = move || {
                looks.fetch_add(1, Ordering::Relaxed);
                hanging.lock().unwrap().recv().is_err()
            };
            turns.take("stuck", attempt, look).await
        };
        let mut attempt = Attempt::within(SHORT);
        for _ in 0..PROCESSES * 2 {
            assert!(timeout(SHORT, look(&mut attempt)).await.is_err());
        }
        assert_eq!(attempt.step, Step::EarlierLook, "what the last one waited for");
        assert_eq!(turns.threads.available_permits(), PROCESSES - 1);
        assert_eq!(turns.turn.available_permits(), 1, "who gave up lets the others go on");
        assert_eq!(turns.take("well", &mut Attempt::within(LONG), || 7).await, Ok(7));
        drop(hang);
        assert_eq!(look(&mut Attempt::within(LONG)).await, Ok(true));
        assert_eq!(looks.load(Ordering::Relaxed), 2, "the one that hung, and the one after it");
    }
}
