//! What an engine starts from, and what survives it.

use std::sync::Arc;

use evenkeel_config::Settings;
use evenkeel_health::HardStates;
use evenkeel_moment::Moment;
use evenkeel_recovery::actions::StoppedProgram;
use evenkeel_recovery::breaker;
use evenkeel_recovery::budget::Ledger;
use evenkeel_shown::said::Said;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::order::Hold;

/// What an engine starts from.
#[derive(Debug)]
pub struct Start {
    /// The moment of the start.
    pub now: Moment,
    /// The time of day at `now`.
    pub wall: Timestamp,
    /// The seed of all chance.
    pub seed: u64,
    /// Whether checks start spread over their interval, or all at once (one pass, with somebody waiting).
    pub spread: bool,
    /// Why nothing may be written, whatever the settings say; `None` leaves it to them.
    pub observe_only: Option<Said>,
    /// What earlier runs left behind.
    pub past: Past,
}

/// What survives the end of an agent (docs/semantics.md, 5): [`Engine::past`](crate::Engine::past) gives it, [`Start`] takes it.
///
/// Its moments are of this boot; who keeps it over a boot turns them into the time of day and back. Everything but
/// [`Past::flaps`] changes only in calls of `handle` that return a [`Record`](crate::Record); each field says which.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Past {
    /// Actions already charged to the budgets.
    ///
    /// Grows with `Intended` and with `RestartedByOthers`; the intent must be on disk before its action starts.
    pub charged: Ledger,
    /// Incidents that were not over. Changes with every record that names an incident.
    pub open: Vec<OpenIncident>,
    /// The number of the next incident. Changes with `IncidentOpened`.
    pub next_incident: u64,
    /// Holds in force. Changes with `Held`, `Released` and `HoldEnded`.
    pub holds: Vec<Hold>,
    /// The last hard states of each check, for flapping. Changes with every result, so keep it at the end and with other
    /// changes: what is lost are a few results.
    pub flaps: Vec<FlapRing>,
    /// Breakers that are not simply closed. Changes with `BreakerChanged`.
    pub breakers: Vec<BreakerPast>,
}

impl Past {
    /// Leaves out what `settings` do not name, where they are only a part of the host's: of the rest nothing is over.
    ///
    /// Charges and holds stay: budgets are shared, and a hold ends at its time.
    pub fn keep_to(&mut self, settings: &Settings) {
        let is_ours = |open: &OpenIncident| {
            let recovery = open.target.split('/').next().unwrap_or_default();
            settings.recoveries.iter().any(|known| known.name == recovery)
        };
        let is_known = |check: &str| settings.checks.iter().any(|known| known.name == check);
        self.open.retain(is_ours);
        self.flaps.retain(|ring| is_known(&ring.check));
        self.breakers.retain(|past| is_known(&past.check));
    }
}

/// An incident that was not over when its agent ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIncident {
    /// Its number.
    pub incident: u64,
    /// Its target.
    pub target: String,
    /// When it began.
    pub since: Moment,
    /// The step and attempt of its last action.
    pub used: Option<(u32, u32)>,
    /// Whether nobody saw how that action ended: it is verified and never repeated.
    pub unproved: bool,
    /// Whether its ladder was used up: it stays so, but for a slow retry or a reset.
    #[serde(default)]
    pub exhausted: bool,
    /// When the next attempt is due, while one waits for its time: the end of a backoff, or a slow retry.
    #[serde(default)]
    pub again_at: Option<Moment>,
    /// Programs that a restart of this incident was about to stop, unless it came to its end. Changes with
    /// [`Input::Stopping`](crate::Input::Stopping).
    #[serde(default)]
    pub stopped: Vec<StoppedProgram>,
    /// Units of systemd that its actions were about: that one is stopped may be their doing.
    #[serde(default)]
    pub acted_on: Vec<String>,
}

/// The last hard states of a check, or of one part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlapRing {
    /// The check.
    pub check: Arc<str>,
    /// The part; `None`: the check itself.
    pub part: Option<String>,
    /// Whether it was up.
    pub ups: HardStates,
    /// Since when it has been flapping, if it is.
    pub flapping_since: Option<Moment>,
}

/// A check's breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerPast {
    /// The check.
    pub check: String,
    /// The breaker, with its deadline as a time of day.
    pub breaker: breaker::Snapshot,
}
