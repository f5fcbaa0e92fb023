//! Carries a plan out: entry by entry, each looked at again first.

mod private;
mod report;
mod work;

use std::error::Error;
use std::ops::ControlFlow;
use std::time::SystemTime;

use evenkeel_safefs::{OpenFiles, Purpose};

use self::private::{PrivateError, private_directory, run_id};
pub use self::report::{Failed, Recovered, Report, Skipped, Taken};
use self::work::Work;
use crate::observe::{ScanError, check_caps, open_root};
use crate::plan::Plan;
use crate::policy::{Action, Policy};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Entries done with, one way or another.
    pub done: u64,
    /// Entries of the plan.
    pub total: u64,
    /// Bytes gained so far.
    pub bytes: u64,
}

/// Carries out a plan of this policy; a file is looked at again as of `now`.
///
/// A file goes only if it is the very object that was planned, still due, not locked and, if the policy says so, not in
/// use. One that fails does not keep the others. A plan over a cap of the policy fails as a whole. What an earlier run that
/// was killed had in its hands is brought back first.
pub fn apply(policy: &Policy, plan: Plan, now: SystemTime) -> Report {
    apply_watched(policy, plan, now, |_| ControlFlow::Continue(()))
}

/// As [`apply`]; `watch` is told before each entry how far the run is, and says whether it goes on.
///
/// A run that is ended so has done what its report says, and nothing by half.
#[expect(clippy::needless_pass_by_value, reason = "a plan is carried out once")]
pub fn apply_watched(
    policy: &Policy,
    plan: Plan,
    now: SystemTime,
    mut watch: impl FnMut(Progress) -> ControlFlow<()>,
) -> Report {
    let mut report = Report::default();
    let opened = check_caps(policy, &plan).and_then(|()| open_root(policy)).and_then(|root| {
        let wanted = policy.draft().skip_in_use && !plan.steps.is_empty();
        let open = wanted.then(OpenFiles::now).transpose().map_err(ScanError::InUse)?;
        Ok((root, open.unwrap_or_default()))
    });
    let (root, open) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            report.fail_all(&plan.steps, &chain(&error));
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
            report.fail_all(&plan.steps, &format!("cannot open the root: {error}"));
            return report;
        }
    };
    let purpose = match policy.draft().action {
        Action::Delete => Some(Purpose::Delete),
        Action::Truncate { .. } => None,
    };
    let needed = purpose.is_some() && !plan.steps.is_empty();
    let private = match private_directory(&root, needed, &mut report) {
        Ok(private) => private,
        Err(PrivateError::Busy) if !needed => None,
        Err(error) => {
            report.fail_all(&plan.steps, &error.to_string());
            return report;
        }
    };
    if plan.steps.is_empty() {
        return report;
    }
    let run = match (&private, purpose) {
        (Some(private), Some(purpose)) => match private.start(&run_id(now), purpose, now) {
            Ok(run) => Some(run),
            Err(error) => {
                let reason = format!("cannot begin a run in the private directory: {error}");
                report.fail_all(&plan.steps, &reason);
                return report;
            }
        },
        _ => None,
    };
    let mut work = Work::new(policy, &root, run, open, now, &mut report);
    work.all(&plan.steps, &mut watch);
    work.finish();
    drop(private);
    if report.taken.iter().any(|taken| taken.action != "truncate") {
        root_work.restore_times();
    }
    report
}

pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
