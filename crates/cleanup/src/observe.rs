//! Looks at the host: which entries match, and how they look. Changes nothing.

mod directory;
mod visit;

use std::io;
use std::path::{Path, PathBuf};

use evenkeel_safefs::{
    FilesystemUsage, OpenError, OpenFiles, Reach, Root, Trust, User, as_user, by_place, escaped,
    walk_in_parallel,
};
use evenkeel_shown::said::{Cap, CleanupCode, Code, Count, FilesCode, Said};

pub(crate) use self::directory::{Contents, Rules};
use self::visit::Scan;
use crate::clock::Clock;
use crate::plan::{Candidate, Choice, KeepReason, Plan, choose, ranks, steps};
use crate::policy::{Policy, Resource, Share, Trigger, Unit};

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
    /// It cannot be told how full the filesystem is, and a watermark asks for that.
    #[error("cannot see how full the filesystem of `{}` is", escaped(path))]
    Usage {
        /// The root.
        path: PathBuf,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// The filesystem keeps no such count, so that a watermark means nothing on it.
    #[error("the filesystem of `{}` keeps no count of its {}", escaped(path), of.as_str())]
    NoCount {
        /// The root.
        path: PathBuf,
        /// What should be counted.
        of: CountOf,
    },
    /// It is not known when the host booted, and the policy goes by that.
    #[error("it is not known when the host booted, and `older_than` = `boot` goes by that")]
    NoBoot,
    /// There is no such user.
    #[error("no user is named `{user}`")]
    NoUser {
        /// As the policy names him.
        user: String,
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
        /// What it counts.
        unit: Cap,
    },
    /// The run would take a larger share than its cap allows; nothing was changed.
    #[error(
        "`{}`: {found} of {matching} entries are due, more than `max_ratio` = {limit} allows; nothing was changed",
        escaped(path)
    )]
    OverRatio {
        /// The root.
        path: PathBuf,
        /// The cap's value.
        limit: Share,
        /// So many the run would take.
        found: u64,
        /// So many match.
        matching: u64,
    },
}

impl ScanError {
    /// The error with all that it came from, as a value.
    pub fn said(&self) -> Said {
        let code: Code = match self {
            Self::Root(error) => return error.said(),
            Self::SystemPath { path, resolved } => {
                FilesCode::SystemPath { path: escaped(path), resolved: escaped(resolved) }.into()
            }
            Self::Read { path, .. } => FilesCode::CannotReadRoot { path: escaped(path) }.into(),
            Self::InUse(_) => CleanupCode::CannotSeeInUse.into(),
            Self::Usage { path, .. } => CleanupCode::CannotSeeUsage { path: escaped(path) }.into(),
            Self::NoCount { path, of: CountOf(of) } => {
                let of = match of {
                    Resource::Disk => Count::Blocks,
                    Resource::Inodes => Count::Inodes,
                };
                CleanupCode::NoCount { path: escaped(path), of }.into()
            }
            Self::NoBoot => CleanupCode::NoBoot.into(),
            Self::NoUser { user } => FilesCode::NoUser { name: user.clone() }.into(),
            Self::RunAs { user, .. } => FilesCode::CannotWorkAs { user: user.clone() }.into(),
            Self::OverCap { path, cap, limit, found, unit } => CleanupCode::OverCap {
                path: escaped(path),
                found: *found,
                unit: *unit,
                cap: (*cap).to_owned(),
                limit: *limit,
            }
            .into(),
            Self::OverRatio { path, limit, found, matching } => CleanupCode::OverRatio {
                path: escaped(path),
                found: *found,
                matching: *matching,
                limit: limit.to_string(),
            }
            .into(),
        };
        Said::with_chain(self, code)
    }
}

/// What a filesystem may or may not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountOf(Resource);

impl CountOf {
    fn as_str(self) -> &'static str {
        match self.0 {
            Resource::Disk => "blocks",
            Resource::Inodes => "inodes",
        }
    }
}

/// Looks at the host and says which entries are due by this clock. Changes nothing, so it is the dry run.
///
/// Fails if the root cannot be opened or read, if more is due than a cap of the policy allows, and if the policy goes by
/// the boot and the clock does not know it.
pub fn scan(policy: &Policy, clock: impl Into<Clock>) -> Result<Plan, ScanError> {
    let clock = clock.into();
    working_as(policy, || look(policy, clock))?
}

fn look(policy: &Policy, clock: Clock) -> Result<Plan, ScanError> {
    let draft = policy.draft();
    if draft.trigger == Trigger::BeforeBoot && clock.boot.is_none() {
        return Err(ScanError::NoBoot);
    }
    // What is in a directory is looked at once, so which of it is open must be known before.
    let look_first = draft.skip_in_use && draft.unit == Unit::Directory;
    let open = look_first.then(OpenFiles::now).transpose().map_err(ScanError::InUse)?;
    let root = open_root(policy)?;
    let filesystem = filesystem(policy, &root)?;
    let reach = Reach { recursive: draft.recursive, max_depth: policy.max_depth() };
    let parts = walk_in_parallel(&root, reach, || Scan::new(policy, &root, open.as_ref(), clock))
        .map_err(|source| ScanError::Read { path: policy.path().to_owned(), source })?;
    let (mut plan, mut candidates) = together(policy, parts);
    let mut choice = choose(policy, &mut candidates, filesystem, clock);
    if draft.skip_in_use && !look_first && !choice.taken.is_empty() {
        // The pass over all processes is made only if something is due.
        let open = OpenFiles::now().map_err(ScanError::InUse)?;
        for candidate in &mut candidates {
            if candidate.look.held.is_none() && open.contains(&candidate.pin) {
                candidate.look.held = Some(KeepReason::InUse);
            }
        }
        choice = choose(policy, &mut candidates, filesystem, clock);
    }
    let Choice { taken, kept, level } = choice;
    plan.steps = steps(policy, candidates, taken);
    plan.count_kept(kept);
    plan.level = level;
    plan.total_bytes = plan.steps.iter().map(|step| step.bytes).fold(0, u64::saturating_add);
    check_caps(policy, &plan)?;
    Ok(plan)
}

/// What all threads have found, in an order that is not chance.
fn together(policy: &Policy, parts: Vec<Scan<'_>>) -> (Plan, Vec<Candidate>) {
    let (mut plan, mut candidates) = (Plan::new(policy.path()), Vec::new());
    for part in parts {
        plan.add(part.plan);
        if candidates.is_empty() {
            candidates = part.candidates;
        } else {
            candidates.extend(part.candidates);
        }
    }
    plan.unseen.sort_by(|one, other| by_place(&one.path, &other.path));
    // Where they are ranked, that is their order.
    if !ranks(policy) {
        candidates.sort_unstable_by(|one, other| by_place(&one.path, &other.path));
    }
    (plan, candidates)
}

/// What of this host stands in the way of the policy: each key, its value, and why. Changes nothing.
pub fn check_host(policy: &Policy) -> Vec<(&'static str, String, ScanError)> {
    let user = policy.draft().run_as.clone();
    if let Err(error) = worker(policy) {
        return vec![("run_as", user.unwrap_or_default(), error)];
    }
    let looked = working_as(policy, || {
        open_root(policy).map_err(|error| ("path", escaped(policy.path()), error)).and_then(
            |root| match filesystem(policy, &root) {
                Ok(_) => Ok(()),
                Err(error) => Err(("watermark", counted(policy).to_owned(), error)),
            },
        )
    });
    match looked {
        Ok(result) => result.err().into_iter().collect(),
        // Whoever checks the settings need not be the one who will work with them.
        Err(_) => Vec::new(),
    }
}

/// What a watermark counts.
fn counted(policy: &Policy) -> &'static str {
    match policy.draft().trigger {
        Trigger::Watermark(mark) => mark.of.as_str(),
        _ => "",
    }
}

/// Does work as the user that the policy names, or as the caller if it names none.
pub(crate) fn working_as<T: Send>(
    policy: &Policy,
    work: impl FnOnce() -> T + Send,
) -> Result<T, ScanError> {
    let Some(worker) = worker(policy)? else { return Ok(work()) };
    as_user(&worker, work).map_err(|source| run_as(policy, source))
}

fn worker(policy: &Policy) -> Result<Option<User>, ScanError> {
    let Some(user) = &policy.draft().run_as else { return Ok(None) };
    match User::find(user) {
        Ok(Some(worker)) => Ok(Some(worker)),
        Ok(None) => Err(ScanError::NoUser { user: user.clone() }),
        Err(source) => Err(run_as(policy, source)),
    }
}

fn run_as(policy: &Policy, source: io::Error) -> ScanError {
    ScanError::RunAs { user: policy.draft().run_as.clone().unwrap_or_default(), source }
}

/// How full the filesystem is, if a watermark asks for it.
fn filesystem(policy: &Policy, root: &Root) -> Result<FilesystemUsage, ScanError> {
    let Trigger::Watermark(mark) = policy.draft().trigger else {
        return Ok(FilesystemUsage::default());
    };
    let path = || policy.path().to_owned();
    let usage = root
        .dir()
        .filesystem_usage()
        .map_err(|source| ScanError::Usage { path: path(), source })?;
    let counted = match mark.of {
        Resource::Disk => usage.used_bytes.saturating_add(usage.available_bytes),
        Resource::Inodes => usage.used_inodes.saturating_add(usage.available_inodes),
    };
    if counted == 0 {
        return Err(ScanError::NoCount { path: path(), of: CountOf(mark.of) });
    }
    Ok(usage)
}

/// Fails if the plan is larger than the policy allows.
pub(crate) fn check_caps(policy: &Policy, plan: &Plan) -> Result<(), ScanError> {
    let draft = policy.draft();
    let path = || policy.path().to_owned();
    let entries = plan.steps.len() as u64;
    let caps = [
        ("max_files", draft.max_files, entries, Cap::Entries),
        ("max_bytes", draft.max_bytes, plan.total_bytes, Cap::Bytes),
    ];
    for (cap, limit, found, unit) in caps {
        if let Some(limit) = limit.filter(|limit| found > *limit) {
            return Err(ScanError::OverCap { path: path(), cap, limit, found, unit });
        }
    }
    match draft.max_ratio {
        Some(limit) if entries > limit.of(plan.matching) => {
            let matching = plan.matching;
            Err(ScanError::OverRatio { path: path(), limit, found: entries, matching })
        }
        _ => Ok(()),
    }
}

pub(crate) fn open_root(policy: &Policy) -> Result<Root, ScanError> {
    let root = Root::open(policy.path(), Trust::Owners).map_err(ScanError::Root)?;
    if !policy.draft().allow_system_path && evenkeel_safefs::is_system_path(root.resolved()) {
        let resolved = root.resolved().to_owned();
        return Err(ScanError::SystemPath { path: policy.path().to_owned(), resolved });
    }
    Ok(root)
}

/// Whether an entry is never looked at: what evenkeel put there itself, and what the filesystem found in repairs.
fn is_apart(name: &std::ffi::OsStr, metadata: &evenkeel_safefs::Metadata) -> bool {
    evenkeel_safefs::is_private(name, metadata)
        || (Path::new(name) == Path::new("lost+found") && metadata.access.uid == 0)
}
