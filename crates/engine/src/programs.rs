//! Whether a program or unit that a step names runs, as far as the checks of its recovery know.

use std::time::Duration;

use evenkeel_moment::Moment;
use evenkeel_probe::{Facts, Part};
use evenkeel_recovery::actions::{Action, UnitOrder};
use evenkeel_shown::said::{AgentCode, Said};

use crate::check::{CheckCore, missing, unclear};
use crate::refusal::Refusal;
use crate::target::Target;

/// How long a program runs, where that is known.
const UPTIME: &str = "uptime_seconds";

/// What the last look said of each part.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    parts: Vec<(String, Facts, Option<Said>)>,
    missing: Vec<(String, Said)>,
}

impl Looked {
    /// `ours` says of each part whether a restart of ours stopped it: that is no reason to leave it alone.
    pub(crate) fn at(parts: &[Part], ours: &[bool]) -> Self {
        let each = |(part, ours): (&Part, &bool)| {
            let unclear = if *ours { None } else { unclear(&part.outcome) };
            (part.name.clone(), part.facts.clone(), unclear)
        };
        let missing =
            parts.iter().filter_map(|part| Some((part.name.clone(), missing(&part.outcome)?)));
        Self { missing: missing.collect(), parts: parts.iter().zip(ours).map(each).collect() }
    }

    /// Whether there were no parts.
    pub(crate) const fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.missing.is_empty()
    }

    /// That there is no such program, if the look said so.
    pub(crate) fn missing(&self, program: &str) -> Option<Said> {
        let missing = self.missing.iter().find(|(name, _)| name == program);
        missing.map(|(_, detail)| detail.clone())
    }
}

/// Why the next step of a target leaves a program or unit alone, as far as the checks of its recovery look at it: it was stopped on
/// purpose, it is on its way, or it started too recently. What none of them looks at is started as the step says.
pub(crate) fn not_ready<'a>(
    now: Moment,
    checks: impl Iterator<Item = &'a CheckCore> + Clone,
    target: &Target,
) -> Option<Refusal> {
    let action = &target.next_step()?.action;
    match action {
        Action::SystemdRestart { unit, .. }
        | Action::SystemdOrder { unit, order: UnitOrder::Start }
            if !target.has_acted_on_unit_of(action) =>
        {
            let mut looking = checks.filter(|check| check.looks_at_unit_of(action));
            looking.find_map(CheckCore::rests).map(|why| left_alone(unit.to_string(), why.clone()))
        }
        Action::SupervisorRestartProgram { program: Some(program), .. } => {
            program_not_ready(now, checks, program)
        }
        _ => None,
    }
}

fn left_alone(program: String, why: Said) -> Refusal {
    let (why, why_code) = why.into_parts();
    Refusal::ProgramNotReady { program, why, why_code }
}

/// That a program of supervisord was stopped on purpose, is starting, or started too recently for what its recovery listens to.
fn program_not_ready<'a>(
    now: Moment,
    checks: impl Iterator<Item = &'a CheckCore> + Clone,
    program: &str,
) -> Option<Refusal> {
    let grace = checks.clone().map(|check| check.spec.health.startup_grace()).max()?;
    let refuse = |why: Said| Some(left_alone(program.to_owned(), why));
    for check in checks {
        let (Some(looked), Some(concluded)) = (&check.looked, check.concluded) else { continue };
        let of_it = looked.parts.iter().find(|(name, ..)| name == program);
        let Some((_, facts, unclear)) = of_it else { continue };
        if let Some(why) = unclear {
            return refuse(why.clone());
        }
        let Some(uptime) = facts.number(UPTIME).filter(|uptime| *uptime >= 0.0) else { continue };
        let since = now.saturating_since(concluded);
        let uptime = Duration::try_from_secs_f64(uptime).unwrap_or(Duration::MAX);
        let uptime = uptime.saturating_add(since);
        if uptime < grace {
            let (runs, grace) = (uptime.as_secs(), grace.as_secs());
            let text = format!("it runs for {runs} s, and may take {grace} s to start");
            let code = AgentCode::Starting { runs_seconds: runs, grace_seconds: grace };
            return refuse(Said::new(text, code));
        }
    }
    None
}
