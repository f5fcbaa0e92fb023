//! Places for connections: as many as there are, and nobody who has something to say is kept out by the silent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// The places of one listener.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    freed: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts what happens, so that there is an order without a clock.
    next: u64,
    taken: BTreeMap<u64, Taken>,
}

#[derive(Debug)]
struct Taken {
    /// Since when the client has been silent; `None`: its request is being answered.
    silent_since: Option<u64>,
    task: Option<AbortHandle>,
    /// Whether it was told to go.
    leaving: bool,
}

/// One place; free again when the last of its clones is dropped.
#[derive(Debug, Clone)]
pub(super) struct Place(Arc<Held>);

#[derive(Debug)]
struct Held {
    places: Places,
    id: u64,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Inner { most, freed: Notify::new(), state: Mutex::default() }))
    }

    /// Takes a place. If none is free, the client that has been silent longest goes; if none is silent, this waits.
    pub(super) async fn take(&self) -> Place {
        loop {
            let freed = self.0.freed.notified();
            if let Some(place) = self.try_take() {
                return place;
            }
            freed.await;
        }
    }

    fn try_take(&self) -> Option<Place> {
        let mut state = self.lock();
        if state.taken.len() >= self.0.most {
            let silent =
                state.taken.values_mut().filter(|taken| !taken.leaving && taken.task.is_some());
            if let Some(longest) = silent
                .filter(|taken| taken.silent_since.is_some())
                .min_by_key(|taken| taken.silent_since)
            {
                longest.leaving = true;
                if let Some(task) = &longest.task {
                    task.abort();
                }
            }
            return None;
        }
        state.next += 1;
        let id = state.next;
        state.taken.insert(id, Taken { silent_since: Some(id), task: None, leaving: false });
        Some(Place(Arc::new(Held { places: self.clone(), id })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Says which task serves its client, and so what is to end if the place is wanted.
    pub(super) fn held_by(self, task: AbortHandle) {
        self.change(|taken, _| taken.task = Some(task));
    }

    /// A request is being answered.
    pub(super) fn busy(&self) {
        self.change(|taken, _| taken.silent_since = None);
    }

    /// The client is the one to speak.
    pub(super) fn silent(&self) {
        self.change(|taken, now| taken.silent_since = Some(now));
    }

    fn change(&self, change: impl FnOnce(&mut Taken, u64)) {
        let mut state = self.0.places.lock();
        state.next += 1;
        let now = state.next;
        if let Some(taken) = state.taken.get_mut(&self.0.id) {
            change(taken, now);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.places.lock().taken.remove(&self.id);
        self.places.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    /// A place, with a task that holds it.
    async fn taken(places: &Places) -> (Place, tokio::task::JoinHandle<()>) {
        let place = places.take().await;
        let held = place.clone();
        let task = tokio::spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        place.clone().held_by(task.abort_handle());
        (place, task)
    }

    #[tokio::test]
    async fn one_more_takes_the_place_of_who_was_silent_longest() {
        let places = Places::new(2);
        let (first, first_task) = taken(&places).await;
        let (second, second_task) = taken(&places).await;
        // The first has spoken since.
        first.busy();
        first.silent();
        drop((first, second));
        let third = places.take().await;
        assert!(second_task.await.is_err_and(|ended| ended.is_cancelled()));
        assert!(!first_task.is_finished());
        drop(third);
        first_task.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_who_is_being_answered_is_sent_away() {
        let places = Places::new(1);
        let (only, task) = taken(&places).await;
        only.busy();
        let waited = std::time::Duration::from_hours(1);
        assert!(tokio::time::timeout(waited, places.take()).await.is_err());
        assert!(!task.is_finished());
        only.silent();
        drop(only);
        let _next = places.take().await;
        assert!(task.await.is_err());
    }
}
