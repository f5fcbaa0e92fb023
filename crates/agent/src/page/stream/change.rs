//! What has changed from one status to the next, small enough to be sent to everybody who listens.

use evenkeel_engine::Status;
use serde::Serialize;

/// More is not told one by one: who hears of so many asks for all.
const MOST: usize = 50;
/// The longest reason that is told.
const LONGEST_REASON: usize = 300;

/// The difference of two statuses.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Change<'a> {
    /// Whether nothing needs attention now.
    healthy: bool,
    /// Checks in another state, or with another reason.
    checks: Vec<Subject<'a>>,
    /// Rules that hold or do not hold otherwise than before.
    rules: Vec<Subject<'a>>,
    /// Targets of recovery in another phase.
    recoveries: Vec<Subject<'a>>,
    /// Whether other holds are in force or other alerts fire, or a storm began or ended, or something is no longer set.
    other: bool,
    /// Whether there is more than is told here.
    more: bool,
}

/// One thing, as it is now.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Subject<'a> {
    name: &'a str,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> Change<'a> {
    /// What is otherwise in `now` than in `before`; `None` for nothing that a reader would see at once.
    ///
    /// Figures that differ with each result, such as a latency, are not told: they would make each result a change.
    pub(super) fn between(before: &Status, now: &'a Status) -> Option<Self> {
        let checks = now.checks.iter().filter(|check| {
            let same = before.checks.iter().find(|old| old.name == check.name).is_some_and(|old| {
                (&old.state, &old.reason, old.flapping, old.held, &old.breaker, &old.parts)
                    == (
                        &check.state,
                        &check.reason,
                        check.flapping,
                        check.held,
                        &check.breaker,
                        &check.parts,
                    )
            });
            !same
        });
        let checks =
            checks.map(|check| subject(&check.name, &check.state, check.reason.as_deref()));
        let rules = now.rules.iter().filter(|rule| {
            let old = before.rules.iter().find(|old| old.name == rule.name);
            old.is_none_or(|old| {
                (old.ok, &old.detail, old.repairs) != (rule.ok, &rule.detail, rule.repairs)
            })
        });
        let rules = rules.map(|rule| {
            let state = match rule.ok {
                Some(true) => "holds",
                Some(false) => "deviates",
                None => "not_yet_run",
            };
            subject(
                &rule.name,
                state,
                Some(rule.detail.as_str()).filter(|detail| !detail.is_empty()),
            )
        });
        let recoveries = now.recoveries.iter().filter(|recovery| {
            before.recoveries.iter().find(|old| old.target == recovery.target) != Some(recovery)
        });
        let recoveries = recoveries
            .map(|recovery| subject(&recovery.target, &recovery.phase, recovery.reason.as_deref()));
        let mut change = Change {
            healthy: now.healthy,
            checks: checks.take(MOST + 1).collect(),
            rules: rules.take(MOST + 1).collect(),
            recoveries: recoveries.take(MOST + 1).collect(),
            other: before.holds != now.holds
                || alerts(before).ne(alerts(now))
                || before.storm != now.storm
                || (&before.mode, &before.mode_reason) != (&now.mode, &now.mode_reason)
                || before.checks.len() != now.checks.len()
                || before.rules.len() != now.rules.len()
                || before.recoveries.len() != now.recoveries.len(),
            more: false,
        };
        for told in [&mut change.checks, &mut change.rules, &mut change.recoveries] {
            change.more |= told.len() > MOST;
            told.truncate(MOST);
        }
        let nothing = change.checks.is_empty()
            && change.rules.is_empty()
            && change.recoveries.is_empty()
            && before.healthy == now.healthy
            && !change.other;
        (!nothing).then_some(change)
    }
}

/// Which alerts there are, and whether they fire; their values differ each time.
fn alerts(status: &Status) -> impl Iterator<Item = (&str, &str)> {
    status.alerts.iter().map(|alert| (alert.name.as_str(), alert.state.as_str()))
}

fn subject<'a>(name: &'a str, state: &'a str, reason: Option<&'a str>) -> Subject<'a> {
    let cut = |text: &'a str| {
        let end = text.char_indices().nth(LONGEST_REASON).map_or(text.len(), |(at, _)| at);
        &text[..end]
    };
    Subject { name: cut(name), state, reason: reason.map(cut) }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn status(checks: &[(&str, &str)]) -> Status {
        let check = |(name, state): &(&str, &str)| {
            let reason = (*state != "up").then(|| "x".repeat(1 << 16));
            json!({
                "name": name, "kind": "http", "target": "", "state": state, "reason": reason,
                "interval_ms": 1_000, "parts": [],
            })
        };
        let all = json!({
            "version": "0", "mode": "enforce", "started_at": "1970-01-01T00:00:00Z",
            "now": "1970-01-01T00:00:00Z", "healthy": true, "rules": [], "recoveries": [],
            "checks": checks.iter().map(check).collect::<Vec<_>>(),
        });
        serde_json::from_value(all).expect("a status")
    }

    #[test]
    fn only_what_is_otherwise_is_told() {
        let (before, now) =
            (status(&[("a", "up"), ("b", "up")]), status(&[("a", "up"), ("b", "down")]));
        let change = Change::between(&before, &now).expect("a change");
        assert_eq!(change.checks.iter().map(|check| check.name).collect::<Vec<_>>(), ["b"]);
        assert_eq!(Change::between(&now, &now), None);
    }

    #[test]
    fn another_latency_alone_is_no_change() {
        let before = status(&[("a", "up")]);
        let mut now = before.clone();
        now.checks[0].last_ms = Some(3.0);
        now.now = Timestamp::MAX;
        assert_eq!(Change::between(&before, &now), None);
    }

    #[test]
    fn what_is_no_longer_set_is_a_change() {
        let change =
            Change::between(&status(&[("a", "up")]), &status(&[])).map(|change| change.other);
        assert_eq!(change, Some(true));
    }

    #[test]
    fn a_change_of_everything_stays_small() {
        let names: Vec<_> = (0..1_000).map(|at| format!("check-{at}")).collect();
        let all = |state| names.iter().map(|name| (name.as_str(), state)).collect::<Vec<_>>();
        let (before, now) = (status(&all("up")), status(&all("down")));
        let change = Change::between(&before, &now).expect("a change");
        let text = serde_json::to_string(&change).expect("JSON");
        assert!(change.more && text.len() < 32 * 1024, "{}", text.len());
    }
}
