//! Looks at file systems, which may never come back: a hung network mount holds whoever asks it, and nothing ends the wait.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Semaphore, oneshot};

use crate::prober::{Attempt, Step};
use crate::{FailureClass, Outcome};

/// Looks under way at a time, over all paths: as many threads can hang, and no more.
const THREADS: usize = 16;
/// Enough for a call and a small buffer.
const STACK_BYTES: usize = 256 * 1024;

/// Who looks at what just now.
#[derive(Debug)]
pub(crate) struct Looks {
    threads: Arc<Semaphore>,
    /// One at a time for each path, so that one dead mount holds one thread however often it is looked at.
    paths: Mutex<HashMap<PathBuf, Weak<Semaphore>>>,
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
        let lost = || Outcome::unknown(FailureClass::Limit, "the look at the host was broken off");
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
            let detail = format!("cannot start a thread to look from: {error}");
            return Err(Outcome::unknown(FailureClass::Limit, detail));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
            assert!(tokio::time::timeout(Duration::from_millis(20), look).await.is_err());
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
        let waited = tokio::time::timeout(Duration::from_secs(30), forgotten).await;
        assert!(waited.is_ok(), "paths that nobody looks at are forgotten");
    }
}
