use std::future::Future;
use std::time::Duration;

use tokio::runtime::Builder;

use crate::Failure;

/// Blocking work at one time: sweeps, cleanups, name look-ups. A look-up that hangs must not hold up a sweep.
const BLOCKING_THREADS: usize = 16;
/// Enough for a sweep, whose walk keeps its own stack.
const STACK_BYTES: usize = 512 * 1024;
/// Work comes in bursts, with seconds between them. A thread that waits for the next one holds memory, and where there are several,
/// each is woken in turn, so that none would ever end.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Runs `work` on one thread: the agent waits far more than it computes.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_stack_size(STACK_BYTES)
        .thread_keep_alive(KEEP_ALIVE)
        .build()
        .map_err(|error| Failure::refused_because(format!("cannot start: {error}")))?;
    let result = runtime.block_on(work);
    // A name look-up cannot be cancelled; the program ends without it.
    runtime.shutdown_background();
    result
}
