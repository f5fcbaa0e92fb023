//! Does what the engine asks once: cleans. In a task of its own, so that nothing waits for it.

use std::time::{Instant, SystemTime};

use evenkeel_config::CleanupRule;
use evenkeel_engine::{CleanOutcome, Remaining};
use evenkeel_safefs::escaped;

/// Looks for what a cleanup rule says is due and, if `write`, takes it away. Blocks.
///
/// `Err`: the rule could not be applied at all or refused to (a cap), and why, with its sources.
pub fn clean(rule: &CleanupRule, now: SystemTime, write: bool) -> Result<CleanOutcome, String> {
    let begun = Instant::now();
    let plan = evenkeel_cleanup::scan(&rule.policy, now).map_err(|error| chain(&error))?;
    let mut outcome = CleanOutcome {
        action: rule.policy.action().as_str().to_owned(),
        ..CleanOutcome::default()
    };
    // What could not be looked at, or not be brought within its limit, is left as it should not be.
    let unseen = plan
        .unseen
        .iter()
        .map(|unseen| Remaining { path: escaped(&unseen.path), reason: unseen.reason.clone() });
    let over = plan.level.filter(|level| !level.is_met()).map(|level| Remaining {
        path: escaped(rule.policy.path()),
        reason: format!("{}: {level}", rule.policy.draft().trigger.as_str()),
    });
    let at_large: Vec<_> = unseen.chain(over).collect();
    if write {
        let report = evenkeel_cleanup::apply(&rule.policy, plan, now);
        outcome.bytes = report.bytes();
        (outcome.purged, outcome.purged_bytes) = (report.purged.entries, report.purged.bytes);
        outcome.run = report.run;
        outcome.taken = report.taken.iter().map(|taken| escaped(&taken.path)).collect();
        outcome.remaining = report
            .failed
            .into_iter()
            .map(|failed| Remaining { path: escaped(&failed.path), reason: failed.reason })
            .collect();
    } else {
        outcome.remaining = plan
            .steps
            .iter()
            .map(|step| Remaining {
                path: escaped(&step.path),
                reason: format!("due: {}", step.reason),
            })
            .collect();
    }
    outcome.remaining.extend(at_large);
    outcome.took = begun.elapsed();
    Ok(outcome)
}

/// An error with its sources, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
