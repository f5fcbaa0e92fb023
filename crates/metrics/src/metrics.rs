//! The registry of the agent: one method for each fact.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use crate::encode::{encode, register};
use crate::family::{Family, FloatGauge};
use crate::labels::{
    BreakerState, CheckState, CleanupAction, Collector, FailureReason, RecoveryOutcome, RepairKind,
};
use crate::{Format, ProcessStats, names};

/// Upper bounds in seconds of [`names::CHECK_DURATION`]: from a local socket to the longest sensible timeout.
pub const DURATION_BUCKETS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

type FloatCounter = Counter<f64, AtomicU64>;

/// All that the agent tells Prometheus.
///
/// Methods take `&self`: share it in an `Arc`. Labels are names from the settings or one of a few words, so that the page
/// stays as small as the settings; what the settings no longer name is taken away with the `forget_*` methods.
/// Counters of rules start at zero with the `add_*` methods, so that `increase()` sees the first event.
pub struct Metrics {
    registry: Registry,
    permission_errors: Family<1, Gauge>,
    permission_repairs: Family<2, Counter>,
    permission_fights: Family<1, Counter>,
    cleanup_files: Family<2, Counter>,
    cleanup_bytes: Family<2, Counter>,
    collector_duration: Family<2, FloatGauge>,
    collector_success: Family<2, Gauge>,
    check_up: Family<1, Gauge>,
    check_state: Family<2, Gauge>,
    check_duration: Family<1, Histogram>,
    check_failures: Family<2, Counter>,
    check_overruns: Family<1, Counter>,
    breaker_state: Family<2, Gauge>,
    recovery_actions: Family<4, Counter>,
    recovery_budget: Family<1, Gauge>,
    recovery_exhausted: Family<1, Gauge>,
    watched_memory: Family<1, Gauge>,
    memory_limit_eta: Family<1, Gauge>,
    observe_only: Gauge,
    resident_memory: Gauge,
    cpu: FloatCounter,
    journal_errors: Counter,
    reload_successful: Gauge,
    reload_time: FloatGauge,
}

impl Metrics {
    /// A registry without series but those of the agent itself, which is of `version` and was started at `started`.
    ///
    /// The settings it was started with count as its first successful reload.
    #[expect(
        clippy::too_many_lines,
        reason = "one entry for each metric, which read best side by side"
    )]
    pub fn new(version: &str, started: SystemTime) -> Self {
        let mut page = Page(Registry::default());
        let metrics = Self {
            permission_errors: page.add(
                names::FILE_PERMISSION_ERRORS,
                "Entries below the path that deviate from their rule now, could not be repaired, or were repaired a moment ago",
                Family::new(["path"], Gauge::default),
            ),
            permission_repairs: page.add(
                names::PERMISSION_REPAIRS,
                "Repairs of modes, owners, groups and missing directories",
                Family::new(["rule", "kind"], Counter::default),
            ),
            permission_fights: page.add(
                names::PERMISSION_FIGHTS,
                "Times that an entry was left alone for a while because somebody keeps undoing its repair",
                Family::new(["rule"], Counter::default),
            ),
            cleanup_files: page.add(
                names::CLEANUP_FILES,
                "Files taken away or cut",
                Family::new(["rule", "action"], Counter::default),
            ),
            cleanup_bytes: page.add(
                names::CLEANUP_BYTES,
                "Bytes taken away",
                Family::new(["rule", "action"], Counter::default),
            ),
            check_up: page.add(
                names::CHECK_UP,
                "Whether the check is up (1) or down (0); absent while unknown",
                Family::new(["check"], Gauge::default),
            ),
            check_state: page.add(
                names::CHECK_STATE,
                "State of the check: 1 for the state it is in, 0 for the others",
                Family::new(["check", "state"], Gauge::default),
            ),
            check_duration: page.add(
                names::CHECK_DURATION,
                "Duration of one attempt of the check",
                Family::new(["check"], || Histogram::new(DURATION_BUCKETS)),
            ),
            check_failures: page.add(
                names::CHECK_FAILURES,
                "Attempts of the check that failed",
                Family::new(["check", "reason"], Counter::default),
            ),
            breaker_state: page.add(
                names::BREAKER_STATE,
                "State of the breaker: 1 for the state it is in, 0 for the others",
                Family::new(["breaker", "state"], Gauge::default),
            ),
            recovery_actions: page.add(
                names::RECOVERY_ACTIONS,
                "Decisions to recover the target, also those that were refused",
                Family::new(["target", "action", "cause", "outcome"], Counter::default),
            ),
            recovery_budget: page.add(
                names::RECOVERY_BUDGET_REMAINING,
                "Actions that the budget of the target still allows in its window",
                Family::new(["target"], Gauge::default),
            ),
            recovery_exhausted: page.add(
                names::RECOVERY_EXHAUSTED,
                "Whether everything allowed was tried for the target without success and a person is needed",
                Family::new(["target"], Gauge::default),
            ),
            watched_memory: page.add(
                names::WATCHED_RESIDENT_MEMORY,
                "Resident memory of the watched process; absent while it does not run",
                Family::new(["process"], Gauge::default),
            ),
            memory_limit_eta: page.add(
                names::MEMORY_LIMIT_ETA,
                "Time until the watched process likely reaches its limit by its trend; absent without a trend",
                Family::new(["process"], Gauge::default),
            ),
            observe_only: page.add(
                names::AGENT_OBSERVE_ONLY,
                "Whether the agent only observes (1) or also repairs (0)",
                Gauge::default(),
            ),
            resident_memory: page.add(
                names::AGENT_RESIDENT_MEMORY,
                "Resident memory of the agent itself",
                Gauge::default(),
            ),
            cpu: page.add(names::AGENT_CPU, "Processor time of the agent itself", Counter::default()),
            check_overruns: page.add(
                names::AGENT_CHECK_OVERRUNS,
                "Runs of the check that were left out because the one before still ran",
                Family::new(["check"], Counter::default),
            ),
            journal_errors: page.add(
                names::AGENT_JOURNAL_ERRORS,
                "Records that could not be written to the journal",
                Counter::default(),
            ),
            reload_successful: page.add(
                names::AGENT_CONFIG_RELOAD_SUCCESSFUL,
                "Whether the last reading of the settings succeeded",
                Gauge::default(),
            ),
            reload_time: page.add(
                names::AGENT_CONFIG_RELOAD_TIME,
                "When settings were last taken into force",
                Gauge::default(),
            ),
            collector_duration: page.add(
                names::COLLECTOR_DURATION,
                "Duration of the last sweep of the rule",
                Family::new(["collector", "rule"], Gauge::default),
            ),
            collector_success: page.add(
                names::COLLECTOR_SUCCESS,
                "Whether the last sweep of the rule succeeded",
                Family::new(["collector", "rule"], Gauge::default),
            ),
            registry: {
                let start_time: FloatGauge = page.add(names::AGENT_START_TIME, "When the agent was started", Gauge::default());
                start_time.set(unix_seconds(started));
                let build: Family<1, Gauge> =
                    page.add(names::BUILD_INFO, "Version of the agent", Family::new(["version"], Gauge::default));
                build.set([version], 1);
                page.0
            },
        };
        metrics.reloaded(Ok(started));
        metrics
    }

    // Permissions and cleanup.

    /// Starts the counters of a permission rule at zero.
    pub fn add_permission_rule(&self, rule: &str) {
        for kind in RepairKind::ALL {
            self.permission_repairs.add([rule, kind.as_str()], 0);
        }
        self.permission_fights.add([rule], 0);
    }

    /// Says how many entries below the root `path` deviate, as [`names::FILE_PERMISSION_ERRORS`] counts them.
    pub fn set_permission_errors(&self, path: &Path, entries: u64) {
        self.permission_errors.set([&path.to_string_lossy()], signed(entries));
    }

    /// Counts repairs.
    pub fn permissions_repaired(&self, rule: &str, kind: RepairKind, entries: u64) {
        self.permission_repairs.add([rule, kind.as_str()], entries);
    }

    /// Counts a round of a fight: somebody keeps undoing a repair.
    pub fn permission_fought(&self, rule: &str) {
        self.permission_fights.add([rule], 1);
    }

    /// Takes away all series of a permission rule and of its root.
    pub fn forget_permission_rule(&self, rule: &str, path: &Path) {
        self.permission_errors.forget("path", &path.to_string_lossy());
        self.permission_repairs.forget("rule", rule);
        self.permission_fights.forget("rule", rule);
        self.forget_collector(Collector::Permissions, rule);
    }

    /// Starts the counters of a cleanup rule at zero.
    pub fn add_cleanup_rule(&self, rule: &str, action: CleanupAction) {
        self.cleaned(rule, action, 0, 0);
    }

    /// Counts what a run of a cleanup rule took away.
    pub fn cleaned(&self, rule: &str, action: CleanupAction, files: u64, bytes: u64) {
        self.cleanup_files.add([rule, action.as_str()], files);
        self.cleanup_bytes.add([rule, action.as_str()], bytes);
    }

    /// Takes away all series of a cleanup rule.
    pub fn forget_cleanup_rule(&self, rule: &str) {
        self.cleanup_files.forget("rule", rule);
        self.cleanup_bytes.forget("rule", rule);
        self.forget_collector(Collector::Cleanup, rule);
    }

    /// Notes a sweep of a permission or cleanup rule.
    pub fn swept(&self, collector: Collector, rule: &str, took: Duration, success: bool) {
        self.collector_duration.set([collector.as_str(), rule], took.as_secs_f64());
        self.collector_success.set([collector.as_str(), rule], i64::from(success));
    }

    fn forget_collector(&self, collector: Collector, rule: &str) {
        self.collector_duration.remove([collector.as_str(), rule]);
        self.collector_success.remove([collector.as_str(), rule]);
    }

    // Checks and breakers.

    /// Starts a check: unknown, no attempt, no overrun.
    pub fn add_check(&self, check: &str) {
        self.set_check(check, CheckState::Unknown, None);
        self.check_duration.with([check], |_| {});
        self.check_overruns.add([check], 0);
    }

    /// Says in which state a check is, and whether it counts as up, down or neither.
    ///
    /// The two are apart because a suspect check is still up, and a recovering one still down.
    pub fn set_check(&self, check: &str, state: CheckState, up: Option<bool>) {
        self.check_state.set_state(
            check,
            CheckState::ALL.iter().map(|state| state.as_str()),
            state.as_str(),
        );
        match up {
            Some(up) => self.check_up.set([check], i64::from(up)),
            None => self.check_up.remove([check]),
        }
    }

    /// Notes one attempt, and why it failed if it did.
    pub fn observe_attempt(&self, check: &str, took: Duration, failure: Option<FailureReason>) {
        self.check_duration.with([check], |histogram| histogram.observe(took.as_secs_f64()));
        if let Some(reason) = failure {
            self.check_failures.add([check, reason.as_str()], 1);
        }
    }

    /// Counts a run that was left out because the one before still ran.
    pub fn check_overran(&self, check: &str) {
        self.check_overruns.add([check], 1);
    }

    /// Takes away all series of a check.
    pub fn forget_check(&self, check: &str) {
        self.check_up.forget("check", check);
        self.check_state.forget("check", check);
        self.check_duration.forget("check", check);
        self.check_failures.forget("check", check);
        self.check_overruns.forget("check", check);
        self.memory_limit_eta.forget("process", check);
    }

    /// Says in which state a breaker is.
    pub fn set_breaker(&self, breaker: &str, state: BreakerState) {
        self.breaker_state.set_state(
            breaker,
            BreakerState::ALL.iter().map(|state| state.as_str()),
            state.as_str(),
        );
    }

    /// Takes away all series of a breaker.
    pub fn forget_breaker(&self, breaker: &str) {
        self.breaker_state.forget("breaker", breaker);
    }

    // Recoveries.

    /// Counts one decision: `action` is the name of what was or would have been done, `cause` the check that asked for it.
    pub fn recovery_decided(
        &self,
        target: &str,
        action: &str,
        cause: &str,
        outcome: RecoveryOutcome,
    ) {
        self.recovery_actions.add([target, action, cause, outcome.as_str()], 1);
    }

    /// Says how many actions the budget of a target still allows.
    pub fn set_recovery_budget(&self, target: &str, remaining: u32) {
        self.recovery_budget.set([target], i64::from(remaining));
    }

    /// Says whether a recovery has given up and needs a person.
    pub fn set_recovery_exhausted(&self, target: &str, exhausted: bool) {
        self.recovery_exhausted.set([target], i64::from(exhausted));
    }

    /// Takes away all series of a recovery's target.
    pub fn forget_recovery(&self, target: &str) {
        self.recovery_actions.forget("target", target);
        self.recovery_budget.forget("target", target);
        self.recovery_exhausted.forget("target", target);
    }

    // Processes and the agent itself.

    /// Says how much memory a watched process has, or that it does not run.
    pub fn set_process_memory(&self, process: &str, resident_bytes: Option<u64>) {
        match resident_bytes {
            Some(bytes) => self.watched_memory.set([process], signed(bytes)),
            None => self.watched_memory.remove([process]),
        }
    }

    /// Says how long a watched process likely takes to its limit, or that it shows no trend.
    pub fn set_memory_limit_eta(&self, process: &str, eta: Option<Duration>) {
        match eta {
            Some(eta) => self.memory_limit_eta.set([process], signed(eta.as_secs())),
            None => self.memory_limit_eta.remove([process]),
        }
    }

    /// Says whether the agent only observes.
    pub fn set_observe_only(&self, observe_only: bool) {
        self.observe_only.set(i64::from(observe_only));
    }

    /// Says what the agent itself uses.
    pub fn set_agent_process(&self, stats: &ProcessStats) {
        self.resident_memory.set(signed(stats.resident_bytes));
        self.cpu.inner().store(stats.cpu_seconds.to_bits(), Ordering::Relaxed);
    }

    /// Counts a record that could not be written to the journal.
    pub fn journal_failed(&self) {
        self.journal_errors.inc();
    }

    /// Notes an attempt to reload the settings: when they came into force, or that they were refused.
    pub fn reloaded(&self, outcome: Result<SystemTime, ReloadRefused>) {
        self.reload_successful.set(i64::from(outcome.is_ok()));
        if let Ok(at) = outcome {
            self.reload_time.set(unix_seconds(at));
        }
    }

    // The page.

    /// The whole page in `format`.
    pub fn encode(&self, format: Format) -> String {
        encode(&self.registry, format)
    }

    /// The whole page as `OpenMetrics` 1.0.0.
    pub fn encode_openmetrics(&self) -> String {
        self.encode(Format::OpenMetrics)
    }

    /// The whole page as Prometheus text 0.0.4.
    pub fn encode_text(&self) -> String {
        self.encode(Format::Text)
    }
}

/// A reload was refused and the running settings stay in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReloadRefused;

/// A registry while it is filled.
struct Page(Registry);

impl Page {
    fn add<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        register(&mut self.0, name, help, metric.clone());
        metric
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// No host has figures over 2^63; should one lie, the page shows the largest number instead of a negative one.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unix_seconds(time: SystemTime) -> f64 {
    // A clock before 1970 is broken; zero says so.
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
