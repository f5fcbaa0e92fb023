use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use evenkeel_safefs::{
    Kind, OpenError, OpenFiles, PRIVATE_NAME, Problem, Reach, Root, Trust, Visit, escaped, walk,
};

use crate::plan::{Entry, KeepReason, Plan, Step, Unseen, Verdict, below, plan_entry};
use crate::policy::{Policy, Trigger, Unit};

/// Why a rule could not be looked at as a whole, or refuses to run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
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
    /// The root cannot be read.
    #[error("cannot read `{}`", escaped(path))]
    Read {
        /// The root.
        path: PathBuf,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// It cannot be told which files are in use, and the policy wants those left alone.
    #[error("cannot see which files are in use")]
    InUse(#[source] io::Error),
    /// What the policy asks for cannot be done yet.
    #[error("`{}`: `{what}` cannot be done yet; nothing was changed", escaped(path))]
    NotYet {
        /// The root.
        path: PathBuf,
        /// The key, or the key and its value.
        what: String,
    },
    /// The run would take more than its cap allows; nothing was changed.
    #[error(
        "`{}`: {found} {unit} are due, more than `{cap}` = {limit} allows; nothing was changed",
        escaped(path)
    )]
    OverCap {
        /// The root.
        path: PathBuf,
        /// `max_files` or `max_bytes`.
        cap: &'static str,
        /// The cap's value.
        limit: u64,
        /// What the run would take.
        found: u64,
        /// `files` or `bytes`.
        unit: &'static str,
    },
}

/// Looks at the host and says which files are due at `now`. Changes nothing, so it is the dry run.
///
/// Fails if the root cannot be opened or read, and if more is due than a cap of the policy allows.
pub fn scan(policy: &Policy, now: SystemTime) -> Result<Plan, ScanError> {
    check_possible(policy)?;
    let root = open_root(policy)?;
    let plan = Plan {
        root: policy.path().to_owned(),
        steps: Vec::new(),
        kept: BTreeMap::new(),
        unseen: Vec::new(),
        total_bytes: 0,
        scanned: 0,
    };
    let mut scan = Scan { policy, now, mnt_id: root.metadata().identity.mnt_id, plan };
    let reach = Reach { recursive: policy.draft().recursive, max_depth: policy.max_depth() };
    walk(&root, reach, &mut scan)
        .map_err(|source| ScanError::Read { path: policy.path().to_owned(), source })?;
    let mut plan = scan.plan;
    if policy.draft().skip_in_use && !plan.steps.is_empty() {
        let open = OpenFiles::now().map_err(ScanError::InUse)?;
        let before = plan.steps.len();
        plan.steps.retain(|step| !open.contains(&step.pin));
        let in_use = before - plan.steps.len();
        if in_use > 0 {
            plan.kept.insert(KeepReason::InUse, in_use as u64);
        }
    }
    plan.total_bytes = plan.steps.iter().map(|step| step.bytes).fold(0, u64::saturating_add);
    check_caps(policy, &plan)?;
    Ok(plan)
}

/// Fails if the policy asks for what this version cannot do: it must not be taken for done.
fn check_possible(policy: &Policy) -> Result<(), ScanError> {
    let draft = policy.draft();
    let what = if draft.trigger.is_level() {
        draft.trigger.as_str()
    } else if draft.unit == Unit::Directory {
        "unit"
    } else if draft.keep_newest.is_some() {
        "keep_newest"
    } else if draft.max_ratio.is_some() {
        "max_ratio"
    } else if draft.run_as.is_some() {
        "run_as"
    } else {
        return Ok(());
    };
    Err(ScanError::NotYet { path: policy.path().to_owned(), what: what.to_owned() })
}

/// What of this host stands in the way of the policy: each key, its value, and why. Changes nothing.
pub fn check_host(policy: &Policy) -> Vec<(&'static str, String, ScanError)> {
    open_root(policy)
        .err()
        .map(|error| ("path", escaped(policy.path()), error))
        .into_iter()
        .collect()
}

/// Fails if the plan is larger than the policy allows.
pub(crate) fn check_caps(policy: &Policy, plan: &Plan) -> Result<(), ScanError> {
    let draft = policy.draft();
    let caps = [
        ("max_files", draft.max_files, plan.steps.len() as u64, "files"),
        ("max_bytes", draft.max_bytes, plan.total_bytes, "bytes"),
    ];
    for (cap, limit, found, unit) in caps {
        if let Some(limit) = limit.filter(|limit| found > *limit) {
            return Err(ScanError::OverCap {
                path: policy.path().to_owned(),
                cap,
                limit,
                found,
                unit,
            });
        }
    }
    Ok(())
}

pub(crate) fn open_root(policy: &Policy) -> Result<Root, ScanError> {
    let root = Root::open(policy.path(), Trust::Owners).map_err(ScanError::Root)?;
    if !policy.draft().allow_system_path && evenkeel_safefs::is_system_path(root.resolved()) {
        let resolved = root.resolved().to_owned();
        return Err(ScanError::SystemPath { path: policy.path().to_owned(), resolved });
    }
    Ok(root)
}

struct Scan<'a> {
    policy: &'a Policy,
    now: SystemTime,
    mnt_id: u64,
    plan: Plan,
}

impl Scan<'_> {
    fn keep(&mut self, reason: KeepReason) {
        *self.plan.kept.entry(reason).or_default() += 1;
    }
}

impl Visit for Scan<'_> {
    fn wants(&mut self, name: &OsStr, kind: Option<Kind>) -> bool {
        self.plan.scanned += 1;
        if kind.is_some_and(|kind| kind != Kind::File) {
            self.keep(KeepReason::NotAFile);
            return false;
        }
        let wanted = self.policy.matches(name);
        if !wanted {
            self.keep(KeepReason::Name);
        }
        wanted
    }

    fn enters(&mut self, name: &OsStr) -> bool {
        let private = name.as_encoded_bytes().starts_with(PRIVATE_NAME.as_bytes());
        !private && name != "lost+found" && !self.policy.excludes(name)
    }

    fn found(&mut self, found: evenkeel_safefs::Found<'_>) {
        let metadata = found.metadata;
        if metadata.mount_root || metadata.identity.mnt_id != self.mnt_id {
            return self.keep(KeepReason::NotAFile);
        }
        let relative = found.parent.join(found.name);
        let maybe_hole = matches!(self.policy.draft().trigger, Trigger::LargerThan(bytes) if bytes < metadata.size);
        let bytes = if maybe_hole {
            match found.dir.pin(found.name).and_then(|pinned| pinned.content_bytes()) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(error) => return self.problem(&relative, Problem::Io(error)),
            }
        } else {
            metadata.size
        };
        match plan_entry(self.policy, &Entry { metadata, bytes }, self.now) {
            Verdict::Keep(reason) => self.keep(reason),
            Verdict::Take { bytes, reason } => self.plan.steps.push(Step {
                path: below(self.policy.path(), &relative),
                action: self.policy.draft().action.as_str(),
                bytes,
                reason,
                pin: metadata.identity,
                youngest: self.policy.draft().age_by.youngest(metadata),
            }),
        }
    }

    fn problem(&mut self, path: &Path, problem: Problem) {
        self.plan
            .unseen
            .push(Unseen { path: below(self.policy.path(), path), reason: problem.to_string() });
    }
}
