//! Alert rules, their unit tests, and the scrape configuration that feeds them, as YAML for Prometheus.
//!
//! ```
//! use evenkeel_metrics::rules::{RuleInputs, alert_rules};
//!
//! let yaml = alert_rules(&RuleInputs::plan());
//! assert!(yaml.contains(r#"expr: process_resident_memory_bytes{job="supervisor"} > 300000000"#));
//! ```

mod alert;
mod catalog;
mod document;
pub mod expr;
mod go;
mod inputs;
mod recording;
mod scrape;
mod template;
mod unit_test;
mod yaml;

pub use alert::{Alert, Firing, Severity};
pub use catalog::{alerts, recordings};
pub use document::{
    AlertRule, Annotations, Group, RecordingRule, Rule, RuleFile, ScrapeFile, ScrapeJob,
};
pub use inputs::{MemoryRule, Objective, PermissionRule, RuleInputs};
pub use recording::{Recorded, Recording};
pub use scrape::{AGENT_JOB, ProcessJob, ScrapeTarget, scrape_config};
pub use template::{Piece, Template, ValueFormat};

/// The rules for these settings, as YAML; what each alert means is in `docs/alerts.md`.
pub fn alert_rules(inputs: &RuleInputs) -> String {
    RuleFile::new(inputs).to_yaml()
}

/// Unit tests for the rules of the same settings, for `promtool test rules`; `rules_file` is where those were written,
/// relative to the tests.
pub fn rule_tests(inputs: &RuleInputs, rules_file: &str) -> String {
    unit_test::render(&alerts(inputs), rules_file)
}

/// The same rules as a value, for programs: as JSON it is what Prometheus also takes for YAML.
pub fn alert_rules_document(inputs: &RuleInputs) -> RuleFile {
    RuleFile::new(inputs)
}
