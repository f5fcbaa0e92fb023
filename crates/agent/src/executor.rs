//! Does what the engine asks once: cleans. In a task of its own, so that nothing waits for it.

use std::ops::ControlFlow;
use std::time::Instant;

use evenkeel_cleanup::{Clock, Reason};
use evenkeel_config::CleanupRule;
use evenkeel_engine::{CleanOutcome, Remaining};
use evenkeel_safefs::escaped;
use evenkeel_shown::said::{CleanupCode, FilesCode, Said};

/// Of so many entries at most it is told why they were taken: more than a line of history lists.
const EXPLAINED: usize = 64;

/// Looks for what a cleanup rule says is due and, if `write`, takes it away. Blocks.
///
/// Before each entry it asks whether the work goes on; the rest is for the next run. `Err`: the rule could not be applied
/// at all or refused to (a cap), and why, with its sources.
pub fn clean(
    rule: &CleanupRule,
    clock: Clock,
    write: bool,
    goes_on: impl Fn() -> bool + Sync,
) -> Result<CleanOutcome, Said> {
    let begun = Instant::now();
    let plan = evenkeel_cleanup::scan(&rule.policy, clock).map_err(|error| error.said())?;
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
        reason: level.said(rule.policy.draft().trigger.as_str()),
    });
    let at_large: Vec<_> = unseen.chain(over).collect();
    if write {
        // Only the first are listed, and there may be any number.
        let reasons: Vec<_> = plan
            .steps
            .iter()
            .take(EXPLAINED)
            .map(|step| (step.path.clone(), Said::new(step.reason.to_string(), step.reason.code())))
            .collect();
        let report = evenkeel_cleanup::apply_watched(&rule.policy, plan, clock, |_| {
            if goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        outcome.bytes = report.bytes();
        (outcome.purged, outcome.purged_bytes) = (report.purged.entries, report.purged.bytes);
        outcome.run = report.run;
        outcome.taken = report
            .taken
            .iter()
            .map(|taken| {
                let path = escaped(&taken.path);
                let of = |(step, _): &&(_, Said)| *step == taken.path;
                match reasons.iter().find(of) {
                    Some((_, reason)) => Said::at(&path, reason.clone()),
                    None => path.into(),
                }
            })
            .collect();
        outcome.remaining = report
            .failed
            .into_iter()
            .enumerate()
            .map(|(place, failed)| Remaining {
                path: escaped(&failed.path),
                reason: failed.reason.in_list(place),
            })
            .collect();
        if report.not_reached > 0 {
            let path = escaped(rule.policy.path());
            let reason = FilesCode::not_reached(report.not_reached);
            outcome.remaining.push(Remaining { path, reason });
        }
    } else {
        outcome.remaining = plan
            .steps
            .iter()
            .enumerate()
            .map(|(place, step)| Remaining {
                path: escaped(&step.path),
                reason: due(&step.reason).in_list(place),
            })
            .collect();
    }
    outcome.remaining.extend(at_large);
    outcome.took = begun.elapsed();
    Ok(outcome)
}

/// That an entry would go, if the rule wrote.
fn due(reason: &Reason) -> Said {
    let why = Box::new(reason.code().into());
    Said::new(format!("due: {reason}"), CleanupCode::WouldGo { why })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use evenkeel_cleanup::{Action, Draft, Policy, Trigger};

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a scratch directory of its own")]
    fn a_cleanup_ends_between_two_entries_and_the_next_one_goes_on() {
        let scratch = tempfile::tempdir().unwrap();
        for number in 0..5 {
            std::fs::write(scratch.path().join(format!("{number}.tmp")), "").unwrap();
        }
        let draft = Draft::new(scratch.path(), Trigger::MaxCount(1), Action::Delete);
        let policy = Policy::try_new(Draft { matches: vec!["*.tmp".to_owned()], ..draft });
        let (name, interval) = ("old".to_owned(), Duration::from_hours(1));
        let rule = CleanupRule { name, policy: policy.unwrap(), interval };
        let left = || std::fs::read_dir(scratch.path()).unwrap().count();
        let asked = AtomicUsize::new(0);
        let twice = || asked.fetch_add(1, Ordering::Relaxed) < 2;
        let outcome = clean(&rule, Clock::of_host(), true, twice).unwrap();
        assert_eq!((outcome.taken.len(), left()), (2, 3));
        let [remaining] = &outcome.remaining[..] else { panic!("{:?}", outcome.remaining) };
        assert_eq!(remaining.reason.code(), Some(&FilesCode::NotReached { entries: 2 }.into()));
        let outcome = clean(&rule, Clock::of_host(), true, || true).unwrap();
        assert_eq!((outcome.taken.len(), outcome.remaining.len(), left()), (2, 0, 1));
    }
}
