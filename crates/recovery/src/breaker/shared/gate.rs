//! What a call meets, in one word: a kind in the lowest three bits, above them a generation or a moment.

use evenkeel_moment::Moment;

use super::super::Compat;
use super::super::machine::{Breaker, Mode};
use super::super::state::BreakerState;
use super::sync::{AtomicU64, Ordering};

const KIND_BITS: u32 = 3;
const KIND_MASK: u64 = (1 << KIND_BITS) - 1;

/// Generation above it: passes, and a success is counted.
const CLOSED: u64 = 0;
/// Generation above it: passes, and nothing is counted.
const UNCOUNTED: u64 = 1;
/// A moment above it, until which all calls are refused.
const OPEN: u64 = 2;
/// The same, while all trials are out.
const FULL: u64 = 3;
/// Generation above it: the core decides.
const ASK: u64 = 4;

/// A word of its own cache line: what changes the counts must not slow down those who only look here.
#[repr(align(128))]
pub(super) struct Gate(AtomicU64);

impl Gate {
    pub(super) fn of(core: &Breaker) -> Self {
        Self(AtomicU64::new(word(core)))
    }

    #[inline]
    pub(super) fn load(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// True if calls that had passed are late from now on. Only under the core's lock.
    pub(super) fn publish(&self, core: &Breaker) -> bool {
        let new = word(core);
        let old = self.0.load(Ordering::Relaxed);
        if old == new {
            return false;
        }
        self.0.store(new, Ordering::Release);
        old & KIND_MASK == CLOSED
    }
}

/// Whether calls pass without the core.
#[inline]
pub(super) const fn lets_pass(gate: u64) -> bool {
    gate & KIND_MASK <= UNCOUNTED
}

/// Whether the successes of calls that passed are counted.
#[inline]
pub(super) const fn counts(gate: u64) -> bool {
    gate & KIND_MASK == CLOSED
}

/// Until when and by which state calls are refused without the core; `None` if that is over, or was never so.
#[inline]
pub(super) const fn refused_until(gate: u64, now: Moment) -> Option<(u64, BreakerState)> {
    let until = gate & !KIND_MASK;
    if now.as_nanos() >= until {
        return None;
    }
    match gate & KIND_MASK {
        OPEN => Some((until, BreakerState::Open)),
        FULL => Some((until, BreakerState::HalfOpen)),
        _ => None,
    }
}

/// What a permit of the core has in the place of a gate.
pub(super) const fn given(generation: u64) -> u64 {
    generation << KIND_BITS | ASK
}

/// The generation of a gate that lets pass, or of one that was given.
pub(super) const fn generation(gate: u64) -> u64 {
    gate >> KIND_BITS
}

fn word(core: &Breaker) -> u64 {
    let with_generation = |kind| core.generation << KIND_BITS | kind;
    // Cut off to 8 ns: a gate never refuses for longer than the core, which is asked for the rest.
    let until = |moment: Moment, kind| moment.as_nanos() & !KIND_MASK | kind;
    if core.config().compat() == Compat::Opossum {
        return with_generation(ASK);
    }
    match &core.mode {
        Mode::Closed => with_generation(CLOSED),
        Mode::ForcedClosed | Mode::Disabled => with_generation(UNCOUNTED),
        Mode::Open { until: moment } => until(*moment, OPEN),
        Mode::HalfOpen { .. } => match core.full_until() {
            Some(moment) => until(moment, FULL),
            None => with_generation(ASK),
        },
        // The core refuses: whoever isolates a peer is not after nanoseconds.
        Mode::Isolated => with_generation(ASK),
    }
}
