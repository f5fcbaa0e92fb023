//! What receivers are sent, as JSON.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::labels::{Labels, fingerprint};
use super::outbox::Parcel;

/// Where the alerts come from, and how times of the evaluation become times of the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// A link to the agent's own page; empty if it has none.
    pub(crate) url: String,
    /// What the clock of the day is ahead of the steady one that evaluations go by.
    pub(crate) ahead: SignedDuration,
}

impl Source {
    fn day(&self, at: Timestamp) -> Timestamp {
        // Far beyond any date that a clock shows, the steady one is as good.
        at.checked_add(self.ahead).unwrap_or(at)
    }
}

/// The body of a POST to `/api/v2/alerts`. An alert that fires is said to end at `valid_until` unless it is sent again.
pub(crate) fn alertmanager(parcels: &[Parcel], valid_until: Timestamp, source: &Source) -> Value {
    let alert = |parcel: &Parcel| {
        json!({
            "labels": parcel.labels,
            "annotations": parcel.annotations,
            "startsAt": source.day(parcel.starts_at),
            "endsAt": source.day(parcel.ended_at.unwrap_or(valid_until)),
            "generatorURL": source.url,
        })
    };
    parcels.iter().map(alert).collect()
}

/// What an Alertmanager sends to a webhook, version 4, about alerts of one name.
pub(crate) fn webhook(parcels: &[Parcel], receiver: &str, source: &Source) -> Value {
    let alerts: Vec<_> = parcels
        .iter()
        .map(|parcel| {
            let ended = parcel.ended_at.map(|at| source.day(at).to_string());
            json!({
                "status": status(parcel.ended_at.is_none()),
                "labels": parcel.labels,
                "annotations": parcel.annotations,
                "startsAt": source.day(parcel.starts_at),
                // The zero of Go's clock stands for none.
                "endsAt": ended.as_deref().unwrap_or("0001-01-01T00:00:00Z"),
                "generatorURL": source.url,
                "fingerprint": format!("{:016x}", fingerprint(&parcel.labels)),
            })
        })
        .collect();
    let name = parcels.first().map(Parcel::group).unwrap_or_default();
    let quoted = Value::from(name).to_string();
    json!({
        "version": "4",
        "groupKey": format!("{{}}:{{alertname={quoted}}}"),
        "truncatedAlerts": 0,
        "status": status(fires(parcels)),
        "receiver": receiver,
        "groupLabels": { "alertname": name },
        "commonLabels": common(parcels, |parcel| &parcel.labels),
        "commonAnnotations": common(parcels, |parcel| &parcel.annotations),
        "externalURL": source.url,
        "alerts": alerts,
    })
}

/// Whether any of them does.
pub(crate) fn fires(parcels: &[Parcel]) -> bool {
    parcels.iter().any(|parcel| parcel.ended_at.is_none())
}

/// The word for it.
pub(crate) const fn status(fires: bool) -> &'static str {
    if fires { "firing" } else { "resolved" }
}

/// What all of them have in common.
fn common(parcels: &[Parcel], of: fn(&Parcel) -> &Labels) -> Map<String, Value> {
    let Some((first, rest)) = parcels.split_first() else { return Map::new() };
    of(first)
        .iter()
        .filter(|(name, value)| rest.iter().all(|other| of(other).get(*name) == Some(value)))
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect()
}
