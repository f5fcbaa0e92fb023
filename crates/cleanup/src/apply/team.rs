//! The entries of a batch, taken by two threads: nearly all of the time is spent in the kernel.

use std::io;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use evenkeel_safefs::{start_alike, useful_threads};

use super::act::{Act, Not};
use super::report::Taken;
use super::work::Place;
use super::{Progress, Watch};
use crate::plan::Step;

/// Fewer entries than these are taken before another thread has begun.
const WORTH_A_THREAD: usize = 64;

/// A step with what was prepared for it.
pub(super) struct Task<'t> {
    pub(super) step: &'t Step,
    pub(super) place: Result<&'t Place, &'t Not>,
    /// The place that was announced for it; or why none was.
    pub(super) slot: Result<Option<u64>, &'t io::Error>,
}

/// What became of some tasks, by their number.
pub(super) type Results = Vec<(usize, Result<Taken, Not>)>;

/// Tasks of which each thread takes the next one.
struct Queue<'t> {
    act: &'t Act<'t>,
    tasks: &'t [Task<'t>],
    next: AtomicUsize,
    is_ended: AtomicBool,
    before: Progress,
    done: AtomicU64,
    bytes: AtomicU64,
}

/// Carries out the tasks, in about their order, and says what became of those that were begun.
///
/// The one who watches is asked by the calling thread alone, and if he ends it, the others end after what they have begun.
pub(super) fn carry_out(
    act: &Act<'_>,
    tasks: &[Task<'_>],
    watch: &mut Watch<'_>,
    progress: &mut Progress,
) -> (Results, ControlFlow<()>) {
    let queue = Queue {
        act,
        tasks,
        next: AtomicUsize::new(0),
        is_ended: AtomicBool::new(false),
        before: *progress,
        done: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
    };
    let is_large = act.only_moves_files() && tasks.len() >= WORTH_A_THREAD;
    let mut results = Vec::with_capacity(tasks.len());
    let (flow, was_helped) = if is_large && useful_threads() > 1 {
        thread::scope(|scope| {
            // Without a helper there is one thread less.
            let helper = start_alike(scope, "take", || {
                let mut results = Vec::with_capacity(tasks.len() / 2);
                let _ = queue.work(&mut |_| ControlFlow::Continue(()), &mut results);
                results
            });
            let flow = queue.work(watch, &mut results);
            let was_helped = helper.is_ok();
            if let Ok(helper) = helper {
                results.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            (flow, was_helped)
        })
    } else {
        (queue.work(watch, &mut results), false)
    };
    results.sort_unstable_by_key(|(index, _)| *index);
    if was_helped && flow.is_continue() {
        // The lock may have been that of the other thread, on another name of the file.
        for (index, result) in results.iter_mut().filter(|(_, result)| is_locked(result)) {
            *result = queue.take(*index, watch);
        }
    }
    *progress = queue.progress();
    (results, flow)
}

fn is_locked(result: &Result<Taken, Not>) -> bool {
    matches!(result, Err(Not::Locked))
}

impl Queue<'_> {
    fn work(&self, watch: &mut Watch<'_>, results: &mut Results) -> ControlFlow<()> {
        while !self.is_ended.load(Ordering::Relaxed) {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.tasks.len() {
                break;
            }
            if watch(self.progress()).is_continue() {
                let result = self.take(index, watch);
                if !matches!(result, Err(Not::Ended)) {
                    self.done.fetch_add(1, Ordering::Relaxed);
                    results.push((index, result));
                    continue;
                }
            }
            self.is_ended.store(true, Ordering::Relaxed);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn take(&self, index: usize, watch: &mut Watch<'_>) -> Result<Taken, Not> {
        let mut goes_on = || watch(self.progress()).is_continue();
        let result = self.act.carry_out(&self.tasks[index], &mut goes_on);
        if let Ok(taken) = &result {
            self.bytes.fetch_add(taken.bytes, Ordering::Relaxed);
        }
        result
    }

    fn progress(&self) -> Progress {
        Progress {
            done: self.before.done + self.done.load(Ordering::Relaxed),
            total: self.before.total,
            bytes: self.before.bytes.saturating_add(self.bytes.load(Ordering::Relaxed)),
        }
    }
}
