//! Users and groups: the numbers behind names, and names for numbers.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;

use nix::unistd::{Gid, Group, Uid, User};

use crate::acl::{AclEntry, AclPolicy, AclWho};
use crate::lists::{Numbered, Who};
use crate::observe::SweepError;
use crate::plan::{Ids, Kind, Step};
use crate::policy::{Policy, Principal};

/// The keys that name users or groups which do not exist, with what they name.
pub(crate) fn missing(policy: &Policy) -> Vec<(&'static str, String, SweepError)> {
    let draft = policy.draft();
    let mut missing = Vec::new();
    let mut look = |key, value: String, result: Result<(), SweepError>| {
        missing.extend(result.err().map(|error| (key, value, error)));
    };
    if let Some(principal) = &draft.owner {
        look("owner", principal.to_string(), user(principal).map(drop));
    }
    if let Some(principal) = &draft.group {
        look("group", principal.to_string(), group(principal).map(drop));
    }
    for principal in &draft.adopt_from {
        look("adopt_from", principal.to_string(), user(principal).map(drop));
    }
    if let Some(principal) = &draft.run_as {
        look("run_as", principal.to_string(), worker(principal).map(drop));
    }
    if let AclPolicy::Enforce(entries) = &draft.acl {
        for entry in entries {
            look("acl", entry.to_string(), numbered(entry).map(drop));
        }
    }
    for entry in draft.default_acl.iter().flatten() {
        look("default_acl", entry.to_string(), numbered(entry).map(drop));
    }
    missing
}

/// The numbers behind the names of a policy; fails with the first that does not exist.
pub(crate) fn ids(policy: &Policy) -> Result<Ids, SweepError> {
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

/// Names of users and groups that were looked up, each once.
#[derive(Default)]
pub(crate) struct Names {
    users: BTreeMap<u32, Arc<str>>,
    groups: BTreeMap<u32, Arc<str>>,
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

    fn user(&mut self, number: &Arc<str>) -> Arc<str> {
        let Ok(id) = number.parse() else { return Arc::clone(number) };
        let look_up = || match User::from_uid(Uid::from_raw(id)) {
            Ok(Some(user)) => user.name.into(),
            _ => Arc::clone(number),
        };
        self.users.entry(id).or_insert_with(look_up).clone()
    }

    fn group(&mut self, number: &Arc<str>) -> Arc<str> {
        let Ok(id) = number.parse() else { return Arc::clone(number) };
        let look_up = || match Group::from_gid(Gid::from_raw(id)) {
            Ok(Some(group)) => group.name.into(),
            _ => Arc::clone(number),
        };
        self.groups.entry(id).or_insert_with(look_up).clone()
    }
}
