use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use evenkeel_safefs::{
    AclKind, Metadata, OpenError, Pinned, Problem, Reach, Root, Trust, Visit, as_user, escaped,
    is_private, walk_in_parallel,
};
use evenkeel_shown::said::{FilesCode, PermissionsCode, Said};

use crate::acl::AclPolicy;
use crate::keeper::Watch;
use crate::lists::Lists;
use crate::plan::{Entry, Ids, Listed, Plan, Refused, Verdict, plan_entry, plan_missing};
use crate::policy::Policy;
use crate::principals::{self, Names};
use crate::texts::Texts;

/// A plan tells of so many entries with an access control list; beyond, whoever asked knows enough.
const MOST_LISTED: usize = 1000;

/// Why a rule could not be looked at as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The root does not exist and the policy does not make it.
    #[error("`{}` does not exist (`create = true` would make it)", escaped(path))]
    Missing {
        /// The root, or the directory above it that is missing.
        path: PathBuf,
    },
    /// The root cannot be opened safely, or not at all.
    #[error(transparent)]
    Root(OpenError),
    /// The path leads to a directory of the system, by a link of root.
    #[error("`{}` leads to the system's `{}`", escaped(path), escaped(resolved))]
    SystemPath {
        /// As the policy has it.
        path: PathBuf,
        /// Where it leads.
        resolved: PathBuf,
    },
    /// No such user.
    #[error("no user is named `{name}`")]
    NoUser {
        /// As the policy names it.
        name: String,
    },
    /// No such group.
    #[error("no group is named `{name}`")]
    NoGroup {
        /// As the policy names it.
        name: String,
    },
    /// The user database cannot be asked.
    #[error("cannot look up `{name}`: {errno}")]
    Lookup {
        /// As the policy names it.
        name: String,
        /// What the system says.
        errno: nix::Error,
    },
    /// The caller cannot work as the user of `run_as`.
    #[error("cannot work as `{user}`")]
    RunAs {
        /// As the policy names him.
        user: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The root cannot be read.
    #[error("cannot read `{}`", escaped(path))]
    Read {
        /// The root.
        path: PathBuf,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
}

impl SweepError {
    /// The error with all that it came from, as a value.
    pub fn said(&self) -> Said {
        let code = match self {
            Self::Missing { path } => {
                let code = PermissionsCode::RootMissing { path: escaped(path) };
                return Said::new(self.to_string(), code);
            }
            Self::Root(error) => return error.said(),
            Self::SystemPath { path, resolved } => {
                FilesCode::SystemPath { path: escaped(path), resolved: escaped(resolved) }
            }
            Self::NoUser { name } => FilesCode::NoUser { name: name.clone() },
            Self::NoGroup { name } => FilesCode::NoGroup { name: name.clone() },
            Self::Lookup { name, errno } => {
                FilesCode::CannotLookUp { name: name.clone(), why: errno.to_string() }
            }
            Self::RunAs { user, .. } => FilesCode::CannotWorkAs { user: user.clone() },
            Self::Read { path, .. } => FilesCode::CannotReadRoot { path: escaped(path) },
        };
        Said::with_chain(self, code)
    }
}

/// Looks at the host and says what deviates from the policy. Changes nothing.
///
/// Fails if a user or group is missing, or the root cannot be opened; an entry that cannot be looked at is a refusal in
/// the plan.
pub fn sweep(policy: &Policy) -> Result<Plan, SweepError> {
    let ids = principals::ids(policy)?;
    let worker = ids.worker.clone();
    working_as(policy, worker.as_ref(), || look(policy, ids, None))?
}

/// Does work as the user that the policy names, or as the caller if it names none.
pub(crate) fn working_as<T: Send>(
    policy: &Policy,
    worker: Option<&evenkeel_safefs::User>,
    work: impl FnOnce() -> T + Send,
) -> Result<T, SweepError> {
    let Some(worker) = worker else { return Ok(work()) };
    as_user(worker, work).map_err(|source| {
        let user = policy.draft().run_as.as_ref().map(ToString::to_string).unwrap_or_default();
        SweepError::RunAs { user, source }
    })
}

/// Looks at everything, laying watches on the way: on each directory before it is read, so that nothing is missed.
pub(crate) fn look(
    policy: &Policy,
    ids: Ids,
    watch: Option<&mut Watch>,
) -> Result<Plan, SweepError> {
    // Each directory is laid by whichever part of the walk is about to read it.
    let watch = watch.map(Mutex::new);
    let Some(root) = open_root(policy)? else {
        return Ok(plan_missing(policy, &ids));
    };
    if let Some(mut watch) = lock(watch.as_ref()) {
        watch.lay_root(policy, &root);
    }
    let ids = ids.with_root_owner(root.metadata().access.uid);
    let mnt_id = root.metadata().identity.mnt_id;
    let watch = watch.as_ref();
    let new = || {
        let (plan, texts) = (Plan::new(policy.path()), Texts::default());
        Sweep { policy, ids: &ids, mnt_id, plan, texts, watch }
    };
    let mut sweep = new();
    let root_itself = root
        .dir()
        .pin_again()
        .map_err(|source| SweepError::Read { path: policy.path().to_owned(), source })?;
    sweep.found_pinned(Path::new(""), &root_itself);
    let reach = Reach { recursive: policy.draft().recursive, max_depth: policy.max_depth() };
    let has_entries = reach.recursive || !policy.draft().files.is_empty();
    match has_entries.then(|| walk_in_parallel(&root, reach, new)) {
        Some(Ok(parts)) => parts.into_iter().for_each(|part| sweep.plan.add(part.plan)),
        // A root closed to its own owner is drift that a repair will open; what is inside shows at the next sweep.
        Some(Err(source)) if !sweep.plan.steps.is_empty() => {
            let text = format!("cannot read it: {source}");
            let reason = Said::because(text, FilesCode::CannotRead, &source);
            sweep.refuse(Path::new(""), reason);
        }
        Some(Err(source)) => {
            return Err(SweepError::Read { path: policy.path().to_owned(), source });
        }
        None => {}
    }
    sweep.plan.sort();
    sweep.plan.listed.truncate(MOST_LISTED);
    let mut plan = sweep.plan;
    Names::default().put_into(&mut plan.steps);
    Ok(plan)
}

/// What of this host stands in the way of the policy: each key, its value, and why.
///
/// Users and groups that do not exist, a root that is no directory or that others could exchange. Changes nothing.
pub fn check_host(policy: &Policy) -> Vec<(&'static str, String, SweepError)> {
    let mut obstacles = principals::missing(policy);
    if let Err(error) = open_root(policy) {
        obstacles.push(("path", escaped(policy.path()), error));
    }
    obstacles
}

/// Opens the root of the policy; `None` if it is missing and the policy makes it.
pub(crate) fn open_root(policy: &Policy) -> Result<Option<Root>, SweepError> {
    let root = match Root::open(policy.path(), Trust::Owners) {
        Ok(root) => root,
        Err(OpenError::Missing { .. }) if policy.draft().create => return Ok(None),
        Err(OpenError::Missing { path }) => return Err(SweepError::Missing { path }),
        Err(error) => return Err(SweepError::Root(error)),
    };
    if !policy.draft().allow_system_path && evenkeel_safefs::is_system_path(root.resolved()) {
        let resolved = root.resolved().to_owned();
        return Err(SweepError::SystemPath { path: policy.path().to_owned(), resolved });
    }
    Ok(Some(root))
}

/// The lists of a pinned entry, as far as the policy looks at them.
pub(crate) fn lists(policy: &Policy, pinned: &Pinned) -> io::Result<Lists> {
    let kind = pinned.metadata().kind;
    let directory = kind == evenkeel_safefs::Kind::Directory;
    if !policy.reads_lists() || !(directory || kind == evenkeel_safefs::Kind::File) {
        return Ok(Lists::default());
    }
    let default = directory && policy.draft().default_acl.is_some();
    Ok(Lists {
        access: pinned.acl(AclKind::Access)?,
        default: if default { pinned.acl(AclKind::Default)? } else { None },
    })
}

fn lock<'a, 'b>(watch: Option<&'a Mutex<&'b mut Watch>>) -> Option<MutexGuard<'a, &'b mut Watch>> {
    Some(watch?.lock().unwrap_or_else(PoisonError::into_inner))
}

struct Sweep<'a> {
    policy: &'a Policy,
    ids: &'a Ids,
    mnt_id: u64,
    plan: Plan,
    texts: Texts,
    watch: Option<&'a Mutex<&'a mut Watch>>,
}

impl Sweep<'_> {
    fn judge(&mut self, entry: &Entry<'_>) {
        self.plan.scanned += 1;
        match plan_entry(self.policy, self.ids, self.mnt_id, entry) {
            Verdict::Holds => {}
            Verdict::Deviates(mut steps) => {
                for step in &mut steps {
                    self.texts.share(&mut step.before);
                    self.texts.share(&mut step.after);
                }
                self.plan.steps.extend(steps);
            }
            Verdict::Refused(reason) => self.refuse(entry.relative, reason),
        }
        if self.policy.draft().acl == AclPolicy::Report
            && let Some(acl) = &entry.lists.access
            && self.plan.listed.len() < MOST_LISTED
        {
            let path = crate::plan::below(self.policy.path(), entry.relative);
            self.plan.listed.push(Listed { path, acl: acl.to_string() });
        }
    }

    /// An entry whose lists may have to be looked at too.
    fn found_pinned(&mut self, relative: &Path, pinned: &Pinned) {
        match lists(self.policy, pinned) {
            Ok(lists) => {
                self.judge(&Entry { relative, metadata: pinned.metadata(), lists: &lists });
            }
            Err(error) => {
                let text = format!("cannot read its list: {error}");
                self.refuse(relative, Said::because(text, FilesCode::CannotReadList, &error));
            }
        }
    }

    fn refuse(&mut self, relative: &Path, reason: Said) {
        let path = crate::plan::below(self.policy.path(), relative);
        self.plan.refused.push(Refused { path, reason });
    }
}

impl Visit for Sweep<'_> {
    fn wants(&mut self, name: &OsStr, kind: Option<evenkeel_safefs::Kind>) -> bool {
        let directory = kind.is_none_or(|kind| kind == evenkeel_safefs::Kind::Directory);
        let wanted = self.policy.wants(Path::new(name), directory);
        if !wanted {
            self.plan.scanned += 1;
        }
        wanted
    }

    fn enters(&mut self, name: &OsStr, metadata: &Metadata) -> bool {
        !is_private(name, metadata) && !self.policy.excluded().is_match(Path::new(name))
    }

    fn found(&mut self, found: evenkeel_safefs::Found<'_>) {
        if is_private(found.name, found.metadata) {
            return;
        }
        if found.metadata.kind == evenkeel_safefs::Kind::Directory
            && self.policy.draft().recursive
            && let Some(mut watch) = lock(self.watch)
        {
            watch.lay_below(self.policy, found.parent, found.dir, found.name);
        }
        let (relative, metadata) = (found.path, found.metadata);
        if !self.policy.reads_lists() {
            return self.judge(&Entry { relative, metadata, lists: &Lists::default() });
        }
        match found.dir.pin(found.name) {
            Ok(pinned) => self.found_pinned(relative, &pinned),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.problem(relative, Problem::Io(error)),
        }
    }

    fn problem(&mut self, path: &Path, problem: Problem) {
        self.refuse(path, problem.said());
    }
}
