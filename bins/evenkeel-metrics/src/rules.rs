use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::Command;

use evenkeel_cli::{Common, Exit, Failure, print_json, print_line};
use evenkeel_config::{Settings, Sources, process_jobs, rule_inputs, scrape_target};
use evenkeel_metrics::rules::{
    MemoryRule, PermissionRule, ProcessJob, RuleInputs, ScrapeFile, ScrapeTarget, alert_rules,
    alert_rules_document, rule_tests, scrape_config as yaml,
};
use serde_json::json;

use crate::args::{Rules, ScrapeConfig};

const PROMTOOL: &str = "promtool";
const RULES_FILE: &str = "rules.yml";
const TESTS_FILE: &str = "rules.test.yml";

/// The settings of the plan are what everything here speaks of if nothing else is said.
const PRESET: &str = "tmux-supervisor";

pub(crate) fn rules(common: &Common, args: &Rules) -> Result<Exit, Failure> {
    let inputs = if args.memory.is_empty() && args.permissions.is_empty() {
        rule_inputs(&settings(common)?)
    } else {
        RuleInputs {
            memory: args
                .memory
                .iter()
                .map(|memory| MemoryRule {
                    job: memory.job.clone(),
                    above_bytes: memory.above_bytes,
                    sustained_for: memory.sustained_for,
                })
                .collect(),
            permissions: args
                .permissions
                .iter()
                .map(|root| PermissionRule { name: root.name.clone(), path: root.path.clone() })
                .collect(),
            ..RuleInputs::default()
        }
    };
    if args.test {
        return test(common, &inputs);
    }
    match &args.print_tests {
        Some(rules_file) => print_text(&rule_tests(&inputs, rules_file)),
        None if common.json => print_json(&alert_rules_document(&inputs)),
        None => print_text(&alert_rules(&inputs)),
    }
    Ok(Exit::Holds)
}

pub(crate) fn scrape_config(common: &Common, args: &ScrapeConfig) -> Result<Exit, Failure> {
    let settings = if args.listen.is_none() || args.process.is_empty() {
        Some(settings(common)?)
    } else {
        None
    };
    let target = match (&args.listen, &settings) {
        // The address by which another host reaches it, say; what it asks for is the same.
        (Some(listen), Some(settings)) => {
            ScrapeTarget { address: listen.clone(), ..scrape_target(settings).unwrap_or_default() }
        }
        (Some(listen), None) => listen.as_str().into(),
        (None, settings) => settings.as_ref().and_then(scrape_target).ok_or_else(|| {
            Failure::usage(
                "`agent.listen` is off: nothing can be scraped; name an address with `--listen`",
            )
        })?,
    };
    let jobs = match &settings {
        Some(settings) if args.process.is_empty() => process_jobs(settings),
        _ => args
            .process
            .iter()
            .map(|job| ProcessJob { job: job.job.clone(), process: job.process.clone() })
            .collect(),
    };
    if common.json {
        print_json(&ScrapeFile::new(&target, &jobs));
    } else {
        print_text(&yaml(&target, &jobs));
    }
    Ok(Exit::Holds)
}

fn settings(common: &Common) -> Result<Settings, Failure> {
    let sources = if common.has_settings() {
        common.sources()
    } else {
        Sources { preset: Some(PRESET.to_owned()), ..common.sources() }
    };
    evenkeel_config::load(&sources).map_err(Failure::usage)
}

/// Has `promtool` check the rules and run their unit tests.
fn test(common: &Common, inputs: &RuleInputs) -> Result<Exit, Failure> {
    let cannot_write = |error: io::Error| {
        Failure::refused_because(format!("cannot write the rules to test: {error}"))
    };
    let directory = tempfile::tempdir().map_err(cannot_write)?;
    let rules = directory.path().join(RULES_FILE);
    let tests = directory.path().join(TESTS_FILE);
    write(&rules, &alert_rules(inputs)).map_err(cannot_write)?;
    write(&tests, &rule_tests(inputs, RULES_FILE)).map_err(cannot_write)?;
    let mut passed = true;
    let mut steps = Vec::new();
    for (what, file) in [("check", &rules), ("test", &tests)] {
        let output =
            Command::new(PROMTOOL).args([what, "rules"]).arg(file).output().map_err(|error| {
                match error.kind() {
                    ErrorKind::NotFound => Failure::refused_because(format!(
                        "`{PROMTOOL}` is not installed (Debian: `apt install prometheus`); \
                 `rules --print-tests FILE` prints the tests to run elsewhere"
                    )),
                    _ => Failure::refused_because(format!("cannot run `{PROMTOOL}`: {error}")),
                }
            })?;
        passed &= output.status.success();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        if !common.json {
            print_text(&said);
        }
        steps.push(json!({ "step": format!("{what} rules"), "passed": output.status.success(), "output": said.trim() }));
    }
    if common.json {
        print_json(&json!({ "passed": passed, "steps": steps }));
    }
    Ok(if passed { Exit::Holds } else { Exit::Deviates })
}

#[expect(
    clippy::disallowed_methods,
    reason = "in a scratch directory of its own that only this user may write"
)]
fn write(path: &Path, text: &str) -> io::Result<()> {
    std::fs::write(path, text)
}

fn print_text(text: &str) {
    print_line(text.trim_end_matches('\n'));
}
