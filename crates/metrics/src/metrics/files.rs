//! Permissions, cleanup, and the collectors.

use std::path::Path;
use std::time::Duration;

use super::{Metrics, signed};
use crate::labels::{CleanupAction, Collector, RepairKind};

impl Metrics {
    /// Starts the counters of a permission rule at zero.
    pub fn add_permission_rule(&self, rule: &str) {
        for kind in RepairKind::ALL {
            self.permission_repairs.add([rule, kind.as_str()], 0);
        }
        self.permission_fights.add([rule], 0);
    }

    /// Says how many entries below the root `path` deviate, as [`names::FILE_PERMISSION_ERRORS`](crate::names::FILE_PERMISSION_ERRORS)
    /// counts them.
    pub fn set_permission_errors(&self, path: &Path, entries: u64) {
        self.permission_errors.set([&path.to_string_lossy()], signed(entries));
    }

    /// Counts repairs.
    pub fn permissions_repaired(&self, rule: &str, kind: RepairKind, entries: u64) {
        self.permission_repairs.add([rule, kind.as_str()], entries);
    }

    /// Counts a round of a fight: somebody keeps undoing a repair.
    pub fn permissions_fought(&self, rule: &str, entries: u64) {
        self.permission_fights.add([rule], entries);
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
        self.cleanup_refusals.add([rule], 0);
    }

    /// Counts what a run of a cleanup rule took away.
    pub fn cleaned(&self, rule: &str, action: CleanupAction, files: u64, bytes: u64) {
        self.cleanup_files.add([rule, action.as_str()], files);
        self.cleanup_bytes.add([rule, action.as_str()], bytes);
    }

    /// Counts a run of a cleanup rule that took nothing: it could not be carried out, or would have taken more than it may.
    pub fn cleanup_refused(&self, rule: &str) {
        self.cleanup_refusals.add([rule], 1);
    }

    /// Takes away all series of a cleanup rule.
    pub fn forget_cleanup_rule(&self, rule: &str) {
        self.cleanup_files.forget("rule", rule);
        self.cleanup_bytes.forget("rule", rule);
        self.cleanup_refusals.forget("rule", rule);
        self.forget_collector(Collector::Cleanup, rule);
    }

    /// Notes a look of a collector: how long it took, and whether it succeeded.
    ///
    /// `rule` is the rule or check that it was for; a collector that works for the agent as a whole has its own name there.
    pub fn swept(&self, collector: Collector, rule: &str, took: Duration, success: bool) {
        self.collector_duration.set([collector.as_str(), rule], took.as_secs_f64());
        self.collector_success.set([collector.as_str(), rule], i64::from(success));
    }

    /// Takes away the series of a collector's rule.
    pub fn forget_collector(&self, collector: Collector, rule: &str) {
        self.collector_duration.remove([collector.as_str(), rule]);
        self.collector_success.remove([collector.as_str(), rule]);
    }
}
