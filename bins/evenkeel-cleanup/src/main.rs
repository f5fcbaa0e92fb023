//! `evenkeel-cleanup`: takes away what is too old, too large or too much, with flags alone or with settings.
#![forbid(unsafe_code)]

mod args;
mod print;
mod rules;

use std::process::ExitCode;

use evenkeel_cleanup::{Clock, Level, Plan, Report, ScanError, Unseen, apply_watched, scan};
use evenkeel_cli::cleanup::{self, Place};
use evenkeel_cli::{Bar, Common, Exit, Failure, Stop, print_json, with_bar};
use serde::Serialize;

use crate::args::{Args, Command, Kept};
use crate::rules::{Named, absolute, rules};

fn main() -> ExitCode {
    let args: Args = evenkeel_cli::parse();
    let common = &Common { reports: true, ..args.common.clone() };
    evenkeel_cli::run("evenkeel-cleanup", common, || match &args.command {
        Command::Plan(rule) => plan(common, &rules(common, rule)?),
        Command::Apply(rule) => take(common, &rules(common, rule)?),
        Command::Undo(undo) => {
            let only = undo.only.as_deref().map(absolute).transpose()?;
            cleanup::undo(common, &places(common, &undo.kept)?, &undo.id, only.as_deref())
        }
        Command::Trash(kept) => cleanup::kept(common, &places(common, kept)?),
    })
}

#[derive(Serialize)]
struct Planned {
    rule: String,
    #[serde(flatten)]
    plan: Plan,
    /// How far the caps are used up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    caps: Vec<String>,
}

#[derive(Serialize)]
struct Applied {
    rule: String,
    #[serde(flatten)]
    report: Report,
    /// Entries that could not be looked at.
    unseen: Vec<Unseen>,
    /// What a limit for all came to, by the plan's reckoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
}

fn plan(common: &Common, rules: &[Named]) -> Result<Exit, Failure> {
    let planned = planned(common, rules)?;
    if common.json {
        print_json(&planned);
    } else {
        print::plans(&planned);
    }
    let whole = |planned: &Planned| {
        planned.plan.unseen.is_empty() && planned.plan.level.is_none_or(|level| level.is_met())
    };
    Ok(if planned.iter().all(whole) { Exit::Holds } else { Exit::Deviates })
}

fn take(common: &Common, rules: &[Named]) -> Result<Exit, Failure> {
    // All are planned before the first write: a rule over its cap refuses the whole run.
    let planned = planned(common, rules)?;
    // Until here nothing was changed, and the program could be ended anywhere.
    let stop = Stop::at_signals()?;
    let applied: Vec<_> = planned
        .into_iter()
        .zip(rules)
        .map(|(planned, rule)| {
            let (unseen, level) = (planned.plan.unseen.clone(), planned.plan.level);
            let mut bar = Bar::new(common, &planned.rule);
            let report = apply_watched(&rule.policy, planned.plan, Clock::of_host(), |progress| {
                bar.show(progress.done, progress.total);
                stop.goes_on()
            });
            Applied { rule: planned.rule, report, unseen, level }
        })
        .collect();
    if common.json {
        print_json(&applied);
    } else {
        print::applied(&applied);
    }
    Ok(verdict(&applied))
}

/// The place that the flags name, or all of the settings.
fn places(common: &Common, kept: &Kept) -> Result<Vec<Place>, Failure> {
    match &kept.path {
        Some(path) => Ok(vec![Place { root: absolute(path)?, run_as: kept.run_as.clone() }]),
        None => Place::all(&common.settings()?),
    }
}

fn planned(common: &Common, rules: &[Named]) -> Result<Vec<Planned>, Failure> {
    rules
        .iter()
        .map(|rule| {
            let look = || scan(&rule.policy, Clock::of_host());
            let plan = with_bar(common, &rule.name, look).map_err(|error| failure(&error))?;
            let caps = print::caps(&rule.policy, &plan);
            Ok(Planned { rule: rule.name.clone(), plan, caps })
        })
        .collect()
}

/// A user that does not exist is a wrong flag or setting; everything else is work that cannot be done.
fn failure(error: &ScanError) -> Failure {
    match error {
        ScanError::NoUser { .. } => Failure::usage(error),
        _ => Failure::refused(error),
    }
}

/// Nothing could be done at all, some of it could not, or all is done.
fn verdict(applied: &[Applied]) -> Exit {
    let failed = applied.iter().any(|applied| !applied.report.failed.is_empty());
    let taken = applied.iter().any(|applied| !applied.report.taken.is_empty());
    let whole = |applied: &Applied| {
        applied.report.not_reached == 0
            && applied.unseen.is_empty()
            && applied.level.is_none_or(|level| level.is_met())
    };
    if failed && !taken {
        Exit::Refused
    } else if !failed && applied.iter().all(whole) {
        Exit::Holds
    } else {
        Exit::Deviates
    }
}
