use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use evenkeel_safefs::{ActError, Dir, Fresh, Pinned, Root, Terms, Trust, escaped};
use evenkeel_shown::said::{FilesCode, Said};
use serde::{Serialize, Serializer};

use crate::lists::WantedLists;
use crate::observe::{SweepError, lists, open_root, working_as};
use crate::plan::{
    Entry, Ids, Kind, Plan, Step, Verdict, new_root_mode, octal, path, plan_entry, text,
};
use crate::policy::Policy;
use crate::principals::{self, Names};
use crate::texts::Texts;
use crate::who::By;

/// One deviation that was put right, seen to be right afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// What deviated.
    pub kind: Kind,
    /// As it was.
    #[serde(serialize_with = "text")]
    pub before: Arc<str>,
    /// As it is.
    #[serde(serialize_with = "text")]
    pub after: Arc<str>,
    /// Who put it wrong, where the kernel said so.
    #[serde(serialize_with = "by", skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<By>>,
    /// How long it was wrong at least: since the entry last changed, to a tick of the kernel's clock (4 ms on most hosts).
    #[serde(
        rename = "wrong_for_ms",
        serialize_with = "milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub wrong_for: Option<Duration>,
}

/// An entry that could not be put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why not.
    pub reason: Said,
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
        Err(error) => return failed_as_a_whole(plan.steps, &error),
    };
    if plan.steps.iter().any(|step| step.kind == Kind::Created) {
        create(policy, &ids, &mut report);
        return report;
    }
    let worker = ids.worker.clone();
    let mut steps = plan.steps;
    match working_as(policy, worker.as_ref(), || repair_all(policy, ids, &mut steps)) {
        Ok(Ok(report)) => report,
        Ok(Err(error)) | Err(error) => failed_as_a_whole(steps, &error),
    }
}

/// Takes each step away as it is carried out, because the report grows meanwhile. If it fails, none was.
fn repair_all(policy: &Policy, ids: Ids, steps: &mut Vec<Step>) -> Result<Report, SweepError> {
    let mut report = Report::default();
    let Some(root) = open_root(policy)? else {
        return Err(SweepError::Missing { path: policy.path().to_owned() });
    };
    let ids = ids.with_root_owner(root.metadata().access.uid);
    let mut work = Work::new(policy, &ids, &root);
    let mut texts = Texts::default();
    // An entry is put right as a whole.
    steps.dedup_by(|next, first| next.path == first.path);
    for step in steps.drain(..) {
        match work.repair(&step) {
            Ok(mut repairs) => {
                for repair in &mut repairs {
                    texts.share(&mut repair.before);
                    texts.share(&mut repair.after);
                }
                report.repaired.extend(repairs);
            }
            Err(error) => fail(&mut report, &step.path, error.said(), error.is_denied()),
        }
    }
    Ok(report)
}

/// Work below one opened root.
pub(crate) struct Work<'a> {
    policy: &'a Policy,
    ids: &'a Ids,
    root: &'a Root,
    /// The directory of the last entry: most entries have the same one as the one before.
    parent: Option<(PathBuf, Dir)>,
}

/// An entry, held, and what becomes of it.
pub(crate) struct Looked {
    pinned: Pinned,
    verdict: Verdict,
}

impl Looked {
    pub(crate) fn into_parts(self) -> (Pinned, Verdict) {
        (self.pinned, self.verdict)
    }

    /// Whether it is what evenkeel itself works in.
    pub(crate) fn is_private(&self, relative: &Path) -> bool {
        let name = relative.file_name().unwrap_or_default();
        evenkeel_safefs::is_private(name, self.pinned.metadata())
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.pinned.metadata().kind == evenkeel_safefs::Kind::Directory
    }
}

impl<'a> Work<'a> {
    /// `ids` with the owner of the root.
    pub(crate) fn new(policy: &'a Policy, ids: &'a Ids, root: &'a Root) -> Self {
        Self { policy, ids, root, parent: None }
    }

    fn repair(&mut self, step: &Step) -> Result<Vec<Repair>, NotRepaired> {
        let relative = step
            .path
            .strip_prefix(self.policy.path())
            .map_err(|error| NotRepaired::Left(error.to_string().into()))?;
        let looked = self.look(relative)?;
        if Some(looked.pinned.metadata().identity) != step.pin {
            let text = "it is no longer what was planned";
            return Err(NotRepaired::Left(Said::new(text, FilesCode::NotAsPlanned)));
        }
        // Decided anew on the pinned object: what changed since the plan is not overwritten with what it was then.
        let repairs = match looked.verdict {
            Verdict::Holds => return Ok(Vec::new()),
            Verdict::Refused(reason) => return Err(NotRepaired::Left(reason)),
            Verdict::Deviates(steps) => self.put_right(relative, looked.pinned, steps)?,
        };
        repairs.iter().for_each(tell);
        Ok(repairs)
    }

    /// Opens the entry and decides about it.
    pub(crate) fn look(&mut self, relative: &Path) -> io::Result<Looked> {
        let pinned = self.pin(relative)?;
        let metadata = *pinned.metadata();
        let lists = lists(self.policy, &pinned)?;
        let entry = Entry { relative, metadata: &metadata, lists: &lists };
        let mnt_id = self.root.metadata().identity.mnt_id;
        let verdict = plan_entry(self.policy, self.ids, mnt_id, &entry);
        Ok(Looked { pinned, verdict })
    }

    /// Changes the very object that was looked at, which must still be one that may be changed. Nothing is logged yet.
    pub(crate) fn put_right(
        &self,
        relative: &Path,
        pinned: Pinned,
        mut steps: Vec<Step>,
    ) -> Result<Vec<Repair>, ActError> {
        let Some(first) = steps.first() else { return Ok(Vec::new()) };
        let wrong_for = SystemTime::now().duration_since(pinned.metadata().ctime).ok();
        let wishes = first.wanted_lists.as_deref().map(WantedLists::wishes).unwrap_or_default();
        let owners = (!relative.as_os_str().is_empty()).then_some(self.ids.owners.as_slice());
        let mnt_id = self.root.metadata().identity.mnt_id;
        pinned.judge(&Terms { mnt_id, owners })?.set(first.wanted, wishes)?;
        Names::default().put_into(&mut steps);
        let repaired = |step: Step| Repair {
            path: step.path,
            kind: step.kind,
            before: step.before,
            after: step.after,
            by: None,
            wrong_for,
        };
        Ok(steps.into_iter().map(repaired).collect())
    }

    /// Opens the directory at `relative`.
    pub(crate) fn enter(&mut self, relative: &Path) -> io::Result<Dir> {
        match (relative.parent(), relative.file_name()) {
            (Some(parent), Some(name)) => self.parent(parent)?.enter(name),
            _ => self.root.dir().descend(Path::new("")),
        }
    }

    fn pin(&mut self, relative: &Path) -> io::Result<Pinned> {
        match (relative.parent(), relative.file_name()) {
            (Some(parent), Some(name)) => self.parent(parent)?.pin(name),
            _ => self.root.dir().pin_again(),
        }
    }

    fn parent(&mut self, parent: &Path) -> io::Result<&Dir> {
        if parent.as_os_str().is_empty() {
            return Ok(self.root.dir());
        }
        if self.parent.as_ref().is_none_or(|(path, _)| path != parent) {
            self.parent = Some((parent.to_owned(), self.root.dir().descend(parent)?));
        }
        match &self.parent {
            Some((_, dir)) => Ok(dir),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }
}

pub(crate) fn create(policy: &Policy, ids: &Ids, report: &mut Report) {
    let fresh = Fresh { mode: new_root_mode(policy), uid: ids.uid, gid: ids.gid };
    match Root::open_or_create(policy.path(), Trust::Owners, fresh) {
        Ok((root, made)) => {
            for path in made {
                let is_root = path == root.resolved();
                let after = octal(if is_root { fresh.mode } else { 0o755 }).into();
                let (kind, before) = (Kind::Created, Arc::from("absent"));
                report.repaired.push(Repair {
                    path,
                    kind,
                    before,
                    after,
                    by: None,
                    wrong_for: None,
                });
            }
            report.repaired.iter().for_each(tell);
        }
        Err(error) => fail(report, policy.path(), error.said(), is_denied(&error)),
    }
}

/// Writes a repair to the log.
pub(crate) fn tell(repair: &Repair) {
    tracing::info!(
        path = %escaped(&repair.path),
        kind = repair.kind.as_str(),
        before = &*repair.before,
        after = &*repair.after,
        by = repair.by.as_ref().map(tracing::field::display),
        wrong_for = repair.wrong_for.map(tracing::field::debug),
        "repaired"
    );
}

#[expect(clippy::ref_option, reason = "serde gives the field as it is")]
fn by<S: Serializer>(by: &Option<Arc<By>>, serializer: S) -> Result<S::Ok, S::Error> {
    by.as_deref().serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde gives the field as it is")]
fn milliseconds<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64() * 1e3).serialize(serializer)
}

pub(crate) fn fail(report: &mut Report, path: &Path, reason: Said, denied: bool) {
    tracing::warn!(path = %escaped(path), reason = reason.text(), "not repaired");
    report.failed.push(Failed { path: path.to_owned(), reason, denied });
}

fn failed_as_a_whole(steps: Vec<Step>, error: &SweepError) -> Report {
    let mut report = Report::default();
    let mut paths: Vec<_> = steps.into_iter().map(|step| step.path).collect();
    paths.dedup();
    for path in paths {
        fail(&mut report, &path, error.said(), is_denied(error));
    }
    report
}

/// Whether an error comes from something that the kernel did not permit.
fn is_denied(error: &(dyn Error + 'static)) -> bool {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let io_error = last.downcast_ref::<io::Error>();
    io_error.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// Why an entry was not put right.
enum NotRepaired {
    /// It must be left alone.
    Left(Said),
    /// It could not be opened.
    Look(io::Error),
    /// It could not be changed.
    Act(ActError),
}

impl NotRepaired {
    fn said(&self) -> Said {
        match self {
            Self::Left(reason) => reason.clone(),
            Self::Look(error) => evenkeel_shown::chain(error).into(),
            Self::Act(error) => error.said(),
        }
    }

    fn is_denied(&self) -> bool {
        match self {
            Self::Left(_) => false,
            Self::Look(error) => is_denied(error),
            Self::Act(error) => is_denied(error),
        }
    }
}

impl From<io::Error> for NotRepaired {
    fn from(error: io::Error) -> Self {
        Self::Look(error)
    }
}

impl From<ActError> for NotRepaired {
    fn from(error: ActError) -> Self {
        Self::Act(error)
    }
}
