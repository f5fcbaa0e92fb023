use std::time::Duration;

use evenkeel_config::{Mode, Settings};
use evenkeel_moment::Moment;
use evenkeel_probe::Value;
use evenkeel_recovery::budget::{Budgets, Ledger};
use evenkeel_recovery::machine::{Ended, Phase};
use jiff::{SignedDuration, Timestamp};

use crate::chance::Chance;
use crate::check::CheckCore;
use crate::event::{Act, Effect, Input};
use crate::programs::not_ready;
use crate::record::{Record, Refusal};
use crate::rule::RuleCore;
use crate::status::{CheckStatus, PartStatus, RecoveryStatus, RuleStatus, Status};
use crate::target::{RecoveryCore, Target};

/// What an engine starts from.
#[derive(Debug)]
pub struct Start {
    /// The moment of the start.
    pub now: Moment,
    /// The seed of all chance.
    pub seed: u64,
    /// Whether checks start spread over a tenth of their interval, or all at once (one pass, with somebody waiting).
    pub spread: bool,
    /// Why nothing may be written, whatever the settings say; `None` leaves it to them.
    pub observe_only: Option<String>,
    /// What earlier runs left behind.
    pub past: Past,
}

/// What survives the end of an agent (docs/semantics.md, 5).
#[derive(Debug, Default)]
pub struct Past {
    /// Actions already charged to the budgets: when and for which target.
    pub charged: Vec<(Moment, String)>,
    /// Incidents that were not over.
    pub open: Vec<OpenIncident>,
    /// The number of the next incident.
    pub next_incident: u64,
}

/// An incident that was not over when its agent ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIncident {
    /// Its number.
    pub incident: u64,
    /// Its target.
    pub target: String,
    /// When it began.
    pub since: Moment,
    /// The step and attempt of its last action.
    pub used: Option<(u32, u32)>,
    /// Whether nobody saw how that action ended: it is verified and never repeated.
    pub unproved: bool,
}

/// All pure cores, joined.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    checks: Vec<CheckCore>,
    permissions: Vec<RuleCore>,
    cleanups: Vec<RuleCore>,
    recoveries: Vec<RecoveryCore>,
    ledger: Ledger,
    chance: Chance,
    started: Moment,
    /// Why nothing may be written, whatever the settings say.
    withheld: Option<String>,
    running: Option<Running>,
    gate_closed: bool,
    next_intent: u64,
    next_incident: u64,
}

/// The one action that runs.
#[derive(Debug)]
struct Running {
    intent: u64,
    recovery: usize,
    target: String,
}

impl Engine {
    /// An engine that has seen nothing yet. Everything is due, checks a little spread.
    pub fn new(settings: Settings, start: Start) -> Self {
        let now = start.now;
        let mut chance = Chance::new(start.seed);
        let checks: Vec<_> = settings
            .checks
            .iter()
            .enumerate()
            .map(|(index, check)| {
                let unit = if start.spread { chance.unit() } else { 0.0 };
                CheckCore::new(check.clone(), index, now, unit)
            })
            .collect();
        let mut recoveries: Vec<_> = settings
            .recoveries
            .iter()
            .map(|recovery| RecoveryCore::new(recovery.clone(), &checks))
            .collect();
        for open in &start.past.open {
            for recovery in &mut recoveries {
                recovery.resume(open, now);
            }
        }
        let mut ledger = Ledger::new();
        ledger.restore(start.past.charged);
        Self {
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
            checks,
            recoveries,
            ledger,
            chance,
            started: now,
            withheld: start.observe_only,
            running: None,
            gate_closed: false,
            next_intent: 1,
            next_incident: start.past.next_incident.max(1),
            settings,
        }
    }

    /// The settings that are in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether an action runs; a reload or an end should wait for it.
    pub fn is_acting(&self) -> bool {
        self.running.is_some()
    }

    /// Why nothing may be written, if so.
    pub fn observe_only(&self) -> Option<&str> {
        match &self.withheld {
            Some(why) => Some(why),
            None => (self.settings.agent.mode == Mode::Observe).then_some("the settings say so"),
        }
    }

    /// From now on no action is decided on: the shell is ending, and would not carry it out.
    pub fn close_the_gate(&mut self) {
        self.gate_closed = true;
    }

    /// Puts new settings in force. Budgets, incidents whose action is not proved yet, and the start's grace live on.
    ///
    /// An action that runs is lost to the new engine: wait until [`Engine::is_acting`] is false.
    pub fn reconfigure(&mut self, now: Moment, seed: u64, settings: Settings) {
        let (observe_only, past) = (self.withheld.take(), self.past());
        let start = Start { now, seed, spread: true, observe_only, past };
        let (started, next_intent) = (self.started, self.next_intent);
        *self = Self { started, next_intent, ..Self::new(settings, start) };
    }

    fn past(&self) -> Past {
        Past {
            charged: self.ledger.entries(),
            open: self
                .recoveries
                .iter()
                .flat_map(RecoveryCore::targets)
                .filter_map(Target::open_incident)
                .collect(),
            next_incident: self.next_incident,
        }
    }

    /// Takes in one input at `now` and says what to do, in order.
    pub fn handle(&mut self, now: Moment, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Measured { check, run, measurement } => {
                if let Some(core) = self.checks.get_mut(check)
                    && core.measured(now, run, measurement, &mut effects)
                {
                    self.see(now, check, &mut effects);
                }
            }
            Input::Swept { rule, result } => {
                let hold = self.settings.agent.hold_errors_for;
                if let Some(rule) = self.permissions.get_mut(rule) {
                    rule.swept(now, result, hold, &mut effects);
                }
            }
            Input::Cleaned { rule, result } => {
                if let Some(rule) = self.cleanups.get_mut(rule) {
                    rule.cleaned(now, result, &mut effects);
                }
            }
            Input::Kept { rule, outcome } => {
                let hold = self.settings.agent.hold_errors_for;
                if let Some(rule) = self.permissions.get_mut(rule) {
                    rule.kept(now, outcome, hold, &mut effects);
                }
            }
            Input::Watched { rule, how } => {
                if let Some(rule) = self.permissions.get_mut(rule) {
                    rule.watched = Some(how);
                }
            }
            Input::Acted { intent, ended, detail } => {
                self.acted(now, intent, ended, detail, &mut effects);
            }
            Input::Hinted { check } => {
                if let Some(core) = self.checks.get_mut(check) {
                    core.look_on_hint(now);
                }
            }
            Input::Tick => {}
        }
        self.tick(now, &mut effects);
        effects
    }

    /// When [`Input::Tick`] has something to do; `None`: not before another input.
    pub fn deadline(&self, now: Moment) -> Option<Moment> {
        let grace_ends = self.started + self.settings.agent.grace;
        let checks = self.checks.iter().map(CheckCore::deadline);
        let rules = self.permissions.iter().chain(&self.cleanups).filter_map(RuleCore::deadline);
        let machines = self
            .recoveries
            .iter()
            .flat_map(RecoveryCore::targets)
            .filter_map(|target| target.machine.deadline());
        let grace = (now < grace_ends).then_some(grace_ends);
        checks.chain(rules).chain(machines).chain(grace).min()
    }

    /// Takes in what a check's new states mean for the recoveries that listen to it.
    fn see(&mut self, now: Moment, check: usize, effects: &mut Vec<Effect>) {
        for recovery in
            self.recoveries.iter_mut().filter(|recovery| recovery.checks.contains(&check))
        {
            let was_open = recovery.whole.machine.in_incident();
            recovery.see(now, &self.checks, &mut self.next_incident, effects);
            if !was_open && recovery.whole.machine.in_incident() {
                for other in recovery.checks.iter().filter(|other| **other != check) {
                    self.checks[*other].look_now(now);
                }
            }
        }
        let wanted = self.recoveries.iter().any(|recovery| {
            recovery.checks.contains(&check)
                && recovery.targets().any(|target| target.machine.wants_a_closer_look())
        });
        if let Some(core) = self.checks.get_mut(check)
            && (wanted || !core.is_steady(now))
        {
            core.look_closer(now);
        }
    }

    fn acted(
        &mut self,
        now: Moment,
        intent: u64,
        ended: Ended,
        detail: String,
        effects: &mut Vec<Effect>,
    ) {
        let Some(running) = self.running.take_if(|running| running.intent == intent) else {
            return;
        };
        let Some(recovery) = self.recoveries.get_mut(running.recovery) else { return };
        let checks = recovery.checks.clone();
        let Some(target) = recovery.target_by_id(&running.target) else { return };
        effects.push(Effect::Record(Record::Acted {
            incident: target.incident_id(),
            target: target.id.clone(),
            action: target.action_name().to_owned(),
            detail,
        }));
        let change = target.machine.acted(now, ended);
        target.note(now, change, effects);
        for check in checks {
            self.checks[check].start_afresh(now);
        }
    }

    fn tick(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        for check in 0..self.checks.len() {
            if self.checks[check].poll(now, effects) {
                self.see(now, check, effects);
            }
        }
        let write = self.observe_only().is_none();
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
        for recovery in &mut self.recoveries {
            for target in recovery.targets_mut() {
                let unit = self.chance.unit();
                let change = target.machine.tick(now, unit);
                target.note(now, change, effects);
            }
        }
        if !self.gate_closed {
            self.pass_the_gate(now, effects);
        }
    }

    /// Lets at most one waiting target act; tells the others why not (R4, R5).
    fn pass_the_gate(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        for index in 0..self.recoveries.len() {
            let waiting: Vec<_> = self.recoveries[index]
                .targets()
                .filter(|target| target.machine.phase() == Phase::Gate)
                .map(|target| target.id.clone())
                .collect();
            for id in waiting {
                let refusal = self.refusal(now, index, &id);
                let recovery = &mut self.recoveries[index];
                let budgets = recovery.spec.budgets.clone();
                let Some(target) = recovery.target_by_id(&id) else { continue };
                match refusal {
                    Some(refusal) => refuse(now, target, refusal, effects),
                    None => {
                        let act = start(
                            now,
                            target,
                            self.next_intent,
                            &mut self.ledger,
                            &budgets,
                            effects,
                        );
                        let Some(act) = act else { continue };
                        self.next_intent += 1;
                        let (intent, target) = (act.intent, id);
                        self.running = Some(Running { intent, recovery: index, target });
                        effects.push(Effect::Act(act));
                    }
                }
            }
        }
    }

    /// The first reason why a target at the gate may not act now.
    fn refusal(&self, now: Moment, recovery: usize, id: &str) -> Option<Refusal> {
        let grace_ends = self.started + self.settings.agent.grace;
        if let Some(why) = self.observe_only() {
            return Some(Refusal::ObserveOnly { why: why.to_owned() });
        }
        if now < grace_ends {
            return Some(Refusal::Grace { until: grace_ends });
        }
        let recovery = &self.recoveries[recovery];
        let target = recovery.targets().find(|target| target.id == id)?;
        let Some(step) = target.next_step() else { return Some(Refusal::NoStep) };
        if id == recovery.spec.name {
            if let Some(check) = self.not_looked_at(recovery, target) {
                return Some(Refusal::Looking { check: self.checks[check].spec.name.clone() });
            }
            if let Some(part) = recovery.part_under_recovery() {
                return Some(Refusal::PartsFirst { part: part.to_owned() });
            }
            let checks = recovery.checks.iter().filter_map(|check| self.checks.get(*check));
            if let Some(refusal) = not_ready(now, checks, &step.action) {
                return Some(refusal);
            }
        }
        if let Some(running) = &self.running {
            return Some(Refusal::Busy { with: running.target.clone() });
        }
        match self.ledger.room(now, id, &recovery.spec.budgets) {
            Ok(_) => None,
            Err(empty) => Some(Refusal::Budget {
                scope: empty.scope.as_str().to_owned(),
                retry_after: empty.retry_after,
            }),
        }
    }

    /// A check of the recovery that has not been looked at since the target's incident began.
    fn not_looked_at(&self, recovery: &RecoveryCore, target: &Target) -> Option<usize> {
        let since = target.incident_since()?;
        let old =
            |check: &usize| self.checks[*check].concluded.is_none_or(|concluded| concluded < since);
        recovery.checks.iter().copied().find(old)
    }

    /// Everything there is to show. `wall` is the time of day at `now`.
    pub fn status(&self, now: Moment, wall: Timestamp) -> Status {
        let at = |moment: Moment| wall - signed(now.saturating_since(moment));
        let checks: Vec<_> =
            self.checks.iter().map(|check| check_status(check, now, &at)).collect();
        let rules: Vec<_> = self.rule_statuses(now, &at);
        let recoveries: Vec<_> = self
            .recoveries
            .iter()
            .flat_map(|recovery| recovery.targets().map(move |target| (recovery, target)))
            .map(|(recovery, target)| RecoveryStatus {
                target: target.id.clone(),
                phase: target.machine.phase().as_str().to_owned(),
                attempt: target.machine.attempt(),
                step: target.next_step().map(|step| step.action.describe()),
                budget_remaining: self.ledger.remaining(now, &target.id, &recovery.spec.budgets),
                reason: match &target.refusal {
                    Some(refusal) => Some(refusal.to_string()),
                    None => target.reason.clone(),
                },
            })
            .collect();
        let healthy = !self.checks.iter().any(|check| check.up(now) == Some(false))
            && rules.iter().all(|rule| rule.ok != Some(false))
            && !recoveries.iter().any(|recovery| recovery.phase == "exhausted");
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: if self.observe_only().is_some() { "observe" } else { "enforce" }.to_owned(),
            mode_reason: self.observe_only().map(str::to_owned),
            started_at: at(self.started),
            now: wall,
            healthy,
            checks,
            rules,
            recoveries,
        }
    }

    fn rule_statuses(&self, now: Moment, at: &impl Fn(Moment) -> Timestamp) -> Vec<RuleStatus> {
        let permissions = self.settings.permissions.iter().map(|rule| rule.policy.path());
        let cleanups = self.settings.cleanup.iter().map(|rule| rule.policy.path());
        let permissions =
            self.permissions.iter().zip(permissions).map(|pair| (pair, "permissions"));
        let cleanups = self.cleanups.iter().zip(cleanups).map(|pair| (pair, "cleanup"));
        permissions
            .chain(cleanups)
            .map(|((core, path), kind)| RuleStatus {
                name: core.name.clone(),
                kind: kind.to_owned(),
                path: path.display().to_string(),
                last_run: core.last_run.map(at),
                ok: core.last_run.map(|_| core.remaining.as_ref().is_ok_and(Vec::is_empty)),
                detail: match &core.remaining {
                    Ok(remaining) => remaining
                        .first()
                        .map(|first| format!("{}: {}", first.path, first.reason))
                        .unwrap_or_default(),
                    Err(reason) => reason.clone(),
                },
                repairs: core.handled,
                errors_now: core.errors(now),
                watched: core.watched.clone(),
            })
            .collect()
    }

    /// Whether one pass is done: each check could be told or given up on, each rule has run, no recovery is under way.
    pub fn is_settled(&self, now: Moment) -> bool {
        let told = |check: &CheckCore| check.last_took().is_some() && check.is_steady(now);
        let ran = |rule: &RuleCore| rule.last_run.is_some();
        let still = |target: &Target| {
            !matches!(
                target.machine.phase(),
                Phase::Suspect | Phase::Acting | Phase::Verifying { .. } | Phase::Backoff { .. }
            ) && (target.machine.phase() != Phase::Gate
                || target.refusal.as_ref().is_some_and(Refusal::is_lasting))
        };
        self.checks.iter().all(told)
            && self.permissions.iter().chain(&self.cleanups).all(ran)
            && self.recoveries.iter().flat_map(RecoveryCore::targets).all(still)
    }
}

fn refuse(now: Moment, target: &mut Target, refusal: Refusal, effects: &mut Vec<Effect>) {
    let empty = match &refusal {
        Refusal::Budget { retry_after, .. } => Some(*retry_after),
        _ => None,
    };
    target.refuse(refusal, effects);
    if let Some(retry_after) = empty {
        let change = target.machine.exhaust(Some(now + retry_after));
        target.note(now, change, effects);
    }
}

fn start(
    now: Moment,
    target: &mut Target,
    intent: u64,
    ledger: &mut Ledger,
    budgets: &Budgets,
    effects: &mut Vec<Effect>,
) -> Option<Act> {
    let step = target.next_step()?.clone();
    // Charged before it starts: an action that never ends must not be free.
    ledger.charge(now, &target.id);
    target.machine.act();
    target.started();
    let (rung, attempt) = (target.machine.step(), target.machine.attempt());
    effects.push(Effect::Record(Record::Intended {
        incident: target.incident_id(),
        target: target.id.clone(),
        action: step.action.describe(),
        step: rung,
        attempt,
        budget_left: ledger.remaining(now, &target.id, budgets),
    }));
    Some(Act {
        intent,
        incident: target.incident_id(),
        target: target.id.clone(),
        step: rung,
        attempt,
        action: step.action,
        timeout: step.timeout,
    })
}

fn check_status(check: &CheckCore, now: Moment, at: &impl Fn(Moment) -> Timestamp) -> CheckStatus {
    let (state, reason) = check.worst(now);
    let number = |field: &str| match check.facts().and_then(|facts| facts.get(field)) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    };
    CheckStatus {
        name: check.spec.name.clone(),
        kind: check.spec.target.kind().to_owned(),
        target: check.spec.target.describe(),
        state: state.as_str().to_owned(),
        since: check.last_took().map(|_| at(check.own.since)),
        reason: reason.map(str::to_owned),
        last_ms: check.last_took().map(|took| took.as_secs_f64() * 1e3),
        interval_ms: u64::try_from(check.spec.interval.as_millis()).unwrap_or(u64::MAX),
        breaker: check.breaker_state(now).map(|state| state.as_str().to_owned()),
        rss_bytes: number("rss_bytes"),
        pid: number("pid"),
        parts: check
            .parts
            .iter()
            .map(|(name, part)| PartStatus {
                name: name.clone(),
                state: part.health.state(now).as_str().to_owned(),
                reason: part.reason.clone(),
            })
            .collect(),
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
