use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::identity::start_alike;
use crate::walk::Visit;
use crate::walk::descent::{Descent, Part};

/// Threads that walk one tree together: one that has nothing left to do gets a part of what another has.
#[derive(Default)]
pub(super) struct Team {
    state: Mutex<State>,
    changed: Condvar,
    /// Threads for which no part lies ready; read without the lock at each step of those that work.
    hungry: AtomicUsize,
}

#[derive(Default)]
struct State {
    parts: Vec<Part>,
    waiting: usize,
    working: usize,
}

impl Team {
    /// Finishes `descent` with so many threads, the calling one among them; returns the visitors of the others.
    pub(super) fn finish<V: Visit + Send>(
        &self,
        descent: Descent<'_, V>,
        threads: usize,
        new: impl Fn() -> V + Sync,
    ) -> Vec<V> {
        let bounds = descent.bounds();
        self.lock().working = 1;
        let other = || {
            let mut visit = new();
            self.work(Descent::within(bounds, &mut visit));
            visit
        };
        thread::scope(|scope| {
            let mut others = Vec::new();
            for _ in 1..threads {
                self.lock().working += 1;
                match start_alike(scope, "walk", other) {
                    Ok(thread) => others.push(thread),
                    // The others do its work.
                    Err(_) => self.lock().working -= 1,
                }
            }
            self.work(descent);
            let joined = others.into_iter().map(thread::ScopedJoinHandle::join);
            joined
                .map(|visit| visit.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    }

    fn work<V: Visit>(&self, mut descent: Descent<'_, V>) {
        let _place = Place(self);
        loop {
            while descent.step() {
                if self.hungry.load(Ordering::Relaxed) > 0
                    && let Some(part) = descent.part()
                {
                    self.give(part);
                }
            }
            match self.take() {
                Some(part) => descent.take_up(part),
                None => return,
            }
        }
    }

    fn give(&self, part: Part) {
        let mut state = self.lock();
        state.parts.push(part);
        self.note(&state);
        self.changed.notify_one();
    }

    /// Waits for a part; `None` once nobody has anything left to do.
    fn take(&self) -> Option<Part> {
        let mut state = self.lock();
        state.working -= 1;
        state.waiting += 1;
        let part = loop {
            if let Some(part) = state.parts.pop() {
                state.working += 1;
                break Some(part);
            }
            if state.working == 0 {
                self.changed.notify_all();
                break None;
            }
            self.note(&state);
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.waiting -= 1;
        self.note(&state);
        part
    }

    fn note(&self, state: &State) {
        let hungry = state.waiting.saturating_sub(state.parts.len());
        self.hungry.store(hungry, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a thread that works: if its visitor panics, the others must not wait for it.
struct Place<'t>(&'t Team);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().working -= 1;
            self.0.changed.notify_all();
        }
    }
}
