//! Every metric name, once: the registry, the alert rules and their tests all refer to these.

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $value;)+

        /// All names that [`Metrics`](crate::Metrics) exports.
        pub const ALL: &[&str] = &[$($name),+];
    };
}

names! {
    /// Gauge by `path`: entries that deviate now, or did within the hold time.
    FILE_PERMISSION_ERRORS = "file_permission_errors";
    /// Counter by `rule`, `kind`.
    PERMISSION_REPAIRS = "evenkeel_permission_repairs_total";
    /// Counter by `rule`.
    PERMISSION_FIGHTS = "evenkeel_permission_fights_total";
    /// Counter by `rule`, `action`.
    CLEANUP_FILES = "evenkeel_cleanup_files_total";
    /// Counter by `rule`, `action`.
    CLEANUP_BYTES = "evenkeel_cleanup_bytes_total";
    /// Gauge by `check`; absent while unknown.
    CHECK_UP = "evenkeel_check_up";
    /// State set by `check`, `state`.
    CHECK_STATE = "evenkeel_check_state";
    /// Histogram by `check`.
    CHECK_DURATION = "evenkeel_check_duration_seconds";
    /// Counter by `check`, `reason`.
    CHECK_FAILURES = "evenkeel_check_failures_total";
    /// State set by `breaker`, `state`.
    BREAKER_STATE = "evenkeel_breaker_state";
    /// Counter by `target`, `action`, `cause`, `outcome`.
    RECOVERY_ACTIONS = "evenkeel_recovery_actions_total";
    /// Gauge by `target`.
    RECOVERY_BUDGET_REMAINING = "evenkeel_recovery_budget_remaining";
    /// Gauge by `target`, 0 or 1.
    RECOVERY_EXHAUSTED = "evenkeel_recovery_exhausted";
    /// Gauge by `process`.
    WATCHED_RESIDENT_MEMORY = "evenkeel_process_resident_memory_bytes";
    /// Gauge by `process`.
    MEMORY_LIMIT_ETA = "evenkeel_process_memory_limit_eta_seconds";
    /// Gauge by `version`, always 1.
    BUILD_INFO = "evenkeel_build_info";
    /// Gauge.
    AGENT_START_TIME = "evenkeel_agent_start_time_seconds";
    /// Gauge, 0 or 1.
    AGENT_OBSERVE_ONLY = "evenkeel_agent_observe_only";
    /// Gauge.
    AGENT_RESIDENT_MEMORY = "evenkeel_agent_resident_memory_bytes";
    /// Counter.
    AGENT_CPU = "evenkeel_agent_cpu_seconds_total";
    /// Counter by `check`.
    AGENT_CHECK_OVERRUNS = "evenkeel_agent_check_overruns_total";
    /// Counter.
    AGENT_JOURNAL_ERRORS = "evenkeel_agent_journal_errors_total";
    /// Gauge, 0 or 1.
    AGENT_CONFIG_RELOAD_SUCCESSFUL = "evenkeel_agent_config_last_reload_successful";
    /// Gauge.
    AGENT_CONFIG_RELOAD_TIME = "evenkeel_agent_config_last_reload_success_timestamp_seconds";
    /// Gauge by `collector`, `rule`.
    COLLECTOR_DURATION = "evenkeel_collector_duration_seconds";
    /// Gauge by `collector`, `rule`, 0 or 1.
    COLLECTOR_SUCCESS = "evenkeel_collector_success";
}

/// What the page of one watched process calls its resident memory, after the convention of Prometheus clients.
///
/// The agent never exports its own figure under this name, or the rule for the watched process would fire for the agent.
pub const PROCESS_RESIDENT_MEMORY: &str = "process_resident_memory_bytes";
/// Virtual memory on the page of one watched process.
pub const PROCESS_VIRTUAL_MEMORY: &str = "process_virtual_memory_bytes";
/// Processor time on the page of one watched process.
pub const PROCESS_CPU: &str = "process_cpu_seconds_total";
/// Open descriptors on the page of one watched process.
pub const PROCESS_OPEN_FDS: &str = "process_open_fds";
/// Limit of open descriptors on the page of one watched process.
pub const PROCESS_MAX_FDS: &str = "process_max_fds";
/// Start time on the page of one watched process.
pub const PROCESS_START_TIME: &str = "process_start_time_seconds";
