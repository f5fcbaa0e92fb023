use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use evenkeel_safefs::{Dir, Fresh, Pinned, Root, Terms, Trust, escaped};
use serde::Serialize;

use crate::lists::WantedLists;
use crate::observe::{SweepError, lists, open_root, working_as};
use crate::plan::{Entry, Ids, Kind, Plan, Step, Verdict, new_root_mode, octal, path, plan_entry};
use crate::policy::Policy;
use crate::principals::{self, Names};

/// One deviation that was put right, seen to be right afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// What deviated.
    pub kind: Kind,
    /// As it was.
    pub before: String,
    /// As it is.
    pub after: String,
}

/// An entry that could not be put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
    /// Whether the kernel did not permit it: with other rights it would have worked.
    pub denied: bool,
}

/// What was done of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Put right.
    pub repaired: Vec<Repair>,
    /// Not put right; what the plan refused is not repeated here.
    pub failed: Vec<Failed>,
}

/// Carries out a plan of this policy.
///
/// Each entry is opened anew, must be the very object that was planned, is judged anew, changed by that descriptor alone,
/// and looked at afterwards. One that fails does not keep the others from being put right.
pub fn apply(policy: &Policy, plan: Plan) -> Report {
    let mut report = Report::default();
    if plan.steps.is_empty() {
        return report;
    }
    let ids = match principals::ids(policy) {
        Ok(ids) => ids,
        Err(error) => return failed_as_a_whole(plan, &error),
    };
    if plan.steps.iter().any(|step| step.kind == Kind::Created) {
        create(policy, &ids, &mut report);
        return report;
    }
    let worker = ids.worker.clone();
    match working_as(policy, worker.as_ref(), || repair_all(policy, ids, &plan)) {
        Ok(Ok(report)) => report,
        Ok(Err(error)) | Err(error) => failed_as_a_whole(plan, &error),
    }
}

fn repair_all(policy: &Policy, ids: Ids, plan: &Plan) -> Result<Report, SweepError> {
    let mut report = Report::default();
    let Some(root) = open_root(policy)? else {
        return Err(SweepError::Missing { path: policy.path().to_owned() });
    };
    let ids = ids.with_root_owner(root.metadata().access.uid);
    let mut work = Work { policy, ids: &ids, root: &root, parent: None };
    for entry in plan.steps.chunk_by(|one, next| one.path == next.path) {
        let Some(step) = entry.first() else { continue };
        match work.repair(step) {
            Ok(repairs) => report.repaired.extend(repairs),
            Err(error) => fail(&mut report, &step.path, &*error),
        }
    }
    Ok(report)
}

struct Work<'a> {
    policy: &'a Policy,
    ids: &'a Ids,
    root: &'a Root,
    /// The directory of the last entry: most entries have the same one as the one before.
    parent: Option<(PathBuf, Dir)>,
}

impl Work<'_> {
    fn repair(&mut self, step: &Step) -> Result<Vec<Repair>, Box<dyn Error>> {
        let relative =
            step.path.strip_prefix(self.policy.path()).map_err(|error| error.to_string())?;
        let pinned = self.pin(relative)?;
        if Some(pinned.metadata().identity) != step.pin {
            return Err("it is no longer what was planned".into());
        }
        let mnt_id = self.root.metadata().identity.mnt_id;
        let metadata = *pinned.metadata();
        let lists = lists(self.policy, &pinned)?;
        let entry = Entry { relative, metadata: &metadata, lists: &lists };
        // Decided anew on the pinned object: what changed since the plan is not overwritten with what it was then.
        let mut steps = match plan_entry(self.policy, self.ids, mnt_id, &entry) {
            Verdict::Holds => return Ok(Vec::new()),
            Verdict::Refused(reason) => return Err(reason.into()),
            Verdict::Deviates(steps) => steps,
        };
        let Some(first) = steps.first() else { return Ok(Vec::new()) };
        let wishes = first.wanted_lists.as_deref().map(WantedLists::wishes).unwrap_or_default();
        let owners = (!relative.as_os_str().is_empty()).then_some(self.ids.owners.as_slice());
        pinned.judge(&Terms { mnt_id, owners })?.set(first.wanted, wishes)?;
        Names::default().put_into(&mut steps);
        Ok(steps.into_iter().map(repaired).collect())
    }

    fn pin(&mut self, relative: &Path) -> io::Result<Pinned> {
        let (Some(parent), Some(name)) = (relative.parent(), relative.file_name()) else {
            return Ok(self.root.dir().descend(Path::new(""))?.into_pinned());
        };
        match &self.parent {
            Some((path, dir)) if path == parent => dir.pin(name),
            _ => {
                let dir = self.root.dir().descend(parent)?;
                let pinned = dir.pin(name);
                self.parent = Some((parent.to_owned(), dir));
                pinned
            }
        }
    }
}

fn create(policy: &Policy, ids: &Ids, report: &mut Report) {
    let fresh = Fresh { mode: new_root_mode(policy), uid: ids.uid, gid: ids.gid };
    match Root::open_or_create(policy.path(), Trust::Owners, fresh) {
        Ok((root, made)) => {
            for path in made {
                let after = if path == root.resolved() { octal(fresh.mode) } else { octal(0o755) };
                let (kind, before) = (Kind::Created, "absent".to_owned());
                report.repaired.push(told(Repair { path, kind, before, after }));
            }
        }
        Err(error) => fail(report, policy.path(), &error),
    }
}

fn repaired(step: Step) -> Repair {
    told(Repair { path: step.path, kind: step.kind, before: step.before, after: step.after })
}

fn told(repair: Repair) -> Repair {
    tracing::info!(
        path = %escaped(&repair.path),
        kind = repair.kind.as_str(),
        before = repair.before,
        after = repair.after,
        "repaired"
    );
    repair
}

fn fail(report: &mut Report, path: &Path, error: &(dyn Error + 'static)) {
    let (reason, denied) = chain(error);
    tracing::warn!(path = %escaped(path), reason, "not repaired");
    report.failed.push(Failed { path: path.to_owned(), reason, denied });
}

fn failed_as_a_whole(plan: Plan, error: &SweepError) -> Report {
    let mut report = Report::default();
    let mut paths: Vec<_> = plan.steps.into_iter().map(|step| step.path).collect();
    paths.dedup();
    for path in paths {
        fail(&mut report, &path, error);
    }
    report
}

/// An error with its sources, and whether at its end the kernel did not permit something.
fn chain(error: &(dyn Error + 'static)) -> (String, bool) {
    let mut text = error.to_string();
    let mut last = error;
    while let Some(source) = last.source() {
        text.push_str(": ");
        text.push_str(&source.to_string());
        last = source;
    }
    let io_error = last.downcast_ref::<io::Error>();
    (text, io_error.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied))
}
