//! The files as values.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::alert::Alert;
use super::catalog;
use super::inputs::RuleInputs;
use super::recording::Recording;
use super::scrape::{AGENT_JOB, ProcessJob, ScrapeTarget};
use super::template::literal;
use super::yaml::{duration, scalar};

/// The group of the rules that read what is exported.
const GROUP: &str = "evenkeel";
/// The group of the rules about error budgets: rules of a group run one after the other, so that alerts read what was just recorded.
const BURN_GROUP: &str = "evenkeel-slo";

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

/// A rule of either kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Rule {
    /// Keeps a figure.
    Recording(RecordingRule),
    /// Tells people.
    Alert(AlertRule),
}

/// A recording rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordingRule {
    /// Name of the metric that it writes.
    pub record: String,
    /// Its value.
    pub expr: String,
}

/// An alert rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertRule {
    /// Name of the alert.
    pub alert: String,
    /// What must hold for it to fire.
    pub expr: String,
    /// How long that must hold.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub sustained_for: Option<String>,
    /// Labels that it adds; Prometheus takes them for templates.
    pub labels: BTreeMap<String, String>,
    /// What it tells people.
    pub annotations: Annotations,
}

/// What an alert tells people, as templates for Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotations {
    /// One line that says what is wrong.
    pub summary: String,
    /// What was measured, and what that means.
    pub description: String,
    /// Where it says what to do.
    pub runbook: String,
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
    /// `https` where it is not `http`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<&'static str>,
    /// Where the token is that is asked for, as `credentials_file`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub authorization: BTreeMap<&'static str, String>,
    /// Whom to ask.
    pub static_configs: Vec<BTreeMap<String, Vec<String>>>,
}

impl RuleFile {
    pub(super) fn new(inputs: &RuleInputs) -> Self {
        let alerts =
            |alerts: Vec<Alert>| alerts.into_iter().map(|alert| Rule::Alert((&alert).into()));
        let mut groups =
            vec![Group { name: GROUP.to_owned(), rules: alerts(catalog::host(inputs)).collect() }];
        let recorded = catalog::recordings(inputs).into_iter().map(|Recording { name, expr }| {
            Rule::Recording(RecordingRule { record: name, expr: expr.to_string() })
        });
        let burns: Vec<Rule> = recorded.chain(alerts(catalog::burns(inputs))).collect();
        if !burns.is_empty() {
            groups.push(Group { name: BURN_GROUP.to_owned(), rules: burns });
        }
        Self { groups }
    }

    /// The file as people read it.
    pub(super) fn to_yaml(&self) -> String {
        let mut out = String::from("groups:\n");
        for Group { name, rules } in &self.groups {
            let _ = writeln!(out, "  - name: {name}\n    rules:");
            for rule in rules {
                rule.write_yaml(&mut out);
            }
        }
        out
    }
}

impl Rule {
    fn write_yaml(&self, out: &mut String) {
        let alert = match self {
            Self::Recording(RecordingRule { record, expr }) => {
                let _ = writeln!(out, "      - record: {}", scalar(record));
                let _ = writeln!(out, "        expr: {}", scalar(expr));
                return;
            }
            Self::Alert(alert) => alert,
        };
        let _ = writeln!(out, "      - alert: {}", scalar(&alert.alert));
        let _ = writeln!(out, "        expr: {}", scalar(&alert.expr));
        if let Some(time) = &alert.sustained_for {
            let _ = writeln!(out, "        for: {time}");
        }
        let labels = alert.labels.iter().map(|(name, value)| (name.as_str(), value));
        let Annotations { summary, description, runbook } = &alert.annotations;
        let annotations =
            [("summary", summary), ("description", description), ("runbook", runbook)];
        write_map(out, "labels", labels);
        write_map(out, "annotations", annotations);
    }
}

fn write_map<'a>(
    out: &mut String,
    what: &str,
    texts: impl IntoIterator<Item = (&'a str, &'a String)>,
) {
    let _ = writeln!(out, "        {what}:");
    for (name, text) in texts {
        let _ = writeln!(out, "          {name}: {}", scalar(text));
    }
}

impl From<&Alert> for AlertRule {
    fn from(alert: &Alert) -> Self {
        let labels = alert.added_labels();
        Self {
            alert: alert.name.clone(),
            expr: alert.expr.to_string(),
            sustained_for: (!alert.sustained_for.is_zero()).then(|| duration(alert.sustained_for)),
            labels: labels
                .map(|(name, value)| (name.to_owned(), literal(value).into_owned()))
                .collect(),
            annotations: Annotations {
                summary: alert.summary.to_go(),
                description: alert.description.to_go(),
                runbook: literal(&alert.runbook()).into_owned(),
            },
        }
    }
}

impl ScrapeFile {
    /// The jobs for an agent and for each of its processes, as [`scrape_config`](super::scrape_config) writes them.
    pub fn new(target: &ScrapeTarget, processes: &[ProcessJob]) -> Self {
        let token = target.token_file.clone().map(|file| ("credentials_file", file));
        let job = |name: &str, params| ScrapeJob {
            job_name: name.to_owned(),
            params,
            scheme: target.tls.then_some("https"),
            authorization: token.clone().into_iter().collect(),
            static_configs: vec![[("targets".to_owned(), vec![target.address.clone()])].into()],
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
