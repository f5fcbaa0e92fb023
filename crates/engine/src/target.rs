use std::mem::Discriminant;
use std::sync::Arc;

use evenkeel_config::{Recovery, Step};
use evenkeel_health::{Eta, Hard};
use evenkeel_moment::Moment;
use evenkeel_recovery::actions::{Action, StoppedProgram, UnitName};
use evenkeel_recovery::machine::{Change, Earlier, Ended, Machine, Phase, Policy, Seen, Stop};
use evenkeel_shown::said::{AgentCode, Said};

use crate::check::CheckCore;
use crate::event::Effect;
use crate::past::OpenIncident;
use crate::record::{Next, Outcome, Record};
use crate::refusal::{Refusal, Usage};
use crate::view::{Dependency, Source, View};

/// One target: its machine, and what is known of its incident.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts of their own: each may hold with each")]
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) machine: Machine,
    pub(crate) steps: Vec<Step>,
    pub(crate) refusal: Option<Refusal>,
    /// The refusal that history was told last.
    told: Option<Discriminant<Refusal>>,
    pub(crate) reason: Option<Arc<Said>>,
    /// Since when it is down by what its checks say, whatever follows from it.
    pub(crate) down_since: Option<Moment>,
    /// Since when it fails in a way that counts towards a storm.
    pub(crate) failing_since: Option<Moment>,
    /// Looks that began before this do not count for a decision.
    look_since: Option<Moment>,
    /// Whether it fails by timeouts alone.
    pub(crate) timed_out: bool,
    pub(crate) recovering: bool,
    pub(crate) unsure: bool,
    pub(crate) flapping: Option<Moment>,
    pub(crate) blocked: Vec<Dependency>,
    pub(crate) doubtful: Vec<usize>,
    cause: String,
    /// When a limit is reached, if that is all that is wrong.
    pub(crate) only_trend: Option<Eta>,
    incident: Option<(u64, Moment)>,
    /// Programs that a restart of this incident was about to stop, unless it came to its end.
    pub(crate) stopped: Vec<StoppedProgram>,
    /// Units of systemd that actions of this incident were about, and did not refuse: that one is stopped may be their doing.
    acted_on: Vec<UnitName>,
    /// The one that the action is about which runs, if it is the first.
    acting_on: Option<UnitName>,
    /// Whether that restart is to be brought to its end.
    pub(crate) unfinished: bool,
    last_action: &'static str,
}

impl Target {
    pub(crate) fn new(id: String, spec: &Recovery, part: Option<&str>) -> Self {
        // A step whose precondition this target cannot meet is no step of its ladder.
        let steps: Vec<_> = spec
            .steps
            .iter()
            .filter_map(|step| {
                let action = step.action.for_part(part)?;
                Some(Step { action, timeout: step.timeout })
            })
            .collect();
        let machine = Machine::new(policy(spec, &steps));
        Self {
            id,
            machine,
            steps,
            refusal: None,
            told: None,
            reason: None,
            down_since: None,
            failing_since: None,
            look_since: None,
            timed_out: false,
            recovering: false,
            unsure: false,
            flapping: None,
            blocked: Vec::new(),
            doubtful: Vec::new(),
            cause: String::new(),
            only_trend: None,
            incident: None,
            stopped: Vec::new(),
            acted_on: Vec::new(),
            acting_on: None,
            unfinished: false,
            last_action: "",
        }
    }

    /// Goes on with an incident that was open when the agent ended.
    pub(crate) fn resume(&mut self, spec: &Recovery, open: &OpenIncident, now: Moment) {
        let policy = policy(spec, &self.steps);
        let OpenIncident { used, unproved, exhausted, again_at, .. } = *open;
        let earlier = Earlier { used, unproved, exhausted, again_at };
        self.machine = Machine::resume(policy, earlier, now);
        self.stopped.clone_from(&open.stopped);
        self.acted_on =
            open.acted_on.iter().filter_map(|unit| UnitName::try_new(unit).ok()).collect();
        self.unfinished = unproved && !self.stopped.is_empty();
        self.incident = Some((open.incident, open.since));
        if let Some((step, _)) = open.used {
            self.last_action = self.steps.get(step as usize).map_or("", |step| step.action.name());
        }
        let text = "its incident was open when the agent ended";
        self.reason = Some(Arc::new(Said::new(text, AgentCode::IncidentWasOpen)));
    }

    /// The incident that is open, as another engine would go on with it.
    pub(crate) fn open_incident(&self) -> Option<OpenIncident> {
        let (incident, since) = self.incident?;
        let machine = &self.machine;
        Some(OpenIncident {
            incident,
            target: self.id.clone(),
            since,
            used: machine.last_used(),
            unproved: machine.is_unproved(),
            exhausted: machine.is_used_up(),
            again_at: machine.again_at(),
            stopped: self.stopped.clone(),
            acted_on: self
                .acted_on
                .iter()
                .chain(&self.acting_on)
                .map(UnitName::to_string)
                .collect(),
        })
    }

    /// An operator gives it a fresh try.
    pub(crate) fn reset(&mut self, now: Moment) {
        self.machine.reset();
        self.let_go(now);
    }

    /// From now on only looks that began at `now` or later count for a decision.
    pub(crate) const fn look_afresh(&mut self, now: Moment) {
        self.look_since = Some(now);
    }

    /// Whether a decision waits for a fresh look.
    pub(crate) const fn waits_for_a_look(&self) -> bool {
        self.look_since.is_some()
    }

    pub(crate) fn see(
        &mut self,
        now: Moment,
        sources: &[Source<'_>],
        checks: &[CheckCore],
        incidents: &mut u64,
        effects: &mut Vec<Effect>,
    ) -> Vec<usize> {
        let view = View::of(now, sources, checks, self.down_since);
        if self.look_since.is_some_and(|since| is_looked_at(now, sources, since)) {
            self.look_since = None;
        }
        self.down_since = match view.seen {
            Seen::Down => self.down_since.or(Some(now)),
            _ => None,
        };
        // What times out counts before it is sure: if many do together, it is the host's doing.
        self.failing_since = match view.seen {
            Seen::Down => self.failing_since.or(Some(now)),
            Seen::Suspect | Seen::Unknown if view.timed_out => self.failing_since.or(Some(now)),
            _ => None,
        };
        self.timed_out = view.timed_out;
        self.recovering = view.recovering;
        self.unsure = view.unsure;
        self.flapping = view.flapping;
        self.blocked.clone_from(&view.blocked);
        self.doubtful.clone_from(&view.doubtful);
        if view.seen == Seen::Down {
            self.cause.clone_from(&view.cause);
            self.only_trend = view.only_trend;
            self.reason = Some(Arc::clone(&view.evidence));
        }
        let fresh = !self.machine.in_incident();
        let quiet =
            matches!(self.machine.phase(), Phase::Unknown | Phase::Healthy | Phase::Suspect);
        let seen = match (self.machine.phase(), view.seen) {
            // Up, but not proved yet: that takes as many good results as any recovery of a check.
            (Phase::Verifying { .. }, Seen::Up) if !view.proved => Seen::Unknown,
            (_, Seen::Down) if fresh && quiet && view.is_victim() => {
                if self.machine.stop(Stop::Blocked) {
                    effects.push(Effect::from(self.victim(&view.blocked)));
                }
                Seen::Down
            }
            // Whose fault it is has to be known before it is called an incident of its own.
            (_, Seen::Down) if fresh && quiet && !view.doubtful.is_empty() => Seen::Suspect,
            (_, seen) if self.look_since.is_none() => seen,
            (Phase::Acting | Phase::Stabilizing { .. } | Phase::Exhausted { .. }, seen) => seen,
            _ => Seen::Unknown,
        };
        let change = self.machine.see(now, seen);
        if change == Some(Change::Opened) {
            let incident = *incidents;
            *incidents += 1;
            self.incident = Some((incident, now));
            let (evidence, evidence_code) = view.evidence.to_parts();
            effects.push(Effect::from(Record::IncidentOpened {
                incident,
                target: self.id.clone(),
                cause: view.cause,
                evidence,
                evidence_code,
            }));
        } else {
            self.note(now, change, effects);
        }
        view.doubtful
    }

    /// Whether another word that it is up would change nothing.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.machine.is_at_rest()
            && self.look_since.is_none()
            && !self.timed_out
            && self.flapping.is_none()
    }

    /// No check speaks of it any more.
    pub(crate) fn gone(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        self.look_since = None;
        let text = "no check speaks of it any more";
        self.reason = Some(Arc::new(Said::new(text, AgentCode::NoCheckSpeaks)));
        let change = self.machine.see(now, Seen::Up);
        self.note(now, change, effects);
    }

    fn victim(&self, blocked: &[Dependency]) -> Record {
        let of = blocked.iter().map(|dependency| dependency.check.clone()).collect();
        Record::Victim { target: self.id.clone(), cause: self.cause.clone(), of }
    }

    /// Writes what a change means to history.
    pub(crate) fn note(&mut self, now: Moment, change: Option<Change>, effects: &mut Vec<Effect>) {
        let Some(change) = change else { return };
        let judged = match change {
            Change::Verified => Some((Outcome::Recovered, Next::Verified)),
            Change::Relapsed => Some((Outcome::Relapsed, Next::DownAgain)),
            Change::Retrying { after } => Some((Outcome::Failed, Next::Retry { after })),
            Change::Escalated { step } => Some((Outcome::Failed, Next::Step { step })),
            Change::Exhausted if self.refusal.is_none() => {
                let next = match self.machine.again_at() {
                    Some(at) => Next::FreshAttempt { after: at.saturating_since(now) },
                    None => Next::Nothing,
                };
                Some((Outcome::Failed, next))
            }
            Change::Opened
            | Change::CameBack
            | Change::Resumed
            | Change::Exhausted
            | Change::Closed => None,
        };
        if let Some((outcome, next)) = judged
            && !self.last_action.is_empty()
        {
            effects.push(Effect::from(Record::Judged {
                incident: self.incident_id(),
                target: self.id.clone(),
                cause: self.cause.clone(),
                action: self.last_action.to_owned(),
                outcome,
                next,
            }));
        }
        if matches!(change, Change::Verified | Change::CameBack | Change::Closed | Change::Resumed)
        {
            self.forget_refusal();
        }
        if change == Change::Closed
            && let Some((incident, since)) = self.incident.take()
        {
            self.last_action = "";
            self.reason = None;
            self.stopped.clear();
            self.acted_on.clear();
            let lasted = now.saturating_since(since);
            let target = self.id.clone();
            effects.push(Effect::from(Record::IncidentClosed { incident, target, lasted }));
        }
    }

    /// Keeps why nothing is done, and writes it to history when what decides is a new reason.
    pub(crate) fn refuse(
        &mut self,
        reason: Refusal,
        also: Vec<Refusal>,
        budget: Usage,
        effects: &mut Vec<Effect>,
    ) {
        let told = Some(std::mem::discriminant(&reason));
        if !reason.is_passing() && self.told != told {
            self.told = told;
            effects.push(Effect::from(Record::Refused {
                incident: self.incident_id(),
                target: self.id.clone(),
                cause: self.cause.clone(),
                action: self.action_name().to_owned(),
                reason: reason.clone(),
                also,
                budget,
            }));
        }
        self.refusal = Some(reason);
    }

    /// Nothing keeps it any more.
    pub(crate) fn let_go(&mut self, now: Moment) {
        self.forget_refusal();
        self.look_afresh(now);
    }

    fn forget_refusal(&mut self) {
        (self.refusal, self.told) = (None, None);
    }

    /// The checks that were down when it was last seen down.
    pub(crate) fn cause(&self) -> &str {
        &self.cause
    }

    /// Whether a check is one of those.
    pub(crate) fn names_cause(&self, check: &str) -> bool {
        self.cause.split(", ").any(|cause| cause == check)
    }

    pub(crate) fn started(&mut self) {
        self.forget_refusal();
        // What cannot heal has no outcome to be told.
        let may_heal = self.next_step().is_some_and(|step| step.action.may_heal());
        self.last_action = if may_heal { self.action_name() } else { "" };
        let unit = self.next_step().and_then(|step| step.action.starts_or_stops_unit()).cloned();
        self.acting_on = unit.filter(|unit| !self.acted_on.contains(unit));
    }

    /// Its step was skipped: what was refused before was another one.
    pub(crate) fn skipped(&mut self) {
        self.forget_refusal();
    }

    /// The action that ran has ended so.
    pub(crate) fn came_to_its_end(&mut self, ended: Ended) {
        self.acted_on.extend(self.acting_on.take().filter(|_| ended != Ended::Impossible));
        let restarts = self.next_step().is_some_and(|step| step.action.restarts_programs());
        if restarts && ended == Ended::Ran {
            self.stopped.clear();
        }
        self.unfinished = restarts && ended == Ended::CutOff && !self.stopped.is_empty();
    }

    pub(crate) fn next_step(&self) -> Option<&Step> {
        self.steps.get(self.machine.step() as usize)
    }

    /// Whether an earlier action of this incident was about the unit of `action`, too, and did not refuse it.
    pub(crate) fn has_acted_on_unit_of(&self, action: &Action) -> bool {
        action.starts_or_stops_unit().is_some_and(|unit| self.acted_on.contains(unit))
    }

    /// When the incident that is open began.
    pub(crate) fn incident_since(&self) -> Option<Moment> {
        self.incident.map(|(_, since)| since)
    }

    pub(crate) fn incident_id(&self) -> u64 {
        self.incident.map_or(0, |(incident, _)| incident)
    }

    pub(crate) fn action_name(&self) -> &'static str {
        self.next_step().map_or("none", |step| step.action.name())
    }
}

fn policy(spec: &Recovery, steps: &[Step]) -> Policy {
    Policy {
        steps: u32::try_from(steps.len()).unwrap_or(u32::MAX),
        retry: spec.retry.clone(),
        verify_timeout: spec.verify_timeout,
        stable_for: spec.stable_for,
        slow_retry: spec.slow_retry,
    }
}

/// Whether what these say now comes from looks that began at `since` or later.
///
/// One that cannot be asked says nothing by then, and does not keep the others from being heard: it might not be asked for ever. It is
/// waited for as long as it stands by what it said before; and if none of them can be asked, there was no look.
fn is_looked_at(now: Moment, sources: &[Source<'_>], since: Moment) -> bool {
    sources.iter().any(|(check, _)| check.was_looked_at(since))
        && sources.iter().all(|(check, subject)| {
            check.was_looked_at(since) || subject.hard(now) == Hard::Unknown
        })
}
