//! Who is measured. Ours first.

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use evenkeel_moment::Moment;
use evenkeel_recovery::breaker::{Breaker, Config, Draft, SharedBreaker, Window};
use failsafe::CircuitBreaker;
use recloser::Recloser;

/// Who is not ours, by name.
pub(crate) const PEERS: [&str; 2] = [FAILSAFE, RECLOSER];
const FAILSAFE: &str = "failsafe, consecutive failures";
const RECLOSER: &str = "recloser, ring of 100";

/// Longer than any run: what is open stays so.
const OPEN_FOR: Duration = Duration::from_hours(24);

/// Nanoseconds between two calls, so that steps of a window end now and then.
const PACE: u64 = 1_000;

/// Goes on from batch to batch.
static CLOCK: AtomicU64 = AtomicU64::new(0);

/// The moments of the next batch.
fn moments(calls: u64) -> impl Iterator<Item = Moment> {
    let start = CLOCK.fetch_add(calls * PACE, Ordering::Relaxed);
    (0..calls).map(move |call| Moment::from_nanos(start + call * PACE))
}

/// Somebody with one breaker that is closed and one that is open.
pub(crate) trait Contender: Sync {
    fn name(&self) -> &'static str;
    /// So many calls that pass and succeed.
    fn succeed(&self, calls: u64);
    /// So many calls that are refused.
    fn be_refused(&self, calls: u64);
    /// Whether two threads can use it.
    fn is_shared(&self) -> bool {
        true
    }
}

pub(crate) fn all() -> Vec<Box<dyn Contender>> {
    let time = Window::Time { length: Duration::from_secs(10), buckets: 10 };
    let count = Window::Count { size: 100, max_age: None };
    vec![
        Box::new(Ours::new("evenkeel SharedBreaker, time window", time)),
        Box::new(Ours::new("evenkeel SharedBreaker, count window", count)),
        Box::new(Clocked(
            Ours::new("evenkeel SharedBreaker, clock read per call", time),
            Instant::now(),
        )),
        Box::new(Pure::new("evenkeel Breaker (pure), time window", time)),
        Box::new(Pure::new("evenkeel Breaker (pure), count window", count)),
        Box::new(Failsafe::new()),
        Box::new(Reclosers::new()),
        Box::new(Bare(AtomicU64::new(0))),
    ]
}

fn config(window: Window) -> Config {
    let draft = Draft { window, reset_timeout: OPEN_FOR, reset_max: OPEN_FOR, ..Draft::default() };
    Config::try_new(draft).expect("within bounds")
}

struct Ours {
    name: &'static str,
    closed: SharedBreaker,
    open: SharedBreaker,
}

impl Ours {
    fn new(name: &'static str, window: Window) -> Self {
        let [closed, open] = [0; 2].map(|_| SharedBreaker::new(config(window), Moment::ORIGIN));
        while let Ok(permit) = open.try_acquire(Moment::ORIGIN) {
            permit.failure(Moment::ORIGIN);
        }
        Self { name, closed, open }
    }
}

impl Contender for Ours {
    fn name(&self) -> &'static str {
        self.name
    }

    fn succeed(&self, calls: u64) {
        for now in moments(calls) {
            if let Ok(permit) = black_box(&self.closed).try_acquire(now) {
                black_box(permit.success(now));
            }
        }
    }

    fn be_refused(&self, calls: u64) {
        for now in moments(calls) {
            match black_box(&self.open).try_acquire(now) {
                Ok(permit) => drop(black_box(permit)),
                Err(rejected) => drop(black_box(rejected.retry_after)),
            }
        }
    }
}

/// Ours as one is used that reads the clock for each call, as the others do when they must.
struct Clocked(Ours, Instant);

impl Contender for Clocked {
    fn name(&self) -> &'static str {
        self.0.name
    }

    fn succeed(&self, calls: u64) {
        for _ in 0..calls {
            let now = Moment::since_origin(self.1.elapsed());
            if let Ok(permit) = black_box(&self.0.closed).try_acquire(now) {
                black_box(permit.success(now));
            }
        }
    }

    fn be_refused(&self, calls: u64) {
        for _ in 0..calls {
            let now = Moment::since_origin(self.1.elapsed());
            match black_box(&self.0.open).try_acquire(now) {
                Ok(permit) => drop(black_box(permit)),
                Err(rejected) => drop(black_box(rejected.retry_after)),
            }
        }
    }
}

struct Pure {
    name: &'static str,
    // One thread only: `Contender` is `Sync` for the others.
    closed: std::sync::Mutex<RefCell<Breaker>>,
    open: std::sync::Mutex<RefCell<Breaker>>,
}

impl Pure {
    fn new(name: &'static str, window: Window) -> Self {
        let [closed, mut open] = [0; 2].map(|_| Breaker::new(config(window), Moment::ORIGIN));
        while let Ok(permit) = open.try_acquire(Moment::ORIGIN) {
            open.failure(permit, Moment::ORIGIN);
        }
        Self { name, closed: RefCell::new(closed).into(), open: RefCell::new(open).into() }
    }
}

impl Contender for Pure {
    fn name(&self) -> &'static str {
        self.name
    }

    fn succeed(&self, calls: u64) {
        // Locked once for the whole batch.
        let closed = self.closed.lock().expect("one thread");
        let mut closed = closed.borrow_mut();
        for now in moments(calls) {
            if let Ok(permit) = black_box(&mut *closed).try_acquire(now) {
                black_box(closed.success(permit, now));
            }
        }
    }

    fn be_refused(&self, calls: u64) {
        let open = self.open.lock().expect("one thread");
        let mut open = open.borrow_mut();
        for now in moments(calls) {
            match black_box(&mut *open).try_acquire(now) {
                Ok(permit) => drop(black_box(permit)),
                Err(rejected) => drop(black_box(rejected.retry_after)),
            }
        }
    }

    fn is_shared(&self) -> bool {
        false
    }
}

/// With the cheaper of its two policies, which has no window.
struct Failsafe {
    closed: FailsafeBreaker,
    open: FailsafeBreaker,
}

type FailsafeBreaker = failsafe::StateMachine<
    failsafe::failure_policy::ConsecutiveFailures<std::iter::Repeat<Duration>>,
    (),
>;

impl Failsafe {
    fn new() -> Self {
        let [closed, open] = [0; 2].map(|_| {
            let backoff = failsafe::backoff::constant(OPEN_FOR);
            let policy = failsafe::failure_policy::consecutive_failures(10, backoff);
            failsafe::Config::new().failure_policy(policy).build()
        });
        while open.is_call_permitted() {
            let _ = open.call(|| Err::<(), ()>(()));
        }
        Self { closed, open }
    }
}

impl Contender for Failsafe {
    fn name(&self) -> &'static str {
        FAILSAFE
    }

    fn succeed(&self, calls: u64) {
        for _ in 0..calls {
            let _ = black_box(black_box(&self.closed).call(|| Ok::<(), ()>(())));
        }
    }

    fn be_refused(&self, calls: u64) {
        for _ in 0..calls {
            let _ = black_box(black_box(&self.open).call(|| Ok::<(), ()>(())));
        }
    }
}

struct Reclosers {
    closed: Recloser,
    open: Recloser,
}

impl Reclosers {
    fn new() -> Self {
        let [closed, open] =
            [0; 2].map(|_| Recloser::custom().closed_len(100).open_wait(OPEN_FOR).build());
        for _ in 0..1_000 {
            let _ = open.call(|| Err::<(), ()>(()));
        }
        Self { closed, open }
    }
}

impl Contender for Reclosers {
    fn name(&self) -> &'static str {
        RECLOSER
    }

    fn succeed(&self, calls: u64) {
        for _ in 0..calls {
            let _ = black_box(black_box(&self.closed).call(|| Ok::<(), ()>(())));
        }
    }

    fn be_refused(&self, calls: u64) {
        for _ in 0..calls {
            let _ = black_box(black_box(&self.open).call(|| Ok::<(), ()>(())));
        }
    }
}

/// One atomic addition to succeed, one load to be refused: what no breaker for threads can do without.
struct Bare(AtomicU64);

impl Contender for Bare {
    fn name(&self) -> &'static str {
        "bare: one atomic addition, or one load"
    }

    fn succeed(&self, calls: u64) {
        for _ in 0..calls {
            black_box(black_box(&self.0).fetch_add(1, Ordering::AcqRel));
        }
    }

    fn be_refused(&self, calls: u64) {
        for _ in 0..calls {
            black_box(black_box(&self.0).load(Ordering::Acquire));
        }
    }
}
