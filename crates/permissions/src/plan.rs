use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_safefs::{
    Access, Acl, Identity, Kind as FileKind, Metadata, Refusal, Terms, User, by_place,
};
use evenkeel_shown::said::{PermissionsCode as Code, Said};
use serde::{Serialize, Serializer};

use crate::acl::AclPolicy;
use crate::lists::{Lists, Numbered, WantedList, WantedLists, access_list, default_list};
use crate::policy::Policy;

/// What is wrong with an entry, or was put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The mode.
    Mode,
    /// The owner.
    Owner,
    /// The group.
    Group,
    /// The access control list.
    Acl,
    /// The list from which new entries of a directory get their rights.
    DefaultAcl,
    /// The root was missing.
    Created,
}

impl Kind {
    /// The name that metrics and documents use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Group => "group",
            Self::Acl => "acl",
            Self::DefaultAcl => "default_acl",
            Self::Created => "created",
        }
    }
}

/// One deviation, and what would put it right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// What deviates.
    pub kind: Kind,
    /// As it is: `0600`, `root`, `absent`. What deviates mostly deviates alike, so the text is shared.
    #[serde(serialize_with = "text")]
    pub before: Arc<str>,
    /// As it should be.
    #[serde(serialize_with = "text")]
    pub after: Arc<str>,
    /// Which part of the policy asks for it.
    pub reason: &'static str,
    #[serde(skip)]
    pub(crate) pin: Option<Identity>,
    #[serde(skip)]
    pub(crate) wanted: Access,
    /// Seldom there, hence the box.
    #[serde(skip)]
    pub(crate) wanted_lists: Option<Box<WantedLists>>,
}

/// An entry that deviates, or could not be looked at, and is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Why it is left alone.
    pub reason: Said,
}

/// An entry that holds, and has an access control list which its mode does not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The entry.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// Its list, as `getfacl --numeric` has it.
    pub acl: String,
}

/// What a sweep found and would do. Nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The root of the rule.
    #[serde(serialize_with = "path")]
    pub root: PathBuf,
    /// Deviations that can be put right; those of one entry follow one another.
    pub steps: Vec<Step>,
    /// Deviations that cannot.
    pub refused: Vec<Refused>,
    /// Entries with an access control list, if the policy wants to hear of them; no deviation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listed: Vec<Listed>,
    /// Entries looked at, the root included.
    pub scanned: u64,
}

impl Plan {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            steps: Vec::new(),
            refused: Vec::new(),
            listed: Vec::new(),
            scanned: 0,
        }
    }

    /// Takes over what another thread found below the same root.
    pub(crate) fn add(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.refused.extend(other.refused);
        self.listed.extend(other.listed);
        self.scanned += other.scanned;
    }

    /// Puts everything in the order of places, which does not depend on which thread found what.
    pub(crate) fn sort(&mut self) {
        self.steps.sort_by(|one, other| by_place(&one.path, &other.path));
        self.refused.sort_by(|one, other| by_place(&one.path, &other.path));
        self.listed.sort_by(|one, other| by_place(&one.path, &other.path));
    }

    /// Whether everything is as the policy says.
    pub fn holds(&self) -> bool {
        self.steps.is_empty() && self.refused.is_empty()
    }
}

pub(crate) fn text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

pub(crate) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&evenkeel_safefs::escaped(path))
}

/// One entry as a plan sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// Its path from the root; empty for the root itself.
    pub(crate) relative: &'a Path,
    /// How it looks.
    pub(crate) metadata: &'a Metadata,
    /// Its access control lists, if the policy looks at them.
    pub(crate) lists: &'a Lists,
}

/// The numbers behind the names of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    /// Whose entries may be changed.
    pub(crate) owners: Vec<u32>,
    pub(crate) acl: Vec<Numbered>,
    pub(crate) default_acl: Vec<Numbered>,
    /// As whom the work is done, if not as the caller.
    pub(crate) worker: Option<User>,
}

impl Ids {
    /// A policy that names no owner is about the files of whoever owns the root.
    pub(crate) fn with_root_owner(mut self, root_owner: u32) -> Self {
        if self.uid.is_none() {
            self.owners.push(root_owner);
        }
        self
    }
}

/// What becomes of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is as it should be, or none of the policy's business.
    Holds,
    /// It is not, and can be put right.
    Deviates(Vec<Step>),
    /// It is not, and must be left alone.
    Refused(Said),
}

/// Decides about one entry. Reads nothing, changes nothing.
pub(crate) fn plan_entry(policy: &Policy, ids: &Ids, mnt_id: u64, entry: &Entry<'_>) -> Verdict {
    let metadata = entry.metadata;
    let found = metadata.access;
    let name = last_name(entry.relative);
    let (mode, reason) = match (metadata.kind, name) {
        (FileKind::Directory, _) => (policy.draft().directory_mode, "directory_mode"),
        (_, Some(name)) => match policy.file_mode(name) {
            Some(mode) => (Some(mode), "files"),
            None => return Verdict::Holds,
        },
        (_, None) => {
            let text = format!("the root is {}", metadata.kind.as_str());
            return Verdict::Refused(Said::new(text, Code::RootIs(metadata.kind.shown())));
        }
    };
    if !matches!(metadata.kind, FileKind::Directory | FileKind::File) {
        let text = format!("{}, and is not followed or opened", Refusal::Kind(metadata.kind));
        return Verdict::Refused(Said::new(text, Code::NotOpened(metadata.kind.shown())));
    }
    // Without `recursive` a subdirectory is none of the policy's business, also if a glob for files matches it.
    if metadata.kind == FileKind::Directory && name.is_some() && !policy.draft().recursive {
        return Verdict::Holds;
    }
    let wanted = Access {
        mode: mode.unwrap_or(found.mode),
        uid: ids.uid.unwrap_or(found.uid),
        gid: ids.gid.unwrap_or(found.gid),
    };
    // By far the most entries of a sweep end here.
    if wanted == found && !policy.reads_lists() {
        return Verdict::Holds;
    }
    let directory = metadata.kind == FileKind::Directory;
    let wanted_lists = wanted_lists(policy, ids, mode, directory);
    let acl_holds = wanted_lists.access.holds(entry.lists.access.as_ref());
    let default_holds = wanted_lists.default.holds(entry.lists.default.as_ref());
    if wanted == found && acl_holds && default_holds {
        return Verdict::Holds;
    }
    // Whose the root is is what the policy says; the way to it was checked when it was opened.
    let owners = name.map(|_| ids.owners.as_slice());
    if let Err(refusal) = evenkeel_safefs::judge(metadata, &Terms { mnt_id, owners }) {
        let adopt = matches!(refusal, Refusal::ForeignOwner { .. });
        let hint = if adopt { " (`adopt_from` would)" } else { "" };
        let text = format!("{refusal}{hint}; {}", deviation(found, wanted));
        let why = Box::new(refusal.said().into_code());
        let (found, wanted) = (found.shown(), wanted.shown());
        return Verdict::Refused(Said::new(text, Code::Refused { why, adopt, found, wanted }));
    }
    let says_lists = wanted_lists != WantedLists::default();
    let boxed = says_lists.then(|| Box::new(wanted_lists.clone()));
    let step = |kind, before: String, after: String, reason| Step {
        path: below(policy.path(), entry.relative),
        kind,
        before: before.into(),
        after: after.into(),
        reason,
        pin: Some(metadata.identity),
        wanted,
        wanted_lists: boxed.clone(),
    };
    let mut steps = Vec::new();
    if found.mode != wanted.mode {
        steps.push(step(Kind::Mode, octal(found.mode), octal(wanted.mode), reason));
    }
    if found.uid != wanted.uid {
        steps.push(step(Kind::Owner, found.uid.to_string(), wanted.uid.to_string(), "owner"));
    }
    if found.gid != wanted.gid {
        steps.push(step(Kind::Group, found.gid.to_string(), wanted.gid.to_string(), "group"));
    }
    let list = |acl: &Option<Acl>| WantedList::from(acl.clone()).to_string();
    if !acl_holds {
        let before = list(&entry.lists.access);
        steps.push(step(Kind::Acl, before, wanted_lists.access.to_string(), "acl"));
    }
    if !default_holds {
        let before = list(&entry.lists.default);
        let after = wanted_lists.default.to_string();
        steps.push(step(Kind::DefaultAcl, before, after, "default_acl"));
    }
    Verdict::Deviates(steps)
}

/// What the policy says about the lists of an entry that gets this mode.
fn wanted_lists(policy: &Policy, ids: &Ids, mode: Option<u32>, directory: bool) -> WantedLists {
    let enforced = matches!(policy.draft().acl, AclPolicy::Enforce(_));
    let access = match mode.filter(|_| enforced) {
        Some(mode) => access_list(&ids.acl, mode, directory).into(),
        None => WantedList::Any,
    };
    let default = if directory && policy.draft().default_acl.is_some() {
        default_list(&ids.default_acl, policy.draft().directory_mode).into()
    } else {
        WantedList::Any
    };
    WantedLists { access, default }
}

/// The plan for a root that does not exist and is to be made.
pub(crate) fn plan_missing(policy: &Policy, ids: &Ids) -> Plan {
    let mode = new_root_mode(policy);
    let step = Step {
        path: policy.path().to_owned(),
        kind: Kind::Created,
        before: "absent".into(),
        after: octal(mode).into(),
        reason: "create",
        pin: None,
        wanted_lists: None,
        wanted: Access { mode, uid: ids.uid.unwrap_or_default(), gid: ids.gid.unwrap_or_default() },
    };
    Plan { steps: vec![step], ..Plan::new(policy.path()) }
}

/// The mode of a root that is made: what `mkdir` gives, if the policy does not say.
pub(crate) fn new_root_mode(policy: &Policy) -> u32 {
    policy.draft().directory_mode.unwrap_or(0o755)
}

/// The name of an entry; none of the root. `Path::file_name` would take a path apart that is known to be in order.
fn last_name(relative: &Path) -> Option<&Path> {
    let bytes = relative.as_os_str().as_bytes();
    let name = bytes.rsplit(|byte| *byte == b'/').next().filter(|name| !name.is_empty());
    name.map(|name| Path::new(OsStr::from_bytes(name)))
}

/// The path of an entry; of the root itself without a slash at its end.
pub(crate) fn below(root: &Path, relative: &Path) -> PathBuf {
    if relative.as_os_str().is_empty() { root.to_owned() } else { root.join(relative) }
}

pub(crate) fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

fn deviation(found: Access, wanted: Access) -> String {
    format!(
        "it has {:04o} {}:{} and should have {:04o} {}:{}",
        found.mode, found.uid, found.gid, wanted.mode, wanted.uid, wanted.gid
    )
}

#[cfg(test)]
mod tests;
