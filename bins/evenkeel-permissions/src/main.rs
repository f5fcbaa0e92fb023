//! `evenkeel-permissions`: keeps mode, owner and group of a directory, with flags alone or with settings.
#![forbid(unsafe_code)]

mod args;
mod rules;
mod watch;

use std::process::ExitCode;

use evenkeel_cli::{
    Common, Exit, Failure, escaped_path as escaped, print_json, print_line, print_table, with_bar,
};
use evenkeel_permissions::{Plan, Report, SweepError, apply, sweep};
use serde::Serialize;

use crate::args::{Args, Command};
use crate::rules::{Named, rules};

fn main() -> ExitCode {
    let args: Args = evenkeel_cli::parse();
    let common = &args.common;
    evenkeel_cli::run("evenkeel-permissions", common, || match &args.command {
        Command::Check(rule) => check(common, &rules(common, rule)?),
        Command::Fix(rule) => fix(common, &rules(common, rule)?),
        Command::Watch(rule) => watch::watch(common, rules(common, rule)?),
    })
}

#[derive(Serialize)]
struct Checked {
    rule: String,
    #[serde(flatten)]
    plan: Plan,
}

#[derive(Serialize)]
struct Fixed {
    rule: String,
    #[serde(flatten)]
    report: Report,
    /// What deviates after all repairs.
    left: Plan,
}

fn check(common: &Common, rules: &[Named]) -> Result<Exit, Failure> {
    let looked = |rule: &Named| {
        let plan = with_bar(common, &rule.name, || sweep(&rule.policy));
        let plan = plan.map_err(|error| failure(&error))?;
        Ok(Checked { rule: rule.name.clone(), plan })
    };
    let checked = rules.iter().map(looked).collect::<Result<Vec<_>, Failure>>()?;
    if common.json {
        print_json(&checked);
    } else {
        print_plans(checked.iter().map(|checked| &checked.plan));
    }
    Ok(if checked.iter().all(|checked| checked.plan.holds()) {
        Exit::Holds
    } else {
        Exit::Deviates
    })
}

fn fix(common: &Common, rules: &[Named]) -> Result<Exit, Failure> {
    let fix = |rule: &Named| with_bar(common, &rule.name, || fix_one(rule));
    let fixed = rules.iter().map(fix).collect::<Result<Vec<_>, Failure>>()?;
    if common.json {
        print_json(&fixed);
    } else {
        print_fixed(&fixed);
    }
    Ok(fixed.iter().map(verdict).max_by_key(|exit| *exit as u8).unwrap_or(Exit::Holds))
}

fn fix_one(rule: &Named) -> Result<Fixed, Failure> {
    let look = || sweep(&rule.policy).map_err(|error| failure(&error));
    let mut report = apply(&rule.policy, look()?);
    let mut left = look()?;
    // A directory that was closed, or missing, shows what is in it only now.
    if report.failed.is_empty() && !left.steps.is_empty() {
        let more = apply(&rule.policy, left);
        report.repaired.extend(more.repaired);
        report.failed.extend(more.failed);
        left = look()?;
    }
    Ok(Fixed { rule: rule.name.clone(), report, left })
}

fn verdict(fixed: &Fixed) -> Exit {
    let denied = fixed.report.failed.iter().any(|failed| failed.denied);
    if denied || !fixed.left.refused.is_empty() {
        Exit::Refused
    } else if !fixed.report.failed.is_empty() || !fixed.left.steps.is_empty() {
        Exit::Deviates
    } else {
        Exit::Holds
    }
}

/// A user that does not exist is a wrong flag or setting; everything else is work that cannot be done.
fn failure(error: &SweepError) -> Failure {
    match error {
        SweepError::NoUser { .. } | SweepError::NoGroup { .. } => Failure::usage(error),
        _ => Failure::refused(error),
    }
}

fn print_plans<'a>(plans: impl Iterator<Item = &'a Plan> + Clone) {
    // Row by row: there may be millions.
    let mut steps = plans
        .clone()
        .flat_map(|plan| &plan.steps)
        .map(|step| row(&step.path, step.kind.as_str(), &step.before, &step.after))
        .peekable();
    if steps.peek().is_some() {
        print_table(&["path", "kind", "before", "after"], steps);
    }
    for refused in plans.clone().flat_map(|plan| &plan.refused) {
        print_line(format_args!("refused: {}: {}", escaped(&refused.path), refused.reason));
    }
    for listed in plans.clone().flat_map(|plan| &plan.listed) {
        print_line(format_args!("has a list: {}: {}", escaped(&listed.path), listed.acl));
    }
    if plans.clone().all(Plan::holds) {
        let scanned: u64 = plans.map(|plan| plan.scanned).sum();
        print_line(format_args!("everything holds, {scanned} entries looked at"));
    }
}

fn print_fixed(fixed: &[Fixed]) {
    let mut repaired = fixed
        .iter()
        .flat_map(|fixed| &fixed.report.repaired)
        .map(|repair| row(&repair.path, repair.kind.as_str(), &repair.before, &repair.after))
        .peekable();
    if repaired.peek().is_some() {
        print_table(&["repaired", "kind", "before", "after"], repaired);
    }
    for failed in fixed.iter().flat_map(|fixed| &fixed.report.failed) {
        print_line(format_args!("failed: {}: {}", escaped(&failed.path), failed.reason));
    }
    print_plans(fixed.iter().map(|fixed| &fixed.left));
}

fn row(path: &std::path::Path, kind: &str, before: &str, after: &str) -> Vec<String> {
    vec![escaped(path), kind.to_owned(), before.to_owned(), after.to_owned()]
}
