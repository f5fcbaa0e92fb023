//! What alert rules and scrape jobs depend on.

use evenkeel_metrics::rules::{
    MemoryRule, Objective, PermissionRule, ProcessJob, RuleInputs, ScrapeTarget,
};
use evenkeel_probe::{Target, Test};

use crate::{Mode, Settings, reached_at};

/// The field of a process check that says how much memory it has.
const RESIDENT_BYTES: &str = "rss_bytes";
/// `supervisor-memory` watches the memory of `supervisor`: its job has the shorter name, as rules expect it.
const MEMORY_SUFFIX: &str = "-memory";

/// What of the settings alerts are written for.
pub fn rule_inputs(settings: &Settings) -> RuleInputs {
    let memory =
        settings.checks.iter().filter(|check| matches!(check.target, Target::Process(_))).flat_map(
            |check| {
                check
                    .conditions
                    .iter()
                    .filter(|condition| condition.field == RESIDENT_BYTES)
                    .filter_map(|condition| {
                        let Test::Above(bytes) = condition.test else { return None };
                        Some(MemoryRule {
                            job: job(&check.name).to_owned(),
                            above_bytes: whole_bytes(bytes),
                            sustained_for: condition.sustained_for.unwrap_or_default(),
                        })
                    })
            },
        );
    let permissions = settings.permissions.iter().map(|rule| PermissionRule {
        name: rule.name.clone(),
        path: rule.policy.path().to_owned(),
    });
    let objectives = settings
        .slos
        .iter()
        .map(|slo| Objective { name: slo.name.clone(), promise: slo.promise.clone() });
    RuleInputs {
        memory: memory.collect(),
        permissions: permissions.collect(),
        objectives: objectives.collect(),
        observes: settings.agent.mode == Mode::Observe,
    }
}

/// A scrape job for each process that the settings watch.
pub fn process_jobs(settings: &Settings) -> Vec<ProcessJob> {
    let processes =
        settings.checks.iter().filter(|check| matches!(check.target, Target::Process(_)));
    processes
        .map(|check| ProcessJob { job: job(&check.name).to_owned(), process: check.name.clone() })
        .collect()
}

/// Where a scraper on the same host finds the agent's page, and what it must bring; `None`: there is no page.
pub fn scrape_target(settings: &Settings) -> Option<ScrapeTarget> {
    let access = &settings.agent.access;
    Some(ScrapeTarget {
        address: reached_at(settings.agent.listen?).to_string(),
        tls: access.tls.is_some(),
        token_file: access.token_file.as_ref().map(|file| file.display().to_string()),
    })
}

fn job(check: &str) -> &str {
    match check.strip_suffix(MEMORY_SUFFIX) {
        Some(process) if !process.is_empty() => process,
        _ => check,
    }
}

/// A limit with a fraction of a byte is met by the same figures as the limit without it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, which is what is meant"
)]
fn whole_bytes(bytes: f64) -> u64 {
    bytes as u64
}

#[cfg(test)]
mod tests {
    use evenkeel_metrics::rules::{alert_rules, scrape_config};

    use super::*;
    use crate::{load_text, preset};

    fn plan() -> Settings {
        load_text("plan.toml", preset("tmux-supervisor").expect("it ships")).expect("it is valid")
    }

    #[test]
    fn the_plan_as_settings_gives_the_rules_of_the_plan() {
        assert_eq!(rule_inputs(&plan()), RuleInputs::plan());
        let rules = alert_rules(&rule_inputs(&plan()));
        assert!(rules.contains(
            "expr: process_resident_memory_bytes{job=\"supervisor\"} > 300000000\n        for: 5m\n"
        ));
        assert!(rules.contains("expr: file_permission_errors{path=\"/tmp/tmux_supervisor_state\"} > 0\n        for: 1m\n"));
    }

    #[test]
    fn the_plan_as_settings_has_the_daemon_scraped_as_job_supervisor() {
        let jobs = process_jobs(&plan());
        assert_eq!(
            jobs,
            [ProcessJob { job: "supervisor".into(), process: "supervisor-memory".into() }]
        );
        let written = scrape_config(&scrape_target(&plan()).unwrap(), &jobs);
        assert!(written.contains("process: [\"supervisor-memory\"]"), "{written}");
    }

    #[test]
    fn who_scrapes_brings_the_token_and_speaks_tls_where_the_page_wants_it() {
        let text = "[agent]\nlisten = \"0.0.0.0:9720\"\ntoken_file = \"/etc/evenkeel/page.token\"\n\
                    tls = { certificate = \"/etc/evenkeel/page.pem\", key = \"/etc/evenkeel/page.key\" }\n";
        let target = scrape_target(&load_text("test.toml", text).unwrap()).unwrap();
        let token_file = Some("/etc/evenkeel/page.token".to_owned());
        let expected = ScrapeTarget { address: "127.0.0.1:9720".to_owned(), tls: true, token_file };
        assert_eq!(target, expected);
        let off = load_text("test.toml", "[agent]\nlisten = \"off\"\n").unwrap();
        assert_eq!(scrape_target(&off), None);
    }
}
