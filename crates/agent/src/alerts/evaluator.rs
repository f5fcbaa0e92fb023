//! Rules, their alerts and the series that they look at, put together: pure, as `at` is an argument and pages are given.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evenkeel_metrics::rules::expr::Samples;
use evenkeel_metrics::rules::{Alert as Rule, Firing, Recorded, Recording};
use jiff::{SignedDuration, Timestamp};

use super::labels::{Fingerprint, fingerprint};
use super::state::{Alert, Found, Phase, RuleState};
use super::store::{Job, Store};

/// More alerts than this at one time are not kept. Who has so many has one problem, and knows of it by then.
pub(crate) const MOST_ALERTS: usize = 1_000;
/// So much of the value of a label, or of an annotation, is told.
const MOST_TEXT: usize = 2_000;
/// What recording rules are called where rules have their names.
const RECORDINGS: &str = "recording rules";

/// Evaluates rules.
#[derive(Debug, Default)]
pub(crate) struct Evaluator {
    rules: Vec<(Rule, RuleState)>,
    /// What is worked out before the rules, which read it.
    recordings: Vec<Recording>,
    store: Store,
    /// From then on an agent that was started has seen everything that there is to see.
    settles_at: Option<Timestamp>,
    /// Rules that failed the last time: what they failed of is said once.
    failing: BTreeSet<String>,
}

/// What an evaluation came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Evaluated {
    /// Rules that began to fail, and why.
    pub(crate) failed: Vec<(String, String)>,
    /// Alerts for which there was no room.
    pub(crate) turned_away: usize,
    /// Whether everything was seen by now that an agent that was started has to see, for the first time.
    pub(crate) settled: bool,
}

impl Evaluator {
    /// Takes these rules from now on, evaluated each `interval`. What the rules before had, those of them that stay keep;
    /// the alerts of the others are returned, resolved.
    pub(crate) fn renew(
        &mut self,
        rules: Vec<Rule>,
        recordings: Vec<Recording>,
        interval: Duration,
        now: Timestamp,
    ) -> Vec<Alert> {
        let exprs = rules.iter().map(|rule| &rule.expr);
        let recorded = recordings.iter().map(|recording| &recording.expr);
        let mut store = Store::new(exprs.chain(recorded), interval);
        store.take_over(std::mem::take(&mut self.store));
        self.store = store;
        self.recordings = recordings;
        let before = std::mem::take(&mut self.rules);
        let mut states: BTreeMap<String, RuleState> =
            before.into_iter().map(|(rule, state)| (identity(&rule), state)).collect();
        let with_state = |rule: Rule| {
            let state = states.remove(&identity(&rule)).unwrap_or_default();
            (rule, state)
        };
        self.rules = rules.into_iter().map(with_state).collect();
        states.into_values().flat_map(|state| state.into_resolved(now)).collect()
    }

    /// Takes what an earlier run left. Those whose rule is no more are returned, resolved.
    pub(crate) fn inherit(
        &mut self,
        alerts: Vec<Alert>,
        last_seen: Timestamp,
        now: Timestamp,
        settles_at: Timestamp,
    ) -> Vec<Alert> {
        self.settles_at = Some(settles_at);
        let mut orphans = Vec::new();
        for mut alert in alerts.into_iter().take(MOST_ALERTS) {
            match self.rules.iter_mut().find(|(rule, _)| is_of(&alert, rule)) {
                Some((_, state)) => state.inherit(alert, last_seen, settles_at),
                None if alert.not_found(now) => orphans.push(alert),
                None => {}
            }
        }
        orphans
    }

    /// Takes a page that was scraped.
    pub(crate) fn scrape(&mut self, at: Timestamp, job: Job<'_>, page: Option<&str>) {
        self.store.scrape(at.as_millisecond(), job, page);
    }

    /// Evaluates every rule at `at`.
    pub(crate) fn evaluate(&mut self, at: Timestamp) -> Evaluated {
        let mut evaluated = Evaluated::default();
        let mut room = MOST_ALERTS.saturating_sub(self.alerts().count());
        let recorded = Recorded::new(&self.recordings, &self.store, at.as_millisecond());
        let samples: &dyn Samples = match &recorded {
            Ok(recorded) => {
                self.failing.remove(RECORDINGS);
                recorded
            }
            // Rules that read no recorded series go on.
            Err(error) => {
                if self.failing.insert(RECORDINGS.to_owned()) {
                    evaluated.failed.push((RECORDINGS.to_owned(), error.to_string()));
                }
                &self.store
            }
        };
        for (rule, state) in &mut self.rules {
            let hold = SignedDuration::try_from(rule.sustained_for).unwrap_or(SignedDuration::MAX);
            let before = state.len();
            let outcome = found(rule, samples, at).and_then(|found| {
                state.step(found, hold, at, room).map_err(|error| error.to_string())
            });
            room = (room + before).saturating_sub(state.len());
            match outcome {
                Ok(turned_away) => {
                    evaluated.turned_away += turned_away;
                    self.failing.remove(&rule.name);
                }
                // As in Prometheus, its alerts stay as they are.
                Err(why) => {
                    if self.failing.insert(rule.name.clone()) {
                        evaluated.failed.push((rule.name.clone(), why));
                    }
                }
            }
        }
        if self.settles_at.is_some_and(|settles_at| settles_at <= at) {
            self.settles_at = None;
            self.rules.iter_mut().for_each(|(_, state)| state.settle());
            evaluated.settled = true;
        }
        evaluated
    }

    /// All alerts: pending, firing, and resolved since a short while.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.rules.iter().flat_map(|(_, state)| state.alerts())
    }

    /// Those that fire.
    pub(crate) fn firing(&self) -> BTreeSet<Fingerprint> {
        let firing = self.alerts().filter(|alert| alert.phase == Phase::Firing);
        firing.map(|alert| fingerprint(&alert.labels)).collect()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }
}

/// What a rule finds.
fn found(rule: &Rule, samples: &dyn Samples, at: Timestamp) -> Result<Vec<Found>, String> {
    let elements =
        rule.expr.eval(samples, at.as_millisecond()).map_err(|error| error.to_string())?;
    let found = elements.into_iter().map(|element| {
        let Firing { labels, annotations } = rule.firing(&element);
        let labels = labels.iter().map(|(name, value)| (name.to_owned(), capped(value)));
        let annotations = annotations.iter().map(|(name, text)| ((*name).to_owned(), capped(text)));
        Found { labels: labels.collect(), annotations: annotations.collect(), value: element.value }
    });
    Ok(found.collect())
}

/// What makes a rule the same one after a change of the settings: its name and the labels that it adds.
fn identity(rule: &Rule) -> String {
    let labels = rule.added_labels().map(|(name, value)| format!("\0{name}\0{value}"));
    std::iter::once(rule.name.clone()).chain(labels).collect()
}

fn is_of(alert: &Alert, rule: &Rule) -> bool {
    let has = |name: &str, value: &str| alert.label(name) == value;
    has("alertname", &rule.name) && rule.added_labels().all(|(name, value)| has(name, value))
}

fn capped(text: &str) -> String {
    match text.char_indices().nth(MOST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "evaluator/tests.rs"]
mod tests;
