use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::io;
use std::path::{Path, PathBuf};

use evenkeel_safefs::{
    AclKind, OpenError, PRIVATE_NAME, Pinned, Problem, Reach, Root, Trust, Visit, as_user, escaped,
    walk,
};
use nix::unistd::{Gid, Group, Uid, User};

use crate::acl::{AclEntry, AclPolicy, AclWho};
use crate::lists::{Lists, Numbered, Who};
use crate::plan::{
    Entry, Ids, Kind, Listed, Plan, Refused, Step, Verdict, plan_entry, plan_missing,
};
use crate::policy::{Policy, Principal};

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

/// Looks at the host and says what deviates from the policy. Changes nothing.
///
/// Fails if a user or group is missing, or the root cannot be opened; an entry that cannot be looked at is a refusal in
/// the plan.
pub fn sweep(policy: &Policy) -> Result<Plan, SweepError> {
    let ids = check_principals_ids(policy)?;
    let worker = ids.worker.clone();
    working_as(policy, worker.as_ref(), || look(policy, ids))?
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

fn look(policy: &Policy, ids: Ids) -> Result<Plan, SweepError> {
    let Some(root) = open_root(policy)? else {
        return Ok(plan_missing(policy, &ids));
    };
    let ids = ids.with_root_owner(root.metadata().access.uid);
    let mnt_id = root.metadata().identity.mnt_id;
    let mut sweep = Sweep { policy, ids: &ids, mnt_id, plan: Plan::new(policy.path()) };
    let root_itself = root
        .dir()
        .pin_again()
        .map_err(|source| SweepError::Read { path: policy.path().to_owned(), source })?;
    sweep.found_pinned(Path::new(""), &root_itself);
    let reach = Reach { recursive: policy.draft().recursive, max_depth: policy.max_depth() };
    let has_entries = reach.recursive || !policy.draft().files.is_empty();
    if has_entries && let Err(source) = walk(&root, reach, &mut sweep) {
        // A root closed to its own owner is drift that a repair will open; what is inside shows at the next sweep.
        if sweep.plan.steps.is_empty() {
            return Err(SweepError::Read { path: policy.path().to_owned(), source });
        }
        sweep.refuse(Path::new(""), format!("cannot read it: {source}"));
    }
    let mut plan = sweep.plan;
    Names::default().put_into(&mut plan.steps);
    Ok(plan)
}

/// Fails if a user or group that the policy names does not exist now.
pub fn check_principals(policy: &Policy) -> Result<(), SweepError> {
    check_principals_ids(policy).map(drop)
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

pub(crate) fn check_principals_ids(policy: &Policy) -> Result<Ids, SweepError> {
    let draft = policy.draft();
    let uid = draft.owner.as_ref().map(user).transpose()?;
    let gid = draft.group.as_ref().map(group).transpose()?;
    let mut owners = draft.adopt_from.iter().map(user).collect::<Result<Vec<_>, _>>()?;
    owners.extend(uid);
    // The kernel already keeps an ordinary user from the files of others; his own are always his business.
    let caller = nix::unistd::geteuid();
    if !caller.is_root() {
        owners.push(caller.as_raw());
    }
    let enforced = match &draft.acl {
        AclPolicy::Enforce(entries) => entries.as_slice(),
        AclPolicy::Ignore | AclPolicy::Report => &[],
    };
    let worker = draft.run_as.as_ref().map(worker).transpose()?;
    let acl = enforced.iter().map(numbered).collect::<Result<_, _>>()?;
    let default_acl = draft.default_acl.iter().flatten().map(numbered).collect::<Result<_, _>>()?;
    Ok(Ids { uid, gid, owners, acl, default_acl, worker })
}

fn numbered(entry: &AclEntry) -> Result<Numbered, SweepError> {
    let who = match &entry.who {
        AclWho::Owner => Who::Owner,
        AclWho::User(principal) => Who::User(user(principal)?),
        AclWho::OwningGroup => Who::OwningGroup,
        AclWho::Group(principal) => Who::Group(group(principal)?),
        AclWho::Other => Who::Other,
    };
    Ok(Numbered { who, entry: entry.clone() })
}

fn user(principal: &Principal) -> Result<u32, SweepError> {
    match principal {
        Principal::Id(id) => Ok(*id),
        Principal::Name(_) => account(principal).map(|user| user.uid.as_raw()),
    }
}

fn group(principal: &Principal) -> Result<u32, SweepError> {
    let name = match principal {
        Principal::Id(id) => return Ok(*id),
        Principal::Name(name) => name,
    };
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(SweepError::NoGroup { name: name.clone() }),
        Err(errno) => Err(SweepError::Lookup { name: name.clone(), errno }),
    }
}

/// As whom to work: an account, because its groups count too.
fn worker(principal: &Principal) -> Result<evenkeel_safefs::User, SweepError> {
    let account = account(principal)?;
    let name = CString::new(account.name.as_bytes()).unwrap_or_default();
    let groups = nix::unistd::getgrouplist(&name, account.gid)
        .map_err(|errno| SweepError::Lookup { name: account.name.clone(), errno })?;
    Ok(evenkeel_safefs::User {
        uid: account.uid.as_raw(),
        gid: account.gid.as_raw(),
        groups: groups.into_iter().map(Gid::as_raw).collect(),
    })
}

fn account(principal: &Principal) -> Result<User, SweepError> {
    let found = match principal {
        Principal::Id(id) => User::from_uid(Uid::from_raw(*id)),
        Principal::Name(name) => User::from_name(name),
    };
    let name = principal.to_string();
    match found {
        Ok(Some(user)) => Ok(user),
        Ok(None) => Err(SweepError::NoUser { name }),
        Err(errno) => Err(SweepError::Lookup { name, errno }),
    }
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

struct Sweep<'a> {
    policy: &'a Policy,
    ids: &'a Ids,
    mnt_id: u64,
    plan: Plan,
}

impl Sweep<'_> {
    fn judge(&mut self, entry: &Entry<'_>) {
        self.plan.scanned += 1;
        match plan_entry(self.policy, self.ids, self.mnt_id, entry) {
            Verdict::Holds => {}
            Verdict::Deviates(steps) => self.plan.steps.extend(steps),
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
            Err(error) => self.refuse(relative, format!("cannot read its list: {error}")),
        }
    }

    fn refuse(&mut self, relative: &Path, reason: String) {
        let path = crate::plan::below(self.policy.path(), relative);
        self.plan.refused.push(Refused { path, reason });
    }
}

impl Visit for Sweep<'_> {
    fn wants(&mut self, name: &OsStr, kind: Option<evenkeel_safefs::Kind>) -> bool {
        let directory = kind.is_none_or(|kind| kind == evenkeel_safefs::Kind::Directory);
        let wanted = !self.policy.excludes(Path::new(name))
            && !is_private(name)
            && (self.policy.file_mode(Path::new(name)).is_some()
                || (directory && self.policy.draft().recursive));
        if !wanted {
            self.plan.scanned += 1;
        }
        wanted
    }

    fn enters(&mut self, name: &OsStr) -> bool {
        !self.policy.excludes(Path::new(name)) && !is_private(name)
    }

    fn found(&mut self, found: evenkeel_safefs::Found<'_>) {
        let relative = found.parent.join(found.name);
        if !self.policy.reads_lists() {
            let lists = Lists::default();
            return self.judge(&Entry {
                relative: &relative,
                metadata: found.metadata,
                lists: &lists,
            });
        }
        match found.dir.pin(found.name) {
            Ok(pinned) => self.found_pinned(&relative, &pinned),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.problem(&relative, Problem::Io(error)),
        }
    }

    fn problem(&mut self, path: &Path, problem: Problem) {
        self.refuse(path, problem.to_string());
    }
}

fn is_private(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PRIVATE_NAME.as_bytes())
}

/// Names of users and groups that were looked up, each once.
#[derive(Default)]
pub(crate) struct Names {
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
}

impl Names {
    /// Puts names in the place of numbers where people read them.
    pub(crate) fn put_into(&mut self, steps: &mut [Step]) {
        for step in steps {
            match step.kind {
                Kind::Owner => {
                    step.before = self.user(&step.before);
                    step.after = self.user(&step.after);
                }
                Kind::Group => {
                    step.before = self.group(&step.before);
                    step.after = self.group(&step.after);
                }
                Kind::Mode | Kind::Acl | Kind::DefaultAcl | Kind::Created => {}
            }
        }
    }

    fn user(&mut self, number: &str) -> String {
        let Ok(id) = number.parse() else { return number.to_owned() };
        let look_up = || match User::from_uid(Uid::from_raw(id)) {
            Ok(Some(user)) => user.name,
            _ => number.to_owned(),
        };
        self.users.entry(id).or_insert_with(look_up).clone()
    }

    fn group(&mut self, number: &str) -> String {
        let Ok(id) = number.parse() else { return number.to_owned() };
        let look_up = || match Group::from_gid(Gid::from_raw(id)) {
            Ok(Some(group)) => group.name,
            _ => number.to_owned(),
        };
        self.groups.entry(id).or_insert_with(look_up).clone()
    }
}
