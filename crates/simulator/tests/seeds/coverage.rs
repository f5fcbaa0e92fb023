//! What the runs came to: a law that no run could have broken proves nothing, so what it is about has to have happened.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_engine::{Count, Effect, Input, Next, Outcome, Record, Refusal};
use evenkeel_health::State;
use evenkeel_moment::Moment;
use evenkeel_probe::Outcome as Answer;
use evenkeel_recovery::actions::Action;
use evenkeel_recovery::breaker::{BreakerState, Reason};
use evenkeel_recovery::machine::Ended;
use evenkeel_simulator::Event;

use crate::laws::{BY_SETTINGS, Seen};

/// Everything that has to have happened in ten thousand runs, often.
///
/// Not here, because no engine can come to it: T10, for a check has one attempt under way, T15, for moments never go back, and a
/// refusal of what is held, which never asks.
pub(crate) const NEEDED: [&str; 71] = [
    "fault crash",
    "fault hang",
    "fault slow",
    "fault leak",
    "fault flap",
    "fault network",
    "fault blind",
    "fault drift",
    "fault due",
    "fault fill",
    "fault agent-crash",
    "fault journal-full",
    "fault clock-step",
    "fault suspend",
    "fault starve",
    "fault reboot",
    "fault hold",
    "fault release",
    "fault reset",
    "fault reload",
    "refused grace",
    "refused observe only",
    "refused dependency",
    "refused storm",
    "refused flapping",
    "refused not sure",
    "refused recovering",
    "refused no step",
    "refused busy",
    "refused looking",
    "refused parts first",
    "refused quiet",
    "refused program not ready",
    "refused budget",
    "R1",
    "R2",
    "R3",
    "R4",
    "R5",
    "R6",
    "R7",
    "R8",
    "R9",
    "R10",
    "R11",
    "R12",
    "R13",
    "R14",
    "R15",
    "R16",
    "R17",
    "T1",
    "T2",
    "T3",
    "T4",
    "T5",
    "T6",
    "T7",
    "T8",
    "T9",
    "T11",
    "T12",
    "T13",
    "T14",
    "T16",
    "intent lost",
    "action of a dead agent",
    "restart finished",
    "maintenance window",
    "maintenance window let go",
    "boot during an action",
];

/// How often what happened.
#[derive(Debug, Default, Clone)]
pub(crate) struct Coverage {
    pub(crate) times: BTreeMap<&'static str, u64>,
    /// Incidents of this run whose ladder was used up.
    used_up: BTreeSet<u64>,
    /// When an action ended that had outlived its agent, if only by a moment.
    cut_at: Option<Moment>,
}

impl Coverage {
    pub(crate) fn add(&mut self, other: &Self) {
        for (what, times) in &other.times {
            *self.times.entry(what).or_default() += times;
        }
    }

    /// What happened less often than that, though it has to happen.
    pub(crate) fn lacks(&self, least: u64) -> Vec<(&'static str, u64)> {
        let times = NEEDED.iter().map(|what| (*what, self.times.get(what).copied().unwrap_or(0)));
        times.filter(|(_, times)| *times < least).collect()
    }

    fn saw(&mut self, what: &'static str) {
        *self.times.entry(what).or_default() += 1;
    }

    /// Counts what a moment brings.
    pub(crate) fn count(&mut self, seen: &Seen<'_>) {
        match seen.event {
            Event::FaultBegan { fault, .. } => {
                let kind = fault.split_once('-').map_or(*fault, |(_, kind)| kind);
                let needed = NEEDED.iter().find(|what| what.strip_prefix("fault ") == Some(kind));
                if let Some(what) = needed {
                    self.saw(what);
                }
            }
            Event::AgentStarted { past, .. } if !past.breakers.is_empty() => self.saw("T16"),
            Event::NotWritten { intent: Some(_) } => self.saw("intent lost"),
            Event::HostWentDown if self.cut_at == Some(seen.now) => {
                self.saw("boot during an action");
            }
            Event::ActionEnded { orphan: true, .. } => {
                self.cut_at = Some(seen.now);
                self.saw("action of a dead agent");
            }
            Event::Input(input) => self.input(seen, input),
            Event::Effect(effect) => self.effect(seen, effect),
            _ => {}
        }
    }

    fn input(&mut self, seen: &Seen<'_>, input: &Input) {
        match input {
            Input::Acted { ended: Ended::Ran | Ended::CutOff, .. } => self.saw("R6"),
            Input::Acted { ended: Ended::Impossible, .. } => self.saw("R7"),
            Input::Measured { check, measurement, .. } => {
                let spec = seen.host.settings().checks.get(*check);
                let Some(spec) = spec.filter(|spec| spec.breaker.is_some()) else { return };
                let of = seen.known.check(&spec.name);
                let half_open = of.and_then(|of| of.breaker) == Some(BreakerState::HalfOpen);
                match measurement.outcome {
                    Answer::Good if !half_open => self.saw("T2"),
                    Answer::Bad(_) if !half_open => self.saw("T3"),
                    Answer::Unknown(_) => self.saw("T6"),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn effect(&mut self, seen: &Seen<'_>, effect: &Effect) {
        match effect {
            Effect::Probe { check, .. } => {
                let spec = seen.host.settings().checks.get(*check);
                let Some(spec) = spec.filter(|spec| spec.breaker.is_some()) else { return };
                let of = seen.known.check(&spec.name);
                match of.and_then(|of| of.breaker) {
                    Some(BreakerState::HalfOpen) => self.saw("T9"),
                    _ => self.saw("T1"),
                }
            }
            Effect::Act(act) => {
                self.saw("R5");
                if act.attempt > 0 {
                    self.saw("R11");
                }
                if self.used_up.contains(&act.incident) {
                    self.saw("R14");
                }
                if matches!(act.action, Action::SupervisorFinishRestart { .. }) {
                    self.saw("restart finished");
                }
            }
            Effect::Count(Count::Attempt { check, .. }) => {
                let void = seen.known.check(check).is_some_and(|of| of.was_void);
                let has_breaker = seen
                    .host
                    .settings()
                    .checks
                    .iter()
                    .any(|spec| spec.name == **check && spec.breaker.is_some());
                if void && has_breaker {
                    self.saw("T5");
                }
            }
            Effect::Record(record) => self.record(seen, record),
            _ => {}
        }
    }

    fn record(&mut self, seen: &Seen<'_>, record: &Record) {
        match record {
            Record::CheckChanged { from: State::Unknown, to: State::Up, .. } => self.saw("R1"),
            Record::CheckChanged { to: State::Suspect { .. }, .. } => self.saw("R2"),
            Record::IncidentOpened { .. } => self.saw("R3"),
            Record::IncidentClosed { .. } => self.saw("R12"),
            Record::Refused { reason, also, .. } => {
                self.saw("R4");
                for refusal in [reason].into_iter().chain(also) {
                    self.saw(name(refusal));
                }
            }
            Record::Judged { outcome: Outcome::Recovered, .. } => self.saw("R8"),
            Record::Judged { outcome: Outcome::Relapsed, .. } => self.saw("R13"),
            Record::Judged { outcome: Outcome::Failed, next, incident, .. } => {
                self.saw(if matches!(next, Next::Retry { .. }) { "R9" } else { "R10" });
                if matches!(next, Next::FreshAttempt { .. }) {
                    self.used_up.insert(*incident);
                }
            }
            Record::FlappingEnded { .. } => self.saw("R15"),
            Record::Held { by, .. } if by == BY_SETTINGS => self.saw("maintenance window"),
            Record::HoldEnded { .. } => self.saw("R16"),
            Record::Released { target, .. } => {
                self.saw("R16");
                if seen.known.was_let_go(target) {
                    self.saw("maintenance window let go");
                }
            }
            Record::StormEnded { .. } => self.saw("R17"),
            Record::BreakerChanged { check, change, .. } => {
                self.saw(match change.reason {
                    Reason::Tripped(_) | Reason::TooSlow(_) => "T4",
                    Reason::Due => "T8",
                    Reason::LostTrial => "T11",
                    Reason::Recovered => "T12",
                    Reason::TrialFailed | Reason::TrialSlow => "T13",
                    Reason::Command => "T14",
                });
                // It was open for longer than from one look to the next, so that one was refused.
                let spec = seen.host.settings().checks.iter().find(|spec| spec.name == *check);
                let open = seen.known.check(check).and_then(|of| of.breaker_since);
                if let (Some(spec), Some(since), Reason::Due) = (spec, open, change.reason)
                    && change.at.saturating_since(since) > spec.interval
                {
                    self.saw("T7");
                }
            }
            _ => {}
        }
    }
}

const fn name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Grace { .. } => "refused grace",
        Refusal::ObserveOnly { .. } => "refused observe only",
        Refusal::Held { .. } => "refused held",
        Refusal::Dependency { .. } => "refused dependency",
        Refusal::Storm { .. } => "refused storm",
        Refusal::Flapping { .. } => "refused flapping",
        Refusal::NotSure => "refused not sure",
        Refusal::Recovering => "refused recovering",
        Refusal::NoStep => "refused no step",
        Refusal::Busy { .. } => "refused busy",
        Refusal::Looking { .. } => "refused looking",
        Refusal::PartsFirst { .. } => "refused parts first",
        Refusal::Quiet { .. } => "refused quiet",
        Refusal::ProgramNotReady { .. } => "refused program not ready",
        Refusal::Budget { .. } => "refused budget",
    }
}
