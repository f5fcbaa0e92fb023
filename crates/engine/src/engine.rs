use evenkeel_config::{Check, Mode, Settings};
use evenkeel_moment::Moment;
use evenkeel_probe::Measurement;
use evenkeel_recovery::breaker::BreakerState;
use evenkeel_recovery::budget::Ledger;
use evenkeel_recovery::machine::{Ended, Phase};
use evenkeel_shown::said::{AgentCode, Said};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::agenda::{Agenda, earlier};
use crate::anchor::Anchor;
use crate::chance::Chance;
use crate::check::CheckCore;
use crate::event::{Effect, Input};
use crate::maintenance::Maintenance;
use crate::order::Hold;
use crate::past::{BreakerPast, OpenIncident, Past, Start};
use crate::record::Record;
use crate::recovery::RecoveryCore;
use crate::refusal::Refusal;
use crate::rule::RuleCore;
use crate::slices::Slices;
use crate::spread;
use crate::standing::Standing;
use crate::storm::Storm;
use crate::target::Target;

/// All pure cores, joined.
#[derive(Debug)]
pub struct Engine {
    pub(crate) settings: Settings,
    pub(crate) checks: Agenda<CheckCore>,
    pub(crate) permissions: Vec<RuleCore>,
    pub(crate) cleanups: Vec<RuleCore>,
    pub(crate) recoveries: Agenda<RecoveryCore>,
    /// Which of them stand so that something may follow without anything new.
    pub(crate) standing: Standing,
    /// Those that listen to each check, or to one that depends on it, by its place.
    pub(crate) listeners: Vec<Vec<usize>>,
    pub(crate) ledger: Ledger,
    pub(crate) chance: Chance,
    pub(crate) started: Moment,
    /// Why nothing may be written, whatever the settings say.
    pub(crate) withheld: Option<Said>,
    pub(crate) running: Option<Running>,
    pub(crate) gate_closed: bool,
    pub(crate) next_intent: u64,
    pub(crate) next_incident: u64,
    pub(crate) holds: Vec<Hold>,
    pub(crate) storm: Option<Storm>,
    /// When the next call was asked for.
    pub(crate) asked_for: Option<Moment>,
    /// When history was last told that the agent was starved.
    pub(crate) starved: Option<Moment>,
    /// Incidents of targets that the settings no longer name.
    orphans: Vec<OpenIncident>,
    pub(crate) slices: Slices,
    pub(crate) anchor: Anchor,
    /// By which windows of the day are told.
    pub(crate) zone: TimeZone,
    pub(crate) maintenance: Maintenance,
    /// Whether attempts are counted and points of curves told.
    tells_figures: bool,
}

/// The one action that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) intent: u64,
    pub(crate) recovery: usize,
    pub(crate) target: String,
    /// Whether it brings an earlier action to its end, rather than being one.
    pub(crate) finishes: bool,
}

impl Engine {
    /// An engine that has seen nothing yet. Everything is due, checks a little spread.
    pub fn new(settings: Settings, start: Start) -> Self {
        let now = start.now;
        let mut chance = Chance::new(start.seed);
        let mut checks: Vec<_> = settings
            .checks
            .iter()
            .enumerate()
            .zip(spread::phases(&settings.checks, start.spread, &mut chance))
            .map(|((index, check), phase)| CheckCore::new(check.clone(), index, now, phase))
            .collect();
        for (index, needed) in dependencies(&settings.checks).into_iter().enumerate() {
            checks[index].dependencies = needed;
        }
        for ring in &start.past.flaps {
            for check in checks.iter_mut().filter(|check| check.name == ring.check) {
                check.restore_flapping(ring, now);
            }
        }
        for past in &start.past.breakers {
            for check in checks.iter_mut().filter(|check| check.spec.name == past.check) {
                check.restore_breaker(&past.breaker, now, start.wall);
            }
        }
        let mut recoveries: Vec<_> = settings
            .recoveries
            .iter()
            .map(|recovery| RecoveryCore::new(recovery.clone(), &checks))
            .collect();
        let (open, orphans): (Vec<_>, Vec<_>) = start.past.open.into_iter().partition(|open| {
            recoveries.iter().any(|recovery: &RecoveryCore| recovery.is_mine(&open.target))
        });
        for open in &open {
            for recovery in &mut recoveries {
                recovery.resume(open, now);
            }
        }
        let holds = start.past.holds;
        let maintenance = Maintenance::new(&settings, &holds, now);
        let mut engine = Self {
            permissions: settings
                .permissions
                .iter()
                .map(|rule| RuleCore::new(rule.name.clone(), rule.interval, now))
                .collect(),
            cleanups: settings
                .cleanup
                .iter()
                .map(|rule| RuleCore::new(rule.name.clone(), rule.interval, now))
                .collect(),
            listeners: listeners(checks.len(), &recoveries),
            standing: Standing::new(recoveries.len()),
            checks: Agenda::new(checks),
            recoveries: Agenda::new(recoveries),
            ledger: start.past.charged,
            chance,
            started: now,
            withheld: start.observe_only,
            running: None,
            gate_closed: false,
            next_intent: 1,
            next_incident: start.past.next_incident.max(1),
            holds,
            storm: None,
            asked_for: None,
            starved: None,
            orphans,
            slices: Slices::new(&settings, now, start.wall),
            anchor: Anchor { moment: now, wall: start.wall },
            zone: TimeZone::UTC,
            maintenance,
            tells_figures: true,
            settings,
        };
        engine.refresh();
        engine
    }

    /// The zone by whose clocks the windows of the settings are meant; UTC until it is said.
    pub fn set_zone(&mut self, zone: TimeZone) {
        self.zone = zone;
    }

    /// Neither counts attempts ([`Count::Attempt`](crate::Count::Attempt)) nor tells points of curves
    /// ([`Effect::Sample`](crate::Effect::Sample)) from now on: for a shell that keeps none. Nothing else depends on them.
    pub fn leave_figures_out(&mut self) {
        self.tells_figures = false;
        self.checks.iter_mut().for_each(|check| check.tells_figures = false);
    }

    /// The settings that are in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether an action runs; a reload or an end should wait for it.
    pub fn is_acting(&self) -> bool {
        self.running.is_some()
    }

    /// Whether nothing may be written.
    pub fn only_observes(&self) -> bool {
        self.withheld.is_some() || self.settings.agent.mode == Mode::Observe
    }

    /// Why nothing may be written, if so.
    pub fn observe_only(&self) -> Option<Said> {
        let settings = || Said::new("the settings say so", AgentCode::SettingsObserve);
        match &self.withheld {
            Some(why) => Some(why.clone()),
            None => self.only_observes().then(settings),
        }
    }

    /// What kept it from writing, whatever the settings say, is over. It takes effect with [`Engine::reconfigure`]: standing
    /// orders were given to write nothing.
    pub fn end_observe_only(&mut self) {
        self.withheld = None;
    }

    /// From now on no action is decided on: the shell is ending, and would not carry it out.
    pub fn close_the_gate(&mut self) {
        self.gate_closed = true;
    }

    /// Puts new settings in force. Budgets, incidents whose action is not proved yet, and the start's grace live on.
    ///
    /// An action that runs is lost to the new engine: wait until [`Engine::is_acting`] is false.
    pub fn reconfigure(&mut self, now: Moment, seed: u64, settings: Settings) {
        let wall = self.wall(now);
        let (observe_only, past) = (self.withheld.take(), self.past(now, wall));
        let start = Start { now, wall, seed, spread: true, observe_only, past };
        let (started, next_intent) = (self.started, self.next_intent);
        let (zone, tells_figures) = (self.zone.clone(), self.tells_figures);
        let slices = std::mem::replace(&mut self.slices, Slices::new(&settings, now, wall));
        let maintenance = std::mem::take(&mut self.maintenance);
        let mut next = Self { started, next_intent, zone, ..Self::new(settings, start) };
        for check in next.checks.iter_mut() {
            self.checks.iter().for_each(|known| check.knows(known));
        }
        *self = next;
        self.slices.go_on(slices);
        self.maintenance.go_on(maintenance);
        if !tells_figures {
            self.leave_figures_out();
        }
    }

    /// What has to survive the end of the agent, `wall` being the time of day at `now`.
    pub fn past(&self, now: Moment, wall: Timestamp) -> Past {
        Past {
            charged: self.ledger.clone(),
            open: self
                .recoveries
                .iter()
                .flat_map(RecoveryCore::targets)
                .filter_map(Target::open_incident)
                .collect(),
            next_incident: self.next_incident,
            holds: self.holds.clone(),
            flaps: self.checks.iter().flat_map(CheckCore::flap_rings).collect(),
            breakers: self
                .checks
                .iter()
                .filter_map(|check| breaker_past(check, now, wall))
                .collect(),
        }
    }

    /// Takes in one input at `now` and says what to do, in order.
    pub fn handle(&mut self, now: Moment, input: Input) -> Vec<Effect> {
        // As many as a look usually has.
        let mut effects = Vec::with_capacity(4);
        self.handle_into(now, input, &mut effects);
        effects
    }

    /// As [`Engine::handle`], for whoever has room for what is to be done: it is added to `effects`.
    pub fn handle_into(&mut self, now: Moment, input: Input, effects: &mut Vec<Effect>) {
        self.notice_starvation(now, effects);
        match input {
            Input::Measured { check, run, measurement } => {
                self.measured(now, check, run, measurement, effects);
            }
            Input::Tick => {}
            rare => self.take_in(now, rare, effects),
        }
        self.tick(now, effects);
        self.refresh();
        self.asked_for = self.deadline(now);
    }

    fn measured(
        &mut self,
        now: Moment,
        check: usize,
        run: u64,
        measurement: Measurement,
        effects: &mut Vec<Effect>,
    ) {
        self.tell_of_stops(check);
        let doubts_timeouts = self.doubts_timeouts();
        let Some(core) = self.checks.get_mut(check) else { return };
        core.doubts_timeouts = doubts_timeouts;
        if core.measured(now, run, measurement, effects) {
            self.see(now, check, effects);
        }
    }

    /// Takes in what comes now and then: apart, so that the way of each look is short.
    #[cold]
    fn take_in(&mut self, now: Moment, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Swept { rule, result } => {
                let hold = self.settings.agent.hold_errors_for;
                if let Some(rule) = self.permissions.get_mut(rule) {
                    rule.swept(now, result, hold, effects);
                }
            }
            Input::Cleaned { rule, result } => {
                if let Some(rule) = self.cleanups.get_mut(rule) {
                    rule.cleaned(now, result, effects);
                }
            }
            Input::Kept { rule, outcome } => {
                let hold = self.settings.agent.hold_errors_for;
                if let Some(rule) = self.permissions.get_mut(rule) {
                    rule.kept(now, outcome, hold, effects);
                }
            }
            Input::Watched { rule, how } => {
                if let Some(rule) = self.permissions.get_mut(rule) {
                    rule.watched = Some(how);
                }
            }
            Input::Stopping { intent, programs } => self.stopping(intent, programs),
            Input::Acted { intent, ended, detail } => {
                self.acted(now, intent, ended, detail, effects);
            }
            Input::Hinted { check } => {
                if let Some(core) = self.checks.get_mut(check) {
                    core.look_on_hint(now);
                }
            }
            Input::Order(order) => self.obey(now, order, effects),
            Input::Measured { .. } | Input::Tick => {}
        }
    }

    /// What [`Engine::deadline`] was when the last input had been taken in.
    pub const fn asked_for(&self) -> Option<Moment> {
        self.asked_for
    }

    /// When [`Input::Tick`] has something to do; `None`: not before another input.
    pub fn deadline(&self, now: Moment) -> Option<Moment> {
        let grace_ends = self.started + self.settings.agent.grace;
        let grace = (now < grace_ends).then_some(grace_ends);
        let mut next = earlier(earlier(self.checks.earliest(), self.recoveries.earliest()), grace);
        // One after the other: this is asked at each look, and most hosts have few of these.
        for rules in [&self.permissions, &self.cleanups] {
            for rule in rules {
                next = earlier(next, rule.deadline());
            }
        }
        next = earlier(next, self.maintenance.due);
        for hold in &self.holds {
            next = earlier(next, hold.until);
        }
        next
    }

    /// Asks what may have changed when it is due, and how it stands.
    fn refresh(&mut self) {
        self.checks.refresh(|_, _| {});
        let standing = &mut self.standing;
        self.recoveries.refresh(|place, recovery| standing.note(place, recovery));
    }

    /// Takes in what a check's new states mean for the recoveries that listen to it.
    fn see(&mut self, now: Moment, check: usize, effects: &mut Vec<Effect>) {
        self.count_look(now, check, effects);
        self.note_restarts(now, check, effects);
        if self.is_no_news(now, check) {
            return;
        }
        for listener in &self.listeners[check] {
            let recovery = &mut self.recoveries[*listener];
            let was_open = recovery.whole.machine.in_incident();
            let wanted = recovery.see(now, &self.checks, &mut self.next_incident, effects);
            for doubtful in wanted {
                // One look may not settle it, and one that gives no answer must not be asked without a pause.
                self.checks[doubtful].look_on_hint(now);
            }
            if !was_open && recovery.whole.machine.in_incident() {
                for other in recovery.checks.iter().filter(|other| **other != check) {
                    self.checks[*other].look_now(now);
                }
            }
        }
        let wanted = self.listeners[check].iter().any(|listener| {
            let recovery = &self.recoveries[*listener];
            recovery.checks.contains(&check)
                && recovery.targets().any(|target| target.machine.wants_a_closer_look())
        });
        if let Some(core) = self.checks.get_mut(check)
            && (wanted || !core.is_steady(now))
        {
            core.look_closer(now);
        }
    }

    /// Whether a check says nothing but that it is up, to recoveries that know it of all their checks: nearly all looks of a host
    /// end here.
    fn is_no_news(&self, now: Moment, check: usize) -> bool {
        self.checks[check].is_plainly_up(now)
            && self.listeners[check].iter().all(|listener| self.recoveries[*listener].is_at_rest())
    }

    fn acted(
        &mut self,
        now: Moment,
        intent: u64,
        ended: Ended,
        detail: Said,
        effects: &mut Vec<Effect>,
    ) {
        let Some(running) = self.running.take_if(|running| running.intent == intent) else {
            return;
        };
        if running.finishes {
            self.finished(now, &running, ended, detail, effects);
            return;
        }
        let Some(recovery) = self.recoveries.get_mut(running.recovery) else { return };
        let checks = recovery.checks.clone();
        let Some(target) = recovery.target_by_id(&running.target) else { return };
        let (detail, detail_code) = detail.into_parts();
        effects.push(Effect::from(Record::Acted {
            incident: target.incident_id(),
            target: target.id.clone(),
            action: target.action_name().to_owned(),
            detail,
            detail_code,
        }));
        target.came_to_its_end(ended);
        let change = target.machine.acted(now, ended);
        target.note(now, change, effects);
        for check in checks {
            self.checks[check].start_afresh(now);
        }
    }

    fn close_orphans(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        for OpenIncident { incident, target, since, .. } in std::mem::take(&mut self.orphans) {
            let lasted = now.saturating_since(since);
            effects.push(Effect::from(Record::IncidentClosed { incident, target, lasted }));
        }
    }

    fn tick(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if !self.orphans.is_empty() {
            self.close_orphans(now, effects);
        }
        self.end_holds(now, effects);
        self.keep_windows(now, effects);
        let mut from = 0;
        loop {
            // What one of them makes due that stands before it is due at once, and has its turn at the next call.
            self.checks.refresh(|_, _| {});
            let Some(check) = self.checks.first_due(from, now) else { break };
            if self.checks[check].poll(now, effects) {
                self.see(now, check, effects);
            }
            from = check + 1;
        }
        self.settle_by_time(now, effects);
        let write = !self.only_observes();
        for (rule, core) in self.permissions.iter_mut().enumerate() {
            if !std::mem::replace(&mut core.is_kept, true) {
                effects.push(Effect::Keep { rule, write });
            }
            if core.start(now) {
                effects.push(Effect::Sweep { rule });
            }
        }
        for (rule, core) in self.cleanups.iter_mut().enumerate() {
            if core.start(now) {
                effects.push(Effect::Clean { rule, write });
            }
        }
        self.refresh();
        self.watch_for_storms(now, effects);
        let mut from = 0;
        while let Some(place) = self.recoveries.first_due(from, now) {
            from = place + 1;
            let recovery = &mut self.recoveries[place];
            let mut decides = false;
            for target in recovery.targets_mut() {
                if target.machine.deadline().is_none_or(|deadline| now < deadline) {
                    continue;
                }
                let unit = self.chance.unit();
                let before = target.machine.phase();
                let change = target.machine.tick(now, unit);
                target.note(now, change, effects);
                // R11: what was seen before a delay is old.
                if matches!(before, Phase::Backoff { .. } | Phase::Exhausted { .. })
                    && target.machine.phase() == Phase::Gate
                {
                    target.look_afresh(now);
                    decides = true;
                }
            }
            for check in recovery.checks.iter().filter(|_| decides) {
                self.checks[*check].look_afresh(now);
            }
        }
        if !self.gate_closed {
            self.refresh();
            self.finish_restarts(effects);
            self.pass_the_gate(now, effects);
        }
    }

    /// How far one pass is: for how many of the checks, rules and targets it is done, and how many there are.
    ///
    /// A check is done with once it could be told or was given up on, a rule once it has run, a target when no recovery is under way.
    pub fn settled(&self, now: Moment) -> (usize, usize) {
        let told = |check: &CheckCore| check.last_took().is_some() && check.is_steady(now);
        let ran = |rule: &RuleCore| rule.last_run.is_some();
        let still = |target: &Target| {
            !matches!(
                target.machine.phase(),
                Phase::Suspect | Phase::Acting | Phase::Verifying { .. } | Phase::Backoff { .. }
            ) && (target.machine.phase() != Phase::Gate
                || target.refusal.as_ref().is_some_and(Refusal::is_lasting))
        };
        let checks = self.checks.iter().map(told);
        let rules = self.permissions.iter().chain(&self.cleanups).map(ran);
        let targets = self.recoveries.iter().flat_map(RecoveryCore::targets).map(still);
        let all = checks.chain(rules).chain(targets);
        all.fold((0, 0), |(done, of), is_done| (done + usize::from(is_done), of + 1))
    }
}

fn breaker_past(check: &CheckCore, now: Moment, wall: Timestamp) -> Option<BreakerPast> {
    let breaker = check.breaker_snapshot(now, wall)?;
    (breaker.state != BreakerState::Closed)
        .then(|| BreakerPast { check: check.spec.name.clone(), breaker })
}

/// For each check the recoveries that it means anything to, by their places.
fn listeners(checks: usize, recoveries: &[RecoveryCore]) -> Vec<Vec<usize>> {
    let mut listeners = vec![Vec::new(); checks];
    for (place, recovery) in recoveries.iter().enumerate() {
        for check in recovery.checks.iter().chain(&recovery.dependencies) {
            if listeners[*check].last() != Some(&place) {
                listeners[*check].push(place);
            }
        }
    }
    listeners
}

/// For each check those without which it cannot be up, near and far, by their places.
fn dependencies(checks: &[Check]) -> Vec<Vec<usize>> {
    let place = |name: &String| checks.iter().position(|check| check.name == *name);
    let near: Vec<Vec<usize>> =
        checks.iter().map(|check| check.depends_on.iter().filter_map(place).collect()).collect();
    let all_of = |index: usize| {
        let mut all: Vec<usize> = near[index].clone();
        let mut next = 0;
        while let Some(other) = all.get(next).copied() {
            next += 1;
            for further in &near[other] {
                if !all.contains(further) && *further != index {
                    all.push(*further);
                }
            }
        }
        all
    };
    (0..checks.len()).map(all_of).collect()
}
