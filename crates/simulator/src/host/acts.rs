//! Actions: when they begin, what they do to the host, and what they say of it.

use std::time::Duration;

use evenkeel_engine::{Act, Input};
use evenkeel_recovery::actions::{Action, StoppedProgram};
use evenkeel_recovery::machine::Ended;

use super::{Host, Plan};
use crate::faults::{ActionModel, CrashAt, Orphan};
use crate::observer::Event;
use crate::world::{AilmentId, UnitId, restarts, started};

/// An action that has begun and has not ended.
#[derive(Debug)]
pub(super) struct Running {
    number: u64,
    /// The agent that waits for it; `None`: it is no more.
    agent: Option<u32>,
    pub(super) act: Act,
    /// The number of its intent on disk.
    on_disk: Option<u64>,
    covers: Vec<UnitId>,
    will: Will,
    stage: Stage,
    /// Whether it has said that it stops programs.
    stops: bool,
}

/// What will come of it.
#[derive(Debug, Clone, Copy)]
struct Will {
    takes: Duration,
    ended: Ended,
    heals: bool,
    hangs: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has announced what it stops, and waits until that is on disk.
    Announced,
    /// It has taken down what it restarts.
    Down,
}

impl Host<'_, '_> {
    /// An action may begin, if its intent is on disk.
    pub(super) fn begin(&mut self, agent: u32, act: Act, written: Result<Option<u64>, ()>) {
        if self.agent.as_ref().is_none_or(|alive| alive.number != agent) {
            return;
        }
        let Ok(on_disk) = written else {
            let detail = "not done: the intent could not be written".to_owned();
            self.acted(act.intent, Ended::CutOff, detail);
            return;
        };
        let will = self.will(&act);
        let covers = self.world.covered_by(&act);
        let false_action =
            act.action.may_heal() && !covers.iter().any(|unit| self.world.is_ill(*unit));
        let number = self.tally.action_began(&act, false_action);
        self.show(&Event::ActionBegan(&act));
        self.foresee(&covers);
        let stops = self.stops(&act, &covers);
        let stage = if stops.is_empty() { Stage::Down } else { Stage::Announced };
        let intent = act.intent;
        let running = Running {
            number,
            agent: Some(agent),
            act,
            on_disk,
            covers,
            will,
            stage,
            stops: !stops.is_empty(),
        };
        self.running.push(running);
        if stops.is_empty() {
            self.take_down(number);
        } else {
            let input = Input::Stopping { intent, programs: stops };
            self.tell_soon(input);
        }
    }

    /// The programs that an action has to say that it stops: those that it restarts and that run.
    fn stops(&self, act: &Act, covers: &[UnitId]) -> Vec<StoppedProgram> {
        if !act.action.restarts_programs() {
            return Vec::new();
        }
        let units = covers.iter().map(|unit| &self.world.units[*unit]);
        let run = units.filter(|unit| unit.down_since.is_none());
        run.filter_map(|unit| {
            Some(StoppedProgram { name: unit.part.clone()?, started: started(unit) })
        })
        .collect()
    }

    /// The run whose action has announced what it stops.
    pub(super) fn announced(&self, intent: u64) -> Option<u64> {
        let waits = |running: &&Running| {
            running.act.intent == intent
                && running.stage == Stage::Announced
                && running.agent.is_some()
        };
        self.running.iter().find(waits).map(|running| running.number)
    }

    /// What an action stops is on disk, or is not.
    pub(super) fn stop_may_begin(&mut self, number: u64, written: bool) {
        if written {
            self.take_down(number);
            return;
        }
        let Some(place) = self.place(number) else { return };
        let running = self.running.remove(place);
        let detail = "not done: it could not be written".to_owned();
        self.finish(&running, Ended::CutOff, detail, false);
    }

    /// Takes down what the action restarts; its end is planned.
    fn take_down(&mut self, number: u64) {
        let Some(place) = self.place(number) else { return };
        let running = &mut self.running[place];
        running.stage = Stage::Down;
        let takes = running.will.takes;
        if restarts(running.act.action.name()) {
            for unit in running.covers.clone() {
                self.world.units[unit].restarting += 1;
                self.world.refresh(unit, self.now);
            }
        }
        self.queue.plan(self.now + takes, Plan::Act { number });
        if self.crash.is_some_and(|(when, _)| when == CrashAt::InAction) {
            let at = self.now + takes / 2;
            self.queue.plan(at, Plan::Kill { number });
        }
    }

    /// Kills the agent if that action of its runs still.
    pub(super) fn kill_in_action(&mut self, number: u64) {
        let runs = self.place(number).is_some_and(|place| self.running[place].agent.is_some());
        if runs {
            self.crash_if(CrashAt::InAction);
        }
    }

    /// An action has done what it does.
    pub(super) fn act_on(&mut self, number: u64) {
        let Some(place) = self.place(number) else { return };
        let running = self.running.remove(place);
        let Will { ended, heals, .. } = running.will;
        if restarts(running.act.action.name()) {
            self.bring_up(&running);
        }
        if ended == Ended::Ran {
            self.perform_rule(&running.act.action);
        }
        if heals {
            for ailment in self.cures(&running) {
                self.heal(ailment, true);
            }
        }
        let detail = match ended {
            Ended::Ran => format!("{}: done", running.act.action.describe()),
            Ended::CutOff => format!("{}: it failed", running.act.action.describe()),
            Ended::Impossible => format!("{}: it cannot be done", running.act.action.describe()),
            Ended::Told => "told".to_owned(),
        };
        let healed = running.covers.iter().all(|unit| !self.world.is_ill(*unit));
        self.finish(&running, ended, detail, healed);
    }

    /// Starts what was taken down, unless the action stopped it and came to no end.
    fn bring_up(&mut self, running: &Running) {
        let finishes = matches!(running.act.action, Action::SupervisorFinishRestart { .. });
        let Will { ended, hangs, .. } = running.will;
        for unit in running.covers.clone() {
            let one = &mut self.world.units[unit];
            one.restarting = one.restarting.saturating_sub(1);
            if ended == Ended::Ran && (!finishes || one.stopped) {
                one.restarted(self.now);
            }
            one.stopped |= hangs && running.stops && one.part.is_some();
            self.world.refresh(unit, self.now);
        }
    }

    /// What an action that heals ends.
    fn cures(&self, running: &Running) -> Vec<AilmentId> {
        let name = running.act.action.name();
        let units = running.covers.iter().map(|unit| &self.world.units[*unit]);
        let mut cured: Vec<_> = units
            .flat_map(|unit| unit.ailments.iter().copied())
            .filter(|id| self.world.ailments[id].is_cured_by(name))
            .collect();
        cured.sort_unstable();
        cured.dedup();
        cured
    }

    fn finish(&mut self, running: &Running, ended: Ended, detail: String, healed: bool) {
        let orphan = running.agent.is_none();
        self.show(&Event::ActionEnded { act: &running.act, ended, healed, orphan });
        if orphan {
            return;
        }
        if let Some(intent) = running.on_disk {
            self.disk.settle(intent);
        }
        self.acted(running.act.intent, ended, detail);
    }

    fn acted(&mut self, intent: u64, ended: Ended, detail: String) {
        self.tell_soon(Input::Acted { intent, ended, detail: detail.into() });
    }

    /// Tells the agent that lives, when it gets to it.
    pub(super) fn tell_soon(&mut self, input: Input) {
        if let Some(alive) = &self.agent {
            let (agent, generation) = (alive.number, alive.generation);
            let input = Box::new(input);
            self.queue.plan(self.now, Plan::Tell { agent, generation, input });
        }
    }

    /// What becomes of the actions of an agent that is no more.
    pub(super) fn orphan_actions(&mut self, orphan: Orphan) {
        let cut = match orphan {
            Orphan::GoesOn => false,
            Orphan::IsCut => true,
            Orphan::Either => self.chance.happens(0.5),
        };
        for running in &mut self.running {
            running.agent = None;
        }
        // What has not begun to change the host never will: its agent was to give the order.
        let ends = |running: &Running| cut || running.stage == Stage::Announced;
        let (ended, goes_on) = std::mem::take(&mut self.running).into_iter().partition(ends);
        self.running = goes_on;
        let ended: Vec<Running> = ended;
        for running in ended {
            if running.stage == Stage::Down && restarts(running.act.action.name()) {
                for unit in running.covers.clone() {
                    let one = &mut self.world.units[unit];
                    one.restarting = one.restarting.saturating_sub(1);
                    one.stopped |= running.stops && one.part.is_some();
                    self.world.refresh(unit, self.now);
                }
            }
            self.finish(&running, Ended::CutOff, String::new(), false);
        }
    }

    fn place(&self, number: u64) -> Option<usize> {
        self.running.iter().position(|running| running.number == number)
    }

    /// Draws what will come of an action.
    fn will(&mut self, act: &Act) -> Will {
        let name = act.action.name();
        let default = ActionModel::default();
        let model = self.faults.actions.iter().find(|model| {
            let targets = &model.targets;
            let is_named = |target: &String| {
                target == "*"
                    || *target == act.target
                    || act.target.split('/').next() == Some(target)
            };
            (targets.is_empty() || targets.iter().any(is_named))
                && model.action.as_deref().is_none_or(|action| action == name)
        });
        let model = model.unwrap_or(&default);
        let takes = self.actions.within(model.takes);
        // All are drawn, whatever the ones before say: what one action does must not move the next.
        let hangs = self.actions.happens(model.hangs);
        let impossible = self.actions.happens(model.impossible);
        let fails = self.actions.happens(model.fails);
        let heals = self.actions.happens(model.heals) && act.step + 1 >= model.heals_from_step;
        if !act.action.may_heal() {
            return Will { takes, ended: Ended::Told, heals: false, hangs: false };
        }
        if hangs || takes >= act.timeout {
            return Will { takes: act.timeout, ended: Ended::CutOff, heals: false, hangs: true };
        }
        if impossible {
            let takes = takes / 10;
            return Will { takes, ended: Ended::Impossible, heals: false, hangs: false };
        }
        let ended = if fails { Ended::CutOff } else { Ended::Ran };
        Will { takes, ended, heals: heals && !fails, hangs: false }
    }
}
