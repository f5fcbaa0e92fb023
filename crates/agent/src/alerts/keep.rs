//! What of alerts survives the agent, as two values in the journal's state.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::outbox::Parcel;
use super::state::Alert;
use super::store::{KeptSeries, Store};

/// Where alerts, and what each receiver knows of them, are kept: written with each change.
pub(crate) const ALERTS: &str = "alerts";
/// Where the series are kept: written now and then, for they only make windows complete.
pub(crate) const SERIES: &str = "alert_series";
/// More than this is not written: the windows then begin anew, and whoever has so many series has a Prometheus.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// When something was written, by the steady clock of that run and by the clock of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) at: Timestamp,
    pub(crate) wall: Timestamp,
}

/// What an earlier run left, in times of this one.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Left {
    pub(crate) alerts: Vec<Alert>,
    pub(crate) receivers: BTreeMap<String, Vec<Parcel>>,
    /// When all that was last seen.
    pub(crate) last_seen: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptAlerts {
    #[serde(flatten)]
    stamp: Stamp,
    alerts: Vec<Alert>,
    receivers: BTreeMap<String, Vec<Parcel>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptStore {
    #[serde(flatten)]
    stamp: Stamp,
    series: Vec<KeptSeries>,
}

impl Stamp {
    /// What makes a time of that run one of this run, in which it is `now`. No time comes to lie after now.
    fn shift(self, now: Timestamp) -> SignedDuration {
        self.wall.min(now).duration_since(self.at)
    }
}

pub(crate) fn alerts<'a>(
    stamp: Stamp,
    alerts: impl Iterator<Item = &'a Alert>,
    receivers: BTreeMap<String, Vec<Parcel>>,
) -> Value {
    let kept = KeptAlerts { stamp, alerts: alerts.cloned().collect(), receivers };
    serde_json::to_value(kept).unwrap_or_default()
}

/// `None` if it is too much.
pub(crate) fn series(stamp: Stamp, store: &Store) -> Option<Value> {
    if store.bytes() > MOST_BYTES {
        return None;
    }
    serde_json::to_value(KeptStore { stamp, series: store.keep() }).ok()
}

/// What [`alerts`] wrote. Nothing where it cannot be read: of a version that is not known here, say.
pub(crate) fn read_alerts(value: Value, now: Timestamp) -> Option<Left> {
    let KeptAlerts { stamp, mut alerts, mut receivers } = serde_json::from_value(value).ok()?;
    let shift = stamp.shift(now);
    let later = |at: Timestamp| at.checked_add(shift).unwrap_or(now).min(now);
    for alert in &mut alerts {
        alert.active_at = later(alert.active_at);
        alert.fired_at = later(alert.fired_at);
        alert.resolved_at = alert.resolved_at.map(later);
    }
    for parcel in receivers.values_mut().flatten() {
        parcel.shift(later);
    }
    Some(Left { alerts, receivers, last_seen: later(stamp.at) })
}

/// Fills the store with what [`series`] wrote.
pub(crate) fn read_series(value: Value, now: Timestamp, store: &mut Store) {
    if let Ok(KeptStore { stamp, series }) = serde_json::from_value(value) {
        let shift = i64::try_from(stamp.shift(now).as_millis()).unwrap_or_default();
        store.restore(series, shift, now.as_millisecond());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::labels::Labels;
    use crate::alerts::state::Phase;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn alert() -> Alert {
        Alert {
            labels: Labels::from([("alertname".to_owned(), "a".to_owned())]),
            annotations: Labels::new(),
            value: f64::NAN,
            phase: Phase::Firing,
            active_at: at(10),
            fired_at: at(20),
            resolved_at: None,
            unsettled_until: None,
        }
    }

    #[test]
    fn times_of_an_earlier_run_are_told_by_the_clock_of_this_one() {
        // The clock of the day was set an hour ahead while that run was at it.
        let stamp = Stamp { at: at(100), wall: at(3_700) };
        let kept = alerts(stamp, [alert()].iter(), BTreeMap::new());
        let left = read_alerts(kept.clone(), at(3_760)).unwrap();
        assert_eq!(left.last_seen, at(3_700));
        assert_eq!((left.alerts[0].active_at, left.alerts[0].fired_at), (at(3_610), at(3_620)));
        // And back since then: nothing was seen in the future.
        let left = read_alerts(kept, at(200)).unwrap();
        assert_eq!((left.last_seen, left.alerts[0].fired_at), (at(200), at(120)));
    }

    #[test]
    fn what_cannot_be_read_is_left_alone() {
        assert_eq!(read_alerts(serde_json::json!({ "version": 7 }), at(0)), None);
        assert_eq!(read_alerts(Value::Null, at(0)), None);
    }
}
