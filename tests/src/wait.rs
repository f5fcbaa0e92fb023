use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine: a wait that runs into it has found a defect.
pub const LONG: Duration = Duration::from_mins(1);

const POLL: Duration = Duration::from_millis(20);

/// Waits until `condition` holds. Panics after `deadline` with what was waited for.
#[track_caller]
pub fn until(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    until_some(what, deadline, || condition().then_some(()));
}

/// Waits until `look` finds something and returns it. Panics after `deadline` with what was waited for.
#[track_caller]
pub fn until_some<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < deadline, "waited {deadline:?} in vain until {what}");
        std::thread::sleep(POLL);
    }
}
