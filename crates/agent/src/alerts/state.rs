//! What a rule's alerts are in, evaluation by evaluation: pure, and as Prometheus has it (`rules/alerting.go`).
//!
//! An alert is one label set. It is pending from the first evaluation that finds it, fires at the first one at which it was
//! found without a break for as long as the rule says, and is resolved by the first one that does not find it. A resolved
//! alert is kept for 15 minutes, so that whoever was not reached can still be told.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::labels::{Fingerprint, Labels, fingerprint};

/// How long a resolved alert is remembered.
const RESOLVED_RETENTION: SignedDuration = SignedDuration::from_mins(15);
/// A pending alert that was last seen longer ago than this begins anew after a restart.
const OUTAGE_TOLERANCE: SignedDuration = SignedDuration::from_hours(1);
/// A pending alert waits for at least so long after a restart; one whose rule waits for less begins anew.
const FOR_GRACE_PERIOD: SignedDuration = SignedDuration::from_mins(10);

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// Found, but not yet for long enough.
    Pending,
    /// Found for long enough.
    Firing,
    /// No longer found, after it fired.
    Resolved,
}

/// One alert that an evaluation found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// All of its labels, with those of the rule and `alertname`.
    pub(crate) labels: Labels,
    /// What it tells people.
    pub(crate) annotations: Labels,
    /// The value of the expression.
    pub(crate) value: f64,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alert {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    /// The last value of the expression; not kept over a restart, and not a number until it is seen again.
    #[serde(skip, default = "not_a_number")]
    pub(crate) value: f64,
    pub(crate) phase: Phase,
    /// When it was first found.
    pub(crate) active_at: Timestamp,
    /// When it began to fire; of one that is pending, when it was first found.
    pub(crate) fired_at: Timestamp,
    /// When it was first not found any more.
    pub(crate) resolved_at: Option<Timestamp>,
    /// Not before then may it be resolved: an agent that has just started has not seen everything yet.
    #[serde(skip)]
    pub(crate) unsettled_until: Option<Timestamp>,
}

/// The alerts of one rule.
#[derive(Debug, Default)]
pub(crate) struct RuleState {
    alerts: BTreeMap<Fingerprint, Alert>,
    /// Pending ones of an earlier run, and when they were last seen.
    inherited: BTreeMap<Fingerprint, (Alert, Timestamp)>,
}

/// Two alerts of one evaluation have the same labels: nothing of it counts, as nobody could tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rule gives two alerts with the same labels: {labels:?}")]
pub(crate) struct SameLabels {
    labels: Labels,
}

impl RuleState {
    /// Takes what an evaluation at `now` found; at most `room` new alerts are taken in. Gives how many were not.
    ///
    /// Fails, with nothing changed, if two of them have the same labels.
    pub(crate) fn step(
        &mut self,
        found: Vec<Found>,
        hold: SignedDuration,
        now: Timestamp,
        room: usize,
    ) -> Result<usize, SameLabels> {
        let mut seen = BTreeMap::new();
        for found in found {
            let key = fingerprint(&found.labels);
            if let Some(Found { labels, .. }) = seen.insert(key, found) {
                return Err(SameLabels { labels });
            }
        }
        let turned_away = self.take_in(&seen, hold, now, room);
        self.alerts.retain(|key, alert| {
            if seen.contains_key(key) {
                if alert.phase == Phase::Pending && now.duration_since(alert.active_at) >= hold {
                    alert.phase = Phase::Firing;
                    alert.fired_at = now;
                }
                return true;
            }
            alert.not_found(now)
        });
        Ok(turned_away)
    }

    fn take_in(
        &mut self,
        seen: &BTreeMap<Fingerprint, Found>,
        hold: SignedDuration,
        now: Timestamp,
        mut room: usize,
    ) -> usize {
        let mut turned_away = 0;
        for (key, found) in seen {
            let known = self.alerts.get_mut(key);
            let is_new = known.is_none();
            match known.filter(|alert| alert.phase != Phase::Resolved) {
                Some(alert) => {
                    alert.value = found.value;
                    alert.annotations = found.annotations.clone();
                    alert.unsettled_until = None;
                }
                None if is_new && room == 0 => turned_away += 1,
                None => {
                    room -= usize::from(is_new);
                    let active_at = self.begun(*key, hold, now);
                    self.alerts.insert(*key, Alert::pending(found, active_at));
                }
            }
        }
        turned_away
    }

    /// When an alert that is found anew counts as begun, as Prometheus restores `ALERTS_FOR_STATE`: the time in which nobody
    /// looked is not counted, and it does not fire at once.
    fn begun(&mut self, key: Fingerprint, hold: SignedDuration, now: Timestamp) -> Timestamp {
        let Some((earlier, last_seen)) = self.inherited.remove(&key) else { return now };
        let down = now.duration_since(last_seen);
        if hold < FOR_GRACE_PERIOD || down > OUTAGE_TOLERANCE || down.is_negative() {
            return now;
        }
        let left = hold - last_seen.duration_since(earlier.active_at);
        if left < FOR_GRACE_PERIOD {
            now + FOR_GRACE_PERIOD - hold
        } else {
            earlier.active_at + down
        }
    }

    /// Takes over an alert of an earlier run, which was last seen at `last_seen`; one that fires is not resolved before
    /// `settled`, for until then nobody has looked at everything.
    pub(crate) fn inherit(&mut self, alert: Alert, last_seen: Timestamp, settled: Timestamp) {
        let key = fingerprint(&alert.labels);
        match alert.phase {
            Phase::Pending => drop(self.inherited.insert(key, (alert, last_seen))),
            Phase::Firing => {
                let unsettled_until = Some(settled);
                self.alerts.insert(key, Alert { unsettled_until, ..alert });
            }
            Phase::Resolved => drop(self.alerts.insert(key, alert)),
        }
    }

    /// Forgets what earlier runs left pending: from now on what is found anew is new.
    pub(crate) fn settle(&mut self) {
        self.inherited.clear();
    }

    /// All alerts, also those that are resolved since a short while.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.alerts.len()
    }

    /// Gives them away, all of those that fired resolved: their rule is no more.
    pub(crate) fn into_resolved(self, now: Timestamp) -> impl Iterator<Item = Alert> {
        self.alerts.into_values().filter_map(move |mut alert| {
            alert.unsettled_until = None;
            alert.not_found(now).then_some(alert)
        })
    }
}

const fn not_a_number() -> f64 {
    f64::NAN
}

impl Alert {
    fn pending(found: &Found, active_at: Timestamp) -> Self {
        Self {
            labels: found.labels.clone(),
            annotations: found.annotations.clone(),
            value: found.value,
            phase: Phase::Pending,
            active_at,
            fired_at: active_at,
            resolved_at: None,
            unsettled_until: None,
        }
    }

    /// An evaluation did not find it; false if it is to be forgotten.
    pub(crate) fn not_found(&mut self, now: Timestamp) -> bool {
        match self.phase {
            Phase::Pending => false,
            Phase::Firing => {
                if self.unsettled_until.is_none_or(|until| until <= now) {
                    self.phase = Phase::Resolved;
                    self.resolved_at = Some(now);
                }
                true
            }
            Phase::Resolved => {
                self.resolved_at.is_some_and(|at| now.duration_since(at) <= RESOLVED_RETENTION)
            }
        }
    }

    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

#[cfg(test)]
#[path = "state/tests.rs"]
mod tests;
