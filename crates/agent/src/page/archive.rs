//! The history on disk, and the one thread that looks into it for pages.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, oneshot};
use tracing::warn;

type Look = Box<dyn FnOnce(&Path) + Send>;

/// Looks that wait for their turn; whoever has one more waits until there is room.
const WAITING: usize = 8;
const STACK_BYTES: usize = 512 * 1024;

/// The history on disk.
///
/// One thread looks into it, however many ask at once: what a look takes stays with the thread that took it (the allocator keeps a
/// heap for each), and an idle one would keep it for ever. It is started when somebody asks first.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    path: Arc<PathBuf>,
    looks: Arc<OnceLock<mpsc::Sender<Look>>>,
}

impl Archive {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path: Arc::new(path), looks: Arc::default() }
    }

    /// What `look` finds; `None` if it came to no end. It is not begun if nobody waits for it any more.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Path) -> T + Send + 'static,
    ) -> Option<T> {
        let looks = match self.looks.get() {
            Some(looks) => looks,
            // Whoever asks next tries again if there is no room for a thread now.
            None => {
                let looks = start(Arc::clone(&self.path))
                    .inspect_err(|error| warn!("no thread to look into the history: {error}"))
                    .ok()?;
                self.looks.get_or_init(|| looks)
            }
        };
        let (answer, answered) = oneshot::channel();
        let look: Look = Box::new(move |path| {
            if !answer.is_closed() {
                // Who asked may have gone meanwhile.
                let _ = answer.send(look(path));
            }
        });
        looks.send(look).await.ok()?;
        answered.await.ok()
    }
}

/// The thread ends with the last one who may ask it.
fn start(path: Arc<PathBuf>) -> io::Result<mpsc::Sender<Look>> {
    let (sender, mut looks) = mpsc::channel::<Look>(WAITING);
    let work = move || {
        while let Some(look) = looks.blocking_recv() {
            // Of a look that panics, he who asked hears; the others go on.
            let _ = catch_unwind(AssertUnwindSafe(|| look(&path)));
        }
    };
    std::thread::Builder::new().name("pages".to_owned()).stack_size(STACK_BYTES).spawn(work)?;
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_looks_are_made_by_one_thread_also_after_one_that_panics() {
        let archive = Archive::new("here".into());
        let ask = |panics: bool| {
            archive.look(move |path| {
                assert!(!panics, "as it is told to");
                (path.to_owned(), std::thread::current().id())
            })
        };
        let first = ask(false).await.unwrap();
        assert_eq!(ask(true).await, None);
        let (one, other) = tokio::join!(ask(false), ask(false));
        assert_eq!((one.as_ref(), other.as_ref()), (Some(&first), Some(&first)));
        assert_eq!(first.0, Path::new("here"));
    }

    #[tokio::test]
    async fn nobody_looks_for_somebody_who_has_gone() {
        let archive = Archive::new("here".into());
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let (began, begins) = oneshot::channel();
        let busy = archive.clone();
        let busy = tokio::spawn(async move {
            busy.look(move |_| {
                began.send(()).unwrap();
                wait.recv()
            })
            .await
        });
        begins.await.unwrap();
        let looked = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = Arc::clone(&looked);
        let other = archive.clone();
        let gone = tokio::spawn(async move {
            let looks = move |_: &Path| seen.store(true, std::sync::atomic::Ordering::Relaxed);
            other.look(looks).await
        });
        // It has its place in the row by then, as the tasks of a test share one thread.
        tokio::task::yield_now().await;
        assert_eq!(archive.looks.get().unwrap().capacity(), WAITING - 1);
        gone.abort();
        assert!(gone.await.is_err());
        go_on.send(()).unwrap();
        assert!(busy.await.unwrap().is_some());
        assert!(archive.look(|_| ()).await.is_some());
        assert!(!looked.load(std::sync::atomic::Ordering::Relaxed));
    }
}
