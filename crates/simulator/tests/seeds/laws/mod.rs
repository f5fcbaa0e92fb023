//! What holds in every run, seen from outside: recounted from what was told to the engine, what it asked for, and the host's own
//! truth. No law asks the engine whether it kept it.

mod availability;
mod breakers;
mod budgets;
mod calls;
mod files;
mod incidents;
mod intents;
mod known;
mod leave;
mod proofs;
mod sight;

use evenkeel_moment::{Moment, Stamp};
use evenkeel_simulator::{Event, Observer, View};
use jiff::Timestamp;

pub(crate) use self::known::{BY_SETTINGS, Known};
use crate::coverage::Coverage;

/// Something that happens, with all that is known from outside by then.
pub(crate) struct Seen<'a> {
    pub(crate) now: Moment,
    pub(crate) wall: Timestamp,
    /// Counts the boots of the host.
    pub(crate) boot: u32,
    pub(crate) event: &'a Event<'a>,
    pub(crate) host: &'a View<'a>,
    pub(crate) known: &'a Known,
}

impl Seen<'_> {
    /// Now, by both clocks.
    fn stamp(&self) -> Stamp<u32> {
        Stamp { boot_id: self.boot, boottime: self.now, wall: self.wall }
    }
}

/// Something that must hold at each moment of each run.
pub(crate) trait Law {
    /// What it is called where it is broken.
    fn name(&self) -> &'static str;

    /// Takes in what happens; `Err`: it does not hold any more, and why.
    fn saw(&mut self, seen: &Seen<'_>) -> Result<(), String>;
}

/// A law that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) law: &'static str,
    pub(crate) at: Moment,
    pub(crate) why: String,
}

impl Broken {
    /// That nothing panics.
    pub(crate) fn panic(why: String) -> Self {
        Self { law: "panic", at: Moment::ORIGIN, why }
    }

    /// That a run is a function of its seed.
    pub(crate) fn differs(why: String) -> Self {
        Self { law: "determinism", at: Moment::ORIGIN, why }
    }
}

/// All laws, as they look on.
pub(crate) struct Laws {
    known: Known,
    boot: u32,
    all: Vec<Box<dyn Law>>,
    pub(crate) broken: Option<Broken>,
    pub(crate) coverage: Coverage,
}

impl Laws {
    /// Every law.
    pub(crate) fn all() -> Self {
        Self {
            known: Known::default(),
            boot: 0,
            all: vec![
                Box::<calls::Calls>::default(),
                Box::<budgets::Budgets>::default(),
                Box::<leave::Leave>::default(),
                Box::<intents::Intents>::default(),
                Box::<incidents::Incidents>::default(),
                Box::<proofs::Proofs>::default(),
                Box::<breakers::Breakers>::default(),
                Box::<availability::Availability>::default(),
                Box::<files::Files>::default(),
            ],
            broken: None,
            coverage: Coverage::default(),
        }
    }

    /// One law alone.
    pub(crate) fn only(name: &str) -> Self {
        let mut laws = Self::all();
        laws.all.retain(|law| law.name() == name);
        assert_eq!(laws.all.len(), 1, "there is one law of {name}");
        laws
    }
}

impl Observer for Laws {
    fn saw(&mut self, now: Moment, wall: Timestamp, event: &Event<'_>, host: &View<'_>) {
        // What follows from a broken law may break others: the first one is what is to be looked at.
        if self.broken.is_some() {
            return;
        }
        self.boot += u32::from(matches!(event, Event::HostCameUp));
        let now_by_both = Stamp { boot_id: self.boot, boottime: now, wall };
        self.known.before(now_by_both, event, host);
        let seen = Seen { now, wall, boot: self.boot, event, host, known: &self.known };
        self.coverage.count(&seen);
        for law in &mut self.all {
            if let Err(why) = law.saw(&seen) {
                self.broken = Some(Broken { law: law.name(), at: now, why });
                return;
            }
        }
        self.known.after(event);
    }
}
