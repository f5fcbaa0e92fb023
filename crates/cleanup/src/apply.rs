//! Carries a plan out: entry by entry, each looked at again first.

mod act;
mod compress;
mod private;
mod report;
mod team;
mod work;

use std::io;
use std::ops::ControlFlow;
use std::time::SystemTime;

use evenkeel_safefs::{OpenFiles, Purpose, is_without_room, useful_threads};
use evenkeel_shown::said::{CleanupCode, Said, Task};

use self::act::Act;
pub(crate) use self::private::{PrivateError, put_right};
use self::private::{private_directory, purge, run_id};
pub use self::report::{Failed, Purged, Recovered, Report, Skipped, Taken};
use self::work::Work;
use crate::clock::Clock;
use crate::observe::{ScanError, check_caps, open_root, working_as};
use crate::plan::Plan;
use crate::policy::{Action, ActionKind, Policy};

/// How far a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Entries done with, one way or another.
    pub done: u64,
    /// Entries of the plan.
    pub total: u64,
    /// Bytes gained so far.
    pub bytes: u64,
}

/// Who is told how far a run is, and says whether it goes on.
pub(crate) type Watch<'w> = dyn FnMut(Progress) -> ControlFlow<()> + Send + 'w;

/// Carries out a plan of this policy; an entry is looked at again, by this clock.
///
/// An entry goes only if it is the very object that was planned, still due, not locked and, if the policy says so, not in
/// use. One that fails does not keep the others. A plan over a cap of the policy fails as a whole. Before anything else,
/// what an earlier run that was killed had in its hands is brought back, and what was in the trash for its term goes.
pub fn apply(policy: &Policy, plan: Plan, clock: impl Into<Clock>) -> Report {
    apply_watched(policy, plan, clock, |_| ControlFlow::Continue(()))
}

/// As [`apply`]; `watch` is told how far the run is before each entry, and now and then in a long one, and says whether
/// it goes on.
///
/// A run that is ended so has done what its report says, and nothing by half.
#[expect(clippy::needless_pass_by_value, reason = "a plan is carried out once")]
pub fn apply_watched(
    policy: &Policy,
    plan: Plan,
    clock: impl Into<Clock>,
    mut watch: impl FnMut(Progress) -> ControlFlow<()> + Send,
) -> Report {
    let clock = clock.into();
    working_as(policy, || carry_out(policy, &plan, clock, &mut watch)).unwrap_or_else(|error| {
        let mut report = Report::default();
        report.fail_all(&plan.steps, &error.said());
        report
    })
}

fn carry_out(policy: &Policy, plan: &Plan, clock: Clock, watch: &mut Watch<'_>) -> Report {
    let now = clock.now;
    let mut report = Report::default();
    let opened = check_caps(policy, plan).and_then(|()| open_root(policy)).and_then(|root| {
        let wanted = policy.draft().skip_in_use && !plan.steps.is_empty();
        let open = wanted.then(OpenFiles::now).transpose().map_err(ScanError::InUse)?;
        Ok((root, open))
    });
    let (root, open) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            report.fail_all(&plan.steps, &error.said());
            return report;
        }
    };
    // The root's times are put back last: making and removing the private directory touches them too.
    let root_work = match root.dir().start_work() {
        Ok(Some(work)) => work,
        Ok(None) => {
            report.skip_all(&plan.steps, "a process holds the lock of the root");
            return report;
        }
        Err(error) => {
            report.fail_all(&plan.steps, &cannot(Task::OpenRoot, &error));
            return report;
        }
    };
    let purpose = purpose(policy.action(), now);
    let needed = purpose.is_some() && !plan.steps.is_empty();
    let mut no_room = false;
    let private = match private_directory(&root, needed, &mut report.recovered) {
        Ok(private) => private,
        Err(PrivateError::Busy) if !needed => None,
        Err(PrivateError::Io(error)) if is_without_room(&error) => {
            no_room = true;
            None
        }
        Err(error) => {
            report.fail_all(&plan.steps, &error.said());
            return report;
        }
    };
    if let Some(private) = &private
        && purge(private, &root, now, watch, &mut report).is_break()
    {
        report.not_reached = plan.steps.len() as u64;
        return report;
    }
    if plan.steps.is_empty() {
        return report;
    }
    let run = match (&private, purpose) {
        (Some(private), Some(purpose)) => match private.start(&run_id(now), purpose, now) {
            Ok(run) => Some(run),
            Err(error) if is_without_room(&error) => {
                no_room = true;
                None
            }
            Err(error) => {
                let reason = cannot(Task::BeginRun, &error);
                report.fail_all(&plan.steps, &reason);
                return report;
            }
        },
        _ => None,
    };
    let threads = useful_threads();
    let act = Act { policy, root: &root, run, no_room, open, clock, threads };
    Work::new(act, &plan.steps, watch, &mut report).all();
    drop(private);
    let moved = |action| action != ActionKind::Truncate.as_str();
    if report.taken.iter().any(|taken| moved(taken.action)) {
        root_work.restore_times();
    }
    report
}

/// That something could not be done, and what the system says of it.
fn cannot(task: Task, error: &io::Error) -> Said {
    Said::because(format!("cannot {task}: {error}"), CleanupCode::Cannot(task), error)
}

/// What a run in the private directory is about; what is shortened stays where it is.
fn purpose(action: Action, now: SystemTime) -> Option<Purpose> {
    match action {
        Action::Delete => Some(Purpose::Delete),
        Action::Truncate { .. } => None,
        Action::Trash { ttl } => {
            // A term beyond the end of time has no end.
            let expires = now.checked_add(ttl).unwrap_or(now + FOREVER);
            Some(Purpose::Trash { expires })
        }
        Action::Compress => Some(Purpose::Compress),
    }
}

/// A century.
const FOREVER: std::time::Duration = std::time::Duration::from_hours(100 * 365 * 24);
