//! Short batches in turns, so that most of them run undisturbed on a machine that others use too.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::contenders::Contender;

/// Calls of a batch: a fraction of a millisecond, shorter than the time slice of a scheduler.
const BATCH: u64 = 10_000;
const ROUNDS: usize = 15;
const BATCHES_A_ROUND: usize = 20;
/// How long two threads try to meet, in each round.
const MEETING: Duration = Duration::from_millis(150);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One thread, every call succeeds.
    Closed,
    /// Two threads, every call succeeds.
    Contended,
    /// One thread, every call is refused.
    Refused,
}

#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) median: f64,
    pub(crate) quartile: f64,
    pub(crate) min: f64,
}

impl Kind {
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Closed => "closed: leave and success",
            Self::Contended => "closed, two threads: leave and success, per thread",
            Self::Refused => "open: refusal",
        }
    }
}

/// Measures all in turns, another one first in each round.
pub(crate) fn run(
    kind: Kind,
    contenders: &[Box<dyn Contender>],
) -> Vec<(&'static str, Option<Figures>)> {
    let takes_part = |contender: &dyn Contender| kind != Kind::Contended || contender.is_shared();
    let mut times = vec![Vec::new(); contenders.len()];
    for round in 0..ROUNDS {
        for place in 0..contenders.len() {
            let place = (place + round) % contenders.len();
            let contender = &*contenders[place];
            if !takes_part(contender) {
                continue;
            }
            match kind {
                Kind::Contended => meet(contender, &mut times[place]),
                Kind::Closed => alone(&mut times[place], |calls| contender.succeed(calls)),
                Kind::Refused => alone(&mut times[place], |calls| contender.be_refused(calls)),
            }
        }
    }
    let rows = contenders.iter().zip(times).filter(|(contender, _)| takes_part(&***contender));
    rows.map(|(contender, times)| (contender.name(), figures(times))).collect()
}

fn alone(times: &mut Vec<f64>, work: impl Fn(u64)) {
    work(BATCH);
    for _ in 0..BATCHES_A_ROUND {
        let start = Instant::now();
        work(BATCH);
        times.push(nanos_a_call(start.elapsed()));
    }
}

/// Two threads at once; a batch counts only if the other thread worked during most of it.
fn meet(contender: &dyn Contender, times: &mut Vec<f64>) {
    const PART: u64 = 500;
    let progress = [Line(AtomicU64::new(0)), Line(AtomicU64::new(0))];
    let (start, over) = (Barrier::new(2), AtomicBool::new(false));
    let work = |own: usize| {
        let mut times = Vec::new();
        start.wait();
        let begun = Instant::now();
        while begun.elapsed() < MEETING && !over.load(Ordering::Relaxed) {
            let seen = progress[1 - own].0.load(Ordering::Relaxed);
            let batch = Instant::now();
            for _ in 0..BATCH / PART {
                contender.succeed(PART);
                progress[own].0.fetch_add(PART, Ordering::Relaxed);
            }
            let took = batch.elapsed();
            if progress[1 - own].0.load(Ordering::Relaxed) - seen >= BATCH * 3 / 4 {
                times.push(nanos_a_call(took));
            }
        }
        over.store(true, Ordering::Relaxed);
        times
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| work(1));
        times.extend(work(0));
        times.extend(other.join().expect("a breaker panicked"));
    });
}

#[repr(align(128))]
struct Line(AtomicU64);

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn nanos_a_call(took: Duration) -> f64 {
    took.as_nanos() as f64 / BATCH as f64
}

fn figures(mut times: Vec<f64>) -> Option<Figures> {
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).copied();
    Some(Figures { median: at(50)?, quartile: at(25)?, min: at(0)? })
}
