//! Counts what a run comes to while it runs.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_config::Settings;
use evenkeel_engine::{Act, Count, Effect, Past, Record, Refusal, SLO_SUBJECT, Slice};
use evenkeel_health::State;
use evenkeel_metrics::availability::Verdict;
use evenkeel_moment::Moment;
use jiff::Timestamp;

use super::spread::millis;
use super::{
    CheckSummary, CleanupSummary, FaultSummary, HostSummary, PermissionSummary, Slices, Spread,
    Summary, TargetSummary, Totals,
};
use crate::disk::Batch;
use crate::faults::Faults;
use crate::windows::in_windows;
use crate::world::{Ailment, UnitId, World};

/// What was counted so far.
#[derive(Debug)]
pub(crate) struct Tally {
    began: Moment,
    totals: Totals,
    host: HostSummary,
    runs: u64,
    targets: BTreeMap<String, OfTarget>,
    /// The budget of each recovery: how many actions, in which window.
    budgets: BTreeMap<String, (u64, Duration)>,
    /// Of each check, in the order of the settings.
    slices: Vec<(String, Slices)>,
    objectives: BTreeMap<String, Slices>,
    faults: BTreeMap<String, OfFault>,
}

#[derive(Debug, Default)]
struct OfTarget {
    summary: TargetSummary,
    /// When actions were charged.
    charged: Vec<Moment>,
    is_exhausted: bool,
}

#[derive(Debug, Default)]
struct OfFault {
    summary: FaultSummary,
    detected: Vec<Duration>,
    healed: Vec<Duration>,
}

impl Tally {
    pub(crate) fn new(settings: &Settings, began: Moment, faults: &Faults) -> Self {
        let budget = |recovery: &evenkeel_config::Recovery| {
            let rate = recovery.budgets.per_target;
            (recovery.name.clone(), (u64::from(rate.count()), rate.window()))
        };
        let of_fault = |(name, fault): (&String, &crate::faults::Fault)| {
            let kind = fault.what.kind().to_owned();
            let summary = FaultSummary { kind, ..FaultSummary::default() };
            (name.clone(), OfFault { summary, ..OfFault::default() })
        };
        let recoveries = settings.recoveries.iter();
        Self {
            began,
            totals: Totals::default(),
            host: HostSummary::default(),
            runs: 0,
            targets: recoveries
                .clone()
                .map(|recovery| (recovery.name.clone(), OfTarget::default()))
                .collect(),
            budgets: recoveries.map(budget).collect(),
            slices: settings
                .checks
                .iter()
                .map(|check| (check.name.clone(), Slices::default()))
                .collect(),
            objectives: settings
                .slos
                .iter()
                .map(|slo| (slo.name.clone(), Slices::default()))
                .collect(),
            faults: faults.faults.iter().map(of_fault).collect(),
        }
    }

    fn target(&mut self, target: &str) -> &mut OfTarget {
        if !self.targets.contains_key(target) {
            self.targets.insert(target.to_owned(), OfTarget::default());
        }
        self.targets.get_mut(target).expect("it was put there")
    }

    #[inline]
    pub(crate) fn effect(&mut self, effect: &Effect, now: Moment, world: &mut World) {
        match effect {
            Effect::Probe { .. } => self.totals.attempts += 1,
            Effect::Slice(slice) => self.slice(slice),
            Effect::Count(Count::Overrun { .. }) => self.totals.overruns += 1,
            Effect::Record(record) => self.record(record, now, world),
            Effect::Act(act) => self.act(act, now),
            _ => {}
        }
    }

    #[cold]
    fn act(&mut self, act: &Act, now: Moment) {
        let target = self.target(&act.target);
        target.charged.extend(std::iter::repeat_n(now, act.charges.len()));
    }

    fn slice(&mut self, slice: &Slice) {
        let counted = match slice.check {
            Some(check) => self.slices.get_mut(check as usize).map(|(_, slices)| slices),
            None => slice
                .subject
                .strip_prefix(SLO_SUBJECT)
                .and_then(|objective| self.objectives.get_mut(objective)),
        };
        let Some(counted) = counted else { return };
        *match slice.verdict {
            Verdict::Good => &mut counted.good,
            Verdict::Bad => &mut counted.bad,
            Verdict::Unknown => &mut counted.unknown,
            Verdict::Maintenance => &mut counted.maintenance,
        } += u64::from(slice.slices);
    }

    #[cold]
    fn record(&mut self, record: &Record, now: Moment, world: &mut World) {
        match record {
            Record::CheckChanged { check, part, to, .. } => {
                let name = match part {
                    Some(part) => format!("{check}/{part}"),
                    None => check.clone(),
                };
                if let Some(unit) = world.unit_named(&name) {
                    told(world, unit, *to == State::Down, now);
                }
            }
            Record::IncidentOpened { target, .. } => {
                self.totals.incidents += 1;
                self.target(target).summary.incidents += 1;
            }
            Record::IncidentClosed { target, .. } => {
                let target = self.target(target);
                target.summary.closed += 1;
                target.is_exhausted = false;
            }
            Record::Refused { target, reason, .. } => {
                self.totals.refused += 1;
                let refused = &mut self.target(target).summary.refused;
                *refused.entry(reason_name(reason).to_owned()).or_default() += 1;
            }
            Record::Judged { target, outcome, .. } => {
                let outcomes = &mut self.target(target).summary.outcomes;
                *outcomes.entry(outcome.as_str().to_owned()).or_default() += 1;
            }
            Record::RestartedByOthers { charged, .. } => {
                for target in charged {
                    self.target(target).summary.restarted_by_others += 1;
                }
            }
            Record::StormBegan { .. } => self.host.storms += 1,
            Record::Starved { .. } => self.host.starved += 1,
            _ => {}
        }
    }

    /// What survives of the engine, whenever it changed.
    pub(crate) fn past(&mut self, past: &Past) {
        for open in &past.open {
            let target = self.target(&open.target);
            if open.exhausted && !target.is_exhausted {
                target.summary.exhausted += 1;
            }
            target.is_exhausted = open.exhausted;
        }
    }

    pub(crate) fn agent_started(&mut self, observes: bool) {
        self.host.agent_starts += 1;
        self.host.observing_starts += u64::from(observes);
    }

    pub(crate) fn agent_crashed(&mut self) {
        self.host.agent_crashes += 1;
    }

    pub(crate) fn rebooted(&mut self) {
        self.host.reboots += 1;
    }

    pub(crate) fn reloaded(&mut self) {
        self.host.reloads += 1;
    }

    pub(crate) fn written(&mut self, written: bool, batch: &Batch) {
        if !written {
            self.host.lines_lost += batch.records.len() as u64;
            self.host.intents_lost += u64::from(batch.act.is_some());
        }
    }

    /// An action begins; gives its number in this run.
    pub(crate) fn action_began(&mut self, act: &Act, is_false: bool) -> u64 {
        self.runs += 1;
        if act.action.is_attempt() {
            self.totals.actions += 1;
            self.totals.false_actions += u64::from(is_false);
        }
        let summary = &mut self.target(&act.target).summary;
        *summary.actions.entry(act.action.name().to_owned()).or_default() += 1;
        summary.false_actions += u64::from(is_false && act.action.is_attempt());
        self.runs
    }

    pub(crate) fn struck(&mut self, fault: &str, of_target: bool) {
        self.totals.faults += u64::from(of_target);
        if let Some(known) = self.faults.get_mut(fault) {
            known.summary.struck += 1;
        }
    }

    /// A fault of a target is over.
    pub(crate) fn over(&mut self, ailment: &Ailment, now: Moment, by_action: bool) {
        let missed = self.seen(ailment);
        let Some(known) = self.faults.get_mut(&ailment.fault) else { return };
        known.summary.healed += u64::from(by_action);
        known.summary.ceased += u64::from(!by_action);
        if let Some(since) = ailment.hurts_since.filter(|_| by_action) {
            known.healed.push(now.saturating_since(since));
        }
        self.totals.missed += u64::from(missed);
    }

    /// Counts how a fault was seen; whether it was missed.
    fn seen(&mut self, ailment: &Ailment) -> bool {
        let Some(known) = self.faults.get_mut(&ailment.fault) else { return false };
        known.detected.extend(ailment.detected_after);
        known.summary.foreseen += u64::from(ailment.foreseen);
        let missed = ailment.hurts_since.is_some() && ailment.detected_after.is_none();
        known.summary.missed += u64::from(missed);
        missed
    }

    pub(crate) fn summary(
        mut self,
        world: &World,
        now: Moment,
        began: Timestamp,
        seed: u64,
        trace: u64,
    ) -> Summary {
        for ailment in world.ailments.values() {
            self.seen(ailment);
        }
        let mut checks: BTreeMap<String, CheckSummary> = BTreeMap::new();
        let mut slices: BTreeMap<String, Slices> = self.slices.into_iter().collect();
        for (id, unit) in world.units.iter().enumerate() {
            let downtime = world.down_for(id, now);
            self.totals.downtime_ms += millis(downtime);
            let slices = slices.remove(&unit.name);
            let downtime_ms = millis(downtime);
            let summary = CheckSummary { downs: unit.downs, downtime_ms, slices };
            checks.insert(unit.name.clone(), summary);
        }
        let budgets = &self.budgets;
        let target = |(name, of): (String, OfTarget)| {
            let recovery = name.split('/').next().unwrap_or(&name);
            let (budget, window) = budgets.get(recovery).copied().unwrap_or_default();
            let most_in_window = in_windows(&of.charged, window).max().unwrap_or(0) as u64;
            (name, TargetSummary { most_in_window, budget, ..of.summary })
        };
        let fault = |(name, of): (String, OfFault)| {
            let (detected_after, healed_after) = (Spread::of(of.detected), Spread::of(of.healed));
            (name, FaultSummary { detected_after, healed_after, ..of.summary })
        };
        Summary {
            seed,
            began,
            lasted_ms: millis(now.saturating_since(self.began)),
            trace: format!("{trace:016x}"),
            totals: self.totals,
            host: self.host,
            targets: self.targets.into_iter().map(target).collect(),
            checks,
            objectives: self.objectives,
            permissions: permissions(world),
            cleanups: cleanups(world),
            faults: self.faults.into_iter().map(fault).collect(),
        }
    }
}

/// Takes in what the engine says of a unit.
fn told(world: &mut World, unit: UnitId, down: bool, now: Moment) {
    world.units[unit].told_down = down;
    if !down {
        return;
    }
    for id in world.units[unit].ailments.clone() {
        let Some(ailment) = world.ailments.get_mut(&id) else { continue };
        if let (Some(since), None) = (ailment.hurts_since, ailment.detected_after) {
            ailment.detected_after = Some(now.saturating_since(since));
        }
    }
}

fn permissions(world: &World) -> BTreeMap<String, PermissionSummary> {
    let rule = |rule: &crate::world::Kept| {
        let wrong = rule.entries.values().filter(|entry| entry.wrong_since.is_some()).count();
        let summary = PermissionSummary {
            drifted: rule.drifted,
            repaired: rule.repaired,
            fights: rule.fights,
            wrong_ms: millis(rule.wrong_for),
            longest_wrong_ms: millis(rule.longest_wrong),
            wrong_at_end: wrong as u64,
        };
        (rule.name.clone(), summary)
    };
    world.files.permissions.iter().map(rule).collect()
}

fn cleanups(world: &World) -> BTreeMap<String, CleanupSummary> {
    let rule = |rule: &crate::world::Cleaned| {
        let summary = CleanupSummary {
            due: rule.fell_due,
            taken: rule.taken,
            taken_bytes: rule.taken_bytes,
            refused: rule.refused,
            most_due: rule.most_due,
        };
        (rule.name.clone(), summary)
    };
    world.files.cleanups.iter().map(rule).collect()
}

/// A refusal's name, as in its JSON.
const fn reason_name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Grace { .. } => "grace",
        Refusal::ObserveOnly { .. } => "observe_only",
        Refusal::Held { .. } => "held",
        Refusal::Dependency { .. } => "dependency",
        Refusal::Storm { .. } => "storm",
        Refusal::Flapping { .. } => "flapping",
        Refusal::NotSure => "not_sure",
        Refusal::Recovering => "recovering",
        Refusal::NoStep => "no_step",
        Refusal::Busy { .. } => "busy",
        Refusal::Looking { .. } => "looking",
        Refusal::PartsFirst { .. } => "parts_first",
        Refusal::Quiet { .. } => "quiet",
        Refusal::ProgramNotReady { .. } => "program_not_ready",
        Refusal::Budget { .. } => "budget",
    }
}
