use std::error::Error;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::slice;
use std::time::SystemTime;

use evenkeel_safefs::{
    Dir, Metadata, OpenFiles, PRIVATE_NAME, Root, ShortenError, Shortened, TakeError, Taker, Terms,
    escaped,
};
use serde::Serialize;

use crate::observe::{ScanError, check_caps, open_root, working_as};
use crate::plan::{Plan, Step, is_due, path};
use crate::policy::{Action, Policy, Unit};

/// One file that was deleted or shortened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// The file.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// `delete` or `truncate`.
    pub action: &'static str,
    /// What was gained.
    pub bytes: u64,
    /// How a file was shortened: `collapsed`, `punched`, `rewritten` or `emptied`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'static str>,
}

/// A file that could not be taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The file.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

/// A file that was due when the plan was made and is left alone now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// What was done of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Taken away.
    pub taken: Vec<Taken>,
    /// Not taken away.
    pub failed: Vec<Failed>,
    /// No longer due: changed, locked, in use, or gone.
    pub skipped: Vec<Skipped>,
}

/// Carries out a plan of this policy; a file is looked at again as of `now`.
///
/// A file goes only if it is the very object that was planned, still due, not locked and, if the policy says so, not in
/// use. One that fails does not keep the others. A plan over a cap of the policy fails as a whole.
#[expect(clippy::needless_pass_by_value, reason = "a plan is carried out once")]
pub fn apply(policy: &Policy, plan: Plan, now: SystemTime) -> Report {
    if plan.steps.is_empty() {
        return Report::default();
    }
    match working_as(policy, || take_all(policy, &plan, now)) {
        Ok(report) => report,
        Err(error) => all_failed(&plan, &chain(&error)),
    }
}

fn take_all(policy: &Policy, plan: &Plan, now: SystemTime) -> Report {
    let mut report = Report::default();
    if policy.draft().unit == Unit::Directory {
        return all_failed(plan, "`unit = \"directory\"` cannot be done yet");
    }
    let opened = check_caps(policy, plan).and_then(|()| open_root(policy)).and_then(|root| {
        let wanted = policy.draft().skip_in_use;
        let open = wanted.then(OpenFiles::now).transpose().map_err(ScanError::InUse)?;
        Ok((root, open.unwrap_or_default()))
    });
    let (root, open) = match opened {
        Ok(opened) => opened,
        Err(error) => return all_failed(plan, &chain(&error)),
    };
    // The root's times are put back last: making and removing the private directory touches them too.
    let root_work = match root.dir().start_work() {
        Ok(Some(work)) => work,
        Ok(None) => return all_skipped(plan, "a process holds the lock of the root"),
        Err(error) => return all_failed(plan, &format!("cannot open the root: {error}")),
    };
    let taker = match policy.draft().action {
        Action::Delete => match Taker::new(&root) {
            Ok(taker) => Some(taker),
            Err(error) => return all_failed(plan, &format!("cannot delete in the root: {error}")),
        },
        Action::Truncate { .. } => None,
        action @ (Action::Trash { .. } | Action::Compress) => {
            let reason = format!("`action = \"{}\"` cannot be done yet", action.as_str());
            return all_failed(plan, &reason);
        }
    };
    let work = Work { policy, root: &root, taker: taker.as_ref(), open, now };
    for steps in plan.steps.chunk_by(|one, next| one.path.parent() == next.path.parent()) {
        work.directory(steps, &mut report);
    }
    drop(work);
    let leftovers = taker.as_ref().is_some_and(Taker::leftovers);
    drop(taker);
    if leftovers {
        tracing::warn!(
            root = %escaped(policy.path()),
            "an interrupted run left a file in `{PRIVATE_NAME}`"
        );
    }
    if report.taken.iter().any(|taken| taken.action == Action::Delete.as_str()) {
        root_work.restore_times();
    }
    report
}

struct Work<'a> {
    policy: &'a Policy,
    root: &'a Root,
    taker: Option<&'a Taker<'a>>,
    open: OpenFiles,
    now: SystemTime,
}

/// How one step went that did not take its file away.
enum Not {
    Skipped(String),
    Failed(String),
}

impl Work<'_> {
    /// Carries out steps that are all in one directory.
    fn directory(&self, steps: &[Step], report: &mut Report) {
        let Some(first) = steps.first() else { return };
        let relative = first.path.strip_prefix(self.policy.path()).ok().and_then(Path::parent);
        let relative = relative.unwrap_or(Path::new(""));
        let opened = self.root.dir().descend(relative).and_then(|dir| {
            // The root itself is locked for the whole run.
            let lock = if relative.as_os_str().is_empty() { None } else { Some(dir.start_work()?) };
            Ok((dir, lock))
        });
        let (dir, working) = match opened {
            Ok((_, Some(None))) => {
                return skip_all(steps, "a process holds the lock of its directory", report);
            }
            Ok((dir, lock)) => (dir, lock.flatten()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return skip_all(steps, "its directory is gone", report);
            }
            Err(error) => {
                return fail_all(steps, &format!("cannot open its directory: {error}"), report);
            }
        };
        let before = report.taken.len();
        for step in steps {
            match self.take(&dir, step) {
                Ok(taken) => {
                    tracing::info!(
                        path = %escaped(&taken.path),
                        action = taken.action,
                        bytes = taken.bytes,
                        reason = %step.reason,
                        "taken away"
                    );
                    report.taken.push(taken);
                }
                Err(Not::Skipped(reason)) => skip_all(slice::from_ref(step), &reason, report),
                Err(Not::Failed(reason)) => fail_all(slice::from_ref(step), &reason, report),
            }
        }
        if let Some(working) = working
            && report.taken.len() > before
        {
            working.restore_times();
        }
    }

    fn take(&self, dir: &Dir, step: &Step) -> Result<Taken, Not> {
        let name = step.path.file_name().ok_or_else(|| Not::Failed("it has no name".to_owned()))?;
        if self.open.contains(&step.pin) {
            return Err(Not::Skipped("a process has it open".to_owned()));
        }
        match (self.policy.draft().action, self.taker) {
            (Action::Truncate { keep_tail }, _) => self.shorten(dir, name, step, keep_tail),
            (Action::Delete, Some(taker)) => Self::delete(taker, dir, name, step, |metadata| {
                is_due(self.policy, step, metadata, self.now)
            }),
            _ => Err(Not::Failed("no private directory".to_owned())),
        }
    }

    fn delete(
        taker: &Taker<'_>,
        dir: &Dir,
        name: &OsStr,
        step: &Step,
        due: impl FnOnce(&Metadata) -> bool,
    ) -> Result<Taken, Not> {
        match taker.delete(dir, name, &step.pin, due) {
            Ok(gone) => Ok(Taken {
                path: step.path.clone(),
                action: step.action,
                bytes: gone.size,
                method: None,
            }),
            Err(error @ (TakeError::Changed | TakeError::Locked | TakeError::NotDue)) => {
                Err(Not::Skipped(error.to_string()))
            }
            Err(error) => Err(Not::Failed(error.to_string())),
        }
    }

    fn shorten(&self, dir: &Dir, name: &OsStr, step: &Step, keep_tail: u64) -> Result<Taken, Not> {
        let pinned = match dir.pin(name) {
            Ok(pinned) => pinned,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Not::Skipped(TakeError::Changed.to_string()));
            }
            Err(error) => return Err(Not::Failed(format!("cannot open it: {error}"))),
        };
        if pinned.metadata().identity != step.pin {
            return Err(Not::Skipped(TakeError::Changed.to_string()));
        }
        let terms = Terms { mnt_id: self.root.metadata().identity.mnt_id, owners: None };
        let judged = pinned.judge(&terms).map_err(|error| Not::Failed(chain(&error)))?;
        if !is_due(self.policy, step, judged.metadata(), self.now) {
            return Err(Not::Skipped(TakeError::NotDue.to_string()));
        }
        match judged.shorten(keep_tail) {
            Ok(Some(Shortened { freed, method })) => Ok(Taken {
                path: step.path.clone(),
                action: step.action,
                bytes: freed,
                method: Some(method.as_str()),
            }),
            Ok(None) => Err(Not::Skipped(TakeError::NotDue.to_string())),
            Err(error @ (ShortenError::Changed | ShortenError::Locked)) => {
                Err(Not::Skipped(error.to_string()))
            }
            Err(error) => Err(Not::Failed(error.to_string())),
        }
    }
}

fn skip_all(steps: &[Step], reason: &str, report: &mut Report) {
    for step in steps {
        tracing::debug!(path = %escaped(&step.path), reason, "left alone");
        report.skipped.push(Skipped { path: step.path.clone(), reason: reason.to_owned() });
    }
}

fn fail_all(steps: &[Step], reason: &str, report: &mut Report) {
    for step in steps {
        tracing::warn!(path = %escaped(&step.path), reason, "not taken away");
        report.failed.push(Failed { path: step.path.clone(), reason: reason.to_owned() });
    }
}

fn all_skipped(plan: &Plan, reason: &str) -> Report {
    let mut report = Report::default();
    skip_all(&plan.steps, reason, &mut report);
    report
}

fn all_failed(plan: &Plan, reason: &str) -> Report {
    let mut report = Report::default();
    fail_all(&plan.steps, reason, &mut report);
    report
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
