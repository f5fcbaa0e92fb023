//! The primitives, which loom exchanges for its own to try every order of their steps.

#[cfg(all(test, evenkeel_loom))]
pub(super) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};
#[cfg(not(all(test, evenkeel_loom)))]
pub(super) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};

/// Into how many words threads may spread what they count.
pub(super) const STRIPES: usize = if cfg!(all(test, evenkeel_loom)) { 1 } else { 8 };

/// The word of this thread: two threads that succeed at once must not fight for one cache line.
#[inline]
pub(super) fn stripe() -> usize {
    use std::cell::Cell;
    use std::sync::atomic::AtomicUsize;

    const NONE: usize = usize::MAX;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static OWN: Cell<usize> = const { Cell::new(NONE) });
    if STRIPES == 1 {
        return 0;
    }
    OWN.with(|own| {
        if own.get() == NONE {
            own.set(NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES);
        }
        own.get()
    })
}
