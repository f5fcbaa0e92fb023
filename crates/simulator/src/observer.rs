//! Who looks on: each input, effect, and everything that happens to the host.

use evenkeel_config::Settings;
use evenkeel_engine::{Act, Effect, Engine, Input, Past, Record};
use evenkeel_moment::Moment;
use evenkeel_recovery::machine::Ended;
use jiff::Timestamp;

use crate::disk::Disk;
use crate::world::World;

/// Is told of everything in a run, in the order in which it happens.
pub trait Observer {
    /// `event` happens at `now`, when the host's clock says `wall`. Of an [`Event::Input`] the engine does not know yet, of an
    /// [`Event::Effect`] it does, and nothing has been done about it.
    fn saw(&mut self, now: Moment, wall: Timestamp, event: &Event<'_>, host: &View<'_>);

    /// Whether it has to be told of what each look brings and nothing follows from ([`Event::is_of_a_look`]). Nearly all that
    /// happens is of that kind: where no observer of a run wants it, none is told, and the run is faster.
    fn wants_looks(&self) -> bool {
        true
    }
}

/// Something that happens in a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An agent has started.
    AgentStarted {
        /// Counts the agents of a run, from 1.
        agent: u32,
        /// Why it may only observe, if so.
        withheld: Option<&'a str>,
        /// What it found on disk.
        past: &'a Past,
    },
    /// The engine is about to be told.
    Input(&'a Input),
    /// The engine wants something.
    Effect(&'a Effect),
    /// What one input led to is on disk, all of it; the intent of an action too, if it named one.
    Written {
        /// The action whose intent that is.
        intent: Option<&'a Act>,
    },
    /// It is not, and never will be.
    NotWritten {
        /// The action that therefore does not start.
        intent: Option<&'a Act>,
    },
    /// An action begins to change the host.
    ActionBegan(&'a Act),
    /// An action has done what it does.
    ActionEnded {
        /// The action.
        act: &'a Act,
        /// As its agent is told; an orphan's is not.
        ended: Ended,
        /// Whether nothing is wrong any more with what it acted on.
        healed: bool,
        /// Whether its agent is no more.
        orphan: bool,
    },
    /// The agent was killed.
    AgentCrashed {
        /// The action that ran.
        running: Option<&'a Act>,
    },
    /// The host has gone down to boot anew: nothing runs on it.
    HostWentDown,
    /// It has booted, and what starts with it runs. Moments before that, an agent knows by the time of day alone.
    HostCameUp,
    /// New settings are in force.
    Reloaded(&'a Settings),
    /// A fault strikes.
    FaultBegan {
        /// Its name.
        fault: &'a str,
        /// The checks and parts that it is about.
        places: &'a [String],
    },
    /// A fault is over.
    FaultEnded {
        /// Its name.
        fault: &'a str,
        /// The checks and parts that it was about.
        places: &'a [String],
    },
    /// What a check, or a part of one as `check/part`, looks at does no longer do what it is for.
    WentDown {
        /// The check or part.
        place: &'a str,
    },
    /// It does again.
    CameUp {
        /// The check or part.
        place: &'a str,
    },
    /// The run is over. The agent that lives, if one does, was not told to end.
    Ended,
}

impl Event<'_> {
    /// Whether it comes with each look: that a check was measured, or that time went by; that one is to be measured; and what is
    /// to be counted of it, or kept as a point of a curve. What is settled of its availability is not meant.
    #[inline]
    pub const fn is_of_a_look(&self) -> bool {
        match self {
            Self::Input(input) => matches!(input, Input::Measured { .. } | Input::Tick),
            Self::Effect(effect) => {
                matches!(effect, Effect::Probe { .. } | Effect::Count(_) | Effect::Sample(_))
            }
            _ => false,
        }
    }

    /// What history is to be told, if that is what happens.
    pub fn record(&self) -> Option<&Record> {
        match self {
            Self::Effect(Effect::Record(record)) => Some(record),
            _ => None,
        }
    }
}

/// The host as it is at an [`Event`], also what the agent cannot know.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) engine: Option<&'a Engine>,
    pub(crate) world: &'a World,
    pub(crate) disk: &'a Disk,
    pub(crate) acting: Option<&'a Act>,
    pub(crate) runs_from: Moment,
}

impl<'a> View<'a> {
    /// The settings that the living agent has, or the next one will have.
    pub const fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// The engine of the agent that lives.
    pub const fn engine(&self) -> Option<&'a Engine> {
        self.engine
    }

    /// From when on the agent gets a processor: to come while it, or all of the host, stands still.
    pub const fn runs_from(&self) -> Moment {
        self.runs_from
    }

    /// The action that runs, its agent dead or alive.
    pub const fn acting(&self) -> Option<&'a Act> {
        self.acting
    }

    /// Whether what a check, or a part of one as `check/part`, looks at does not do what it is for; `None`: there is none.
    pub fn is_down(&self, place: &str) -> Option<bool> {
        self.world.unit_named(place).map(|unit| self.world.is_down(unit))
    }

    /// Whether a look at a unit tells nothing now, whatever it is like; `None` if there is no such unit.
    pub fn is_unseen(&self, place: &str) -> Option<bool> {
        self.world.unit_named(place).map(|unit| self.world.is_unseen(unit))
    }

    /// Whether something is wrong with what the recovery target `target` acts on that an action could end.
    ///
    /// Not so for a victim: of what it depends on, of the network, of the whole host.
    pub fn is_ill(&self, target: &str) -> bool {
        self.world.units_of_target(target).iter().any(|unit| self.world.is_ill(*unit))
    }

    /// Whether something is wrong with what an action changes that an action could end.
    pub fn is_ill_of(&self, act: &Act) -> bool {
        self.world.covered_by(act).iter().any(|unit| self.world.is_ill(*unit))
    }

    /// The number of incidents that are open on disk.
    pub fn open_on_disk(&self) -> usize {
        self.disk.open_incidents()
    }

    /// Whether the disk of the history is full.
    pub const fn disk_is_full(&self) -> bool {
        self.disk.full
    }
}
