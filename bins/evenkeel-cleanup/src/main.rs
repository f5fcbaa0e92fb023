//! `evenkeel-cleanup`: removes old files and shortens large ones, with flags alone or with settings.
#![forbid(unsafe_code)]

mod args;
mod rules;

use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser;
use evenkeel_cleanup::{Plan, Report, Unseen, apply, scan};
use evenkeel_cli::{
    Common, Exit, Failure, escaped_path as escaped, print_json, print_line, print_table,
};
use evenkeel_config::format_size;
use serde::Serialize;

use crate::args::{Args, Command};
use crate::rules::{Named, rules};

fn main() -> ExitCode {
    let args = Args::parse();
    let common = &args.common;
    evenkeel_cli::run("evenkeel-cleanup", common, || match &args.command {
        Command::Plan(rule) => plan(common, &rules(common, rule)?),
        Command::Apply(rule) => take(common, &rules(common, rule)?),
    })
}

#[derive(Serialize)]
struct Planned {
    rule: String,
    #[serde(flatten)]
    plan: Plan,
}

#[derive(Serialize)]
struct Applied {
    rule: String,
    #[serde(flatten)]
    report: Report,
    /// Entries that could not be looked at.
    unseen: Vec<Unseen>,
}

fn plan(common: &Common, rules: &[Named]) -> Result<Exit, Failure> {
    let planned = planned(rules)?;
    if common.json {
        print_json(&planned);
    } else {
        print_plans(&planned);
    }
    Ok(if planned.iter().all(|planned| planned.plan.unseen.is_empty()) {
        Exit::Holds
    } else {
        Exit::Deviates
    })
}

fn take(common: &Common, rules: &[Named]) -> Result<Exit, Failure> {
    // All are planned before the first write: a rule over its cap refuses the whole run.
    let planned = planned(rules)?;
    let applied: Vec<_> = planned
        .into_iter()
        .zip(rules)
        .map(|(planned, rule)| {
            let unseen = planned.plan.unseen.clone();
            let report = apply(&rule.policy, planned.plan, SystemTime::now());
            Applied { rule: planned.rule, report, unseen }
        })
        .collect();
    if common.json {
        print_json(&applied);
    } else {
        print_applied(&applied);
    }
    Ok(verdict(&applied))
}

fn planned(rules: &[Named]) -> Result<Vec<Planned>, Failure> {
    rules
        .iter()
        .map(|rule| {
            let plan =
                scan(&rule.policy, SystemTime::now()).map_err(|error| Failure::refused(&error))?;
            Ok(Planned { rule: rule.name.clone(), plan })
        })
        .collect()
}

/// Nothing could be done at all, some of it could not, or all is done.
fn verdict(applied: &[Applied]) -> Exit {
    let failed = applied.iter().any(|applied| !applied.report.failed.is_empty());
    let taken = applied.iter().any(|applied| !applied.report.taken.is_empty());
    let unseen = applied.iter().any(|applied| !applied.unseen.is_empty());
    match (failed, taken) {
        (true, false) => Exit::Refused,
        (true, true) => Exit::Deviates,
        (false, _) if unseen => Exit::Deviates,
        (false, _) => Exit::Holds,
    }
}

fn print_plans(planned: &[Planned]) {
    let steps: Vec<_> = planned
        .iter()
        .flat_map(|planned| &planned.plan.steps)
        .map(|step| {
            vec![
                escaped(&step.path),
                step.action.to_owned(),
                format_size(step.bytes),
                step.reason.to_string(),
            ]
        })
        .collect();
    let number = steps.len();
    if number > 0 {
        print_table(&["path", "action", "size", "reason"], steps);
    }
    print_unseen(planned.iter().flat_map(|planned| &planned.plan.unseen));
    let scanned: u64 = planned.iter().map(|planned| planned.plan.scanned).sum();
    let bytes: u64 = planned.iter().map(|planned| planned.plan.total_bytes).sum();
    print_line(format_args!("{number} of {scanned} entries are due, {}", format_size(bytes)));
}

fn print_applied(applied: &[Applied]) {
    let taken: Vec<_> = applied
        .iter()
        .flat_map(|applied| &applied.report.taken)
        .map(|taken| {
            let how = taken.method.unwrap_or_default().to_owned();
            vec![escaped(&taken.path), taken.action.to_owned(), format_size(taken.bytes), how]
        })
        .collect();
    let number = taken.len();
    if number > 0 {
        print_table(&["path", "action", "gained", "how"], taken);
    }
    for failed in applied.iter().flat_map(|applied| &applied.report.failed) {
        print_line(format_args!("failed: {}: {}", escaped(&failed.path), failed.reason));
    }
    for skipped in applied.iter().flat_map(|applied| &applied.report.skipped) {
        print_line(format_args!("left alone: {}: {}", escaped(&skipped.path), skipped.reason));
    }
    print_unseen(applied.iter().flat_map(|applied| &applied.unseen));
    let bytes: u64 =
        applied.iter().flat_map(|applied| &applied.report.taken).map(|taken| taken.bytes).sum();
    print_line(format_args!("{number} taken away, {} gained", format_size(bytes)));
}

fn print_unseen<'a>(unseen: impl Iterator<Item = &'a Unseen>) {
    for unseen in unseen {
        print_line(format_args!("not seen: {}: {}", escaped(&unseen.path), unseen.reason));
    }
}
