//! Draws faults, injects them, and watches each until the world is well again and the history says so.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use evenkeel_tests::{Chance, get};

use crate::args::Args;
use crate::check::Watch;
use crate::fault::{self, Fault, Said, Told};
use crate::world::World;

/// Longer than anything takes that is healed at all, on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(3);
const POLL: Duration = Duration::from_millis(100);
/// Between two draws, at least and at most.
const GAP_MILLIS: (u64, u64) = (500, 4_000);
/// Several at once, but not so many that the machine does nothing else.
const AT_ONCE: usize = 4;

/// What came of one fault.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) fault: &'static Fault,
    /// How long after the beginning of the run.
    pub(crate) at: Duration,
    pub(crate) detected: Option<Duration>,
    /// Until the world was well, from the fault, or from when the run took it away.
    pub(crate) repaired: Option<Duration>,
    pub(crate) verified: Option<Duration>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |after: Option<Duration>| {
            after.map_or("-".to_owned(), |after| format!("{:.1} s", after.as_secs_f64()))
        };
        let [detected, repaired, verified] =
            [self.detected, self.repaired, self.verified].map(shown);
        write!(f, "detected {detected}, repaired {repaired}, verified {verified}")
    }
}

/// Injects faults until the time is over, and returns what came of each.
pub(crate) fn run(world: &World, args: &Args, seed: u64, watch: &Watch) -> Vec<Outcome> {
    let mut chance = Chance::new(seed);
    let begun = Instant::now();
    let whole = Duration::from_secs_f64(args.minutes * 60.0);
    let wanted: Vec<_> = fault::all()
        .filter(|fault| args.wants(fault.name) && fault.lacks(world).is_none())
        .collect();
    let (busy, outcomes) = (Mutex::new(BTreeSet::new()), Mutex::new(Vec::new()));
    let lock = || busy.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        let mut bag: Vec<&'static Fault> = Vec::new();
        let mut drawn_once = false;
        while begun.elapsed() < whole || (args.once && !bag.is_empty()) {
            if bag.is_empty() {
                if args.once && drawn_once {
                    break;
                }
                // Each fault comes once before one comes twice.
                bag.clone_from(&wanted);
                shuffle(&mut bag, &mut chance);
                drawn_once = true;
            }
            let gap = GAP_MILLIS.0 + chance.below(GAP_MILLIS.1 - GAP_MILLIS.0);
            pause(Duration::from_millis(gap), world, watch);
            let busy = lock().clone();
            let Some(place) = bag.iter().position(|fault| may_begin(fault, &busy, world)) else {
                if bag.iter().all(|fault| !(fault.ready)(world)) {
                    // What may not happen now may happen in the next round.
                    bag.clear();
                }
                continue;
            };
            let fault = bag.remove(place);
            lock().insert((fault.target, fault.alone));
            let (outcomes, lock) = (&outcomes, &lock);
            let mut chance = Chance::new(chance.next());
            scope.spawn(move || {
                let at = begun.elapsed();
                eprintln!("{:>6.1} s  {}", at.as_secs_f64(), fault.name);
                // One that cannot be brought about is said, and the others go on.
                let suffered = AssertUnwindSafe(|| suffer(world, fault, &mut chance, begun));
                let outcome = catch_unwind(suffered).unwrap_or(Outcome {
                    fault,
                    at,
                    detected: None,
                    repaired: None,
                    verified: None,
                });
                eprintln!(
                    "{:>6.1} s  {} is over: {outcome}",
                    begun.elapsed().as_secs_f64(),
                    fault.name
                );
                outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                lock().remove(&(fault.target, fault.alone));
            });
        }
        while !lock().is_empty() {
            pause(POLL, world, watch);
        }
    });
    outcomes.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn may_begin(fault: &Fault, busy: &BTreeSet<(&str, bool)>, world: &World) -> bool {
    let is_free = busy.iter().all(|(target, alone)| !alone && *target != fault.target);
    is_free && (!fault.alone || busy.is_empty()) && busy.len() < AT_ONCE && (fault.ready)(world)
}

/// Waits; meanwhile the agent is started again where it has ended, and what must never be is looked for.
pub(crate) fn pause(pause: Duration, world: &World, watch: &Watch) {
    let begun = Instant::now();
    loop {
        world.keeper.see_to();
        watch.look(world);
        let left = pause.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(POLL));
    }
}

/// One fault from its beginning until all is over.
fn suffer(world: &World, fault: &'static Fault, chance: &mut Chance, begun: Instant) -> Outcome {
    let history = match &world.unit {
        Some(unit) if fault.is_of_unit() => &unit.history,
        _ => &world.history,
    };
    let from = history.len();
    let since = Instant::now();
    let before = (fault.inject)(world, chance);
    let at = begun.elapsed();
    let said = |said: Said| {
        let line = history.find(from, said)?;
        Some(line.seen.saturating_duration_since(since))
    };
    let mut detected = None;
    let mut look = || {
        detected = detected.or_else(|| match fault.detected? {
            Told::Line(line) => said(line),
            Told::Status(words) => {
                let status = get(world.keeper.address, "/api/status").ok()?;
                status.body.contains(words).then(|| since.elapsed())
            }
        });
        detected
    };
    // Before the run takes it away it must have been told, where it is to be told.
    let mut taken_away = since;
    if let Some(lasts) = fault.lasts {
        let is_to_be_told = fault.detected.is_some();
        while since.elapsed() < lasts
            || (is_to_be_told && look().is_none() && since.elapsed() < PATIENCE)
        {
            look();
            std::thread::sleep(POLL);
        }
        (fault.undo)(world, &before);
        taken_away = Instant::now();
    }
    let (mut repaired, mut verified) = (None, None);
    while taken_away.elapsed() < PATIENCE {
        if repaired.is_none() && (fault.is_well)(world, &before) {
            repaired = Some(taken_away.elapsed());
        }
        verified = verified.or_else(|| fault.verified.and_then(said));
        let is_told = fault.detected.is_none() || look().is_some();
        if repaired.is_some() && is_told && (fault.verified.is_none() || verified.is_some()) {
            break;
        }
        std::thread::sleep(POLL);
    }
    settle(world, fault, from);
    Outcome { fault, at, detected, repaired, verified }
}

/// Waits until the incident is over: another fault of the same target is to be one of its own.
fn settle(world: &World, fault: &Fault, from: usize) {
    let history = match &world.unit {
        Some(unit) if fault.is_of_unit() => &unit.history,
        _ => &world.history,
    };
    let line = |kinds| Said { kinds, target: fault.target, words: "" };
    let begun = Instant::now();
    while history.find(from, line(&["incident_opened"])).is_some()
        && history.find(from, line(&["incident_closed"])).is_none()
        && begun.elapsed() < PATIENCE
    {
        std::thread::sleep(POLL);
    }
}

fn shuffle(faults: &mut [&'static Fault], chance: &mut Chance) {
    for place in (1..faults.len()).rev() {
        let other = usize::try_from(chance.below(place as u64 + 1)).expect("it is below a length");
        faults.swap(place, other);
    }
}
