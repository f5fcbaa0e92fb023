use std::fmt;
use std::path::{Component, Path, PathBuf};

use evenkeel_names::{Glob, GlobError, GlobSet};
use serde::Serialize;

use crate::acl::{AclEntry, AclPolicy, AclWho};

/// The deepest level below the root that a recursive rule looks at, unless its draft says otherwise.
pub const DEFAULT_MAX_DEPTH: u32 = 64;

/// A user or group, by name or number; looked up at each run, so that a user made later is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Principal {
    /// As `/etc/passwd` or `/etc/group` names it.
    Name(String),
    /// As the kernel numbers it.
    Id(u32),
}

/// What files of a name must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRule {
    /// Glob for the last component of the name, such as `*.hash`.
    pub glob: String,
    /// The twelve bits `07777`.
    pub mode: u32,
}

/// A policy as it was written down, unchecked; [`Policy::try_new`] checks it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// The root: the directory itself, and what is in it.
    pub path: PathBuf,
    /// Whether a missing root is made.
    pub create: bool,
    /// Owner of the root, of subdirectories if `recursive`, and of the files that `files` matches.
    pub owner: Option<Principal>,
    /// Group of the same.
    pub group: Option<Principal>,
    /// Mode of the root, and of subdirectories if `recursive`.
    pub directory_mode: Option<u32>,
    /// Modes of files by name; the first that matches counts, a file that none matches is left alone.
    pub files: Vec<FileRule>,
    /// Names that are left alone; an excluded directory is not entered.
    pub exclude: Vec<String>,
    /// Whether the rule holds at every level below the root.
    pub recursive: bool,
    /// Owners, besides `owner`, whose files may be changed. Without `owner` that is the owner of the root.
    ///
    /// A file of root in a directory of another user is not to be opened to that user by a rule about names.
    pub adopt_from: Vec<Principal>,
    /// What is said about access control lists.
    pub acl: AclPolicy,
    /// The default list of each directory, from which its new entries get their rights; `None`: not looked at.
    ///
    /// What `user::`, `group::` and `other::` leave out is as in `directory_mode`.
    pub default_acl: Option<Vec<AclEntry>>,
    /// The user as whom the work is done; only what takes another owner, and making the root, is the caller's own.
    pub run_as: Option<Principal>,
    /// Levels below the root beyond which a recursive run fails; `None` means [`DEFAULT_MAX_DEPTH`].
    pub max_depth: Option<u32>,
    /// Whether the root may be `/` or a directory of the system.
    pub allow_system_path: bool,
}

/// A setting that cannot be meant, and what would be accepted in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` = `{value}`: {message}; accepted: {accepted}")]
pub struct PolicyError {
    /// The key in the rule, such as `files.match`.
    pub key: String,
    /// The value that was given.
    pub value: String,
    /// What is wrong with it.
    pub message: String,
    /// What would be right.
    pub accepted: String,
}

/// A checked policy: it can do its work, if the host lets it.
#[derive(Debug, Clone)]
pub struct Policy {
    draft: Draft,
    files: Vec<(Glob, u32)>,
    exclude: GlobSet,
}

impl Policy {
    /// Checks a draft; fails with the key, the value and what is accepted.
    pub fn try_new(draft: Draft) -> Result<Self, PolicyError> {
        check_path(&draft)?;
        if let Some(mode) = draft.directory_mode {
            check_mode("directory_mode", mode)?;
        }
        let exclude = GlobSet::try_new(&draft.exclude).map_err(|error| glob("exclude", error))?;
        let files = check_files(&draft.files, &exclude)?;
        for (key, principal) in
            [("owner", &draft.owner), ("group", &draft.group), ("run_as", &draft.run_as)]
        {
            principal.iter().try_for_each(|principal| check_principal(key, principal))?;
        }
        draft
            .adopt_from
            .iter()
            .try_for_each(|principal| check_principal("adopt_from", principal))?;
        check_acl(&draft)?;
        check_default_acl(&draft)?;
        let policy = Self { draft, files, exclude };
        policy.check_work()?;
        Ok(policy)
    }

    /// A policy that says nothing would report for ever that all is well.
    fn check_work(&self) -> Result<(), PolicyError> {
        let Draft { create, owner, group, directory_mode, files, acl, default_acl, .. } =
            &self.draft;
        if *create
            || *acl != AclPolicy::Ignore
            || default_acl.is_some()
            || owner.is_some()
            || group.is_some()
            || directory_mode.is_some()
            || !files.is_empty()
        {
            return Ok(());
        }
        Err(PolicyError {
            key: "path".to_owned(),
            value: evenkeel_safefs::escaped(&self.draft.path),
            message: "the rule asks for nothing".to_owned(),
            accepted: "at least one of `create`, `owner`, `group`, `directory_mode`, `files`, `acl`, `default_acl`"
                .to_owned(),
        })
    }

    /// The root.
    pub fn path(&self) -> &Path {
        &self.draft.path
    }

    /// The draft that was checked.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// The mode that the first matching rule gives to a file of this name.
    pub(crate) fn file_mode(&self, name: &Path) -> Option<u32> {
        self.files.iter().find(|(glob, _)| glob.is_match(name)).map(|(_, mode)| *mode)
    }

    /// The globs for files and their modes, in the order in which they count.
    pub fn file_modes(&self) -> impl Iterator<Item = (&Glob, u32)> {
        self.files.iter().map(|(glob, mode)| (glob, *mode))
    }

    /// Whether this policy looks at access control lists, which costs more than a mode.
    pub(crate) fn reads_lists(&self) -> bool {
        self.draft.acl != AclPolicy::Ignore || self.draft.default_acl.is_some()
    }

    /// Whether an entry below the root is worth a look, by its name and whether it may be a directory.
    pub(crate) fn wants(&self, name: &Path, maybe_directory: bool) -> bool {
        !self.exclude.is_match(name)
            && (self.file_mode(name).is_some() || (maybe_directory && self.draft.recursive))
    }

    /// The names that are left alone.
    pub fn excluded(&self) -> &GlobSet {
        &self.exclude
    }

    /// Levels below the root beyond which a recursive run fails.
    pub fn max_depth(&self) -> u32 {
        self.draft.max_depth.unwrap_or(DEFAULT_MAX_DEPTH)
    }
}

/// Policies are equal if they were drafted alike.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.draft == other.draft
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Id(id) => write!(formatter, "{id}"),
        }
    }
}

/// Digits are a number, anything else a name.
impl From<&str> for Principal {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }
}

fn check_mode(key: &str, mode: u32) -> Result<(), PolicyError> {
    if mode <= 0o7777 {
        Ok(())
    } else {
        Err(mode_error(key, &format!("{mode:#o}"), "larger than twelve bits"))
    }
}

fn mode_error(key: &str, value: &str, message: &str) -> PolicyError {
    PolicyError {
        key: key.to_owned(),
        value: value.to_owned(),
        message: message.to_owned(),
        accepted: "octal digits from `000` to `07777`, such as `0644`".to_owned(),
    }
}

fn check_files(rules: &[FileRule], exclude: &GlobSet) -> Result<Vec<(Glob, u32)>, PolicyError> {
    let mut files: Vec<(Glob, u32)> = Vec::with_capacity(rules.len());
    for rule in rules {
        check_mode("files.mode", rule.mode)?;
        let this = Glob::try_new(&rule.glob).map_err(|error| glob("files.match", error))?;
        let hidden_by = |by: &str, how: &str| PolicyError {
            key: "files.match".to_owned(),
            value: rule.glob.clone(),
            message: format!("it can never count: `{by}` {how}"),
            accepted: "the narrower glob first, or names that are left over".to_owned(),
        };
        if let Some((earlier, _)) = files.iter().find(|(earlier, _)| earlier.covers(&this)) {
            return Err(hidden_by(earlier.as_str(), "before it already takes all of its names"));
        }
        if let Some(excluded) = exclude.covering(&this) {
            return Err(hidden_by(excluded.as_str(), "in `exclude` leaves all of its names out"));
        }
        files.push((this, rule.mode));
    }
    Ok(files)
}

fn glob(key: &str, error: GlobError) -> PolicyError {
    PolicyError {
        key: key.to_owned(),
        value: error.glob,
        message: error.message,
        accepted: GlobError::ACCEPTED.to_owned(),
    }
}

/// The group digit of a mode is the mask of a list: an entry beyond it would never be what it says.
fn check_acl(draft: &Draft) -> Result<(), PolicyError> {
    let AclPolicy::Enforce(entries) = &draft.acl else { return Ok(()) };
    let modes = draft.directory_mode.iter().map(|mode| (true, *mode));
    let modes: Vec<_> = modes.chain(draft.files.iter().map(|file| (false, file.mode))).collect();
    let refuse = |entry: &AclEntry, message: String, accepted: String| PolicyError {
        key: "acl".to_owned(),
        value: entry.to_string(),
        message,
        accepted,
    };
    for (index, entry) in entries.iter().enumerate() {
        if matches!(entry.who, AclWho::Owner | AclWho::Other) {
            return Err(refuse(
                entry,
                "the mode says that".to_owned(),
                "entries for named users and groups, and `group::`".to_owned(),
            ));
        }
        check_named("acl", entry, &entries[..index])?;
        if modes.is_empty() {
            return Err(refuse(
                entry,
                "no entry gets a mode, to which a list belongs".to_owned(),
                "`directory_mode` or `files` beside it".to_owned(),
            ));
        }
        for (directory, mode) in &modes {
            let (rights, mask) = (entry.rights_on(*directory), *mode >> 3 & 7);
            if u32::from(rights) & !mask != 0 {
                return Err(refuse(
                    entry,
                    format!("the group digit of {mode:04o} is the mask of a list and allows less"),
                    format!("a mode such as {:04o}", mode | u32::from(rights) << 3),
                ));
            }
        }
    }
    Ok(())
}

fn check_default_acl(draft: &Draft) -> Result<(), PolicyError> {
    let Some(entries) = &draft.default_acl else { return Ok(()) };
    for (index, entry) in entries.iter().enumerate() {
        check_named("default_acl", entry, &entries[..index])?;
    }
    let base = [AclWho::Owner, AclWho::OwningGroup, AclWho::Other];
    let complete = base.iter().all(|who| entries.iter().any(|entry| entry.who == *who));
    if complete || entries.is_empty() || draft.directory_mode.is_some() {
        return Ok(());
    }
    Err(PolicyError {
        key: "default_acl".to_owned(),
        value: entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        message: "it does not say what owner, group and others get".to_owned(),
        accepted: "`user::`, `group::` and `other::` among them, or `directory_mode` beside it"
            .to_owned(),
    })
}

fn check_named(key: &str, entry: &AclEntry, earlier: &[AclEntry]) -> Result<(), PolicyError> {
    if let AclWho::User(principal) | AclWho::Group(principal) = &entry.who {
        check_principal(key, principal)?;
    }
    if earlier.iter().all(|earlier| earlier.who != entry.who) {
        return Ok(());
    }
    Err(PolicyError {
        key: key.to_owned(),
        value: entry.to_string(),
        message: "an entry before it is about the same".to_owned(),
        accepted: "one entry for each".to_owned(),
    })
}

fn check_principal(key: &str, principal: &Principal) -> Result<(), PolicyError> {
    let wrong = match principal {
        Principal::Name(name) => name.is_empty() || name.contains([':', '/', '\0', '\n']),
        // chown(2) reads the largest number as "leave it".
        Principal::Id(id) => *id == u32::MAX,
    };
    if !wrong {
        return Ok(());
    }
    Err(PolicyError {
        key: key.to_owned(),
        value: principal.to_string(),
        message: "not a name or number of a user or group".to_owned(),
        accepted: "a name such as `supervisor`, or a number such as `1000`".to_owned(),
    })
}

fn check_path(draft: &Draft) -> Result<(), PolicyError> {
    let refuse = |message: &str, accepted: &str| PolicyError {
        key: "path".to_owned(),
        value: evenkeel_safefs::escaped(&draft.path),
        message: message.to_owned(),
        accepted: accepted.to_owned(),
    };
    if !draft.path.is_absolute() {
        return Err(refuse("not an absolute path", "a directory from `/` on"));
    }
    if draft.path.components().any(|part| part == Component::ParentDir) {
        return Err(refuse("`..` means something else after a link", "the path written out"));
    }
    if !draft.allow_system_path && evenkeel_safefs::is_system_path(&draft.path) {
        return Err(refuse(
            "a directory of the system as a whole",
            "a directory of its own below, or `allow_system_path = true`",
        ));
    }
    Ok(())
}
