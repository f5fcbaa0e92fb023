//! Looks at the host, which may never come back: a hung network mount holds whoever asks it, and so does a process whose memory the
//! kernel has locked; nothing ends the wait.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use evenkeel_shown::said::HostCode;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::prober::{Attempt, Step, off_thread};
use crate::{FailureClass, Outcome};

/// Looks under way at a time, over all paths: as many threads can hang, and no more.
const THREADS: usize = 16;
/// Enough for a call and a small buffer.
const STACK_BYTES: usize = 256 * 1024;

/// Looks at file systems, and who looks at what just now.
#[derive(Debug)]
pub(crate) struct Looks {
    threads: Arc<Semaphore>,
    /// One at a time for each path, so that one dead mount holds one thread however often it is looked at.
    paths: Mutex<HashMap<PathBuf, Weak<Semaphore>>>,
}

/// Looks that come one after the other, since one thread is enough for them as long as none hangs.
#[derive(Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Default for Looks {
    fn default() -> Self {
        Self { threads: Arc::new(Semaphore::new(THREADS)), paths: Mutex::new(HashMap::new()) }
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
        let lost = || Outcome::unknown(FailureClass::Limit, HostCode::BrokenOff);
        attempt.step = Step::Filesystem;
        let turn = self.turn_of(path).acquire_owned().await.map_err(|_| lost())?;
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

    fn turn_of(&self, path: &Path) -> Arc<Semaphore> {
        // Whoever panicked while it held this left whole entries behind.
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = paths.get(path).and_then(Weak::upgrade) {
            return turn;
        }
        paths.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Semaphore::new(1));
        paths.insert(path.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

impl Turns {
    /// Runs `look` off the runtime's own thread when those before it have ended, or after `patience`: one of them may hang.
    pub(crate) async fn take<Found: Send + 'static>(
        &self,
        patience: Duration,
        look: impl FnOnce() -> Found + Send + 'static,
    ) -> Result<Found, Outcome> {
        let turn = timeout(patience, Arc::clone(&self.0).acquire_owned()).await;
        // Whoever waits for the answer gives the turn back, and not the thread: that one is free by then for the next look. If
        // nobody waits any more, it goes with the answer.
        let (found, _turn) = off_thread(move || (look(), turn)).await?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;

    use super::*;

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
                let known = looks.turn_of(Path::new("/fourth"));
                if looks.paths.lock().unwrap().len() == 1 {
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
        let look = || {
            let at_work = Arc::clone(&at_work);
            turns.take(Duration::from_mins(1), move || {
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
            })
        };
        assert_eq!(tokio::join!(look(), look(), look()), (Ok(true), Ok(true), Ok(true)));
    }

    #[tokio::test]
    async fn behind_one_that_hangs_nobody_waits_for_long() {
        let turns = Turns::default();
        let patience = Duration::from_millis(1);
        let (hang, hanging) = std::sync::mpsc::channel::<()>();
        let stuck = turns.take(patience, move || hanging.recv().is_err());
        let another = async {
            let found = turns.take(patience, || 7).await;
            drop(hang);
            found
        };
        assert_eq!(tokio::join!(stuck, another), (Ok(true), Ok(7)));
    }
}
