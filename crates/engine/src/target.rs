use std::collections::BTreeMap;

use evenkeel_config::{Recovery, Step};
use evenkeel_health::{Eta, Hard, State};
use evenkeel_moment::Moment;
use evenkeel_recovery::machine::{Change, Machine, Phase, Policy, Seen};

use crate::check::{CheckCore, Subject, hard};
use crate::event::Effect;
use crate::past::OpenIncident;
use crate::record::{Outcome, Record, Refusal};

/// One recovery of the settings: the target that its checks speak of as a whole, and one target for each part.
#[derive(Debug)]
pub(crate) struct RecoveryCore {
    pub(crate) spec: Recovery,
    /// The checks it listens to, by their place in the settings.
    pub(crate) checks: Vec<usize>,
    pub(crate) whole: Target,
    pub(crate) parts: BTreeMap<String, Target>,
}

/// One target: its machine, and what is known of its incident.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) machine: Machine,
    pub(crate) steps: Vec<Step>,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) reason: Option<String>,
    cause: String,
    /// When a limit is reached, if that is all that is wrong.
    pub(crate) only_trend: Option<Eta>,
    incident: Option<(u64, Moment)>,
    last_action: &'static str,
}

/// What health says of a target now, and by which checks.
struct View {
    seen: Seen,
    cause: String,
    evidence: String,
    only_trend: Option<Eta>,
}

impl RecoveryCore {
    pub(crate) fn new(spec: Recovery, checks: &[CheckCore]) -> Self {
        let indices = spec
            .when
            .iter()
            .filter_map(|name| checks.iter().position(|check| check.spec.name == *name))
            .collect();
        let whole = Target::new(spec.name.clone(), &spec, None);
        Self { spec, checks: indices, whole, parts: BTreeMap::new() }
    }

    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.parts.values().chain([&self.whole])
    }

    pub(crate) fn targets_mut(&mut self) -> impl Iterator<Item = &mut Target> {
        self.parts.values_mut().chain([&mut self.whole])
    }

    /// Goes on with an incident that was open when the agent ended, if its target is of this recovery.
    pub(crate) fn resume(&mut self, open: &OpenIncident, now: Moment) {
        let spec = self.spec.clone();
        if let Some(target) = self.target_by_id(&open.target) {
            target.resume(&spec, open, now);
        }
    }

    /// The target by its id, made if it is a part that has not been seen yet.
    pub(crate) fn target_by_id(&mut self, id: &str) -> Option<&mut Target> {
        if id == self.spec.name {
            return Some(&mut self.whole);
        }
        let part = id.strip_prefix(&self.spec.name)?.strip_prefix('/')?;
        let (spec, part) = (&self.spec, part.to_owned());
        Some(
            self.parts
                .entry(part)
                .or_insert_with_key(|part| Target::new(id.to_owned(), spec, Some(part))),
        )
    }

    /// Takes in what the checks say now.
    pub(crate) fn see(
        &mut self,
        now: Moment,
        checks: &[CheckCore],
        incidents: &mut u64,
        effects: &mut Vec<Effect>,
    ) {
        let mine = self.checks.iter().filter_map(|index| checks.get(*index));
        let whole =
            View::of(now, &mine.clone().map(|check| (check.spec.name.as_str(), &check.own)));
        self.whole.see(now, whole, incidents, effects);
        let mut gone: Vec<_> = self.parts.keys().cloned().collect();
        for check in mine {
            for (part, subject) in &check.parts {
                gone.retain(|name| name != part);
                let view = View::of(now, &[(check.spec.name.as_str(), subject)].into_iter());
                let id = format!("{}/{part}", self.spec.name);
                let spec = &self.spec;
                let target = self
                    .parts
                    .entry(part.clone())
                    .or_insert_with(|| Target::new(id, spec, Some(part)));
                target.see(now, view, incidents, effects);
            }
        }
        for part in gone {
            // No check speaks of it any more; an open incident waits, a quiet target is forgotten.
            if self.parts.get(&part).is_some_and(|target| !target.machine.in_incident()) {
                self.parts.remove(&part);
            }
        }
    }

    /// A part that is being recovered: the whole waits, since its failure may be the part's.
    pub(crate) fn part_under_recovery(&self) -> Option<&str> {
        self.parts
            .values()
            .find(|part| {
                matches!(
                    part.machine.phase(),
                    Phase::Gate | Phase::Acting | Phase::Verifying { .. } | Phase::Backoff { .. }
                )
            })
            .map(|part| part.id.as_str())
    }
}

impl View {
    fn of<'a>(
        now: Moment,
        subjects: &(impl Iterator<Item = (&'a str, &'a Subject)> + Clone),
    ) -> Self {
        let down = subjects.clone().filter(|(_, subject)| hard(subject, now) == Hard::Down);
        let cause = down.clone().map(|(check, _)| check).collect::<Vec<_>>().join(", ");
        let evidence = down
            .filter_map(|(_, subject)| subject.reason.as_deref())
            .collect::<Vec<_>>()
            .join("; ");
        let suspect = subjects
            .clone()
            .any(|(_, subject)| matches!(subject.health.state(now), State::Suspect { .. }));
        let all_up = subjects.clone().all(|(_, subject)| hard(subject, now) == Hard::Up);
        let seen = match (cause.is_empty(), suspect, all_up) {
            (false, ..) => Seen::Down,
            (true, true, _) => Seen::Suspect,
            (true, false, true) => Seen::Up,
            (true, false, false) => Seen::Unknown,
        };
        let ahead = subjects.clone().filter(|(_, subject)| hard(subject, now) == Hard::Down);
        let mut ahead: Vec<_> = ahead.map(|(_, subject)| subject.only_trend).collect();
        ahead.sort_by_key(|eta| eta.map(|eta| eta.likely));
        // One that is down for another reason comes first, as one without such a moment.
        let only_trend = ahead.first().copied().flatten();
        Self { seen, cause, evidence, only_trend }
    }
}

impl Target {
    fn new(id: String, spec: &Recovery, part: Option<&str>) -> Self {
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
            reason: None,
            cause: String::new(),
            only_trend: None,
            incident: None,
            last_action: "",
        }
    }

    /// Goes on with an incident that was open when the agent ended.
    fn resume(&mut self, spec: &Recovery, open: &OpenIncident, now: Moment) {
        let policy = policy(spec, &self.steps);
        self.machine = match open.used {
            Some((step, attempt)) if open.unproved => {
                Machine::after_lost_action(policy, step, attempt, now)
            }
            used => Machine::in_open_incident(policy, used),
        };
        self.incident = Some((open.incident, open.since));
        if let Some((step, _)) = open.used {
            self.last_action = self.steps.get(step as usize).map_or("", |step| step.action.name());
        }
        self.reason = Some("its incident was open when the agent ended".to_owned());
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
            unproved: matches!(machine.phase(), Phase::Acting | Phase::Verifying { .. }),
            exhausted: machine.is_used_up(),
            again_at: match machine.phase() {
                Phase::Backoff { until } | Phase::Exhausted { until: Some(until), .. } => {
                    Some(until)
                }
                _ => None,
            },
        })
    }

    /// An operator gives it a fresh try.
    pub(crate) fn reset(&mut self, now: Moment) {
        self.machine.reset(now);
        self.refusal = None;
    }

    fn see(&mut self, now: Moment, view: View, incidents: &mut u64, effects: &mut Vec<Effect>) {
        if view.seen == Seen::Down {
            self.cause.clone_from(&view.cause);
            self.only_trend = view.only_trend;
            self.reason = Some(view.evidence.clone());
        }
        let change = self.machine.see(now, view.seen);
        if change == Some(Change::Opened) {
            let incident = *incidents;
            *incidents += 1;
            self.incident = Some((incident, now));
            effects.push(Effect::Record(Record::IncidentOpened {
                incident,
                target: self.id.clone(),
                cause: view.cause,
                evidence: view.evidence,
            }));
        } else {
            self.note(now, change, effects);
        }
    }

    /// Writes what a change means to history.
    pub(crate) fn note(&mut self, now: Moment, change: Option<Change>, effects: &mut Vec<Effect>) {
        let Some(change) = change else { return };
        let (outcome, next) = match change {
            Change::Verified => {
                (Some(Outcome::Recovered), "verified by the same checks".to_owned())
            }
            Change::Relapsed => (Some(Outcome::Relapsed), "down again".to_owned()),
            Change::Retrying { after } => {
                (Some(Outcome::Failed), format!("next attempt in {:.1} s", after.as_secs_f64()))
            }
            Change::Escalated { step } => {
                (Some(Outcome::Failed), format!("next is step {}", step + 1))
            }
            Change::Exhausted if self.refusal.is_none() => {
                (Some(Outcome::Failed), "nothing is left to try".to_owned())
            }
            Change::Opened
            | Change::CameBack
            | Change::Resumed
            | Change::Exhausted
            | Change::Closed => (None, String::new()),
        };
        if let Some(outcome) = outcome
            && !self.last_action.is_empty()
        {
            effects.push(Effect::Record(Record::Judged {
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
            self.refusal = None;
        }
        if change == Change::Closed
            && let Some((incident, since)) = self.incident.take()
        {
            self.last_action = "";
            self.reason = None;
            let lasted = now.saturating_since(since);
            let target = self.id.clone();
            effects.push(Effect::Record(Record::IncidentClosed { incident, target, lasted }));
        }
    }

    /// Keeps why nothing is done, and writes it to history when it is a new reason.
    pub(crate) fn refuse(&mut self, refusal: Refusal, effects: &mut Vec<Effect>) {
        let same = self
            .refusal
            .as_ref()
            .is_some_and(|last| std::mem::discriminant(last) == std::mem::discriminant(&refusal));
        if !same && !refusal.is_passing() {
            effects.push(Effect::Record(Record::Refused {
                incident: self.incident_id(),
                target: self.id.clone(),
                cause: self.cause.clone(),
                action: self.action_name().to_owned(),
                reason: refusal.clone(),
            }));
        }
        self.refusal = Some(refusal);
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
        self.refusal = None;
        // What cannot heal has no outcome to be told.
        let may_heal = self.next_step().is_some_and(|step| step.action.may_heal());
        self.last_action = if may_heal { self.action_name() } else { "" };
    }

    pub(crate) fn next_step(&self) -> Option<&Step> {
        self.steps.get(self.machine.step() as usize)
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
    }
}
