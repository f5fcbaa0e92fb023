//! The entries of a batch, taken by two threads: nearly all of the time is spent in the kernel.

use std::io;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use evenkeel_safefs::start_alike;

use super::act::{Act, Not};
use super::report::Taken;
use super::work::Place;
use super::{Progress, Watch};
use crate::plan::Step;

/// Fewer entries than these are taken before another thread has begun.
const WORTH_A_THREAD: usize = 64;

/// A step with what was prepared for it.
pub(super) struct Job<'t> {
    pub(super) step: &'t Step,
    pub(super) place: Result<&'t Place, &'t Not>,
    /// The place that was announced for it; or why none was.
    pub(super) slot: Result<Option<u64>, &'t io::Error>,
}

/// What became of some jobs, by their number.
pub(super) type Results = Vec<(usize, Result<Taken, Not>)>;

/// Jobs of which each thread takes the next one.
struct Queue<'t, 'w> {
    act: &'t Act<'t>,
    jobs: &'t [Job<'t>],
    /// The jobs by number, as they are to be taken.
    order: Vec<usize>,
    watch: Mutex<&'t mut Watch<'w>>,
    next: AtomicUsize,
    is_ended: AtomicBool,
    before: Progress,
    done: AtomicU64,
    bytes: AtomicU64,
}

/// Carries out the jobs, in about their order, and says what became of those that were done.
///
/// Each thread asks the one who watches before each of its jobs. If he ends it, so does the other one after what it has begun.
pub(super) fn carry_out(
    act: &Act<'_>,
    jobs: &[Job<'_>],
    watch: &mut Watch<'_>,
    progress: &mut Progress,
) -> (Results, ControlFlow<()>) {
    let is_large = act.only_moves_files() && jobs.len() >= WORTH_A_THREAD && act.threads > 1;
    // What a file of several names frees is only known if they go one after the other.
    let has_many_names = |index: &usize| jobs[*index].step.nlink > 1;
    let (for_one, for_two) =
        (0..jobs.len()).partition::<Vec<_>, _>(|index| !is_large || has_many_names(index));
    let shared = for_two.len();
    let queue = Queue {
        act,
        jobs,
        order: [for_two, for_one].concat(),
        watch: Mutex::new(watch),
        next: AtomicUsize::new(0),
        is_ended: AtomicBool::new(false),
        before: *progress,
        done: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
    };
    let mut results = if shared > 0 { queue.by_two(shared) } else { Vec::new() };
    queue.next.store(shared, Ordering::Relaxed);
    results.extend(queue.work(jobs.len()));
    let is_ended = queue.is_ended.into_inner();
    results.sort_unstable_by_key(|(index, _)| *index);
    *progress = Progress {
        done: progress.done + results.len() as u64,
        bytes: progress.bytes.saturating_add(queue.bytes.into_inner()),
        ..*progress
    };
    (results, if is_ended { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
}

impl Queue<'_, '_> {
    fn by_two(&self, until: usize) -> Results {
        let (mut results, was_helped) = thread::scope(|scope| {
            let helper = start_alike(scope, "take", || self.work(until));
            let mut results = self.work(until);
            // Without a helper there is one thread less.
            let Ok(helper) = helper else { return (results, false) };
            results.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
            (results, true)
        });
        if was_helped {
            self.take_again(&mut results);
        }
        results
    }

    /// A lock that was in the way may have been that of the other thread, on another name of the file.
    fn take_again(&self, results: &mut Results) {
        if self.is_ended.load(Ordering::Relaxed) {
            // Then it was not reached.
            return results.retain(|(_, result)| !matches!(result, Err(Not::Locked)));
        }
        for (index, result) in results {
            if matches!(result, Err(Not::Locked)) {
                *result = self.take(*index);
            }
        }
    }

    /// Takes one after the other of those up to a place in the order.
    fn work(&self, until: usize) -> Results {
        let _ended = EndedByPanic(self);
        let mut results = Results::new();
        while !self.is_ended.load(Ordering::Relaxed) {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(&index) = self.order[..until].get(place) else { break };
            let result = if self.goes_on() { self.take(index) } else { Err(Not::Ended) };
            if matches!(result, Err(Not::Ended)) {
                self.is_ended.store(true, Ordering::Relaxed);
                break;
            }
            self.done.fetch_add(1, Ordering::Relaxed);
            results.push((index, result));
        }
        results
    }

    fn take(&self, index: usize) -> Result<Taken, Not> {
        let result = self.act.carry_out(&self.jobs[index], &mut || self.goes_on());
        if let Ok(taken) = &result {
            self.bytes.fetch_add(taken.bytes, Ordering::Relaxed);
        }
        result
    }

    fn goes_on(&self) -> bool {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = Progress {
            done: self.before.done + self.done.load(Ordering::Relaxed),
            total: self.before.total,
            bytes: self.before.bytes.saturating_add(self.bytes.load(Ordering::Relaxed)),
        };
        watch(progress).is_continue()
    }
}

/// A thread that panics ends the work of the other one too: what it does would be told nobody.
struct EndedByPanic<'q, 't, 'w>(&'q Queue<'t, 'w>);

impl Drop for EndedByPanic<'_, '_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.is_ended.store(true, Ordering::Relaxed);
        }
    }
}
