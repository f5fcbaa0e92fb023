//! The host in virtual time: the loop that jumps from one thing that happens to the next, and what each of them is.

mod acts;
mod agent;
mod boots;
mod rules;
mod strikes;

use std::time::Duration;

use evenkeel_config::Settings;
use evenkeel_engine::{Act, Anchor, Effect, Input, Order};
use evenkeel_moment::Moment;
use jiff::{SignedDuration, Timestamp};

use self::acts::Running;
use self::agent::{Agent, WaitsFor};
use self::strikes::Arrivals;
use crate::chance::Chance;
use crate::disk::{Batch, Disk};
use crate::faults::{CrashAt, Faults, Orphan};
use crate::observer::{Event, Observer, View};
use crate::queue::Queue;
use crate::scenario::Scenario;
use crate::summary::{Summary, Tally};
use crate::trace::Trace;
use crate::world::{AilmentId, Sight, World};

/// When the run begins: some time after the boot, so that what was before is a moment too.
const BEGAN: Duration = Duration::from_hours(1);

/// A host in the middle of a run.
pub(crate) struct Host<'a, 'b> {
    settings: Settings,
    faults: &'a Faults,
    seed: u64,
    now: Moment,
    ends: Moment,
    /// The time of day at the begin.
    began: Timestamp,
    /// The clock, as it was set last.
    clock: Anchor,
    /// Whether the agent was told of that: until it is set anew, it tells the time as the host does.
    clock_is_told: bool,
    queue: Queue<Plan>,
    world: World,
    disk: Disk,
    agent: Option<Agent>,
    agents: u32,
    /// The agent, or all of the host, gets no processor until then.
    frozen_until: Moment,
    /// Whether the host is between its end and its next start.
    is_booting: bool,
    /// Until when the disk stays full, if it is.
    full_until: Moment,
    /// Actions that have begun and have not ended, also of agents that are no more.
    running: Vec<Running>,
    /// A kill that waits for its point.
    crash: Option<(CrashAt, Orphan)>,
    arrivals: Vec<Arrivals>,
    chance: Chance,
    actions: Chance,
    observers: &'a mut [&'b mut dyn Observer],
    /// Whether one of them wants to be told of each look.
    shows_looks: bool,
    /// Empty, and kept for its room: what the engine wants, once it was told something.
    effects: Vec<Effect>,
    tally: Tally,
    trace: Trace,
}

/// What is to happen.
#[derive(Debug)]
pub(crate) enum Plan {
    /// An attempt of a check ends.
    Answer { agent: u32, generation: u32, check: u32, run: u64, sight: Sight, took: Duration },
    /// Something else is told to the engine of that agent.
    Tell { agent: u32, generation: u32, input: Box<Input> },
    /// What an agent has sent to its disk gets there.
    Write { agent: u32, batch: Box<Batch>, waits: Vec<WaitsFor> },
    /// An action's next stage.
    Act { number: u64 },
    /// The agent is killed in the middle of this action.
    Kill { number: u64 },
    /// A fault strikes, of these arrivals and for this slot; `again`: and once more after a while.
    Strike { arrivals: usize, slot: usize, again: bool },
    /// A fault ends by itself.
    Cease { ailment: AilmentId },
    /// A fault shows otherwise from now on.
    Turn { ailment: AilmentId },
    /// An agent starts.
    Start,
    /// The host has booted; its clock was set by so much.
    Booted { clock: SignedDuration },
    /// The time of only observing ends.
    EndObserving { agent: u32 },
    /// There is room on the disk again.
    Room,
    /// An operator orders something.
    Order(Box<Order>),
    /// New settings arrive.
    Reload(Box<Settings>),
    /// Something happens to the entries of a permission rule.
    Entries { rule: usize, what: rules::Entries },
}

impl Plan {
    /// Whether it is the agent that does it, so that it waits until that gets a processor.
    const fn is_of_the_agent(&self) -> bool {
        match self {
            Self::Answer { .. }
            | Self::Tell { .. }
            | Self::Start
            | Self::EndObserving { .. }
            | Self::Order(_)
            | Self::Reload(_) => true,
            Self::Entries { what, .. } => what.is_of_the_agent(),
            Self::Write { .. }
            | Self::Act { .. }
            | Self::Kill { .. }
            | Self::Strike { .. }
            | Self::Cease { .. }
            | Self::Turn { .. }
            | Self::Booted { .. }
            | Self::Room => false,
        }
    }
}

/// A time of a run: none lasts for 292 years.
pub(crate) fn signed(span: Duration) -> SignedDuration {
    SignedDuration::from_nanos(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
}

impl<'a, 'b> Host<'a, 'b> {
    pub(crate) fn new(scenario: &'a Scenario, observers: &'a mut [&'b mut dyn Observer]) -> Self {
        let Scenario { settings, faults, lasts, seed, began } = scenario;
        let now = Moment::ORIGIN + BEGAN;
        let world = World::new(settings, faults, *seed, now);
        let mut host = Self {
            tally: Tally::new(settings, now, faults),
            settings: settings.clone(),
            faults,
            seed: *seed,
            now,
            ends: now + *lasts,
            began: *began,
            clock: Anchor { moment: now, wall: *began },
            clock_is_told: false,
            queue: Queue::new(),
            world,
            disk: Disk::default(),
            agent: None,
            agents: 0,
            frozen_until: now,
            is_booting: false,
            full_until: now,
            running: Vec::new(),
            crash: None,
            arrivals: Vec::new(),
            chance: Chance::new(*seed, "host"),
            actions: Chance::new(*seed, "actions"),
            shows_looks: observers.iter().any(|observer| observer.wants_looks()),
            observers,
            effects: Vec::new(),
            trace: Trace::new(*seed),
        };
        host.plan_strikes();
        host.queue.plan(now, Plan::Start);
        host
    }

    /// Plays all of the run.
    pub(crate) fn play(mut self) -> Summary {
        while let Some(next) = self.next() {
            if next > self.ends {
                break;
            }
            self.now = next.max(self.now);
            match self.queue.due(self.now) {
                Some(plan) => self.happen(plan),
                None => self.tick(),
            }
            self.show_turns();
        }
        self.now = self.ends;
        self.end()
    }

    /// When something is to be done next.
    fn next(&self) -> Option<Moment> {
        let wake = self.agent.as_ref().and_then(|agent| agent.wakes_at);
        let wake = wake.map(|wake| wake.max(self.frozen_until));
        match (self.queue.next(), wake) {
            (Some(plan), Some(wake)) => Some(plan.min(wake)),
            (plan, wake) => plan.or(wake),
        }
    }

    fn happen(&mut self, plan: Plan) {
        if self.now < self.frozen_until && plan.is_of_the_agent() {
            self.queue.plan(self.frozen_until, plan);
            return;
        }
        match plan {
            Plan::Answer { agent, generation, check, run, sight, took } => {
                if !self.is_current(agent, generation) {
                    return;
                }
                let check = check as usize;
                let measurement = self.world.measurement(check, sight, took, self.now);
                self.tell(Input::Measured { check, run, measurement });
            }
            Plan::Tell { agent, generation, input } => {
                if self.is_current(agent, generation) {
                    self.tell(*input);
                }
            }
            Plan::Write { agent, batch, waits } => self.write(agent, *batch, waits),
            Plan::Act { number } => self.act_on(number),
            Plan::Kill { number } => self.kill_in_action(number),
            Plan::Strike { arrivals, slot, again } => self.strike(arrivals, slot, again),
            Plan::Cease { ailment } => self.cease(ailment),
            Plan::Turn { ailment } => self.turn(ailment),
            Plan::Start => self.start_agent(),
            Plan::Booted { clock } => self.booted(clock),
            Plan::EndObserving { agent } => self.end_observing(agent),
            Plan::Room => self.disk.full = self.now < self.full_until,
            Plan::Order(order) => self.order(*order),
            Plan::Reload(settings) => self.reload(*settings),
            Plan::Entries { rule, what } => self.entries(rule, what),
        }
    }

    /// What the clock says.
    fn wall(&self) -> Timestamp {
        self.clock.wall_at(self.now)
    }

    /// Somebody sets the clock.
    fn step_clock(&mut self, by: SignedDuration) {
        self.clock.wall = self.clock.wall.checked_add(by).unwrap_or(self.clock.wall);
        self.clock_is_told = false;
    }

    /// Tells of what went down or came up.
    fn show_turns(&mut self) {
        if self.world.turns.is_empty() {
            return;
        }
        for (unit, down) in std::mem::take(&mut self.world.turns) {
            let place = self.world.units[unit].name.clone();
            let place = place.as_str();
            self.show(&if down { Event::WentDown { place } } else { Event::CameUp { place } });
        }
    }

    fn acting(&self) -> Option<&Act> {
        self.running.last().map(|running| &running.act)
    }

    /// Tells whoever looks on.
    #[inline]
    fn show(&mut self, event: &Event<'_>) {
        if !self.observers.is_empty() && (self.shows_looks || !event.is_of_a_look()) {
            self.show_to_all(event);
        }
    }

    fn show_to_all(&mut self, event: &Event<'_>) {
        let wall = self.wall();
        let view = View {
            settings: &self.settings,
            engine: self.agent.as_ref().map(|agent| &agent.engine),
            world: &self.world,
            disk: &self.disk,
            acting: self.running.last().map(|running| &running.act),
            runs_from: self.frozen_until,
        };
        for observer in self.observers.iter_mut() {
            observer.saw(self.now, wall, event, &view);
        }
    }

    fn end(mut self) -> Summary {
        if let Some(mut agent) = self.agent.take() {
            let effects = agent.engine.settle(self.now);
            self.agent = Some(agent);
            for effect in effects {
                self.trace.effect(&effect);
                self.tally.effect(&effect, self.now, &mut self.world);
                self.show(&Event::Effect(&effect));
            }
        }
        self.show(&Event::Ended);
        self.tally.summary(&self.world, self.now, self.began, self.seed, self.trace.hash())
    }
}
