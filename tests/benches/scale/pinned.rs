//! What a bare timer does on the processor that the agent runs on: the machine's own part of a delay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use evenkeel_figures::quantile;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

const PERIOD: Duration = Duration::from_millis(10);

/// The first processor that this program may use.
pub(crate) fn first_processor() -> usize {
    let allowed = sched_getaffinity(Pid::from_raw(0)).expect("the kernel tells it");
    (0..CpuSet::count()).find(|cpu| allowed.is_set(*cpu).unwrap_or(false)).unwrap_or(0)
}

/// A thread on one processor that wakes at fixed times and notes how late it is.
pub(crate) struct Timer {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<f64>>,
}

impl Timer {
    pub(crate) fn start(processor: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut only = CpuSet::new();
            only.set(processor).expect("it is one of the machine's");
            sched_setaffinity(Pid::from_raw(0), &only).expect("a thread may choose its processor");
            let (began, mut turn, mut late) = (Instant::now(), 0, Vec::new());
            while !seen.load(Ordering::Relaxed) {
                turn += 1;
                let due = began + PERIOD * turn;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                late.push(due.elapsed().as_secs_f64() * 1e3);
            }
            late
        });
        Self { over, thread }
    }

    /// Ends it; by how many milliseconds it was late, p99.
    pub(crate) fn p99_ms(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        quantile(self.thread.join().expect("it does not panic"), 0.99)
    }
}
