//! What the engine says, as metrics. The only place where a record or a status becomes a series.

#[cfg(test)]
mod agree;
mod labels;
mod shown;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use evenkeel_config::Settings;
use evenkeel_engine::{Count, Input, Record, RecoveryStatus, SloStatus, Status};
use evenkeel_metrics::{
    BurnWindow, CleanupAction, Collector, Incident, Metrics, ProcessStats, RecoveryOutcome,
    SloFigures,
};
use evenkeel_probe::Outcome;

use self::shown::Shown;

/// What the collector that looks at the agent itself is called where others have a rule.
const SELF: &str = "self";

/// Turns facts into metrics, and forgets the series of what the settings no longer name.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) metrics: Arc<Metrics>,
    /// The checks that each recovery listens to.
    listening: BTreeMap<String, Vec<String>>,
    /// The actions that each recovery may take.
    actions: BTreeMap<String, Vec<&'static str>>,
    /// The targets that have series.
    targets: BTreeSet<String>,
    /// The open incident of each check, the newest of several.
    incidents: BTreeMap<String, u64>,
    /// What the page shows of each check, in the order of the settings: few change between two scrapes.
    shown: Vec<Shown>,
}

impl Publisher {
    pub(crate) fn new(started: SystemTime) -> Self {
        Self {
            metrics: Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), started)),
            listening: BTreeMap::new(),
            actions: BTreeMap::new(),
            targets: BTreeSet::new(),
            incidents: BTreeMap::new(),
            shown: Vec::new(),
        }
    }

    /// Makes each series of the settings exist from the start, so that a rate can be taken of its first event.
    pub(crate) fn add(&mut self, settings: &Settings) {
        for rule in &settings.permissions {
            self.metrics.add_permission_rule(&rule.name);
        }
        for rule in &settings.cleanup {
            let action = rule.policy.action();
            self.metrics.add_cleanup_rule(&rule.name, labels::cleanup_action(action.as_str()));
            if action.kind() == evenkeel_cleanup::ActionKind::Trash {
                self.metrics.add_cleanup_rule(&rule.name, CleanupAction::Purge);
            }
        }
        for check in &settings.checks {
            self.metrics.add_check(&check.name);
            self.metrics.set_memory_limit(&check.name, labels::memory_limit(check));
        }
        for slo in &settings.slos {
            self.metrics.add_slo(&slo.name, slo.promise.objective.to_f64());
        }
        for recovery in &settings.recoveries {
            self.listening.insert(recovery.name.clone(), recovery.when.clone());
            let mut actions: Vec<_> =
                recovery.steps.iter().map(|step| step.action.name()).collect();
            actions.sort_unstable();
            actions.dedup();
            self.actions.insert(recovery.name.clone(), actions);
            // Where it is parts that are recovered, they are targets, once they are known.
            let has_parts = settings.checks.iter().any(|check| {
                recovery.when.contains(&check.name) && !check.target.part_fields().is_empty()
            });
            if !has_parts {
                self.begin(&recovery.name);
                self.targets.insert(recovery.name.clone());
            }
        }
    }

    /// Forgets what `settings` named; the new settings are added next.
    pub(crate) fn forget(&mut self, settings: &Settings) {
        for rule in &settings.permissions {
            self.metrics.forget_permission_rule(&rule.name, rule.policy.path());
        }
        for rule in &settings.cleanup {
            self.metrics.forget_cleanup_rule(&rule.name);
        }
        for check in &settings.checks {
            self.metrics.forget_check(&check.name);
            self.metrics.forget_breaker(&check.name);
        }
        for slo in &settings.slos {
            self.metrics.forget_slo(&slo.name);
        }
        for target in std::mem::take(&mut self.targets) {
            self.metrics.forget_recovery(&target);
        }
        self.listening.clear();
        self.actions.clear();
        self.incidents.clear();
        self.shown.clear();
    }

    pub(crate) fn record(&mut self, record: &Record) {
        let incident = record.incident().map(|id| Incident { id, at: SystemTime::now() });
        match record {
            Record::Repaired { rule, what, .. } => {
                self.metrics.permissions_repaired(rule, labels::repair_kind(what), 1);
            }
            Record::RepairedMore { rule, what, entries } => {
                let kind = labels::repair_kind(what);
                self.metrics.permissions_repaired(rule, kind, *entries as u64);
            }
            Record::Fought { rule, .. } => self.metrics.permissions_fought(rule, 1),
            Record::FoughtMore { rule, entries } => {
                self.metrics.permissions_fought(rule, *entries as u64);
            }
            Record::Cleaned { rule, action, entries, bytes, .. } => {
                let action = labels::cleanup_action(action);
                self.metrics.cleaned(rule, action, *entries as u64, *bytes);
            }
            Record::Purged { rule, entries, bytes } => {
                self.metrics.cleaned(rule, CleanupAction::Purge, *entries, *bytes);
            }
            Record::IncidentOpened { incident, target, .. } => self.opened(target, *incident),
            Record::IncidentClosed { incident, .. } => {
                self.incidents.retain(|_, open| open != incident);
            }
            Record::Refused { target, cause, action, .. } => {
                self.targets.insert(target.clone());
                let outcome = RecoveryOutcome::Refused;
                self.metrics.recovery_decided(target, action, cause, outcome, incident);
            }
            Record::Judged { target, cause, action, outcome, .. } => {
                self.targets.insert(target.clone());
                let outcome = labels::recovery_outcome(*outcome);
                self.metrics.recovery_decided(target, action, cause, outcome, incident);
            }
            _ => {}
        }
    }

    /// Makes the series exist that count what is decided about a target.
    fn begin(&self, target: &str) {
        let recovery = recovery_of(target);
        if let (Some(actions), Some(causes)) =
            (self.actions.get(recovery), self.listening.get(recovery))
        {
            self.metrics.add_recovery(target, actions, causes);
        }
    }

    /// Remembers an incident, for the attempts of the checks that it is about.
    fn opened(&mut self, target: &str, incident: u64) {
        for check in self.listening.get(recovery_of(target)).into_iter().flatten() {
            let newest = self.incidents.entry(check.clone()).or_insert(incident);
            *newest = incident.max(*newest);
        }
    }

    pub(crate) fn count(&self, count: &Count) {
        match count {
            Count::Attempt { check, took, failure } => {
                let incident = self.incidents.get(&**check);
                let incident = incident.map(|id| Incident { id: *id, at: SystemTime::now() });
                let failure = failure.map(labels::failure_reason);
                self.metrics.observe_attempt(check, *took, failure, incident);
            }
            Count::Overrun { check } => self.metrics.check_overran(check),
        }
    }

    /// Notes how collectors fared whose answer this is; `settings` are those that it belongs to.
    pub(crate) fn answered(&self, input: &Input, settings: &Settings) {
        match input {
            Input::Measured { check, measurement, .. } => {
                let Some(check) = settings.checks.get(*check) else { return };
                let Some(collector) = labels::collector(&check.target) else { return };
                // A look that says nothing either way is one that failed.
                let told = !matches!(measurement.outcome, Outcome::Unknown(_));
                self.metrics.swept(collector, &check.name, measurement.took, told);
            }
            Input::Cleaned { rule, result } => {
                let Some(rule) = settings.cleanup.get(*rule) else { return };
                let took = result.as_ref().map_or(Duration::ZERO, |outcome| outcome.took);
                self.metrics.swept(Collector::Cleanup, &rule.name, took, result.is_ok());
                if result.is_err() {
                    self.metrics.cleanup_refused(&rule.name);
                }
            }
            _ => {}
        }
    }

    /// Reads what the agent itself uses.
    pub(crate) fn look_at_self(&self) {
        let began = Instant::now();
        let looked = ProcessStats::read(std::process::id());
        if let Ok(stats) = &looked {
            self.metrics.set_agent_process(stats);
        }
        self.metrics.swept(Collector::Agent, SELF, began.elapsed(), looked.is_ok());
    }

    /// Sets every gauge to what `status` says.
    pub(crate) fn status(&mut self, status: &Status) {
        self.metrics.set_observe_only(status.mode == "observe");
        let mut errors = BTreeMap::<&str, u64>::new();
        for rule in status.rules.iter().filter(|rule| rule.kind == "permissions") {
            *errors.entry(&rule.path).or_default() += rule.errors_now as u64;
        }
        for (path, entries) in errors {
            self.metrics.set_permission_errors(Path::new(path), entries);
        }
        let shown: Vec<_> = status.checks.iter().map(Shown::of).collect();
        for (place, (check, shown)) in status.checks.iter().zip(&shown).enumerate() {
            if self.shown.get(place) != Some(shown) {
                self.show(&check.name, *shown);
            }
        }
        self.shown = shown;
        self.recoveries(&status.recoveries);
        for slo in &status.slos {
            self.slo(slo);
        }
    }

    fn slo(&self, slo: &SloStatus) {
        let figures = SloFigures {
            availability: slo.availability,
            error_budget_remaining: slo.availability.map(|_| slo.budget_remaining),
            coverage: slo.coverage,
        };
        self.metrics.set_slo(&slo.name, figures);
        for (window, burn) in BurnWindow::ALL.iter().zip(&slo.burn) {
            self.metrics.set_slo_burn_rate(&slo.name, *window, burn.rate);
        }
    }

    fn show(&self, check: &str, shown: Shown) {
        self.metrics.set_check(check, shown.state, shown.up);
        if let Some(breaker) = shown.breaker {
            self.metrics.set_breaker(check, breaker);
        }
        if let Some((memory, eta)) = shown.process {
            self.metrics.set_process_memory(check, memory);
            self.metrics.set_memory_limit_eta(check, eta);
        }
    }

    fn recoveries(&mut self, recoveries: &[RecoveryStatus]) {
        let targets = recoveries.iter().map(|recovery| recovery.target.clone()).collect();
        let before = std::mem::replace(&mut self.targets, targets);
        for gone in before.difference(&self.targets) {
            self.metrics.forget_recovery(gone);
        }
        for new in self.targets.difference(&before) {
            self.begin(new);
        }
        for recovery in recoveries {
            let target = &recovery.target;
            self.metrics.set_recovery_budget(target, recovery.budget_remaining);
            self.metrics.set_recovery_budget_limit(target, recovery.budget_limit);
            self.metrics.set_recovery_exhausted(target, recovery.phase == "exhausted");
            // An incident that was open when the agent started was not told of.
            if let Some(incident) = recovery.incident {
                self.opened(target, incident);
            }
        }
    }
}

/// The recovery that a target belongs to, which may be a part such as `web/worker`.
fn recovery_of(target: &str) -> &str {
    target.split_once('/').map_or(target, |(recovery, _)| recovery)
}

#[cfg(test)]
mod tests {
    use evenkeel_config::load_text;

    use super::*;

    const SETTINGS: &str = r#"
[check.web]
tcp = { address = "127.0.0.1:1" }
[check.memory]
process = { name = "web" }
conditions = [{ field = "rss_bytes", above = "300MB" }, { field = "rss_bytes", reaches = "200MB", within = "1h" }]
[recovery.web]
when = ["web"]
steps = [{ action = "exec", command = ["/bin/true"] }]
"#;

    fn publisher() -> (Publisher, Settings) {
        let settings = load_text("test.toml", SETTINGS).expect("valid settings");
        let mut publisher = Publisher::new(SystemTime::UNIX_EPOCH);
        publisher.add(&settings);
        (publisher, settings)
    }

    fn attempt(check: &str) -> Count {
        let (check, took) = (check.into(), Duration::from_millis(3));
        Count::Attempt { check, took, failure: None }
    }

    fn opened(target: &str, incident: u64) -> Record {
        let (cause, evidence) = ("web".to_owned(), String::new());
        Record::IncidentOpened {
            incident,
            target: target.to_owned(),
            cause,
            evidence,
            evidence_code: None,
        }
    }

    #[test]
    fn what_is_counted_begins_at_zero() {
        let (publisher, settings) = publisher();
        let page = publisher.metrics.encode_text();
        for series in [
            r#"evenkeel_check_failures_total{check="web",reason="timeout"} 0"#,
            r#"evenkeel_recovery_actions_total{target="web",action="exec",cause="web",outcome="failed"} 0"#,
            r#"evenkeel_recovery_actions_total{target="web",action="exec",cause="web",outcome="refused"} 0"#,
        ] {
            assert!(page.contains(&format!("{series}\n")), "{page}");
        }
        let mut publisher = publisher;
        publisher.forget(&settings);
        let page = publisher.metrics.encode_text();
        assert!(
            !page.contains("_recovery_actions_total{") && !page.contains("_check_failures_total{"),
            "{page}"
        );
    }

    #[test]
    fn a_part_of_a_target_has_its_counters_once_it_is_known() {
        let (mut publisher, _) = publisher();
        publisher.targets.clear();
        publisher.begin("web/worker");
        let page = publisher.metrics.encode_text();
        assert!(
            page.contains(
                r#"target="web/worker",action="exec",cause="web",outcome="recovered"} 0"#
            ),
            "{page}"
        );
    }

    #[test]
    fn attempts_name_the_incident_while_it_is_open() {
        let (mut publisher, _) = publisher();
        publisher.record(&opened("web", 11));
        publisher.record(&opened("web/part", 12));
        publisher.count(&attempt("web"));
        publisher.count(&attempt("memory"));
        let page = publisher.metrics.encode_openmetrics();
        assert_eq!(page.matches(" # {incident=\"12\"} 0.003 ").count(), 1, "{page}");
        assert_eq!(page.matches("incident").count(), 1, "{page}");
        for incident in [11, 12] {
            let (target, lasted) = ("web".to_owned(), Duration::ZERO);
            publisher.record(&Record::IncidentClosed { incident, target, lasted });
        }
        assert!(publisher.incidents.is_empty());
    }

    #[test]
    fn the_limit_of_memory_is_the_lowest_that_the_settings_have() {
        let (publisher, _) = publisher();
        let page = publisher.metrics.encode_text();
        let line = "evenkeel_process_memory_limit_bytes{process=\"memory\"} 200000000\n";
        assert!(page.contains(line), "{page}");
    }

    #[test]
    fn a_target_that_is_gone_leaves_no_series_behind() {
        let (mut publisher, _) = publisher();
        publisher.recoveries(&[]);
        let before = publisher.metrics.encode_text();
        assert!(!before.contains("target="), "{before}");
        let recovery = |target: &str| RecoveryStatus {
            target: target.to_owned(),
            phase: "watching".to_owned(),
            attempt: 0,
            step: None,
            budget_remaining: 2,
            budget_limit: 3,
            incident: None,
            reason: None,
            reason_code: None,
            refusal: None,
        };
        publisher.recoveries(&[recovery("web"), recovery("web/a")]);
        publisher.recoveries(&[recovery("web")]);
        let page = publisher.metrics.encode_text();
        assert!(page.contains("evenkeel_recovery_budget_limit{target=\"web\"} 3\n"));
        assert!(!page.contains("web/a"), "{page}");
        publisher.recoveries(&[]);
        assert_eq!(publisher.metrics.encode_text(), before);
    }

    #[test]
    fn a_cleanup_that_is_refused_counts_and_its_collector_fails() {
        let settings = load_text(
            "test.toml",
            "[cleanup.logs]\npath = \"/srv/logs\"\nmatch = [\"*.log\"]\nolder_than = \"7d\"\naction = \"delete\"\n",
        );
        let settings = settings.expect("valid settings");
        let mut publisher = Publisher::new(SystemTime::UNIX_EPOCH);
        publisher.add(&settings);
        let result = Err("it would take 2 of 2 entries".into());
        publisher.answered(&Input::Cleaned { rule: 0, result }, &settings);
        let page = publisher.metrics.encode_text();
        assert!(page.contains("evenkeel_cleanup_refusals_total{rule=\"logs\"} 1\n"), "{page}");
        let failed = "evenkeel_collector_success{collector=\"cleanup\",rule=\"logs\"} 0\n";
        assert!(page.contains(failed), "{page}");
        publisher.forget(&settings);
        assert!(!publisher.metrics.encode_text().contains("rule=\"logs\""));
    }
}
