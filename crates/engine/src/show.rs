//! What is shown of an engine.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_moment::Moment;
use evenkeel_probe::Value;
use evenkeel_shown::said::Said;
use jiff::{SignedDuration, Timestamp};

use crate::check::CheckCore;
use crate::engine::Engine;
use crate::order::Hold;
use crate::status::{CheckStatus, HoldStatus, PartStatus, RecoveryStatus, RuleStatus, Status};

impl Engine {
    /// Everything there is to show. `wall` is the time of day at `now`.
    pub fn status(&self, now: Moment, wall: Timestamp) -> Status {
        let at = |moment: Moment| wall - signed(now.saturating_since(moment));
        let checks: Vec<_> =
            self.checks.iter().map(|check| self.check_status(check, now, &at)).collect();
        let rules: Vec<_> = self.rule_statuses(now, &at);
        let recoveries: Vec<_> = self
            .recoveries
            .iter()
            .flat_map(|recovery| recovery.targets().map(move |target| (recovery, target)))
            .map(|(recovery, target)| {
                let refusal = self.held(recovery, &target.id).or_else(|| target.refusal.clone());
                (recovery, target, refusal)
            })
            .map(|(recovery, target, refusal)| {
                let reason = match &refusal {
                    Some(refusal) => Some((refusal.to_string(), None)),
                    None => target.reason.as_deref().map(Said::to_parts),
                };
                (recovery, target, refusal, reason.unzip())
            })
            .map(|(recovery, target, refusal, (reason, reason_code))| RecoveryStatus {
                target: target.id.clone(),
                phase: target.machine.phase().as_str().to_owned(),
                attempt: target.machine.attempt(),
                step: target.next_step().map(|step| step.action.describe()),
                budget_remaining: self.remaining(now, recovery, &target.id),
                budget_limit: recovery.spec.budgets.per_target.count(),
                incident: target.open_incident().map(|open| open.incident),
                reason,
                reason_code: reason_code.flatten(),
                refusal,
            })
            .collect();
        let healthy = !self.checks.iter().any(|check| check.up(now) == Some(false))
            && rules.iter().all(|rule| rule.ok != Some(false))
            && !self.storm_rages()
            && !recoveries.iter().any(|recovery| recovery.phase == "exhausted");
        let (mode_reason, mode_reason_code) = self.observe_only().map(Said::into_parts).unzip();
        let storm_refusal = self.storm_refusal();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: if self.only_observes() { "observe" } else { "enforce" }.to_owned(),
            mode_reason,
            mode_reason_code: mode_reason_code.flatten(),
            started_at: at(self.started),
            now: wall,
            healthy,
            checks,
            rules,
            recoveries,
            storm: storm_refusal.as_ref().map(ToString::to_string),
            storm_refusal,
            holds: self.holds.iter().map(|hold| self.hold_status(hold, &at)).collect(),
            // The agent's to say: rules look at metrics, of which nothing is known here.
            alerts: Vec::new(),
            slos: Vec::new(),
        }
    }

    fn hold_status(&self, hold: &Hold, at: &impl Fn(Moment) -> Timestamp) -> HoldStatus {
        HoldStatus {
            target: hold.target.clone(),
            since: at(hold.since),
            until: hold.until.map(|until| self.wall(until)),
            reason: hold.reason.clone(),
            by: hold.by.clone(),
        }
    }

    fn rule_statuses(&self, now: Moment, at: &impl Fn(Moment) -> Timestamp) -> Vec<RuleStatus> {
        let permissions = self.settings.permissions.iter().map(|rule| rule.policy.path());
        let cleanups = self.settings.cleanup.iter().map(|rule| rule.policy.path());
        let permissions =
            self.permissions.iter().zip(permissions).map(|pair| (pair, "permissions"));
        let cleanups = self.cleanups.iter().zip(cleanups).map(|pair| (pair, "cleanup"));
        permissions
            .chain(cleanups)
            .map(|((core, path), kind)| {
                let detail = core.left_first();
                let watched = core.watched.as_ref().map(Said::to_parts).unzip();
                ((core, path), kind, detail.map(Said::into_parts).unzip(), watched)
            })
            .map(|((core, path), kind, (detail, detail_code), (watched, how))| RuleStatus {
                name: core.name.clone(),
                kind: kind.to_owned(),
                path: path.display().to_string(),
                last_run: core.last_run.map(at),
                ok: core.last_run.map(|_| core.remaining.as_ref().is_ok_and(BTreeMap::is_empty)),
                detail: detail.unwrap_or_default(),
                detail_code: detail_code.flatten(),
                repairs: core.handled,
                errors_now: core.errors(now),
                watched,
                watched_code: how.flatten(),
            })
            .collect()
    }

    fn check_status(
        &self,
        check: &CheckCore,
        now: Moment,
        at: &impl Fn(Moment) -> Timestamp,
    ) -> CheckStatus {
        let (state, reason) = check.worst(now);
        let (reason, reason_code) = reason.map(Said::to_parts).unzip();
        let number = |field: &str| match check.facts().and_then(|facts| facts.get(field)) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        };
        CheckStatus {
            name: check.spec.name.clone(),
            kind: check.spec.target.kind().to_owned(),
            target: check.spec.target.describe(),
            state: state.as_str().to_owned(),
            flapping: check
                .parts
                .values()
                .chain([&check.own])
                .any(|one| one.flapping_since().is_some()),
            held: self.holds_all_of(check),
            since: check.last_took().map(|_| at(check.own.since)),
            reason,
            reason_code: reason_code.flatten(),
            last_ms: check.last_took().map(|took| took.as_secs_f64() * 1e3),
            interval_ms: u64::try_from(check.spec.interval.as_millis()).unwrap_or(u64::MAX),
            breaker: check.breaker_state(now).map(|state| state.as_str().to_owned()),
            rss_bytes: number("rss_bytes"),
            // A unit without a main process has the number 0.
            pid: number("pid").or(number("main_pid").filter(|pid| *pid > 0.0)),
            process: check.own.process.map(|process| process.incarnation()),
            pss_bytes: number("pss_bytes"),
            swap_bytes: number("swap_bytes"),
            // What systemd accounts of a unit is what its control group has.
            cgroup_memory_bytes: number("cgroup_memory_bytes").or_else(|| number("memory_bytes")),
            limit_eta_seconds: check
                .limit_eta()
                .map(|eta| eta.likely.saturating_since(now).as_secs_f64()),
            parts: check
                .parts
                .iter()
                .map(|(name, part)| {
                    (name, part, part.reason.as_deref().map(Said::to_parts).unzip())
                })
                .map(|(name, part, (reason, reason_code))| PartStatus {
                    name: name.clone(),
                    state: part.health.state(now).as_str().to_owned(),
                    reason,
                    reason_code: reason_code.flatten(),
                    process: part.process.map(|process| process.incarnation()),
                })
                .collect(),
        }
    }

    /// Whether there are recoveries that listen to a check, and all of them are held.
    pub(crate) fn holds_all_of(&self, check: &CheckCore) -> bool {
        let listening: Vec<_> = self
            .recoveries
            .iter()
            .filter(|recovery| recovery.checks.contains(&check.index()))
            .collect();
        !listening.is_empty()
            && listening.iter().all(|recovery| self.held(recovery, &recovery.spec.name).is_some())
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
