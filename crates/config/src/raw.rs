//! The settings as they are written, key by key; nothing here is checked beyond its own form.
//!
//! What a rule cannot do without is optional here too: that it is missing is said together with all other problems.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::value::{
    Age, Lasting, Mode, NameOrNumber, OneOrMany, OrNever, OrOff, Scalar, Share, Size, Status,
    Threshold,
};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) agent: Agent,
    pub(crate) permissions: BTreeMap<String, Permissions>,
    pub(crate) cleanup: BTreeMap<String, Cleanup>,
    pub(crate) check: BTreeMap<String, Check>,
    pub(crate) recovery: BTreeMap<String, Recovery>,
    pub(crate) slo: BTreeMap<String, Slo>,
    pub(crate) module: BTreeMap<String, Module>,
    pub(crate) alerts: Alerts,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Agent {
    pub(crate) mode: Option<Running>,
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) listen: Option<String>,
    pub(crate) socket: Option<String>,
    pub(crate) log: Option<Log>,
    pub(crate) grace: Option<Lasting>,
    pub(crate) hold_errors_for: Option<Lasting>,
    pub(crate) storm: Option<OrOff<Storm>>,
    pub(crate) starved_after: Option<Lasting>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) tls: Option<Tls>,
    pub(crate) open: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Storm {
    pub(crate) targets: Option<u32>,
    pub(crate) share: Option<Share>,
    pub(crate) within: Option<Lasting>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: Option<LogFormat>,
    pub(crate) level: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Human,
    Json,
    Journald,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Running {
    Enforce,
    Observe,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Permissions {
    pub(crate) path: Option<PathBuf>,
    pub(crate) create: Option<bool>,
    pub(crate) owner: Option<NameOrNumber>,
    pub(crate) group: Option<NameOrNumber>,
    pub(crate) directory_mode: Option<Mode>,
    pub(crate) files: Option<Vec<FileRule>>,
    pub(crate) exclude: Option<OneOrMany<String>>,
    pub(crate) recursive: Option<bool>,
    pub(crate) adopt_from: Option<OneOrMany<NameOrNumber>>,
    /// `report`, or entries.
    pub(crate) acl: Option<OneOrMany<String>>,
    pub(crate) default_acl: Option<OneOrMany<String>>,
    pub(crate) run_as: Option<NameOrNumber>,
    pub(crate) max_depth: Option<u32>,
    pub(crate) allow_system_path: Option<bool>,
    pub(crate) watch: Option<bool>,
    pub(crate) interval: Option<Lasting>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FileRule {
    pub(crate) r#match: Option<String>,
    pub(crate) mode: Option<Mode>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cleanup {
    pub(crate) path: Option<PathBuf>,
    pub(crate) r#match: Option<OneOrMany<String>>,
    pub(crate) exclude: Option<OneOrMany<String>>,
    pub(crate) recursive: Option<bool>,
    pub(crate) unit: Option<Unit>,
    pub(crate) older_than: Option<Age>,
    pub(crate) larger_than: Option<Size>,
    pub(crate) max_total: Option<Size>,
    pub(crate) max_count: Option<u64>,
    pub(crate) watermark: Option<Watermark>,
    /// `all`, or names of times.
    pub(crate) age_by: Option<OneOrMany<String>>,
    pub(crate) keep_newest: Option<u64>,
    pub(crate) action: Option<CleanupAction>,
    pub(crate) keep_tail: Option<Size>,
    pub(crate) trash_ttl: Option<Lasting>,
    pub(crate) max_files: Option<u64>,
    pub(crate) max_bytes: Option<Size>,
    pub(crate) max_ratio: Option<Share>,
    pub(crate) max_depth: Option<u32>,
    pub(crate) skip_in_use: Option<bool>,
    pub(crate) run_as: Option<NameOrNumber>,
    pub(crate) allow_system_path: Option<bool>,
    pub(crate) interval: Option<Lasting>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    File,
    Directory,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Watermark {
    pub(crate) high: Option<Share>,
    pub(crate) low: Option<Share>,
    pub(crate) of: Option<Resource>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Resource {
    Disk,
    Inodes,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CleanupAction {
    Delete,
    Truncate,
    Trash,
    Compress,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Check {
    pub(crate) http: Option<Http>,
    pub(crate) tcp: Option<Tcp>,
    pub(crate) dns: Option<Dns>,
    pub(crate) unix: Option<Unix>,
    pub(crate) exec: Option<Exec>,
    pub(crate) process: Option<Process>,
    pub(crate) supervisor: Option<Supervisor>,
    pub(crate) systemd: Option<Systemd>,
    pub(crate) tmux: Option<Tmux>,
    pub(crate) file: Option<File>,
    pub(crate) disk: Option<Disk>,
    pub(crate) conditions: Option<Vec<Condition>>,
    pub(crate) degraded: Option<Vec<Condition>>,
    pub(crate) depends_on: Option<OneOrMany<String>>,
    pub(crate) flap: Option<OrOff<Flap>>,
    pub(crate) timeout: Option<Lasting>,
    pub(crate) retries: Option<u32>,
    pub(crate) retry_delay: Option<Lasting>,
    pub(crate) interval: Option<Lasting>,
    pub(crate) initial_delay: Option<Lasting>,
    pub(crate) startup_grace: Option<Lasting>,
    pub(crate) failure_threshold: Option<Threshold>,
    pub(crate) success_threshold: Option<u32>,
    pub(crate) breaker: Option<Breaker>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Module {
    pub(crate) http: Option<Http>,
    pub(crate) tcp: Option<Tcp>,
    pub(crate) dns: Option<Dns>,
    pub(crate) unix: Option<Unix>,
    pub(crate) conditions: Option<Vec<Condition>>,
    pub(crate) timeout: Option<Lasting>,
    pub(crate) targets: Option<OneOrMany<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    pub(crate) url: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) headers: Option<BTreeMap<String, String>>,
    pub(crate) body: Option<String>,
    pub(crate) expect_status: Option<OneOrMany<Status>>,
    pub(crate) max_redirects: Option<u32>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) server_name: Option<String>,
    pub(crate) unix_socket: Option<PathBuf>,
    pub(crate) dns_timeout: Option<Lasting>,
    pub(crate) max_body: Option<Size>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tcp {
    pub(crate) address: Option<String>,
    pub(crate) send: Option<String>,
    pub(crate) expect: Option<String>,
    pub(crate) tls: Option<bool>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) server_name: Option<String>,
    pub(crate) dns_timeout: Option<Lasting>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dns {
    pub(crate) name: Option<String>,
    pub(crate) r#type: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) expect: Option<OneOrMany<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Unix {
    pub(crate) path: Option<PathBuf>,
    pub(crate) send: Option<String>,
    pub(crate) expect: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Exec {
    pub(crate) command: Option<Vec<String>>,
    pub(crate) environment: Option<BTreeMap<String, String>>,
    pub(crate) user: Option<NameOrNumber>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Process {
    pub(crate) supervisor_daemon: Option<bool>,
    pub(crate) url: Option<String>,
    pub(crate) pidfile: Option<PathBuf>,
    pub(crate) name: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) program: Option<String>,
    pub(crate) cgroup: Option<PathBuf>,
    pub(crate) tree: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Supervisor {
    pub(crate) url: Option<String>,
    pub(crate) programs: Option<OneOrMany<String>>,
    pub(crate) except: Option<OneOrMany<String>>,
    pub(crate) judge_states: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tmux {
    pub(crate) socket_path: Option<PathBuf>,
    pub(crate) socket_name: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) sessions: Option<OneOrMany<String>>,
    pub(crate) stalled_after: Option<Lasting>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Systemd {
    pub(crate) unit: Option<String>,
    pub(crate) user: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    pub(crate) path: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Disk {
    pub(crate) path: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Condition {
    pub(crate) field: Option<String>,
    pub(crate) above: Option<Scalar>,
    pub(crate) below: Option<Scalar>,
    pub(crate) at_least: Option<Scalar>,
    pub(crate) at_most: Option<Scalar>,
    pub(crate) equals: Option<Scalar>,
    pub(crate) differs: Option<Scalar>,
    pub(crate) contains: Option<String>,
    pub(crate) matches: Option<String>,
    pub(crate) lacks: Option<String>,
    pub(crate) reaches: Option<Scalar>,
    pub(crate) within: Option<Lasting>,
    pub(crate) r#for: Option<Lasting>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Flap {
    pub(crate) low: Option<Share>,
    pub(crate) high: Option<Share>,
    pub(crate) hold: Option<Lasting>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Breaker {
    pub(crate) error_threshold: Option<u32>,
    pub(crate) request_volume_threshold: Option<u32>,
    pub(crate) reset_timeout: Option<Lasting>,
    pub(crate) reset_multiplier: Option<u32>,
    pub(crate) reset_max: Option<Lasting>,
    pub(crate) half_open_max_calls: Option<u32>,
    pub(crate) half_open_successes: Option<u32>,
    pub(crate) trial_lease: Option<Lasting>,
    pub(crate) window: Option<Window>,
    pub(crate) slow_call: Option<SlowCall>,
    pub(crate) compat: Option<Compat>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SlowCall {
    pub(crate) threshold: Option<Lasting>,
    pub(crate) rate: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Compat {
    Opossum,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Window {
    pub(crate) kind: Option<WindowKind>,
    pub(crate) size: Option<u32>,
    pub(crate) max_age: Option<Lasting>,
    pub(crate) length: Option<Lasting>,
    pub(crate) buckets: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WindowKind {
    Count,
    Time,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Recovery {
    pub(crate) when: Option<OneOrMany<String>>,
    pub(crate) steps: Option<Vec<Step>>,
    pub(crate) max_retries: Option<u32>,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) budget: Option<Budget>,
    pub(crate) verify_timeout: Option<Lasting>,
    pub(crate) stable_for: Option<Lasting>,
    pub(crate) evidence: Option<bool>,
    pub(crate) group: Option<String>,
    pub(crate) slow_retry: Option<OrNever>,
    pub(crate) quiet: Option<OneOrMany<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Step {
    pub(crate) pane: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) program: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) signal: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) command: Option<Vec<String>>,
    pub(crate) rule: Option<String>,
    pub(crate) end_left_overs: Option<bool>,
    pub(crate) timeout: Option<Lasting>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Backoff {
    pub(crate) initial: Option<Lasting>,
    pub(crate) multiplier: Option<f64>,
    pub(crate) max: Option<Lasting>,
    pub(crate) jitter: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "the keys of the settings")]
pub(crate) struct Budget {
    pub(crate) per_target: Option<String>,
    pub(crate) per_group: Option<String>,
    pub(crate) per_host: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Slo {
    pub(crate) checks: Option<OneOrMany<String>>,
    pub(crate) objective: Option<Scalar>,
    pub(crate) window: Option<Lasting>,
    pub(crate) exclude_unknown_up_to: Option<Scalar>,
    pub(crate) min_bad: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Alerts {
    pub(crate) interval: Option<Lasting>,
    pub(crate) repeat: Option<Lasting>,
    pub(crate) instance: Option<String>,
    pub(crate) receiver: BTreeMap<String, Receiver>,
    pub(crate) dead_man: Option<DeadMan>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Receiver {
    pub(crate) alertmanager: Option<Webhook>,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) command: Option<AlertCommand>,
    pub(crate) severity: Option<OneOrMany<String>>,
    pub(crate) resolved: Option<bool>,
    pub(crate) timeout: Option<Lasting>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Webhook {
    pub(crate) url: Option<String>,
    pub(crate) headers: Option<BTreeMap<String, String>>,
    pub(crate) bearer_token_file: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AlertCommand {
    pub(crate) run: Option<Vec<String>>,
    pub(crate) environment: Option<BTreeMap<String, String>>,
    pub(crate) user: Option<NameOrNumber>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DeadMan {
    pub(crate) url: Option<String>,
    pub(crate) interval: Option<Lasting>,
    pub(crate) timeout: Option<Lasting>,
    pub(crate) ca_file: Option<PathBuf>,
}
