//! Every metric, once: its name, kind, labels and meaning. The registry, the alert rules, their tests and the documentation all refer to these.
//!
//! A name ends in its unit, as Prometheus has it: `_seconds`, `_bytes`, `_ratio` (0 to 1); a counter has `_total` behind that.

/// Kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the agent runs.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
}

impl Kind {
    /// As `# TYPE` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// As the page shows it.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

impl Spec {
    /// The unit that the name ends in, if it has one.
    pub fn unit(&self) -> Option<&'static str> {
        unit(self.name)
    }
}

/// The unit that a metric's name ends in.
pub(crate) fn unit(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix("_total").unwrap_or(name);
    ["seconds", "bytes", "ratio"]
        .into_iter()
        .find(|unit| name.strip_suffix(unit).is_some_and(|before| before.ends_with('_')))
}

macro_rules! names {
    (
        $(#[$doc:meta])* $specs:ident;
        $($name:ident: $kind:ident($($label:literal),*) = $value:literal, $help:literal;)+
    ) => {
        $(#[doc = $help] pub const $name: &str = $value;)+

        $(#[$doc])*
        pub const $specs: &[Spec] = &[
            $(Spec { name: $value, kind: Kind::$kind, labels: &[$($label),*], help: $help },)+
        ];
    };
}

names! {
    /// All metrics that [`Metrics`](crate::Metrics) exports.
    SPECS;
    FILE_PERMISSION_ERRORS: Gauge("path") = "file_permission_errors",
        "Entries below the path that deviate from their rule now, could not be repaired, or were repaired a moment ago";
    PERMISSION_REPAIRS: Counter("rule", "kind") = "evenkeel_permission_repairs_total",
        "Repairs of modes, owners, groups and missing directories";
    PERMISSION_FIGHTS: Counter("rule") = "evenkeel_permission_fights_total",
        "Times that an entry was left alone for a while because somebody keeps undoing its repair";
    CLEANUP_FILES: Counter("rule", "action") = "evenkeel_cleanup_files_total",
        "Files taken away or cut";
    CLEANUP_BYTES: Counter("rule", "action") = "evenkeel_cleanup_bytes_total",
        "Bytes taken away";
    CLEANUP_REFUSALS: Counter("rule") = "evenkeel_cleanup_refusals_total",
        "Runs that took nothing because the rule could not be carried out or would have taken more than it may";
    CHECK_UP: Gauge("check") = "evenkeel_check_up",
        "Whether the check is up (1) or down (0); absent while unknown";
    CHECK_STATE: Gauge("check", "state") = "evenkeel_check_state",
        "State of the check: 1 for the state it is in, 0 for the others";
    CHECK_DURATION: Histogram("check") = "evenkeel_check_duration_seconds",
        "Duration of one attempt of the check";
    CHECK_FAILURES: Counter("check", "reason") = "evenkeel_check_failures_total",
        "Attempts of the check that failed";
    BREAKER_STATE: Gauge("breaker", "state") = "evenkeel_breaker_state",
        "State of the breaker: 1 for the state it is in, 0 for the others";
    RECOVERY_ACTIONS: Counter("target", "action", "cause", "outcome") = "evenkeel_recovery_actions_total",
        "Decisions to recover the target, also those that were refused";
    RECOVERY_BUDGET_REMAINING: Gauge("target") = "evenkeel_recovery_budget_remaining",
        "Actions that the budget of the target still allows in its window";
    RECOVERY_BUDGET_LIMIT: Gauge("target") = "evenkeel_recovery_budget_limit",
        "Actions that the budget of the target allows in its window";
    RECOVERY_EXHAUSTED: Gauge("target") = "evenkeel_recovery_exhausted",
        "Whether the target is down and its steps or its budget are used up";
    WATCHED_RESIDENT_MEMORY: Gauge("process") = "evenkeel_process_resident_memory_bytes",
        "Resident memory of the watched process; absent while it does not run";
    WATCHED_PSS: Gauge("process") = "evenkeel_process_pss_bytes",
        "Memory of the watched process, what it shares with others counted in part; absent where it may not be read";
    WATCHED_SWAP: Gauge("process") = "evenkeel_process_swap_bytes",
        "Memory of the watched process that was swapped out";
    WATCHED_CGROUP_MEMORY: Gauge("process") = "evenkeel_process_cgroup_memory_bytes",
        "Memory of the whole control group of the watched process; absent without one";
    MEMORY_LIMIT: Gauge("process") = "evenkeel_process_memory_limit_bytes",
        "Resident memory above which the settings say that the watched process has too much; absent without such a limit";
    MEMORY_LIMIT_ETA: Gauge("process") = "evenkeel_process_memory_limit_eta_seconds",
        "Time until the watched process likely reaches its limit by its trend; absent without a trend";
    SLO_SLICES: Counter("slo", "verdict") = "evenkeel_slo_slices_total",
        "Time slices of the objective's checks that were settled, by what they counted as";
    SLO_OBJECTIVE: Gauge("slo") = "evenkeel_slo_objective_ratio",
        "Share of the slices that shall be good";
    AVAILABILITY: Gauge("slo") = "evenkeel_availability_ratio",
        "Share of good slices among those that count in the window; absent without any";
    ERROR_BUDGET_REMAINING: Gauge("slo") = "evenkeel_error_budget_remaining_ratio",
        "Share of the window's error budget that is left; negative once more is spent than there was";
    COVERAGE: Gauge("slo") = "evenkeel_coverage_ratio",
        "Share of the window's slices about which something is known";
    SLO_BURN_RATE: Gauge("slo", "window") = "evenkeel_slo_burn_rate_ratio",
        "How fast the error budget is spent, over the window of the label: 1 spends it exactly by the end of the objective's window";
    ALERT_NOTIFICATIONS: Counter("receiver", "outcome") = "evenkeel_alert_notifications_total",
        "Notifications of alerts, by how they ended";
    ALERTS_FIRING: Gauge("severity") = "evenkeel_alerts_firing",
        "Alerts of the agent's own evaluation that fire now";
    BUILD_INFO: Gauge("version") = "evenkeel_build_info",
        "Version of the agent";
    AGENT_START_TIME: Gauge() = "evenkeel_agent_start_time_seconds",
        "When the agent was started";
    AGENT_OBSERVE_ONLY: Gauge() = "evenkeel_agent_observe_only",
        "Whether the agent only observes (1) or also repairs (0)";
    AGENT_RESIDENT_MEMORY: Gauge() = "evenkeel_agent_resident_memory_bytes",
        "Resident memory of the agent itself";
    AGENT_CPU: Counter() = "evenkeel_agent_cpu_seconds_total",
        "Processor time of the agent itself";
    AGENT_CHECK_OVERRUNS: Counter("check") = "evenkeel_agent_check_overruns_total",
        "Runs of the check that were left out because the one before still ran";
    AGENT_JOURNAL_ERRORS: Counter() = "evenkeel_agent_journal_errors_total",
        "Tries to write to the journal that failed";
    AGENT_JOURNAL_LOST: Counter() = "evenkeel_agent_journal_samples_lost_total",
        "Measured values and slices of time that the journal could not keep up with";
    AGENT_JOURNAL_BYTES: Gauge() = "evenkeel_agent_journal_bytes",
        "Size of the journal on disk; absent without one";
    AGENT_JOURNAL_APPEND: Histogram() = "evenkeel_agent_journal_append_seconds",
        "Duration of one append to the journal, until it is on disk";
    AGENT_CONFIG_RELOAD_SUCCESSFUL: Gauge() = "evenkeel_agent_config_last_reload_successful",
        "Whether the last reading of the settings succeeded";
    AGENT_CONFIG_RELOAD_TIME: Gauge() = "evenkeel_agent_config_last_reload_success_timestamp_seconds",
        "When settings were last taken into force";
    AGENT_SERIES_LEFT_OUT: Counter("metric") = "evenkeel_agent_series_left_out_total",
        "Updates that were left out because the metric already has as many series as it may have";
    COLLECTOR_DURATION: Gauge("collector", "rule") = "evenkeel_collector_duration_seconds",
        "Duration of the last look of the collector";
    COLLECTOR_SUCCESS: Gauge("collector", "rule") = "evenkeel_collector_success",
        "Whether the last look of the collector succeeded";
}

names! {
    /// The metrics of [`process_page`](crate::process_page): one watched process, under the names that Prometheus clients agree on.
    ///
    /// The agent never exports its own figures under these names, or the rule for the watched process would fire for the agent.
    PROCESS_SPECS;
    PROCESS_CPU: Counter() = "process_cpu_seconds_total", "User and system processor time spent";
    PROCESS_OPEN_FDS: Gauge() = "process_open_fds",
        "Open file descriptors; absent where they may not be counted";
    PROCESS_MAX_FDS: Gauge() = "process_max_fds",
        "Limit of open file descriptors; absent without one";
    PROCESS_VIRTUAL_MEMORY: Gauge() = "process_virtual_memory_bytes", "Virtual memory";
    PROCESS_VIRTUAL_MEMORY_MAX: Gauge() = "process_virtual_memory_max_bytes",
        "Limit of virtual memory; absent without one";
    PROCESS_RESIDENT_MEMORY: Gauge() = "process_resident_memory_bytes", "Resident memory";
    PROCESS_START_TIME: Gauge() = "process_start_time_seconds", "Start in seconds since 1970";
    PROCESS_THREADS: Gauge() = "process_threads", "Threads";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        for spec in SPECS.iter().chain(PROCESS_SPECS) {
            assert_eq!(spec.kind == Kind::Counter, spec.name.ends_with("_total"), "{spec:?}");
            assert!(spec.kind != Kind::Histogram || spec.unit().is_some(), "{spec:?}");
            assert!(!spec.help.is_empty() && !spec.help.ends_with('.'), "{spec:?}");
            // What tells one file or one run of a program from another makes series without end.
            for label in ["file", "pid", "incident", "id"] {
                assert!(!spec.labels.contains(&label), "{spec:?}");
            }
        }
    }

    #[test]
    fn the_unit_is_at_the_end_of_the_name() {
        assert_eq!(unit("a_bytes"), Some("bytes"));
        assert_eq!(unit("a_seconds_total"), Some("seconds"));
        assert_eq!(unit("a_ratio"), Some("ratio"));
        assert_eq!((unit("a_total"), unit("kilobytes"), unit("seconds")), (None, None, None));
    }
}
