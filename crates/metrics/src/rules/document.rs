//! The files as values.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::alert::Alert;
use super::scrape::{AGENT_JOB, ProcessJob};
use super::template::literal;
use super::yaml::{duration, scalar};

/// Name of the group that all rules are in.
const GROUP: &str = "evenkeel";

/// A file of rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleFile {
    /// Its groups.
    pub groups: Vec<Group>,
}

/// A group of rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// An alert rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Name of the alert.
    pub alert: String,
    /// What must hold for it to fire.
    pub expr: String,
    /// How long that must hold.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub sustained_for: Option<String>,
    /// Labels that it adds.
    pub labels: BTreeMap<String, String>,
    /// What it tells people.
    pub annotations: BTreeMap<String, String>,
}

/// The part of Prometheus's configuration that says what to scrape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScrapeFile {
    /// The jobs.
    pub scrape_configs: Vec<ScrapeJob>,
}

/// A scrape job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScrapeJob {
    /// Its name.
    pub job_name: String,
    /// Parameters of the query.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Vec<String>>,
    /// Whom to ask.
    pub static_configs: Vec<BTreeMap<String, Vec<String>>>,
}

/// The file as people read it.
pub(super) fn render(alerts: &[Alert]) -> String {
    let mut out = format!("groups:\n  - name: {GROUP}\n    rules:\n");
    for alert in alerts {
        let _ = writeln!(out, "      - alert: {}", scalar(&alert.name));
        let _ = writeln!(out, "        expr: {}", scalar(&alert.expr.to_string()));
        if !alert.sustained_for.is_zero() {
            let _ = writeln!(out, "        for: {}", duration(alert.sustained_for));
        }
        out.push_str("        labels:\n");
        for (name, value) in alert.added_labels() {
            // Prometheus takes labels for templates too.
            let _ = writeln!(out, "          {name}: {}", scalar(&literal(value)));
        }
        out.push_str("        annotations:\n");
        for (name, text) in alert.annotations() {
            let _ = writeln!(out, "          {name}: {}", scalar(&text.to_go()));
        }
    }
    out
}

impl RuleFile {
    pub(super) fn new(alerts: &[Alert]) -> Self {
        let rules = alerts.iter().map(|alert| Rule {
            alert: alert.name.clone(),
            expr: alert.expr.to_string(),
            sustained_for: (!alert.sustained_for.is_zero()).then(|| duration(alert.sustained_for)),
            labels: alert
                .added_labels()
                .map(|(name, value)| (name.to_owned(), literal(value).into_owned()))
                .collect(),
            annotations: alert
                .annotations()
                .map(|(name, text)| (name.to_owned(), text.to_go()))
                .into(),
        });
        Self { groups: vec![Group { name: GROUP.to_owned(), rules: rules.collect() }] }
    }
}

impl ScrapeFile {
    /// The jobs for the agent at `listen` and for each of its processes, as [`scrape_config`](super::scrape_config) writes them.
    pub fn new(listen: &str, processes: &[ProcessJob]) -> Self {
        let job = |name: &str, params| ScrapeJob {
            job_name: name.to_owned(),
            params,
            static_configs: vec![[("targets".to_owned(), vec![listen.to_owned()])].into()],
        };
        let processes = processes.iter().map(|process| {
            job(&process.job, [("process".to_owned(), vec![process.process.clone()])].into())
        });
        Self {
            scrape_configs: [job(AGENT_JOB, BTreeMap::new())]
                .into_iter()
                .chain(processes)
                .collect(),
        }
    }
}
