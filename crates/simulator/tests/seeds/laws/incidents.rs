//! Every incident ends, or stays open for a reason that somebody can read and that has an end; what is well closes in time.

use std::collections::BTreeSet;
use std::time::Duration;

use evenkeel_config::Recovery;
use evenkeel_engine::{Input, Record};
use evenkeel_moment::Moment;
use evenkeel_simulator::Event;

use super::known::recovery_of;
use super::{Law, Seen};

/// Phases in which an incident may be open for as long as its reason lasts.
const REASONED: [&str; 6] =
    ["gate", "maintenance", "blocked", "host_incident", "flap_hold", "withheld"];

#[derive(Default)]
pub(super) struct Incidents {
    /// Opened by the living agent, and perhaps not on disk yet.
    opened: Vec<u64>,
    /// Since when nothing at all was wrong with the host or the agent.
    calm_since: Option<Moment>,
    closed: BTreeSet<u64>,
}

impl Law for Incidents {
    fn name(&self) -> &'static str {
        "incidents"
    }

    fn saw(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match seen.event {
            Event::AgentStarted { past, .. } => {
                self.calm_since = Some(seen.now);
                for open in &past.open {
                    // Closed, but that was not on disk yet: it is closed again.
                    self.closed.remove(&open.incident);
                }
                // What was not on disk is forgotten, its number too.
                self.closed.retain(|incident| *incident < past.next_incident);
                self.opened.clear();
            }
            event if let Some(Record::IncidentOpened { incident, target, .. }) = event.record() => {
                if self.opened.contains(incident) {
                    return Err(format!("{target}: {incident} is opened a second time"));
                }
                self.opened.push(*incident);
            }
            event if let Some(Record::IncidentClosed { incident, target, .. }) = event.record() => {
                let is_first = self.closed.insert(*incident);
                if !is_first {
                    return Err(format!("{target}: {incident} is closed a second time"));
                }
            }
            Event::Ended => return self.end(seen),
            event if disturbs(event) => self.calm_since = Some(seen.now),
            _ => {}
        }
        Ok(())
    }
}

impl Incidents {
    /// Whether each incident that is open has a reason to be.
    fn end(&self, seen: &Seen<'_>) -> Result<(), String> {
        let Some(engine) = seen.host.engine() else { return Ok(()) };
        let settings = seen.host.settings();
        let calm = self.calm_since.map(|since| since.max(seen.host.runs_from()));
        let calm = calm.map(|since| seen.now.saturating_since(since));
        let calm = calm.unwrap_or_default();
        for status in engine.status(seen.now, seen.wall).recoveries {
            let Some(incident) = status.incident else { continue };
            let target = &status.target;
            let Some(recovery) = recovery_of(settings, target) else {
                return Err(format!("{target}: {incident} is open, and its recovery is gone"));
            };
            let phase = status.phase.as_str();
            let reason = status.reason.as_deref().unwrap_or_default();
            if REASONED.contains(&phase) && reason.is_empty() {
                return Err(format!("{target}: {incident} is open at {phase} without a reason"));
            }
            if phase == "healthy" {
                return Err(format!("{target}: {incident} is open, and it is {phase}"));
            }
            let within = closes_within(seen, recovery);
            if calm > within && Self::is_well(seen, recovery, target) {
                return Err(format!(
                    "{target}: {incident} is open at {phase} ({reason}) after {calm:?} of calm, and should close within {within:?}"
                ));
            }
        }
        Ok(())
    }

    /// Whether nothing that anybody could know of keeps its incident open.
    fn is_well(seen: &Seen<'_>, recovery: &Recovery, target: &str) -> bool {
        let known = seen.known;
        let places = seen.host.settings().checks.iter().map(|check| &check.name);
        let nothing_down = places.clone().all(|place| {
            seen.host.is_down(place) != Some(true) && seen.host.is_unseen(place) != Some(true)
        }) && places
            .clone()
            .filter_map(|place| known.check(place))
            .all(|of| !of.fails() && of.flapping.is_empty());
        nothing_down
            && !seen.host.is_ill(target)
            && !known.is_held(seen.now, recovery, target)
            && !known.storm
            && seen.host.acting().is_none()
    }
}

/// Whether something changes from which on it may take its time anew until an incident closes.
fn disturbs(event: &Event<'_>) -> bool {
    let told = matches!(
        event.record(),
        Some(
            Record::CheckChanged { .. }
                | Record::Starved { .. }
                | Record::StormEnded { .. }
                | Record::FlappingEnded { .. }
                | Record::HoldEnded { .. }
        )
    );
    told || matches!(
        event,
        Event::FaultBegan { .. }
            | Event::FaultEnded { .. }
            | Event::AgentCrashed { .. }
            | Event::Reloaded(_)
            | Event::ActionBegan(_)
            | Event::ActionEnded { .. }
            | Event::NotWritten { .. }
            | Event::Input(Input::Order(_))
    )
}

/// So long at most an incident stays open once everything is well and nobody disturbs it.
fn closes_within(seen: &Seen<'_>, recovery: &Recovery) -> Duration {
    let settings = seen.host.settings();
    let looks = settings.checks.iter().map(|check| {
        let health = &check.health;
        let results = health.success_threshold() + health.failure_threshold().within + 2;
        let breaker = check.breaker.as_ref();
        let breaker = breaker.map_or(Duration::ZERO, |config| {
            config.reset_max() + config.trial_lease() + check.interval * 5
        });
        // So many good results are all that it remembers; whether it flaps is not told anew to whoever reloads settings.
        let flap = check.flap.map_or(Duration::ZERO, |flap| check.interval * 21 + flap.hold());
        check.interval * results + check.initial_delay + health.startup_grace() + breaker + flap
    });
    let delay = recovery.retry.cap() * 2 + recovery.verify_timeout + recovery.stable_for;
    looks.max().unwrap_or_default() + settings.agent.grace + delay + Duration::from_mins(1)
}
