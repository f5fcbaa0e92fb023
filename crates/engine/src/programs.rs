//! Whether a program that a step names runs, as far as the checks of its recovery know.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_moment::Moment;
use evenkeel_probe::{Facts, Outcome, Part};
use evenkeel_recovery::actions::Action;

use crate::check::CheckCore;
use crate::record::Refusal;

/// How long a program runs, where that is known.
const UPTIME: &str = "uptime_seconds";

/// What the last look said of each part.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    parts: BTreeMap<String, (Facts, Option<String>)>,
}

impl Looked {
    pub(crate) fn at(parts: &[Part]) -> Self {
        let unclear = |part: &Part| match &part.outcome {
            Outcome::Unknown(failure) => Some(failure.detail.clone()),
            Outcome::Good | Outcome::Bad(_) => None,
        };
        let each = |part: &Part| (part.name.clone(), (part.facts.clone(), unclear(part)));
        Self { parts: parts.iter().map(each).collect() }
    }
}

/// Why a step that restarts a named program has to wait: it was stopped on purpose, it is starting, or it started too recently for
/// what its recovery listens to. What no check of the recovery looks at is restarted as the step says.
pub(crate) fn not_ready<'a>(
    now: Moment,
    checks: impl Iterator<Item = &'a CheckCore> + Clone,
    action: &Action,
) -> Option<Refusal> {
    let Action::SupervisorRestartProgram { program: Some(program), .. } = action else {
        return None;
    };
    let grace = checks.clone().map(|check| check.spec.health.startup_grace()).max()?;
    let refuse = |why| Some(Refusal::ProgramNotReady { program: program.clone(), why });
    for check in checks {
        let (Some(looked), Some(concluded)) = (&check.looked, check.concluded) else { continue };
        let Some((facts, unclear)) = looked.parts.get(program) else { continue };
        if let Some(why) = unclear {
            return refuse(why.clone());
        }
        let Some(uptime) = facts.number(UPTIME).filter(|uptime| *uptime >= 0.0) else { continue };
        let since = now.saturating_since(concluded);
        let uptime = Duration::try_from_secs_f64(uptime).unwrap_or(Duration::MAX);
        let uptime = uptime.saturating_add(since);
        if uptime < grace {
            let (runs, grace) = (uptime.as_secs(), grace.as_secs());
            return refuse(format!("it runs for {runs} s, and may take {grace} s to start"));
        }
    }
    None
}
