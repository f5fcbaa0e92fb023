//! The shell around the engine, as `evenkeel-agent` is one: it tells what was seen, does what is asked for, writes before it
//! acts, and may be killed at any point.

use std::time::Duration;

use evenkeel_config::Settings;
use evenkeel_engine::{Act, Effect, Engine, Input, Order, Record, Start};
use evenkeel_moment::Moment;

use super::{Host, Plan};
use crate::disk::Batch;
use crate::faults::{CrashAt, Orphan};
use crate::observer::Event;

/// A timer of the real agent is not finer than that: an engine that is due at once for ever must not stop time.
const TIMER: Duration = Duration::from_millis(1);

/// An agent that lives.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) number: u32,
    pub(super) engine: Engine,
    /// Counts the engines of this agent: an answer to an earlier one's effect is of no use to the next.
    pub(super) generation: u32,
    /// When the engine is to be called, if nothing else happens before.
    pub(super) wakes_at: Option<Moment>,
    ticked_at: Option<Moment>,
    /// Settings that wait for a running action to end.
    pending: Option<Settings>,
}

/// Who waits until a batch is on disk.
#[derive(Debug, Clone)]
pub(crate) enum WaitsFor {
    /// The action whose intent it is.
    Intent(Box<Act>),
    /// The action that has announced what it stops, by the number of its run.
    Stop(u64),
}

/// What of all that one input led to is to be on disk, and who waits for that.
#[derive(Debug, Default)]
struct Lasting {
    records: Vec<Record>,
    act: Option<Box<Act>>,
    waits: Vec<WaitsFor>,
}

impl Host<'_, '_> {
    pub(super) fn is_current(&self, agent: u32, generation: u32) -> bool {
        let alive = self.agent.as_ref();
        alive.is_some_and(|alive| (alive.number, alive.generation) == (agent, generation))
    }

    pub(super) fn start_agent(&mut self) {
        if self.agent.is_some() || self.is_booting {
            return;
        }
        self.agents += 1;
        let (number, wall) = (self.agents, self.wall());
        let found = self.disk.start(self.now, wall);
        let withheld = found.withheld.as_ref().map(|(why, _)| why.clone());
        let (agent, past) = (number, &found.past.clone());
        self.show(&Event::AgentStarted { agent, withheld: withheld.as_deref(), past });
        self.tally.agent_started(withheld.is_some());
        let start = Start {
            now: self.now,
            wall,
            // As every agent draws its own.
            seed: self.seed.wrapping_add(u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            spread: true,
            observe_only: withheld.map(Into::into),
            past: found.past,
        };
        let mut engine = Engine::new(self.settings.clone(), start);
        if !self.shows_looks {
            engine.leave_figures_out();
        }
        self.agent = Some(Agent {
            number,
            engine,
            generation: 0,
            wakes_at: None,
            ticked_at: None,
            pending: None,
        });
        if let Some((_, Some(until))) = found.withheld {
            self.queue.plan(until, Plan::EndObserving { agent: number });
        }
        self.tell(Input::Tick);
    }

    /// The time of only observing is over: everyone was told to write nothing, so they begin anew.
    pub(super) fn end_observing(&mut self, number: u32) {
        let settings = self.settings.clone();
        if let Some(agent) = self.agent.as_mut().filter(|agent| agent.number == number) {
            agent.engine.end_observe_only();
            agent.pending.get_or_insert(settings);
            self.renew();
        }
    }

    /// New settings arrive.
    pub(super) fn reload(&mut self, settings: Settings) {
        if let Some(agent) = &mut self.agent {
            agent.pending = Some(settings);
            self.renew();
        } else {
            self.settings = settings;
        }
    }

    /// Puts taken settings in force once no action runs.
    fn renew(&mut self) {
        let Some(agent) = &mut self.agent else { return };
        if agent.engine.is_acting() {
            return;
        }
        let Some(settings) = agent.pending.take() else { return };
        agent.generation += 1;
        self.world.files.forget_keepers();
        agent.engine.reconfigure(self.now, self.now.as_nanos(), settings.clone());
        self.settings = settings;
        let settings = self.settings.clone();
        self.show(&Event::Reloaded(&settings));
        self.tally.reloaded();
        self.tell(Input::Tick);
    }

    /// Time went by.
    pub(super) fn tick(&mut self) {
        if let Some(agent) = &mut self.agent {
            agent.ticked_at = Some(self.now);
            self.tell(Input::Tick);
        }
    }

    /// An operator orders something; he is answered once it is on disk.
    pub(super) fn order(&mut self, order: Order) {
        let Some(agent) = &self.agent else { return };
        let target = order.target();
        let possible = match &order {
            Order::Release { .. } => agent.engine.holds().iter().any(|hold| hold.target == target),
            Order::Hold { .. } | Order::Reset { .. } => agent.engine.knows_target(target).is_ok(),
        };
        if possible {
            self.tell(Input::Order(order));
        }
    }

    /// Tells the engine at once, and does what it asks for.
    pub(super) fn tell(&mut self, input: Input) {
        self.trace.input(self.now, &input);
        self.show(&Event::Input(&input));
        let announced = match &input {
            Input::Stopping { intent, .. } => Some(*intent),
            _ => None,
        };
        let ordered = matches!(input, Input::Order(_));
        let ended = matches!(input, Input::Acted { .. });
        let Some(agent) = &mut self.agent else { return };
        let (number, generation) = (agent.number, agent.generation);
        if !std::mem::replace(&mut self.clock_is_told, true) {
            agent.engine.set_clock(self.now, self.clock.wall_at(self.now));
        }
        let mut effects = std::mem::take(&mut self.effects);
        agent.engine.handle_into(self.now, input, &mut effects);
        let wakes_at = agent.engine.asked_for();
        // Time goes on while an agent works.
        let earliest =
            agent.ticked_at.filter(|at| *at == self.now).map_or(self.now, |at| at + TIMER);
        agent.wakes_at = wakes_at.map(|at| at.max(earliest));
        let mut lasting = Lasting::default();
        for effect in effects.drain(..) {
            self.trace.effect(&effect);
            self.tally.effect(&effect, self.now, &mut self.world);
            self.show(&Event::Effect(&effect));
            match effect {
                Effect::Probe { check, run } => self.probe((number, generation), check, run),
                Effect::Slice(_) | Effect::Count(_) | Effect::Sample(_) => {}
                rare => self.begin_to_do((number, generation), rare, &mut lasting),
            }
        }
        self.effects = effects;
        let Lasting { records, act, mut waits } = lasting;
        if let Some(intent) = announced {
            waits.extend(self.announced(intent).map(WaitsFor::Stop));
        }
        if !records.is_empty() || act.is_some() || announced.is_some() || ordered {
            let (at, wall, past, act) = (self.now, self.wall(), None, act.map(|act| *act));
            let batch = Batch { at, wall, records, past, act, announced, ordered };
            self.send_to_disk(number, batch, waits);
        }
        if ended {
            self.renew();
        }
    }

    /// Begins with what is wanted now and then: apart, so that the way of each look is short.
    #[cold]
    fn begin_to_do(&mut self, engine: (u32, u32), effect: Effect, lasting: &mut Lasting) {
        match effect {
            Effect::Record(record) => lasting.records.push(*record),
            Effect::Keep { rule, write } => self.keep(rule, write),
            Effect::Sweep { rule } => self.sweep(engine, rule),
            Effect::Clean { rule, write } => self.clean(engine, rule, write),
            Effect::Act(act) => {
                lasting.act = Some(act.clone());
                lasting.waits.push(WaitsFor::Intent(act));
            }
            Effect::Probe { .. } | Effect::Slice(_) | Effect::Count(_) | Effect::Sample(_) => {}
        }
    }

    fn send_to_disk(&mut self, agent: u32, mut batch: Batch, waits: Vec<WaitsFor>) {
        if batch.changes_what_survives()
            && let Some(alive) = &self.agent
        {
            let past = alive.engine.past(batch.at, batch.wall);
            self.tally.past(&past);
            batch.past = Some(past);
        }
        let at = self.now + self.faults.pace.write;
        let intends = batch.act.is_some();
        self.queue.plan(at, Plan::Write { agent, batch: Box::new(batch), waits });
        if intends {
            self.crash_if(CrashAt::BeforeIntent);
        }
    }

    /// A batch gets to the disk, unless its agent was killed before.
    pub(super) fn write(&mut self, agent: u32, mut batch: Batch, waits: Vec<WaitsFor>) {
        if self.agent.as_ref().is_none_or(|alive| alive.number != agent) {
            return;
        }
        let written = self.disk.write(&mut batch);
        self.tally.written(written.is_ok(), &batch);
        let intent = batch.act.as_ref();
        match written {
            Ok(_) => self.show(&Event::Written { intent }),
            Err(()) => self.show(&Event::NotWritten { intent }),
        }
        if intent.is_some() && written.is_ok() {
            self.crash_if(CrashAt::BeforeAction);
        }
        for waits in waits {
            match waits {
                WaitsFor::Intent(act) => self.begin(agent, *act, written),
                WaitsFor::Stop(number) => self.stop_may_begin(number, written.is_ok()),
            }
        }
    }

    fn probe(&mut self, (agent, generation): (u32, u32), check: usize, run: u64) {
        let (sight, took) = self.world.look(check);
        let check = u32::try_from(check).unwrap_or(u32::MAX);
        let answer = Plan::Answer { agent, generation, check, run, sight, took };
        self.queue.plan(self.now + took, answer);
    }

    /// Kills the agent if it was to be killed at this point.
    pub(super) fn crash_if(&mut self, at: CrashAt) {
        if let Some((_, orphan)) = self.crash.take_if(|(when, _)| *when == at) {
            self.kill(orphan);
        }
    }

    /// Kills the agent; what it had not written is lost, and another one comes.
    pub(super) fn kill(&mut self, orphan: Orphan) {
        if self.end_agent() {
            self.tally.agent_crashed();
            self.orphan_actions(orphan);
            self.plan_start();
        }
    }

    /// The agent is no more, if one lived.
    pub(super) fn end_agent(&mut self) -> bool {
        if self.agent.take().is_none() {
            return false;
        }
        self.world.files.forget_keepers();
        let running = self.acting().cloned();
        self.show(&Event::AgentCrashed { running: running.as_ref() });
        true
    }

    pub(super) fn plan_start(&mut self) {
        let wait = self.chance.within(self.faults.pace.restart);
        self.queue.plan(self.now + wait, Plan::Start);
    }
}
