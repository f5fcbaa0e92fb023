//! The registry of the agent: one method for each fact.

mod agent;
mod checks;
mod files;
mod histogram;
mod objectives;
mod recoveries;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::CounterWithExemplar;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

pub use self::agent::ReloadRefused;
pub use self::checks::{Incident, ProcessMemory};
use self::histogram::{Attempts, Pairs, native};
pub use self::objectives::SloFigures;
use crate::Format;
use crate::encode::{encode, encode_openmetrics, encode_text, register};
use crate::family::{Family, FloatGauge, Limit};
use crate::names::{self, SPECS, Spec};

/// Upper bounds in seconds of [`names::CHECK_DURATION`]: from a local socket to the longest sensible timeout.
pub const DURATION_BUCKETS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Upper bounds in seconds of [`names::AGENT_JOURNAL_APPEND`]: from memory alone to a disk that is in trouble.
pub const APPEND_BUCKETS: [f64; 9] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.05, 0.25, 1.0];

/// Series that a metric may have whose labels name parts of targets: the host decides how many programs a supervisor has.
pub const MOST_PART_SERIES: usize = 2_000;

type FloatCounter = Counter<f64, AtomicU64>;
/// The one label of every exemplar: the incident, which `evenkeel why` explains.
type Exemplar = [(&'static str, String); 1];
type Decisions = CounterWithExemplar<Exemplar>;

/// All that the agent tells Prometheus.
///
/// Methods take `&self`: share it in an `Arc`. Labels are names from the settings or one of a few words, so that the page
/// stays as small as the settings; what the settings no longer name is taken away with the `forget_*` methods. A label that is too
/// long is cut, and a metric whose labels name parts of targets has at most [`MOST_PART_SERIES`] series.
/// Counters of rules start at zero with the `add_*` methods, so that `increase()` sees the first event.
pub struct Metrics {
    registry: Registry,
    /// The histograms of `registry` whose exemplars and native buckets are apart.
    pairs: Registry,
    permission_errors: Family<1, Gauge>,
    permission_repairs: Family<2, Counter>,
    permission_fights: Family<1, Counter>,
    cleanup_files: Family<2, Counter>,
    cleanup_bytes: Family<2, Counter>,
    cleanup_refusals: Family<1, Counter>,
    collector_duration: Family<2, FloatGauge>,
    collector_success: Family<2, Gauge>,
    check_up: Family<1, Gauge>,
    check_state: Family<2, Gauge>,
    check_duration: Family<1, Attempts>,
    check_failures: Family<2, Counter>,
    check_overruns: Family<1, Counter>,
    breaker_state: Family<2, Gauge>,
    recovery_actions: Family<4, Decisions>,
    recovery_budget: Family<1, Gauge>,
    recovery_budget_limit: Family<1, Gauge>,
    recovery_exhausted: Family<1, Gauge>,
    watched_resident: Family<1, Gauge>,
    watched_pss: Family<1, Gauge>,
    watched_swap: Family<1, Gauge>,
    watched_cgroup: Family<1, Gauge>,
    memory_limit: Family<1, Gauge>,
    memory_limit_eta: Family<1, Gauge>,
    slo_slices: Family<2, Counter>,
    slo_objective: Family<1, FloatGauge>,
    availability: Family<1, FloatGauge>,
    error_budget: Family<1, FloatGauge>,
    coverage: Family<1, FloatGauge>,
    burn_rate: Family<2, FloatGauge>,
    notifications: Family<2, Counter>,
    alerts_firing: Family<1, Gauge>,
    observe_only: Gauge,
    resident_memory: Gauge,
    cpu: FloatCounter,
    journal_errors: Counter,
    journal_lost: Counter,
    journal_bytes: Family<0, Gauge>,
    journal_append: Histogram,
    reload_successful: Gauge,
    reload_time: FloatGauge,
}

impl Metrics {
    /// A registry without series but those of the agent itself, which is of `version` and was started at `started`.
    ///
    /// The settings it was started with count as its first successful reload.
    pub fn new(version: &str, started: SystemTime) -> Self {
        let left_out = Family::new(labels(spec(names::AGENT_SERIES_LEFT_OUT)), Counter::default);
        let mut page = Page { registry: Registry::default(), left_out };
        let mut metrics = Self {
            pairs: Registry::default(),
            permission_errors: page.family(names::FILE_PERMISSION_ERRORS, Gauge::default),
            permission_repairs: page.family(names::PERMISSION_REPAIRS, Counter::default),
            permission_fights: page.family(names::PERMISSION_FIGHTS, Counter::default),
            cleanup_files: page.family(names::CLEANUP_FILES, Counter::default),
            cleanup_bytes: page.family(names::CLEANUP_BYTES, Counter::default),
            cleanup_refusals: page.family(names::CLEANUP_REFUSALS, Counter::default),
            check_up: page.family(names::CHECK_UP, Gauge::default),
            check_state: page.family(names::CHECK_STATE, Gauge::default),
            check_duration: page.family(names::CHECK_DURATION, || Attempts::new(&DURATION_BUCKETS)),
            check_failures: page.family(names::CHECK_FAILURES, Counter::default),
            breaker_state: page.family(names::BREAKER_STATE, Gauge::default),
            recovery_actions: page.limited(names::RECOVERY_ACTIONS, Decisions::default),
            recovery_budget: page.limited(names::RECOVERY_BUDGET_REMAINING, Gauge::default),
            recovery_budget_limit: page.limited(names::RECOVERY_BUDGET_LIMIT, Gauge::default),
            recovery_exhausted: page.limited(names::RECOVERY_EXHAUSTED, Gauge::default),
            watched_resident: page.family(names::WATCHED_RESIDENT_MEMORY, Gauge::default),
            watched_pss: page.family(names::WATCHED_PSS, Gauge::default),
            watched_swap: page.family(names::WATCHED_SWAP, Gauge::default),
            watched_cgroup: page.family(names::WATCHED_CGROUP_MEMORY, Gauge::default),
            memory_limit: page.family(names::MEMORY_LIMIT, Gauge::default),
            memory_limit_eta: page.family(names::MEMORY_LIMIT_ETA, Gauge::default),
            slo_slices: page.family(names::SLO_SLICES, Counter::default),
            slo_objective: page.family(names::SLO_OBJECTIVE, Gauge::default),
            availability: page.family(names::AVAILABILITY, Gauge::default),
            error_budget: page.family(names::ERROR_BUDGET_REMAINING, Gauge::default),
            coverage: page.family(names::COVERAGE, Gauge::default),
            burn_rate: page.family(names::SLO_BURN_RATE, Gauge::default),
            notifications: page.family(names::ALERT_NOTIFICATIONS, Counter::default),
            alerts_firing: page.family(names::ALERTS_FIRING, Gauge::default),
            observe_only: page.add(names::AGENT_OBSERVE_ONLY, Gauge::default()),
            resident_memory: page.add(names::AGENT_RESIDENT_MEMORY, Gauge::default()),
            cpu: page.add(names::AGENT_CPU, Counter::default()),
            check_overruns: page.family(names::AGENT_CHECK_OVERRUNS, Counter::default),
            journal_errors: page.add(names::AGENT_JOURNAL_ERRORS, Counter::default()),
            journal_lost: page.add(names::AGENT_JOURNAL_LOST, Counter::default()),
            journal_bytes: page.family(names::AGENT_JOURNAL_BYTES, Gauge::default),
            journal_append: page.add(
                names::AGENT_JOURNAL_APPEND,
                Histogram::new_classic_and_native(APPEND_BUCKETS, native()),
            ),
            reload_successful: page.add(names::AGENT_CONFIG_RELOAD_SUCCESSFUL, Gauge::default()),
            reload_time: page.add(names::AGENT_CONFIG_RELOAD_TIME, Gauge::default()),
            collector_duration: page.family(names::COLLECTOR_DURATION, Gauge::default),
            collector_success: page.family(names::COLLECTOR_SUCCESS, Gauge::default),
            registry: page.finish(version, started),
        };
        let pairs = Pairs(metrics.check_duration.clone());
        register(&mut metrics.pairs, spec(names::CHECK_DURATION), pairs);
        metrics.reloaded(Ok(started));
        metrics
    }

    /// The whole page in `format`.
    pub fn encode(&self, format: Format) -> Vec<u8> {
        encode(&self.registry, &self.pairs, format)
    }

    /// The whole page as `OpenMetrics` 1.0.0.
    pub fn encode_openmetrics(&self) -> String {
        encode_openmetrics(&self.registry)
    }

    /// The whole page as Prometheus text 0.0.4.
    pub fn encode_text(&self) -> String {
        encode_text(&self.registry)
    }
}

/// A registry while it is filled.
struct Page {
    registry: Registry,
    left_out: Family<1, Counter>,
}

impl Page {
    fn add<M: Metric + Clone>(&mut self, name: &'static str, metric: M) -> M {
        register(&mut self.registry, spec(name), metric.clone());
        metric
    }

    fn family<const N: usize, M>(&mut self, name: &'static str, make: fn() -> M) -> Family<N, M>
    where
        Family<N, M>: Metric,
    {
        self.add(name, Family::new(labels(spec(name)), make))
    }

    /// As [`Page::family`], of labels that the host has a say in.
    fn limited<const N: usize, M>(&mut self, name: &'static str, make: fn() -> M) -> Family<N, M>
    where
        Family<N, M>: Metric,
    {
        let limit = Limit { series: MOST_PART_SERIES, left_out: self.left_out.get([name]) };
        self.add(name, Family::new(labels(spec(name)), make).limited(limit))
    }

    fn finish(mut self, version: &str, started: SystemTime) -> Registry {
        let start_time: FloatGauge = self.add(names::AGENT_START_TIME, Gauge::default());
        start_time.set(unix_seconds(started));
        let build: Family<1, Gauge> = self.family(names::BUILD_INFO, Gauge::default);
        build.set([version], 1);
        self.add(names::AGENT_SERIES_LEFT_OUT, self.left_out.clone());
        self.registry
    }
}

fn spec(name: &str) -> &'static Spec {
    SPECS.iter().find(|spec| spec.name == name).expect("the macro makes both from one line")
}

fn labels<const N: usize>(spec: &Spec) -> [&'static str; N] {
    spec.labels.try_into().expect("the fields of `Metrics` have as many labels as their names say")
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
