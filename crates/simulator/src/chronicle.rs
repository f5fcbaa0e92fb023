//! What happened to whom, and when: what a [`Summary`](crate::Summary) counts, as times to be drawn and compared.

mod budgets;
mod places;
mod seen;

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use evenkeel_config::Settings;
use evenkeel_engine::{Act, Effect, Record, SLO_SUBJECT};
use evenkeel_metrics::availability::{self, Account, Figures};
use evenkeel_moment::Moment;
use jiff::Timestamp;
use serde::Serialize;

pub use self::budgets::BudgetUse;
use self::budgets::Charges;
use self::places::Places;
use self::seen::Seen;
pub use self::seen::{Look, Stretch};
use crate::host::signed;
use crate::world::restarts;
use crate::{Event, Observer, Scenario, View};

/// Keeps what happened in a run.
#[derive(Debug)]
pub struct Chronicle {
    from: Timestamp,
    /// The first moment of the run, and the last that was seen.
    span: Option<(Moment, Moment)>,
    places: Places,
    targets: BTreeMap<String, Open>,
    seen: Seen,
    charges: Charges,
    objectives: Vec<(evenkeel_config::Slo, Account)>,
    refused: Vec<Timestamp>,
}

/// What happened in a run, by target: each recovery, each part of one, and each check, or part of one, that no recovery listens to.
///
/// Times are those of the host, as its clock would say them if nobody had set it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chronicled {
    /// The begin of the run.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// What happened to each target.
    pub targets: BTreeMap<String, Lane>,
    /// What was used of the budgets, those nearest to their limit first.
    pub budgets: Vec<BudgetUse>,
    /// The promises of availability, in the order of the settings.
    pub objectives: Vec<Objective>,
    /// When something was considered and not done, as the history tells it.
    #[serde(skip)]
    pub refused: Vec<Timestamp>,
}

/// What happened to one target.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Lane {
    /// When something that it looks at was down because of a fault, or of what it depends on, or was left down by an action.
    pub outages: Vec<Outage>,
    /// When it was down for any reason, also for a restart; in order, and apart.
    #[serde(skip)]
    pub down: Vec<Range<Timestamp>>,
    /// What evenkeel saw of it.
    #[serde(skip)]
    pub seen: Vec<Stretch>,
    /// What was done to it, notices not counted.
    pub actions: Vec<Done>,
}

/// An outage, by what was so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outage {
    /// When it began.
    pub from: Timestamp,
    /// When it ended; `None`: it had not at the end.
    pub until: Option<Timestamp>,
    /// How long it took until evenkeel was sure, in milliseconds; `None`: it never was.
    pub found_after_ms: Option<u64>,
    /// Whether an action ended it.
    pub healed: bool,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    /// When it began.
    pub at: Timestamp,
    /// What it is called in settings.
    pub action: String,
    /// What came of it: `recovered`, `relapsed` or `failed`; `None`: nobody judged it, as when its agent was killed.
    pub outcome: Option<&'static str>,
    /// Whether nothing was wrong with what it acted on.
    pub needless: bool,
}

/// A promise of availability, as evenkeel counts it at the end of the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Objective {
    /// Its name.
    pub name: String,
    /// Its checks.
    pub checks: Vec<String>,
    /// The share that is promised.
    pub objective: f64,
    /// The time it is a share of, in seconds.
    pub window_seconds: u64,
    /// The share that was kept; `None`: none was counted.
    pub availability: Option<f64>,
    /// The share of the window of which is known how it was.
    pub coverage: Option<f64>,
    /// The time that may be bad, in seconds.
    pub budget_seconds: f64,
    /// The time that was.
    pub used_seconds: f64,
    /// The share of the budget that is left; below 0 if more was used.
    pub budget_remaining: f64,
    /// How it was seen.
    #[serde(skip)]
    pub seen: Vec<Stretch>,
}

/// A target while the run goes on.
#[derive(Debug, Default)]
struct Open {
    lane: Lane,
    /// How many of the places that it looks at are down.
    down: usize,
    down_since: Option<Timestamp>,
    outage: Option<Outage>,
    /// How many of its places evenkeel says are down.
    told_down: usize,
    /// Actions that run and take down what they are to heal.
    running: usize,
    /// When an action last ended that left nothing wrong.
    healed_at: Option<Timestamp>,
}

impl Chronicle {
    /// For a run of `scenario`.
    pub fn new(scenario: &Scenario) -> Self {
        let settings = &scenario.settings;
        let objective = |slo: &evenkeel_config::Slo| {
            let mut account = Account::new(slo.promise.clone());
            account.began(scenario.began);
            (slo.clone(), account)
        };
        Self {
            from: scenario.began,
            span: None,
            places: Places::new(settings),
            targets: BTreeMap::new(),
            seen: Seen::new(settings),
            charges: Charges::new(settings),
            objectives: settings.slos.iter().map(objective).collect(),
            refused: Vec::new(),
        }
    }

    /// What happened, once the run is over.
    pub fn finish(mut self, settings: &Settings) -> Chronicled {
        let until = self.now();
        let mut targets = BTreeMap::new();
        for name in self.places.targets() {
            self.targets.entry(name).or_default();
        }
        for (name, mut open) in std::mem::take(&mut self.targets) {
            if let Some(since) = open.down_since.take() {
                open.lane.down.push(since..until);
            }
            open.lane.outages.extend(open.outage.take());
            open.lane.seen = self.seen.of_places(&self.places.of_target(&name), until);
            targets.insert(name, open.lane);
        }
        let objectives = self.objectives.iter().map(|(slo, account)| {
            let figures = account.figures(until, slo.promise.settles_within());
            let seen = self.seen.of(&format!("{SLO_SUBJECT}{}", slo.name), until);
            Objective::new(slo, &figures, seen)
        });
        Chronicled {
            from: self.from,
            until,
            objectives: objectives.collect(),
            targets,
            budgets: self.charges.used(settings),
            refused: self.refused,
        }
    }

    /// The time of the last moment that was seen, by the clock that nobody sets: a step must not turn the order round.
    fn now(&self) -> Timestamp {
        let lasted = self.span.map_or(Duration::ZERO, |(began, now)| now.saturating_since(began));
        self.from.checked_add(signed(lasted)).unwrap_or(self.from)
    }

    fn record(&mut self, now: Moment, record: &Record) {
        let at = self.now();
        match record {
            Record::CheckChanged { check, part, to, .. } => {
                let place = match part {
                    Some(part) => format!("{check}/{part}"),
                    None => check.clone(),
                };
                let Some(told) = self.seen.changed(&place, part.is_some(), *to, at) else {
                    return;
                };
                for target in self.places.whose(&place) {
                    self.targets.entry(target).or_default().told(told, at);
                }
            }
            Record::Refused { .. } => self.refused.push(at),
            Record::Judged { target, outcome, .. } => {
                let open = self.targets.entry(target.clone()).or_default();
                let last = open.lane.actions.iter_mut().rfind(|done| done.outcome.is_none());
                if let Some(last) = last {
                    last.outcome = Some(outcome.as_str());
                }
            }
            Record::RestartedByOthers { charged, .. } => {
                for target in charged {
                    self.charges.by_others(now, target);
                }
            }
            _ => {}
        }
    }

    fn began(&mut self, act: &Act, host: &View<'_>) {
        let at = self.now();
        let open = self.targets.entry(act.target.clone()).or_default();
        open.running += usize::from(restarts(act.action.name()));
        if act.action.is_attempt() {
            open.lane.actions.push(Done {
                at,
                action: act.action.name().to_owned(),
                outcome: None,
                needless: act.action.may_heal() && !host.is_ill_of(act),
            });
        }
    }

    fn turned(&mut self, place: &str, down: bool) {
        let at = self.now();
        for target in self.places.whose(place) {
            self.targets.entry(target).or_default().turned(down, at);
        }
    }
}

impl Observer for Chronicle {
    fn saw(&mut self, now: Moment, _: Timestamp, event: &Event<'_>, host: &View<'_>) {
        let (began, _) = self.span.unwrap_or((now, now));
        self.span = Some((began, now));
        match event {
            Event::Effect(Effect::Record(record)) => self.record(now, record),
            Event::Effect(Effect::Slice(slice)) => {
                if slice.check.is_none()
                    && let Some(name) = slice.subject.strip_prefix(SLO_SUBJECT)
                    && let Some((_, account)) =
                        self.objectives.iter_mut().find(|(slo, _)| slo.name == name)
                {
                    let (verdict, from, until) = (slice.verdict, slice.from, slice.until);
                    account.add(availability::Slice { verdict, from, until });
                }
                self.seen.slice(slice);
            }
            Event::Effect(Effect::Act(act)) => self.charges.act(now, act),
            Event::ActionBegan(act) => self.began(act, host),
            Event::ActionEnded { act, healed, .. } => {
                let at = self.now();
                let open = self.targets.entry(act.target.clone()).or_default();
                open.running =
                    open.running.saturating_sub(usize::from(restarts(act.action.name())));
                open.healed_at = healed.then_some(at).or(open.healed_at);
                open.left(at);
            }
            Event::WentDown { place } => self.turned(place, true),
            Event::CameUp { place } => self.turned(place, false),
            _ => {}
        }
    }

    fn wants_looks(&self) -> bool {
        false
    }
}

impl Open {
    fn turned(&mut self, down: bool, now: Timestamp) {
        if down {
            self.down += 1;
            if self.down == 1 {
                self.down_since = Some(now);
            }
            self.left(now);
            return;
        }
        self.down = self.down.saturating_sub(1);
        if self.down > 0 {
            return;
        }
        if let Some(since) = self.down_since.take().filter(|since| *since < now) {
            self.lane.down.push(since..now);
        }
        if let Some(outage) = self.outage.take().filter(|outage| outage.from < now) {
            let healed = self.healed_at == Some(now);
            self.lane.outages.push(Outage { until: Some(now), healed, ..outage });
        }
    }

    /// Begins an outage if something is down: what goes down while it is acted on goes down because of that, unless it is left so.
    fn left(&mut self, now: Timestamp) {
        if self.down > 0 && self.running == 0 && self.outage.is_none() {
            let found_after_ms = (self.told_down > 0).then_some(0);
            self.outage = Some(Outage { from: now, until: None, found_after_ms, healed: false });
        }
    }

    /// Evenkeel says of one of its places that it is down, or is no more.
    fn told(&mut self, down: bool, now: Timestamp) {
        self.told_down = if down { self.told_down + 1 } else { self.told_down.saturating_sub(1) };
        if let Some(outage) = self.outage.as_mut().filter(|_| down) {
            let after = now.as_millisecond() - outage.from.as_millisecond();
            outage.found_after_ms.get_or_insert(u64::try_from(after).unwrap_or(0));
        }
    }
}

impl Objective {
    fn new(slo: &evenkeel_config::Slo, figures: &Figures, seen: Vec<Stretch>) -> Self {
        let float = availability::Decimal::to_f64;
        Self {
            name: slo.name.clone(),
            checks: slo.checks.clone(),
            objective: float(slo.promise.objective),
            window_seconds: slo.promise.window.as_secs(),
            availability: figures.availability.map(float),
            coverage: figures.coverage.map(float),
            budget_seconds: figures.budget.as_secs_f64(),
            used_seconds: figures.used.as_secs_f64(),
            budget_remaining: figures.budget_remaining(),
            seen,
        }
    }
}

#[cfg(test)]
mod tests;
