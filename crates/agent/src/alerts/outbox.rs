//! What one receiver still has to be told: pure. The newest state of an alert takes the place of the one before, so that a
//! receiver that is away for a day costs no more than one that is away for a minute; that an alert ended is kept until it is
//! told, if its beginning may have been.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::labels::{Fingerprint, Labels, fingerprint};
use super::state::{Alert, Phase};

/// So many alerts are kept for one receiver. What is kept is never pushed out: each end belongs to a beginning.
pub(crate) const MOST_ALERTS: usize = 2_000;
/// So many go into one message.
const MOST_IN_ONE: usize = 64;

/// When a receiver is told, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    /// After this long it is told again that an alert fires.
    pub(crate) repeat: SignedDuration,
    /// Whether it is told that one ended.
    pub(crate) resolved: bool,
    /// Of which severities; `None`: of all.
    pub(crate) severities: Option<Vec<String>>,
    /// Whether a message is about the alerts of one name, with all that fire; else it is about any, and about news alone.
    pub(crate) grouped: bool,
}

/// What one receiver knows and is still to be told.
#[derive(Debug)]
pub(crate) struct Outbox {
    terms: Terms,
    parcels: BTreeMap<Fingerprint, Parcel>,
}

/// One alert, as a receiver is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) starts_at: Timestamp,
    /// When it ended; `None` while it fires.
    pub(crate) ended_at: Option<Timestamp>,
    /// Whether the receiver may know of it: an attempt may have arrived although it seemed to fail.
    attempted: bool,
    /// When it last took the news that it fires.
    told_at: Option<Timestamp>,
}

/// What became of alerts that were offered.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Posted {
    /// Whether something has to be written down.
    pub(crate) changed: bool,
    /// Alerts for which there was no room.
    pub(crate) turned_away: usize,
}

impl Outbox {
    pub(crate) fn new(terms: Terms) -> Self {
        Self { terms, parcels: BTreeMap::new() }
    }

    /// Takes what an earlier run left. It may have sent what it had no time to write down.
    pub(crate) fn restore(&mut self, parcels: Vec<Parcel>) {
        for parcel in parcels.into_iter().take(MOST_ALERTS) {
            let parcel = Parcel { attempted: true, ..parcel };
            self.parcels.insert(fingerprint(&parcel.labels), parcel);
        }
    }

    /// What is to be kept for the next run.
    pub(crate) fn parcels(&self) -> impl Iterator<Item = &Parcel> {
        self.parcels.values()
    }

    /// Other terms from now on. What is no longer wanted is dropped.
    pub(crate) fn set_terms(&mut self, terms: Terms) {
        self.parcels.retain(|_, parcel| terms.want(&parcel.labels));
        self.terms = terms;
    }

    /// Takes the state of one alert.
    pub(crate) fn post(&mut self, alert: &Alert) -> Posted {
        let mut posted = Posted::default();
        if !self.terms.want(&alert.labels) {
            return posted;
        }
        let key = fingerprint(&alert.labels);
        let full = self.parcels.len() >= MOST_ALERTS;
        match alert.phase {
            Phase::Pending => {}
            Phase::Firing => match self.parcels.get_mut(&key) {
                Some(parcel) => {
                    posted.changed = parcel.ended_at.is_some();
                    parcel.annotations = alert.annotations.clone();
                    if parcel.ended_at.take().is_some() {
                        parcel.starts_at = alert.fired_at;
                    }
                }
                None if full => posted.turned_away = 1,
                None => {
                    self.parcels.insert(key, Parcel::of(alert));
                    posted.changed = true;
                }
            },
            Phase::Resolved => posted.changed = self.end(key, alert.resolved_at),
        }
        posted
    }

    fn end(&mut self, key: Fingerprint, at: Option<Timestamp>) -> bool {
        let Some(parcel) = self.parcels.get_mut(&key) else { return false };
        if parcel.ended_at.is_some() {
            return false;
        }
        // What nobody can know of needs no end.
        if !parcel.attempted || !self.terms.resolved {
            self.parcels.remove(&key);
        } else {
            parcel.ended_at = at;
        }
        true
    }

    /// Ends all that `fires` does not know any more: their rule is gone, or this run never saw it.
    pub(crate) fn end_others(
        &mut self,
        fires: impl Fn(Fingerprint) -> bool,
        now: Timestamp,
    ) -> bool {
        let gone: Vec<_> = self.parcels.keys().copied().filter(|key| !fires(*key)).collect();
        gone.into_iter().fold(false, |changed, key| self.end(key, Some(now)) | changed)
    }

    /// When something is due; `None` while there is nothing.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.parcels.values().map(|parcel| parcel.due(&self.terms)).min()
    }

    /// The next message that is due at `now`: some alerts, as they are then said to be. From now on the receiver may know.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<Vec<Parcel>> {
        let due = |parcel: &Parcel| parcel.due(&self.terms) <= now;
        let first = self.parcels.values().find(|parcel| due(parcel))?;
        let group = first.group().to_owned();
        let is_in = |parcel: &Parcel| {
            if !self.terms.grouped {
                return due(parcel);
            }
            // Who is told that one of a group ended must not take it that the others did.
            parcel.group() == group && (due(parcel) || parcel.ended_at.is_none())
        };
        // What is due first, should not all of it fit.
        let mut keys: Vec<_> = self.parcels.iter().filter(|(_, parcel)| is_in(parcel)).collect();
        keys.sort_by_key(|(_, parcel)| !due(parcel));
        let keys: Vec<_> = keys.into_iter().map(|(key, _)| *key).take(MOST_IN_ONE).collect();
        let mut message = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(parcel) = self.parcels.get_mut(&key) {
                parcel.attempted = true;
                if parcel.ended_at.is_some() {
                    // Whatever comes of this attempt: should it fire anew, that is news.
                    parcel.told_at = None;
                }
                message.push(parcel.clone());
            }
        }
        Some(message)
    }

    /// The receiver took a message, or will never take it: it is not sent again.
    pub(crate) fn settle(&mut self, message: &[Parcel], now: Timestamp) {
        for sent in message {
            let key = fingerprint(&sent.labels);
            let Some(parcel) = self.parcels.get_mut(&key) else { continue };
            match (sent.ended_at, parcel.ended_at) {
                (Some(sent), Some(kept)) if sent == kept => drop(self.parcels.remove(&key)),
                // It fires anew by now, which is still to be told.
                (Some(_), _) => {}
                (None, _) => parcel.told_at = Some(now),
            }
        }
    }
}

impl Terms {
    fn want(&self, labels: &Labels) -> bool {
        let severity = labels.get("severity").map_or("", String::as_str);
        self.severities.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == severity))
    }
}

impl Parcel {
    fn of(alert: &Alert) -> Self {
        Self {
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            starts_at: alert.fired_at,
            ended_at: None,
            attempted: false,
            told_at: None,
        }
    }

    /// The name of its alert.
    pub(crate) fn group(&self) -> &str {
        self.labels.get("alertname").map_or("", String::as_str)
    }

    /// Puts every time where `later` says.
    pub(crate) fn shift(&mut self, later: impl Fn(Timestamp) -> Timestamp) {
        self.starts_at = later(self.starts_at);
        self.ended_at = self.ended_at.map(&later);
        self.told_at = self.told_at.map(&later);
    }

    fn due(&self, terms: &Terms) -> Timestamp {
        match (self.ended_at, self.told_at) {
            (Some(ended), _) => ended,
            (None, None) => self.starts_at,
            (None, Some(told)) => told + terms.repeat,
        }
    }
}

#[cfg(test)]
#[path = "outbox/tests.rs"]
mod tests;
